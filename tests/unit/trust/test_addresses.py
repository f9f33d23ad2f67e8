"""Addresses and hosts: what typing is forgiven, the one form that there is, and one refusal for every rule."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.trust import AddressRefused, AddressRule, NameRefused, is_loopback, normalize_host, parse_address


@pytest.mark.parametrize(
    ("typed", "host"),
    [
        ("chat.example.org", "chat.example.org"),
        ("Chat.Example.ORG.", "chat.example.org"),
        ("example.org:443", "example.org"),
        ("example.org:8443", "example.org:8443"),
        ("bücher.example", "xn--bcher-kva.example"),
        ("XN--bcher-kva.example", "xn--bcher-kva.example"),
        ("faß.example", "xn--fa-hia.example"),
        ("例え。テスト", "xn--r8jz45g.xn--zckzah"),
        ("аррӏе.example", "xn--80ak6aa92e.example"),
        ("intranet", "intranet"),
        ("3.example", "3.example"),
        ("localhost:8440", "localhost:8440"),
        ("127.0.0.1:8440", "127.0.0.1:8440"),
        ("127.8.9.10", "127.8.9.10"),
        ("１２７.0.0.1", "127.0.0.1"),
        ("[::1]:8440", "[::1]:8440"),
        ("[0:0::1]", "[::1]"),
        ("x" * 63 + ".example", "x" * 63 + ".example"),
    ],
)
def test_hosts(typed: str, host: str) -> None:
    assert normalize_host(typed) == host
    assert normalize_host(host) == host


REFUSED = [
    (AddressRule.TOO_LONG, ["a." * 131, "x" * 1_000_000, "ａ" * 262]),
    (
        AddressRule.HOST,
        [
            "",
            ".",
            "a..b",
            ".a",
            "a_b.example",
            "-a.example",
            "a-.example",
            "a b",
            "a/b",
            "a@b",
            "x" * 64 + ".a",
            "xn--",
            "xn--zz--a.b",
            "ab--cd.example",
            "a\u0000b",
            "a\u202eb.example",
            "💩.example",
            "a." * 127 + "abc",
        ],
    ),
    (
        AddressRule.PORT,
        ["a:", "a:0", "a:00", "a:08", "a:65536", "a:99999", "a:8x", "a: 8", "a:８０", "[::1]:", "[::1]:0"],
    ),
    (
        AddressRule.IP,
        [
            "1.2.3.4",
            "10.0.0.1:8440",
            "0.0.0.0",
            "127.1",
            "127.0.0.01",
            "2130706433",
            "0x7f.1",
            "0x7f000001",
            "a.127",
            "::1",
            "[::2]",
            "[::]",
            "[]",
            "[::1",
            "[::1]x",
            "[::ffff:127.0.0.1]",
            "[fe80::1%1]",
            "[localhost]",
            "a:b:c",
        ],
    ),
]


@pytest.mark.parametrize(("rule", "typed"), [(rule, typed) for rule, all_typed in REFUSED for typed in all_typed])
def test_refused_hosts(rule: AddressRule, typed: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        normalize_host(typed)
    assert refusal.value.rule is rule


@pytest.mark.parametrize(
    ("host", "is_so"),
    [
        ("localhost", True),
        ("localhost:1", True),
        ("127.0.0.1:1", True),
        ("[::1]", True),
        ("[::1]:1", True),
        ("localhost.example", False),
        ("127.example", False),
        ("example.org", False),
    ],
)
def test_what_is_on_this_machine(host: str, *, is_so: bool) -> None:
    assert is_loopback(normalize_host(host)) is is_so


@pytest.mark.parametrize("typed", ["alice@example.org", " Alice@EXAMPLE.org. ", "ａlice＠example.org:443"])
def test_addresses(typed: str) -> None:
    address = parse_address(typed)
    assert str(address) == "alice@example.org"
    assert (address.name, address.host) == ("alice", "example.org")
    assert parse_address(str(address)) == address


def test_whoever_has_a_reserved_name_is_found_by_it() -> None:
    assert str(parse_address("support@example.org")) == "support@example.org"


@pytest.mark.parametrize(
    "typed", ["", "@", "alice", "@example.org", "alice@", "a@b@c", "alice＠@example.org", "@alice@b"]
)
def test_no_addresses(typed: str) -> None:
    with pytest.raises(AddressRefused) as refusal:
        parse_address(typed)
    assert refusal.value.rule is AddressRule.FORM


def test_what_is_wrong_with_either_part() -> None:
    with pytest.raises(NameRefused):
        parse_address("a@example.org")
    with pytest.raises(AddressRefused) as refusal:
        parse_address("alice@a_b")
    assert refusal.value.rule is AddressRule.HOST
    for long in ("alice@" + "x" * 400, " " * 2_000_000, "@" * 1_000_000):
        with pytest.raises(AddressRefused) as refusal:
            parse_address(long)
        assert refusal.value.rule is AddressRule.TOO_LONG


@given(st.text(max_size=40) | st.from_regex(r"[a-zA-Z0-9.:\[\]-]{0,40}", fullmatch=True))
def test_any_text_gives_a_host_or_a_refusal(text: str) -> None:
    try:
        host = normalize_host(text)
    except AddressRefused:
        return
    assert normalize_host(host) == host
    assert host.isascii()
    assert host == host.lower()
