"""Each rule by which a content is refused: what breaks it, and beside it what just does not."""

from __future__ import annotations

from typing import Any

import pytest

from aparte.codec import DecodeError
from aparte.content import (
    ContentRefused,
    ContentRule,
    MimiContent,
    StatusReport,
    account_uri,
    conversation_uri,
    read_message,
)
from aparte.content.limits import MAX_EXTENSION_VALUE, MAX_PARTS, MAX_RELATIVE_EXPIRY, MAX_STATUSES
from aparte.wire.ids import AccountId
from tests.unit.content.contents import ALICE, CONVERSATION, FIRST, ORIGIN, SALT, content_with, encoded

NULL: list[Any] = [1, "", 0]
TEXT: list[Any] = [1, "", 1, "text/plain", b"x"]
EXTERNAL: list[Any] = [6, "", 2, "a/b", "https://h", 0, 1, 0xF0A2, b"", b"", b"", 1, b"", "", ""]
REPORT = "application/mimi-message-status"
MEDIA = "application/vnd.aparte.media+cbor"


def multi(*parts: Any, semantics: Any = 2, disposition: int = 1) -> list[Any]:
    return [disposition, "", 3, semantics, list(parts)]


def part(*fields: Any) -> bytes:
    return content_with(nestedPart=list(fields))


def external(index: int, value: Any) -> bytes:
    return part(*EXTERNAL[:index], value, *EXTERNAL[index + 1 :])


def reaction(*emoji: bytes) -> bytes:
    parts = [[2, "", 1, "text/plain;charset=utf-8", item] for item in emoji]
    body = parts[0] if len(parts) == 1 else multi(*parts, disposition=2)
    return content_with(nestedPart=body, inReplyTo=FIRST)


def report(value: Any) -> bytes:
    return part(0, "", 1, REPORT, encoded(value))


def media(content: bytes) -> bytes:
    return content_with(nestedPart=multi(EXTERNAL, [8, "", 1, MEDIA, content]))


def media_of(**fields: Any) -> bytes:
    return media(encoded({int(key[1:]): value for key, value in fields.items()}))  # type: ignore[arg-type]


def extended(**extensions: Any) -> bytes:
    return content_with(mimiExtensions=extensions)


def nested(levels: int) -> Any:
    return TEXT if levels == 1 else multi(nested(levels - 1), NULL)


