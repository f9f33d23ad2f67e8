"""Link codes: how they are written, what typing is forgiven, whence they are taken, and one refusal for every rule."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.codec import encode_vector
from aparte.trust import (
    CodeSource,
    InviteRefused,
    LinkCode,
    LinkingRefused,
    LinkingRule,
    UnknownVersion,
    parse_invite,
    read_link_code,
    rendezvous_of,
)
from tests.unit.trust.household import (
    SUITE,
)
from tests.unit.trust.pairing import (
    CODE,
    HOST,
    PAGE,
    SCANNED,
    TYPED,
    refusal,
)


def code_text(version: int = 1, host: str = HOST) -> str:
    """As docs/protocol/linking.md has it, without the program's functions."""
    data = bytes([version]) + CODE.secret
    label = b"\x18aparte/1 link code check"
    check = hashlib.sha256(label + encode_vector(host.encode()) + data).digest()[:3]
    return f"{host} {base64.b32encode(data + check).decode()}"


def test_the_page_shows_the_code() -> None:
    assert re.search(r"^    (chat\.example\.org .*)$", PAGE, re.MULTILINE)[1] == CODE.text()  # type: ignore[index]
    assert CODE.text().replace("-", "") == code_text()


@pytest.mark.parametrize("source", [TYPED, SCANNED])
@pytest.mark.parametrize(
    "write",
    [
        str,
        str.lower,
        str.upper,
        lambda text: text.replace("-", ""),
        lambda text: text.replace("-", " - "),
        lambda text: f" \n{text.replace(' ', chr(9))} ",
        lambda text: text.replace("chat.example.org", "Chat.Example.org.:443".replace(".:", ":")),
    ],
)
def test_what_typing_a_code_is_forgiven(write: Callable[[str], str], source: CodeSource) -> None:
    assert read_link_code(write(CODE.text()), source) == CODE


def test_digits_that_look_like_letters() -> None:
    secret = next(s for n in range(1000) if {"O", "B"} <= set(LinkCode(HOST, s := n.to_bytes(16)).text().split()[1]))
    code = LinkCode(HOST, secret)
    host, letters = code.text().split()
    assert read_link_code(f"{host} {letters.replace('O', '0').replace('B', '8')}", TYPED) == code


@pytest.mark.parametrize("source", [CodeSource.PASTED, CodeSource.OPENED])
def test_a_code_that_came_from_elsewhere(source: CodeSource) -> None:
    refusal(LinkingRule.SOURCE, lambda: read_link_code(CODE.text(), source))
    refusal(LinkingRule.SOURCE, lambda: read_link_code("", source))


@pytest.mark.parametrize("scheme", ["https://{0}/l#{1}", "https://{0}/i#{1}", "aparte:l/{0}/{1}", "aparte:i/{0}/{1}"])
def test_no_link_holds_a_code(scheme: str) -> None:
    link = scheme.format(*CODE.text().split())
    refusal(LinkingRule.FORM, lambda: read_link_code(link, SCANNED))
    with pytest.raises(InviteRefused):
        parse_invite(link)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "chat.example.org",
        CODE.text().split()[1],
        "a_b " + CODE.text().split()[1],
        "10.0.0.1 AAAA",
        "x" * 1_000_000,
        CODE.text() + "!",
        CODE.text().replace("A", "А"),
        "alice@" + CODE.text(),
    ],
)
def test_what_is_no_code(text: str) -> None:
    refusal(LinkingRule.FORM, lambda: read_link_code(text, TYPED))


def test_every_mistyped_letter_is_noticed() -> None:
    host, letters = CODE.text().split()
    for place in [n for n, letter in enumerate(letters) if letter != "-"]:
        for other in "A2Z19":
            if other != letters[place]:
                typed = f"{host} {letters[:place]}{other}{letters[place + 1 :]}"
                refusal(LinkingRule.TYPING, lambda typed=typed: read_link_code(typed, TYPED))  # type: ignore[misc]
    for typed in (CODE.text()[:-1], CODE.text() + "A", code_text(host="chat2.example.org").replace("chat2", "chat")):
        refusal(LinkingRule.TYPING, lambda typed=typed: read_link_code(typed, TYPED))  # type: ignore[misc]


def test_how_many_letters_there_are_is_said() -> None:
    for text, count in ((CODE.text()[:-1], 31), (CODE.text() + "A", 33), (CODE.text() + "A" * 8, 40)):
        with pytest.raises(LinkingRefused, match=f"{count} letters"):
            read_link_code(text, TYPED)


def test_a_long_text_is_refused_before_any_work() -> None:
    assert read_link_code(CODE.text() + " " * 100, TYPED) == CODE
    refusal(LinkingRule.FORM, lambda: read_link_code(CODE.text() + " " * 1_000, TYPED))


def test_a_newer_code() -> None:
    for version in (0, 2, 255):
        with pytest.raises(UnknownVersion):
            read_link_code(code_text(version), TYPED)


def test_nothing_shows_the_code() -> None:
    meeting = rendezvous_of(CODE, SUITE)
    shown = f"{CODE!r} {CODE} {meeting!r} {meeting}"
    secrets = [CODE.secret, meeting.epoch_key.private_key, *meeting._keys.values()]
    assert not any(secret.hex() in shown or repr(secret)[2:-1] in shown for secret in secrets)
    assert CODE.text().split()[1] not in shown


@given(st.text(max_size=80) | st.from_regex(r"[a-z.]{1,9} [A-Z2-7]{32}", fullmatch=True))
def test_any_text_gives_a_code_or_a_refusal(text: str) -> None:
    try:
        read_link_code(text, TYPED)
    except (LinkingRefused, UnknownVersion):
        return
