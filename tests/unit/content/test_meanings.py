"""What parts mean: a table of forms that others may send, and what this version makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aparte.content import (
    Attachment,
    Attachments,
    Delete,
    Disposition,
    Edit,
    Extension,
    ExternalPart,
    Meaning,
    Media,
    MessageId,
    MimiContent,
    MultiPart,
    NestedPart,
    NullPart,
    PartSemantics,
    Reaction,
    Reply,
    SinglePart,
    StatusReport,
    Text,
    Thumbnail,
    Unknown,
    Unlike,
    parts_in_order,
    read_content,
    read_message,
)
from aparte.content.cbor import dumps
from tests.unit.content.contents import FIRST, ORIGIN, SALT, SECOND, VOICE, examples

ALL, ONE, UNIT = PartSemantics.PROCESS_ALL, PartSemantics.CHOOSE_ONE, PartSemantics.SINGLE_UNIT
HI = SinglePart("text/plain;charset=utf-8", b"hi")
BYE = SinglePart("text/markdown;variant=GFM-MIMI", b"*bye*")
NEW = SinglePart("application/x-new", b"\xff")
HTML = SinglePart("text/html;charset=utf-8", b"<p>hi</p>")
HEART = SinglePart("text/plain;charset=utf-8", "❤".encode(), Disposition.REACTION)
STAR = SinglePart("text/plain", "⭐".encode(), Disposition.REACTION)
IMAGE_REACTION = SinglePart("image/png", b"\x89", Disposition.REACTION)
FILE = ExternalPart("a/b", "https://h", 0, 5, 0xF0A2, bytes(32), hash_alg=1, content_hash=bytes(32), filename="f")
FOREIGN = replace(FILE, enc_alg=1, key=bytes(16), nonce=bytes(12))
SMALL = SinglePart("image/webp", b"RIFF", Disposition.PREVIEW)
LENGTH = SinglePart("application/vnd.aparte.media+cbor", dumps({1: 900}), Disposition.PREVIEW)
REPORT = SinglePart("application/mimi-message-status", StatusReport.up_to(read=FIRST).encode())
JOIN = ExternalPart("", "https://example.com/join/12345", disposition=Disposition.SESSION)

ATTACHED = Attachment("a/b", "https://h", bytes(32), 5, bytes(32), filename="f")


def many(semantics: PartSemantics, *parts: NestedPart, disposition: int = Disposition.RENDER) -> MultiPart:
    return MultiPart(semantics, parts, disposition)


#: Part → what it says by itself, and whether there is more in it.
BODIES: list[tuple[NestedPart, Meaning, bool]] = [
    (HI, Text("hi", is_markdown=False), False),
    (BYE, Text("*bye*"), False),
    (replace(HI, disposition=200, language="en"), Text("hi", is_markdown=False, language="en"), False),
    (replace(HI, content_type="text/plain"), Text("hi", is_markdown=False), False),
    (replace(HI, content_type='Text/Plain ; Charset="UTF-8"'), Text("hi", is_markdown=False), False),
    (replace(HI, content_type="text/markdown;variant=CommonMark"), Text("hi", is_markdown=False), False),
    (replace(HI, content_type="text/plain;charset=utf-16"), Unknown(("text/plain;charset=utf-16",)), True),
    (replace(HI, disposition=Disposition.PREVIEW), Unknown((HI.content_type,)), True),
    (NEW, Unknown(("application/x-new",)), True),
    (JOIN, Unknown(("",)), True),
    # several parts
    (many(ALL, HI, NEW), Text("hi", is_markdown=False), True),
    (many(ALL, NEW, HI), Text("hi", is_markdown=False), True),
    (many(ALL, HI, BYE), Text("hi", is_markdown=False), True),
    (many(ALL, HI, NullPart()), Text("hi", is_markdown=False), False),
    (many(ALL, NEW, NEW), Unknown(("application/x-new",)), True),
    (many(UNIT, HI, NEW), Unknown((HI.content_type, NEW.content_type)), True),
    (many(UNIT, HI, FILE), Attachments((ATTACHED,), Text("hi", is_markdown=False)), False),
    (many(ALL, HI, FILE, disposition=Disposition.PROFILE), Unknown((HI.content_type, "a/b")), True),
    # a choice
    (many(ONE, HI, NEW), Text("hi", is_markdown=False), False),
    (many(ONE, HTML, BYE, HI), Text("*bye*"), False),
    (many(ONE, NEW, HTML), Unknown((NEW.content_type, HTML.content_type)), True),
    (many(ONE, NullPart(), HI), Text("hi", is_markdown=False), False),
    (many(ONE, many(ALL, HI, NEW), BYE), Text("*bye*"), False),
    (many(ONE, FOREIGN, FILE), Attachments((ATTACHED,)), False),
    # files
    (FILE, Attachments((ATTACHED,)), False),
    (replace(FILE, disposition=Disposition.INLINE), Attachments((replace(ATTACHED, is_inline=True),)), False),
    (many(ALL, FILE, FILE, BYE), Attachments((ATTACHED, ATTACHED), Text("*bye*")), False),
    (many(ALL, FILE, SMALL), Attachments((replace(ATTACHED, thumbnail=Thumbnail("image/webp", b"RIFF")),)), False),
    (many(UNIT, FILE, LENGTH), Attachments((replace(ATTACHED, media=Media(900)),)), False),
    (
        many(ALL, BYE, many(ALL, FILE, LENGTH, SMALL), FILE),
        Attachments(
            (replace(ATTACHED, media=Media(900), thumbnail=Thumbnail("image/webp", b"RIFF")), ATTACHED), Text("*bye*")
        ),
        False,
    ),
    (many(ALL, FILE, SMALL, SMALL), Attachments((ATTACHED,)), True),
    (many(ALL, FILE, LENGTH, LENGTH), Attachments((ATTACHED,)), True),
    (many(ALL, FILE, replace(SMALL, disposition=Disposition.RENDER)), Attachments((ATTACHED,)), True),
    (many(ALL, replace(FILE, disposition=Disposition.ICON), SMALL), Unknown(("a/b", "image/webp")), True),
    (many(ALL, FILE, replace(NEW, disposition=Disposition.PREVIEW)), Attachments((ATTACHED,)), True),
    (many(ALL, SMALL, FILE), Attachments((ATTACHED,)), True),
    (many(ONE, FILE, SMALL), Attachments((ATTACHED,)), False),
    (replace(FILE, disposition=Disposition.ICON), Unknown(("a/b",)), True),
]


def content(part: NestedPart, **fields: Any) -> MimiContent:
    return MimiContent(SALT, part, **fields)


@pytest.mark.parametrize(("part", "meaning", "is_newer"), BODIES)
def test_bodies(part: NestedPart, meaning: Meaning, is_newer: bool) -> None:
    reading = read_content(content(part))
    assert (reading.meaning, reading.is_newer) == (meaning, is_newer)
    answer = read_content(content(part, in_reply_to=FIRST))
    assert (answer.meaning, answer.is_newer) == (Reply(FIRST, meaning), is_newer)  # type: ignore[arg-type]
    edit = read_content(content(part, replaces=SECOND, in_reply_to=FIRST))
    assert (edit.meaning, edit.is_newer) == (Edit(SECOND, meaning, FIRST), is_newer)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("part", "emoji"),
    [
        (HEART, ("❤",)),
        (many(ALL, HEART, STAR, disposition=Disposition.REACTION), ("❤", "⭐")),
        (many(UNIT, HEART, STAR, disposition=Disposition.REACTION), ("❤", "⭐")),
        (many(ONE, IMAGE_REACTION, STAR, HEART, disposition=Disposition.REACTION), ("⭐",)),
    ],
)
def test_reactions(part: NestedPart, emoji: tuple[str, ...]) -> None:
    assert read_content(content(part, in_reply_to=FIRST)).meaning == Reaction(FIRST, emoji)
    changed = read_content(content(part, in_reply_to=FIRST, replaces=SECOND))
    assert changed.meaning == Reaction(FIRST, emoji, SECOND)
    assert not changed.is_newer


@pytest.mark.parametrize(
    ("part", "types"),
    [
        (IMAGE_REACTION, ("image/png",)),
        (many(ALL, HEART, IMAGE_REACTION, disposition=Disposition.REACTION), (HEART.content_type, "image/png")),
        (many(ALL, HEART, HI, disposition=Disposition.REACTION), (HEART.content_type,)),
        (replace(FILE, disposition=Disposition.REACTION), ("a/b",)),
        (many(ALL, HI, many(ALL, HEART, STAR, disposition=Disposition.REACTION)), None),
    ],
)
def test_reactions_of_a_newer_version(part: NestedPart, types: tuple[str, ...] | None) -> None:
    reading = read_content(content(part, in_reply_to=FIRST))
    assert reading.is_newer
    assert reading.meaning == Reply(FIRST, Unknown(types) if types else Text("hi", is_markdown=False))


def test_a_reaction_to_nothing_is_shown_as_not_known() -> None:
    reading = read_content(content(HEART))
    assert (reading.meaning, reading.is_newer) == (Unknown((HEART.content_type,)), True)


@pytest.mark.parametrize("in_reply_to", [None, FIRST])
def test_what_is_taken_back(in_reply_to: MessageId | None) -> None:
    deleted = content(NullPart(), replaces=SECOND, in_reply_to=in_reply_to)
    assert read_content(deleted).meaning == Delete(SECOND)
    unliked = content(NullPart(Disposition.REACTION), replaces=SECOND, in_reply_to=in_reply_to)
    assert read_content(unliked).meaning == Unlike(SECOND, in_reply_to)


@pytest.mark.parametrize("part", [HI, NullPart(), FILE, HEART, REPORT])
def test_an_unknown_extension_is_told(part: NestedPart) -> None:
    plain = content(part, replaces=SECOND, in_reply_to=FIRST)
    told = replace(plain, extensions=(Extension("poll", dumps([1])),))
    assert read_content(told).meaning == read_content(plain).meaning
    assert (read_content(plain).is_newer, read_content(told).is_newer) == (False, True)
    known = replace(plain, extensions=(Extension(1, dumps("aparte:a/00")), Extension(2, dumps("x"))))
    assert not read_content(known).is_newer


def test_a_file_that_this_version_cannot_open_says_so() -> None:
    reading = read_content(content(FOREIGN))
    assert isinstance(reading.meaning, Attachments)
    assert not reading.meaning.items[0].can_be_opened
    assert reading.is_newer
    good = ATTACHED
    assert good.can_be_opened
    changes: list[dict[str, Any]] = [
        {"enc_alg": 29},
        {"key": bytes(31)},
        {"nonce": b"n"},
        {"aad": b"a"},
        {"hash_alg": 7},
        {"content_hash": bytes(31)},
        {"url": "http://h"},
        {"url": "file:///etc/passwd"},
    ]
    assert not any(replace(good, **change).can_be_opened for change in changes)


def test_voice_messages() -> None:
    assert VOICE.is_voice_message
    assert not replace(VOICE, media=Media(duration_ms=4_200)).is_voice_message
    assert not replace(VOICE, media=None).is_voice_message
    assert not replace(VOICE, content_type="video/webm").is_voice_message


def test_part_indices_are_the_drafts() -> None:
    inner = many(ALL, HI, BYE)
    outer = many(ONE, inner, many(ALL, NEW, inner))
    assert list(parts_in_order(outer))[1:] == [inner, HI, BYE, outer.parts[1], NEW, inner, HI, BYE]


def test_what_is_not_known_survives_byte_for_byte() -> None:
    data = examples()[-1]
    message = read_message(data, ORIGIN)
    assert message.meaning == Unknown(("text/x-new",))
    assert message.is_newer
    assert message.data == message.content.encode() == data
    assert message.content.extension("new") == dumps({1: 1.5})
    assert message.content.extension("old") is None