#: Rule → contents that break it.
BROKEN: dict[ContentRule, list[bytes]] = {
    ContentRule.SHAPE: [
        *(encoded([]), encoded([SALT] * 6), encoded([SALT, None, b"", None, None, {}, NULL, 0])),
        *(part(), part(1, ""), part(*NULL, 0), part(*TEXT, 0), part(*TEXT[:-1]), part(*EXTERNAL[:-1])),
        *(part(*EXTERNAL, 0), part(1, "", 3, 0), part(*multi(TEXT, TEXT), 0)),
        *(content_with(expires=[True]), content_with(expires=[True, 1, 1]), report([[FIRST]]), report([[FIRST, 1, 1]])),
    ],
    ContentRule.TYPE: [
        *(encoded(value) for value in ({}, None, 1, "x", b"x")),  # type: ignore[arg-type]
        *(content_with(nestedPart=value) for value in (None, {}, 1, "x", b"x")),
        *(content_with(replaces=value) for value in ("x", 1, [])),
        *(content_with(inReplyTo=value) for value in ("x", False)),
        *(content_with(topicId=value) for value in (None, "x")),
        *(content_with(expires=value) for value in (1, [1, 1], [None, 1], [True, True], [True, "1"], [True, 1.5])),
        *(content_with(mimiExtensions=value) for value in (None, [], b"")),
        *(content_with(mimiExtensions={1: b"x"}), content_with(mimiExtensions={2: None})),
        *(part("1", "", 0), part(1, None, 0), part(1, b"", 0), part(1, "", "0"), part(True, "", 0), part(1, "", False)),
        *(part(1, "", 1, b"text/plain", b""), part(1, "", 1, "text/plain", ""), part(1, "", 3, "0", [TEXT, TEXT])),
        *(part(1, "", 3, 0, {}), external(3, None), external(4, b""), external(5, ""), external(6, 1.5)),
        *(external(8, "k"), external(12, None), external(13, b""), external(14, 0), report({}), report([1])),
        *(report([["x", 1]]), report([[FIRST, "1"]]), media(encoded([])), media_of(_1="1", _2=b"")),  # type: ignore[arg-type]
        *(media_of(_2="bars"), media_of(_3=1.5), media_of(_5="")),
    ],
    ContentRule.NUMBER: [
        *(part(256, "", 0), part(-1, "", 0), part(1, "", 256), part(1, "", 3, -1, [TEXT, TEXT])),
        *(external(5, 2**32), external(6, -1), external(7, 2**16), external(11, 256)),
        *(content_with(expires=[False, 2**32]), content_with(expires=[False, -1]), report([[FIRST, 256]])),
        *(media_of(_1=2**32), media_of(_3=2**16), media_of(_4=-1)),
    ],
    ContentRule.TOO_LONG: [
        *(content_with(topicId=bytes(4097)), part(1, "x" * 256, 0), part(1, "", 1, "x" * 256, b"")),
        *(external(3, "x" * 256), external(4, "x" * 2049), external(8, bytes(65)), external(9, bytes(65))),
        *(external(10, bytes(65)), external(12, bytes(65)), external(13, "x" * 4097), external(14, "ä" * 128)),
        *(media_of(_2=bytes(257)), media_of(_5=bytes(65)), content_with(mimiExtensions={1: "x" * 2049})),
    ],
    ContentRule.SALT: [content_with(salt=value) for value in (b"", SALT[1:], SALT + b"x", None, "x" * 16, [0] * 16)],
    ContentRule.MESSAGE_ID: [
        *(content_with(replaces=value) for value in (b"", bytes(32), b"\x02" + bytes(31), b"\x01" + bytes(30))),
        *(content_with(inReplyTo=b"\x01" + bytes(32)), report([[bytes(32), 1]])),
    ],
    ContentRule.EXPIRES: [content_with(expires=[True, MAX_RELATIVE_EXPIRY + 1])],
    ContentRule.EXTENSION_KEY: [content_with(mimiExtensions={key: 0}) for key in (0, "", "x" * 256, "ä" * 128, b"k")],
    ContentRule.EXTENSIONS: [content_with(mimiExtensions=dict.fromkeys(range(3, 20), 0))],
    ContentRule.EXTENSION_VALUE: [extended(k=bytes(MAX_EXTENSION_VALUE - 2)), extended(k=[bytes(3000), bytes(3000)])],
    ContentRule.EXTENSION_DEPTH: [
        extended(k=[[[[]]]]),
        extended(k={1: {1: {1: {}}}}),
        extended(a=0, k=[[], [0, [[]]]]),
    ],
    ContentRule.NESTING: [content_with(nestedPart=value) for value in (multi(TEXT, nested(4)), multi(nested(4), TEXT))],
    ContentRule.PARTS: [
        content_with(nestedPart=multi(*[NULL] * MAX_PARTS)),
        content_with(nestedPart=multi(*[NULL] * (MAX_PARTS + 1))),
        content_with(nestedPart=multi(*[multi(*[NULL] * 32)] * 4)),
    ],
    ContentRule.FEW_PARTS: [content_with(nestedPart=multi()), content_with(nestedPart=multi(TEXT))],
    ContentRule.CARDINALITY: [part(1, "", 4), part(1, "", 255, b"new")],
    ContentRule.SEMANTICS: [content_with(nestedPart=multi(TEXT, TEXT, semantics=value)) for value in (3, 255)],
    ContentRule.ORIGIN: [
        content_with(mimiExtensions={1: account_uri(AccountId(bytes(32)))}),
        content_with(mimiExtensions={2: "mimi://example.com/r/engineering_team"}),
        content_with(mimiExtensions={1: account_uri(ALICE).upper()}),
        content_with(mimiExtensions={1: conversation_uri(CONVERSATION), 2: account_uri(ALICE)}),
    ],
    ContentRule.EMPTY: [
        *(part(*NULL), part(2, "", 0), content_with(nestedPart=NULL, inReplyTo=FIRST)),
        content_with(nestedPart=multi(NULL, NULL)),
    ],
    ContentRule.TEXT: [
        part(1, "", 1, "text/plain", b"\xff"),
        part(1, "", 1, "text/markdown", b"\xc3"),
        reaction(b"\xe2"),
    ],
    ContentRule.REACTION: [reaction(b""), reaction(b"x" * 65), reaction(*[b"x"] * 17), reaction(b"x", b"")],
    ContentRule.REPORT: [
        *(report([]), report([[FIRST, 1]] * (MAX_STATUSES + 1)), part(0, "", 1, REPORT, b"")),
        *(part(0, "", 1, REPORT, b"\x80\x00"), part(0, "", 1, REPORT, b"\xc0\x80")),
    ],
    ContentRule.MEDIA: [media(b""), media(b"\xff"), media(b"\xa0\x00")],
    ContentRule.REFERS_TO_BOTH: [content_with(replaces=FIRST, inReplyTo=FIRST)],
}
#: The same rules, kept by a hair.
KEPT = [
    *(content_with(topicId=bytes(4096)), part(255, "x" * 255, 1, "x" * 255, b""), external(4, "x" * 2048)),
    *(external(5, 2**32 - 1), external(6, 2**64 - 1), external(7, 2**16 - 1), external(8, bytes(64))),
    *(external(9, bytes(64)), external(10, bytes(64)), external(11, 255), external(12, bytes(64))),
    *(external(13, "x" * 4096), external(14, "ä" * 127 + "x"), external(3, "x" * 255)),
    *(content_with(expires=[False, 2**32 - 1]), content_with(expires=[True, MAX_RELATIVE_EXPIRY])),
    *(content_with(mimiExtensions={key: 0}) for key in (-1, 3, 2**53 - 1, -(2**53) + 1, "x", "ä" * 127 + "x")),
    *(content_with(mimiExtensions=dict.fromkeys(range(3, 19), 0)), extended(k=bytes(MAX_EXTENSION_VALUE - 3))),
    *(extended(k=[[[]]]), extended(k={1: {1: {}}}), content_with(mimiExtensions={1: account_uri(ALICE)})),
    *(content_with(nestedPart=nested(4)), content_with(nestedPart=multi(*[TEXT] * (MAX_PARTS - 1)))),
    *(content_with(nestedPart=NULL, replaces=FIRST), reaction(b"x" * 64), reaction(*[b"x"] * 16)),
    *(report([[FIRST, 255]] * MAX_STATUSES), media_of(_2=bytes(256), _5=bytes(64)), media_of(_1=2**32 - 1, _3=65535)),
    *(content_with(mimiExtensions={2: conversation_uri(CONVERSATION)}), media_of(_6="from a newer version")),
]


@pytest.mark.parametrize(
    ("rule", "data"),
    [(rule, data) for rule, cases in BROKEN.items() for data in cases],
    ids=lambda value: value.number if isinstance(value, ContentRule) else "",
)
def test_what_breaks_a_rule(rule: ContentRule, data: bytes) -> None:
    with pytest.raises(ContentRefused) as caught:
        read_message(data, ORIGIN)
    assert caught.value.rule is rule
    assert f"[rule {rule.number}]" in str(caught.value)


@pytest.mark.parametrize("data", KEPT)
def test_what_keeps_all_rules(data: bytes) -> None:
    assert read_message(data, ORIGIN).content.encode() == data


def test_every_rule_has_a_case() -> None:
    assert BROKEN.keys() == set(ContentRule)
    assert all(BROKEN.values())


def test_a_report_alone() -> None:
    with pytest.raises(ContentRefused):
        StatusReport.decode(b"\xff")


def test_bytes_that_are_no_data_item_are_no_content() -> None:
    with pytest.raises(DecodeError):
        MimiContent.decode(b"\x80\x00")
