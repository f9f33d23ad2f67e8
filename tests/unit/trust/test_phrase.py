"""The recovery phrase: BIP-39's published vectors, every list, what is forgiven, and one refusal for every rule."""

from __future__ import annotations

import random
import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from mnemonic import Mnemonic

from aparte.trust import (
    CallerError,
    Language,
    PhraseRefused,
    PhraseRule,
    RecoveryPhrase,
    new_phrase,
    read_phrase,
    root_from_phrase,
)
from tests.unit.trust.household import SUITE

# The 12-word vectors of python-mnemonic's vectors.json: entropy, phrase.
PUBLISHED = [
    ("00000000000000000000000000000000", "abandon " * 11 + "about"),
    (
        "7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f7f",
        "legal winner thank year wave sausage worth useful legal winner thank yellow",
    ),
    (
        "80808080808080808080808080808080",
        "letter advice cage absurd amount doctor acoustic avoid letter advice cage above",
    ),
    ("ffffffffffffffffffffffffffffffff", "zoo " * 11 + "wrong"),
    (
        "9e885d952ad362caeb4efe34a8e91bd2",
        "ozone drill grab fiber curtain grace pudding thank cruise elder eight picnic",
    ),
    ("c0ba5a8e914111210f2bd131f3d5e08d", "scheme spot photo card baby mountain device kick cradle pact join borrow"),
    ("23db8160a31d3e0dca3688ed941adbf3", "cat swing flag economy stadium alone churn speed unique patch report train"),
    (
        "f30f8c1da665478f49b001d94c5fc452",
        "vessel ladder alter error federal sibling chat ability sun glass valve picture",
    ),
]
LEGAL = PUBLISHED[1][1]
PAGE = (Path(__file__).resolve().parents[3] / "docs/protocol/phrase.md").read_text()


def written(entropy: bytes, language: Language) -> list[str]:
    """The phrase as BIP-39's list of that language has it."""
    library = Mnemonic(language.value)
    bits = (
        int.from_bytes(entropy) << 4
        | Mnemonic("english").wordlist.index(Mnemonic("english").to_mnemonic(entropy).split()[-1]) & 0xF
    )
    return [library.wordlist[bits >> (11 * place) & 2047] for place in reversed(range(12))]


@pytest.mark.parametrize(("entropy", "words"), PUBLISHED)
def test_published_vectors(entropy: str, words: str) -> None:
    phrase = read_phrase(words)
    assert phrase.entropy.hex() == entropy
    assert phrase.language is Language.ENGLISH
    assert new_phrase(lambda length: bytes.fromhex(entropy)[:length]) == phrase


def test_the_page_tells_the_root_key() -> None:
    entropy, words, seed, public = re.findall(r"^    (?:entropy|words|root seed|root key) +(\S.*)$", PAGE, re.MULTILINE)
    root = root_from_phrase(read_phrase(words), SUITE)
    assert read_phrase(words).entropy.hex() == entropy
    assert (root.private_key.hex(), root.public_key.hex()) == (seed, public)


@given(st.sampled_from(Language), st.binary(min_size=16, max_size=16))
def test_every_list_is_read(language: Language, entropy: bytes) -> None:
    words = written(entropy, language)
    shown = [
        " ".join(words),
        " ".join(unicodedata.normalize("NFC", word) for word in words),
        "\u3000".join(words).upper(),
        ", ".join(f"{place}. {word}" for place, word in enumerate(words, 1)),
    ]
    for text in shown:
        assert read_phrase(text, language=language).entropy == entropy
    assert read_phrase(shown[0]).entropy == entropy  # the odds that two lists fit are nothing


@pytest.mark.parametrize("language", Language)
def test_the_library_has_these_lists_unharmed(language: Language) -> None:
    words = Mnemonic(language.value).wordlist
    assert len(set(words)) == 2048
    assert {unicodedata.category(char)[0] for word in words for char in word} <= {"L", "M"}
    assert words == [unicodedata.normalize("NFKD", word) for word in words]


@pytest.mark.parametrize("language", Language)
@pytest.mark.parametrize("write", [str, str.upper, lambda text: unicodedata.normalize("NFC", text)])
def test_every_word_is_found(language: Language, write: Callable[[str], str]) -> None:
    words = [write(word) for word in Mnemonic(language.value).wordlist]
    for start in range(0, 2048, 11):
        typed = (words[start : start + 11] + words)[:11]
        with pytest.raises(PhraseRefused) as refusal:
            read_phrase(" ".join([*typed, "q"]), language=language)
        assert refusal.value.place == 12  # the eleven before it were found


def test_the_published_japanese_one() -> None:
    phrase = read_phrase("あいこくしん\u3000" * 11 + "あおぞら")
    assert (phrase.language, phrase.entropy) == (Language.JAPANESE, bytes(16))


def test_chinese_needs_no_spaces() -> None:
    words = "".join(written(bytes(16), Language.CHINESE_SIMPLIFIED))
    assert read_phrase(words).entropy == bytes(16)
    with pytest.raises(PhraseRefused) as refusal:
        read_phrase("abandonabout")
    assert refusal.value.rule is PhraseRule.COUNT


@pytest.mark.parametrize(
    "typed",
    [
        LEGAL.upper(),
        LEGAL.replace(" ", " \t\n  "),
        "\ufeff " + LEGAL.replace(" ", "\u00a0") + " \u200b",
        " ".join(word[:4] for word in LEGAL.split()),
        " ".join(word[:5].title() for word in LEGAL.split()),
        LEGAL.replace("legal", "ｌｅｇａｌ"),
        LEGAL.replace("winner", "wi\u0301nner"),
        "-".join(LEGAL.split()),
        "; ".join(f"{n}) {word}" for n, word in enumerate(LEGAL.split(), 1)),
    ],
)
def test_what_typing_is_forgiven(typed: str) -> None:
    assert read_phrase(typed).entropy.hex() == PUBLISHED[1][0]


