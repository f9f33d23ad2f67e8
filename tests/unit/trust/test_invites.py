"""Invite links: both forms, what they carry, and one refusal for every rule."""

from __future__ import annotations

import base64
import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.codec import EncodeError, encode_vector
from aparte.trust import (
    CAPABILITY_LENGTH,
    MAX_INVITE_LINK,
    CallerError,
    Invite,
    InviteRefused,
    InviteRule,
    Name,
    UnknownVersion,
    new_invite,
    normalize_host,
    parse_invite,
)
from aparte.wire import decode_frame, encode_frame
from aparte.wire.account_frames import Drop
from aparte.wire.ids import DeviceId, Idem, Lane, Millis, Request
from tests.unit.trust.household import ACCOUNT

HOST = normalize_host("chat.example.org")
INVITE = Invite(HOST, ACCOUNT.account_id, bytes(range(32)), 20_000, Name("alice"))
PLAIN = Invite(HOST, ACCOUNT.account_id, bytes(32))
PAGE = (Path(__file__).resolve().parents[3] / "docs/protocol/meeting.md").read_text()
DAY = 86_400_000


def text_of(data: bytes, host: str = HOST) -> str:
    """As docs/protocol/meeting.md has it, without the program's functions."""
    check = hashlib.sha256(b"\x15aparte/1 invite check" + encode_vector(host.encode()) + data).digest()[:4]
    return base64.urlsafe_b64encode(data + check).decode().rstrip("=")


def content(version: int = 1, name: bytes = b"alice", end: bytes = b"") -> bytes:
    fields = INVITE.account_id + INVITE.capability + (20_000).to_bytes(4) + encode_vector(name)
    return bytes([version]) + fields + end


def refusal(text: str) -> InviteRule:
    with pytest.raises(InviteRefused) as refused:
        parse_invite(text)
    return refused.value.rule


def test_the_page_shows_both_forms() -> None:
    assert re.findall(r"^    ((?:https|aparte):\S+)$", PAGE, re.MULTILINE) == [INVITE.url(), INVITE.uri()]


def test_another_way_to_write_it() -> None:
    assert INVITE.url() == "https://chat.example.org/i#" + text_of(content())
    assert INVITE.uri() == "aparte:i/chat.example.org/" + text_of(content())


@pytest.mark.parametrize("invite", [INVITE, PLAIN, replace(INVITE, name=Name("саша"), host=normalize_host("a.b:8443"))])
def test_there_and_back(invite: Invite) -> None:
    for text in (invite.url(), invite.uri(), f"  {invite.url()}\n"):
        assert parse_invite(text) == invite


def test_the_secret_is_behind_the_fragment() -> None:
    before, _, after = INVITE.url().partition("#")
    assert before == "https://chat.example.org/i"
    assert base64.urlsafe_b64decode(after + "==")[33:65] == INVITE.capability


def test_a_drop_needs_no_more() -> None:
    got = parse_invite(INVITE.url())
    drop = Drop(Request(1), got.account_id, DeviceId(bytes(16)), Lane.INVITE, Idem(bytes(16)), got.capability, b"item")
    assert decode_frame(encode_frame(drop)) == drop


def test_each_link_has_its_own_capability() -> None:
    draws = iter([bytes([1]) * 32, bytes([2]) * 32])
    first, second = (new_invite(HOST, ACCOUNT.account_id, rng=lambda _: next(draws)) for _ in range(2))
    assert first.capability != second.capability
    with pytest.raises(CallerError):
        new_invite(HOST, ACCOUNT.account_id, rng=lambda length: bytes(length - 1))


def test_the_last_day_is_whole() -> None:
    assert not INVITE.is_over(Millis(20_001 * DAY - 1))
    assert INVITE.is_over(Millis(20_001 * DAY))
    assert not PLAIN.is_over(Millis(10**15))


def test_a_host_of_this_machine() -> None:
    for host in ("localhost:8440", "127.0.0.1:8440", "[::1]:8440"):
        invite = replace(PLAIN, host=normalize_host(host))
        assert invite.url().startswith(f"http://{host}/i#")
        assert parse_invite(invite.url()) == parse_invite(invite.uri()) == invite
    assert refusal(PLAIN.url().replace("https", "http")) is InviteRule.FORM


def test_what_programs_do_to_links() -> None:
    assert parse_invite(INVITE.url().replace("https://chat.example.org", "Https://Chat.Example.org:443")) == INVITE
    unicode_host = replace(INVITE, host=normalize_host("bücher.example"))
    assert parse_invite(unicode_host.url().replace("xn--bcher-kva", "bücher")) == unicode_host


