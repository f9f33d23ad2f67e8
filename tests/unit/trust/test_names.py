"""Names: which there are, when two are one, and one refusal for every rule."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aparte.trust import NameRefused, NameRule, normalize_name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("alice", "alice"),
        ("Alice", "alice"),
        ("ａｌｉｃｅ", "alice"),
        ("\u212aim", "kim"),
        ("Zoe\u0301", "zo\u00e9"),
        ("a.b-c_d", "a.b-c_d"),
        ("4lice", "4lice"),
        ("x" * 64, "x" * 64),
        ("Straße", "straße"),
        ("Ólafur", "ólafur"),
        ("Nguyễn", "nguyễn"),
        ("ışık", "ışık"),
        ("Саша", "саша"),
        ("Άννα", "άννα"),
        ("محمد1", "محمد1"),
        ("שָׁלוֹם", "שָׁלוֹם"),
        ("प्रिया", "प्रिया"),
        ("นันทวัฒน์", "นันทวัฒน์"),
        ("မြန်မာ", "မြန်မာ"),
        ("ქეთი", "ქეთი"),
        ("山田タロー", "山田タロー"),
        ("佐々木", "佐々木"),
        ("김철수", "김철수"),
    ],
)
def test_names_of_the_world(typed: str, name: str) -> None:
    assert normalize_name(typed) == name
    assert normalize_name(name) == name


REFUSED = [
    (NameRule.TOO_SHORT, ["", "a", "王"]),
    (NameRule.TOO_LONG, ["x" * 65, "é" * 33, "u\u0308\u0304" * 22, "x" * 1_000_000]),
    (
        NameRule.CHARACTER,
        [
            "alice@host",
            "a/b",
            "a:b",
            "a b",
            "a\u00a0b",
            "a\tb",
            "a\x00b",
            "#alice",
            "o'neil",
            "l·l",
            "alice\u200d",
            "ali\u200bce",
            "ber\u00adnd",
            "\u202ealice",
            "alice😀",
            "ﬁn",
            "ɑlice",
            "ꭺlice",
            "alice٣",
            "ا٣٣",
            "x\u0301lice",
            "a\ud800b",
            "a\U000e0061",
            "ab\uffff",
        ],
    ),
    (NameRule.PUNCTUATION, [".alice", "alice.", "-alice", "alice-", "_alice", "al..ice", "al.-ice", "..."]),
    (NameRule.NO_LETTER, ["12", "0.1", "555-0100"]),
    (NameRule.MIXED_SCRIPTS, ["раypal", "alιce", "αлиса", "aliceたろう", "김たろう", "alice王"]),
    (NameRule.LOOKALIKE, ["сосо", "ёсо", "рау.рау", "ονυ", "όνο1"]),
    (NameRule.MARKS, ["नि\u093f", "ส\u0e38\u0e38ก", "ب\u064b\u064c\u064d\u064e\u064fب", "\u0e38กก"]),
    (
        NameRule.RESERVED,
        ["admin", "Admin", "ad.min", "ádmin", "adm1n", "admın", "r00t", "support", "aparte", "no.reply"],
    ),
]


@pytest.mark.parametrize(("rule", "typed"), [(rule, typed) for rule, names in REFUSED for typed in names])
def test_a_name_is_refused(rule: NameRule, typed: str) -> None:
    with pytest.raises(NameRefused) as refused:
        normalize_name(typed)
    assert refused.value.rule is rule


def test_every_rule_has_its_refusal() -> None:
    assert {rule for rule, _ in REFUSED} == set(NameRule)


def test_the_operator_may_be_called_support() -> None:
    assert normalize_name("Support", allow_reserved=True) == "support"


def test_a_refusal_says_which_character() -> None:
    with pytest.raises(NameRefused, match=r"U\+0040 \[rule name\.3\]"):
        normalize_name("alice@host")


@settings(max_examples=1_000)
@given(st.one_of(st.text(), st.text(st.sampled_from("aAéß٠а.α山カ0_-ى\u0301\u093fन"), min_size=2, max_size=6)))
def test_any_text_is_refused_or_normal_for_good(text: str) -> None:
    try:
        name = normalize_name(text)
    except NameRefused:
        return
    assert normalize_name(name) == name
    assert 2 <= len(name.encode()) <= 64
    assert not set(name) & set("@/:\\#%?& \x00")