def test_accents_may_be_missing() -> None:
    words = [word for word in Mnemonic("french").wordlist if any(map(unicodedata.combining, word))][:11]
    for last in Mnemonic("french").wordlist:
        if Mnemonic("french").check(" ".join([*words, last])):
            break
    bare = "".join(char for char in " ".join([*words, last]) if not unicodedata.combining(char))
    assert bare.isascii()
    assert read_phrase(bare).entropy == read_phrase(" ".join([*words, last])).entropy
    assert read_phrase(bare).language is Language.FRENCH


@pytest.mark.parametrize("count", [0, 1, 11, 13, 15, 24])
def test_another_number_of_words(count: int) -> None:
    with pytest.raises(PhraseRefused) as refusal:
        read_phrase(" ".join((LEGAL.split() * 2)[:count]))
    assert refusal.value.rule is PhraseRule.COUNT
    assert f"here are {count}" in str(refusal.value)


def test_a_word_that_is_in_no_list() -> None:
    with pytest.raises(PhraseRefused) as refusal:
        read_phrase(LEGAL.replace("worth", "wroth"))
    assert (refusal.value.rule, refusal.value.place) == (PhraseRule.WORD, 7)
    assert "word 7" in str(refusal.value)
    assert "worth" in refusal.value.nearest


@pytest.mark.parametrize("piece", ["wor", "wo", "w", "worths", "x" * 500])
def test_less_than_four_letters_or_more_than_the_word(piece: str) -> None:
    with pytest.raises(PhraseRefused) as refusal:
        read_phrase(LEGAL.replace("worth", piece))
    assert (refusal.value.rule, refusal.value.place) == (PhraseRule.WORD, 7)


def test_only_english_words_are_cut() -> None:
    words = written(bytes.fromhex(PUBLISHED[4][0]), Language.CZECH)
    with pytest.raises(PhraseRefused) as refusal:
        read_phrase(" ".join(word[:4] for word in words), language=Language.CZECH)
    assert refusal.value.rule is PhraseRule.WORD


@pytest.mark.parametrize(
    "typed", ["abandon " * 12, LEGAL.replace("yellow", "year"), " ".join(reversed(PUBLISHED[4][1].split()))]
)
def test_a_checksum_that_does_not_fit(typed: str) -> None:
    with pytest.raises(PhraseRefused) as refusal:
        read_phrase(typed)
    assert refusal.value.rule is PhraseRule.CHECKSUM


def test_words_of_two_languages() -> None:
    """A hundred words are English and French. Twelve of them may be a phrase in both, and mean two accounts."""
    english, french = Mnemonic("english"), Mnemonic("french")
    shared = sorted(set(english.wordlist) & set(french.wordlist))
    chance = random.Random(1)
    while True:
        words = chance.choices(shared, k=12)
        if english.check(" ".join(words)) and french.check(" ".join(words)):
            break
    with pytest.raises(PhraseRefused) as refusal:
        read_phrase(" ".join(words))
    assert refusal.value.rule is PhraseRule.AMBIGUOUS
    assert set(refusal.value.languages) == {"english", "french"}
    found = [read_phrase(" ".join(words), language=one).entropy for one in (Language.ENGLISH, Language.FRENCH)]
    assert found == [bytes(english.to_entropy(words)), bytes(french.to_entropy(words))]
    one_only = next(p for _ in iter(int, 1) if english.check(" ".join(p := chance.choices(shared, k=12))))
    if not french.check(" ".join(one_only)):
        assert read_phrase(" ".join(one_only)).language is Language.ENGLISH


def test_one_account_in_two_scripts_is_no_question() -> None:
    simple, full = (Mnemonic(f"chinese_{which}") for which in ("simplified", "traditional"))
    shared = sorted(set(simple.wordlist) & set(full.wordlist))
    chance = random.Random(2)
    while not simple.check(" ".join(words := chance.choices(shared, k=12))):
        pass
    assert read_phrase(" ".join(words)).entropy == bytes(full.to_entropy(words))


def test_a_long_text_is_refused_before_any_work() -> None:
    with pytest.raises(PhraseRefused) as refusal:
        read_phrase("\ufdfa" * 10_000_000)
    assert refusal.value.rule is PhraseRule.TOO_LONG


def test_randomness_that_runs_short() -> None:
    with pytest.raises(CallerError):
        new_phrase(lambda length: bytes(length - 1))


def test_nothing_shows_the_phrase() -> None:
    phrase = read_phrase(LEGAL)
    root = root_from_phrase(phrase, SUITE)
    shown = f"{phrase!r} {phrase} {[phrase]} {root!r} {root}"
    assert not any(word in shown for word in LEGAL.split())
    assert phrase.entropy.hex() not in shown
    assert root.private_key.hex() not in shown
    for typed in ("secretly " * 12, LEGAL.replace("worth", "wroth"), "abandon " * 12, "abandon"):
        with pytest.raises(PhraseRefused) as refusal:
            read_phrase(typed)
        for said in (str(refusal.value), repr(refusal.value)):
            assert not re.search(r"secretly|wroth|worth|legal|abandon", said)


@given(st.binary(min_size=16, max_size=16))
def test_there_and_back(entropy: bytes) -> None:
    phrase = new_phrase(lambda _: entropy)
    assert read_phrase(" ".join(phrase.words)) == phrase
    assert isinstance(phrase, RecoveryPhrase)


@given(st.text(max_size=200))
def test_any_text_gives_a_phrase_or_a_refusal(text: str) -> None:
    try:
        read_phrase(text)
    except PhraseRefused:
        return