@pytest.mark.parametrize(
    "text",
    [
        "",
        "alice@example.org",
        "https://chat.example.org/",
        "https://chat.example.org/j#AA",
        "aparte:a/AA",
        "aparte:c/AA",
        "ftp://chat.example.org/i#AA",
        "javascript://chat.example.org/i#AA",
        "//chat.example.org/i#AA",
        INVITE.url().replace("/i#", "/i?x=1#"),
        INVITE.url().replace("/i#", "/i/#"),
        INVITE.url().replace("://", ":/"),
        INVITE.url().replace("https://", "https://example.org@"),
        f"see {INVITE.url()}",
        INVITE.url() + " now",
        INVITE.url().replace("AA", "A A", 1),
        "chat.example.org AGVW-M3AE-GL64-LZ4N-VZHX-R23E-TRJU-4UMW",
    ],
)
def test_what_is_no_invite_link(text: str) -> None:
    assert refusal(text) is InviteRule.FORM


def test_too_long() -> None:
    assert refusal("https://x/i#" + "A" * 10_000_000) is InviteRule.TOO_LONG
    host = normalize_host(".".join(["x" * 63] * 3 + ["x" * 61]) + ":65535")
    longest = replace(INVITE, host=host, name=Name("x" * 64))
    assert len(longest.url()) <= MAX_INVITE_LINK
    assert parse_invite(longest.url()) == longest


@pytest.mark.parametrize("host", ["", "a_b", "10.0.0.1", "a:0", "[::2]"])
def test_no_host(host: str) -> None:
    assert refusal(f"https://{host}/i#{text_of(content(), host)}") is InviteRule.HOST


def test_every_cut_is_noticed() -> None:
    for link in (INVITE.url(), INVITE.uri()):
        end = link.rindex("/i#" if "#" in link else "/") + 2
        for length in range(end, len(link)):
            assert refusal(link[:length]) is InviteRule.CUT, length


def test_every_change_of_a_letter_is_noticed() -> None:
    link, start = INVITE.url(), INVITE.url().index("#") + 1
    for place in range(start, len(link)):
        for other in ("A" if link[place] != "A" else "B", "=", "."):
            assert refusal(link[:place] + other + link[place + 1 :]) is InviteRule.CUT


@pytest.mark.parametrize("end", ["=", "==", "A", "AAAA", ".", ")", "é"])
def test_what_is_added_is_noticed(end: str) -> None:
    assert refusal(INVITE.url() + end) is InviteRule.CUT


def test_another_host_is_noticed() -> None:
    assert refusal(INVITE.url().replace("chat.", "chat2.")) is InviteRule.CUT


def test_one_way_to_write_it() -> None:
    """Of the last letter's six bits some are no data; whoever sets them writes another text for the same bytes."""
    link = INVITE.url()
    assert len(link.partition("#")[2]) % 4 == 2
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    other = alphabet[alphabet.index(link[-1]) ^ 1]
    assert parse_invite(link) == INVITE
    assert refusal(link[:-1] + other) is InviteRule.CUT


@pytest.mark.parametrize(
    "data",
    [
        content(end=b"\x00"),
        content()[:-1],
        content()[:40],
        b"\x01",
        content(name=b"\xff\xfe"),
        content(name=b"Alice"),
        content(name=b"Your bank, click"),
        content(name=b"a"),
        content(name="alice\u202e".encode()),
        content(name=b"x" * 65),
    ],
)
def test_content_that_cannot_be_read(data: bytes) -> None:
    assert refusal("https://chat.example.org/i#" + text_of(data)) is InviteRule.CONTENT


@pytest.mark.parametrize("data", [content(version=2), content(version=0), b"\x02", b"\xff" + bytes(100)])
def test_a_newer_link_is_not_a_cut_one(data: bytes) -> None:
    with pytest.raises(UnknownVersion):
        parse_invite("https://chat.example.org/i#" + text_of(data))


def test_an_invite_that_cannot_be_written() -> None:
    bad = [{"capability": b"short"}, {"account_id": b"short"}, {"last_day": 1 << 32}, {"last_day": -1}]
    for fields in bad:
        with pytest.raises(EncodeError):
            replace(INVITE, **fields).url()  # type: ignore[arg-type]


def test_nothing_shows_the_capability() -> None:
    for shown in (repr(INVITE), str(INVITE)):
        assert INVITE.capability.hex() not in shown
        assert repr(INVITE.capability)[2:-1] not in shown


@given(st.text(max_size=60) | st.from_regex(r"(https?://|aparte:i/)[a-z.]{0,9}(/i#|/)[\w-]{0,40}", fullmatch=True))
def test_any_text_gives_an_invite_or_a_refusal(text: str) -> None:
    try:
        parse_invite(text)
    except (InviteRefused, UnknownVersion):
        return


@given(st.binary(min_size=1, max_size=160))
def test_any_bytes_give_an_invite_or_a_refusal(data: bytes) -> None:
    link = "https://chat.example.org/i#" + text_of(data)
    try:
        assert parse_invite(link).url() == link
    except (InviteRefused, UnknownVersion):
        return


def test_the_capability_is_as_long_as_the_page_says() -> None:
    assert CAPABILITY_LENGTH == 32
