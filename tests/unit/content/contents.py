"""Contents to test with, and strategies for any of them."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

from aparte.content import (
    Attachment,
    Attachments,
    ConversationId,
    Delete,
    Disposition,
    Edit,
    Expiration,
    Extension,
    ExternalPart,
    Media,
    MessageId,
    MimiContent,
    MultiPart,
    NullPart,
    Origin,
    PartSemantics,
    PerMessageStatus,
    Reaction,
    Reply,
    SinglePart,
    StatusReport,
    Text,
    Thumbnail,
    Unlike,
    write_content,
)
from aparte.content.cbor import dumps
from aparte.wire.ids import AccountId

ALICE = AccountId(bytes(range(32)))
CONVERSATION = ConversationId(bytes(range(16)))
ORIGIN = Origin(ALICE, CONVERSATION)
SALT = bytes(range(100, 116))
FIRST = MessageId(b"\x01" + bytes(31))
SECOND = MessageId(b"\x01" + bytes(range(31)))

PHOTO = Attachment(
    "image/webp",
    "https://chat.example/blobs/AAAAAAAAAAAAAAAAAAAAAA",
    key=bytes(range(32)),
    size=123_456,
    content_hash=bytes(range(32, 64)),
    description="a heron",
    filename="heron.webp",
    is_inline=True,
    media=Media(width=1600, height=1200, placeholder=bytes(24)),
    thumbnail=Thumbnail("image/webp", bytes(300)),
)
VOICE = Attachment(
    "audio/ogg;codecs=opus",
    "https://chat.example/blobs/BBBBBBBBBBBBBBBBBBBBBB",
    key=bytes(range(32)),
    size=9_876,
    content_hash=bytes(range(32, 64)),
    expires=1_800_000_000,
    is_inline=True,
    media=Media(duration_ms=4_200, waveform=bytes(range(64))),
)
FILE = Attachment("application/pdf", "https://chat.example/blobs/C", bytes(32), 1, bytes(32), filename="a.pdf")

MEANINGS = {
    "text": Text("Hello, *world*"),
    "plain": Text("2 * 3 * 4", is_markdown=False, language="en"),
    "photo": Attachments((PHOTO,)),
    "captioned": Attachments((PHOTO, FILE), Text("look")),
    "voice": Attachments((VOICE,)),
    "file": Attachments((FILE,)),
    "reply": Reply(FIRST, Text("yes")),
    "reply with a photo": Reply(FIRST, Attachments((PHOTO,))),
    "edit": Edit(FIRST, Text("Hello, world")),
    "edit of a reply": Edit(SECOND, Text("no"), in_reply_to=FIRST),
    "delete": Delete(FIRST),
    "reaction": Reaction(FIRST, ("❤️",)),
    "reactions": Reaction(FIRST, ("❤️", "👩🏽‍⚕️"), replaces=SECOND),
    "unlike": Unlike(SECOND, to=FIRST),
    "report": StatusReport.up_to(delivered=SECOND, read=FIRST),
}


def encoded(value: list[Any]) -> bytes:
    """The bytes of a data item, written as ours are."""
    return dumps(value)


def content_with(**changes: Any) -> bytes:
    """A small content of which some fields are others, by their names in the draft; in CBOR, whatever they are."""
    fields: dict[str, Any] = {
        "salt": SALT,
        "replaces": None,
        "topicId": b"",
        "expires": None,
        "inReplyTo": None,
        "mimiExtensions": {},
        "nestedPart": [1, "", 1, "text/plain;charset=utf-8", b"hi"],
    }
    assert changes.keys() <= fields.keys()
    return encoded(list((fields | changes).values()))


def examples() -> list[bytes]:
    """The bytes of one content of each kind, and of one that has what nobody knows."""
    strange = MimiContent(
        SALT,
        MultiPart(PartSemantics.PROCESS_ALL, (SinglePart("text/x-new", b"\xff", 77), NullPart(200, "x"))),
        topic_id=b"topic",
        expires=Expiration(relative=False, time=2**32 - 1),
        extensions=(Extension(300, dumps([1, {b"k": None}])), Extension("new", dumps({1: 1.5}))),
    )
    return [write_content(meaning, salt=SALT).encode() for meaning in MEANINGS.values()] + [strange.encode()]


# -- strategies -------------------------------------------------------------------------------------------------------
ids = st.binary(min_size=31, max_size=31).map(lambda rest: MessageId(b"\x01" + rest))
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=40)
numbers = st.integers(0, 2**32 - 1)
dispositions = st.one_of(st.sampled_from(Disposition).map(int), st.integers(0, 255))
opaque = st.binary(max_size=64)

values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-(2**64), 2**64 - 1), texts, opaque, st.floats(allow_nan=False)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.one_of(texts, opaque, st.integers(-(2**53) + 1, 2**53 - 1)), inner, max_size=3),
    ),
    max_leaves=5,
)


def depth(value: object) -> int:
    inner = list(value.values()) if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if inner is None else 1 + max(map(depth, inner), default=0)


media_types = st.one_of(
    st.sampled_from(["text/plain", "text/markdown;variant=GFM-MIMI", "application/mimi-message-status", "image/png"]),
    st.sampled_from(["application/vnd.aparte.media+cbor", "Text/Plain; charset=UTF-8", "text/html", ""]),
    texts,
)
null_parts = st.builds(NullPart, dispositions, texts)
single_parts = st.builds(SinglePart, media_types, opaque, dispositions, texts)
external_parts = st.builds(
    ExternalPart,
    *(media_types, texts, numbers, st.integers(0, 2**64 - 1), st.integers(0, 2**16 - 1), opaque, opaque, opaque),
    *(st.integers(0, 255), opaque, texts, texts, dispositions, texts),
)
leaves = st.one_of(null_parts, single_parts, external_parts)


def multi_parts(inner: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return st.builds(MultiPart, st.sampled_from(PartSemantics), several, dispositions, texts)


level_2 = st.one_of(leaves, multi_parts(leaves))
parts = st.one_of(leaves, multi_parts(level_2), multi_parts(multi_parts(level_2)))
keys = st.one_of(st.integers(-(2**53) + 1, -1), st.integers(3, 2**53 - 1), texts.filter(bool))
extensions = st.lists(
    st.builds(Extension, keys, values.filter(lambda value: depth(value) <= 3).map(dumps)),
    max_size=4,
    unique_by=lambda extension: extension.key,
)
expirations = st.one_of(
    st.none(),
    st.builds(Expiration, st.just(value=False), numbers),
    st.builds(Expiration, st.just(value=True), st.integers(0, 366 * 86_400)),
)


@st.composite
def contents(draw: st.DrawFn) -> MimiContent:
    """Any content, its extensions in the order in which they are written."""
    replaces, in_reply_to = draw(st.none() | ids), draw(st.none() | ids)
    return MimiContent(
        draw(st.binary(min_size=16, max_size=16)),
        draw(parts),
        None if replaces == in_reply_to else replaces,
        draw(opaque),
        draw(expirations),
        in_reply_to,
        tuple(sorted(draw(extensions), key=lambda extension: dumps(extension.key))),
    )


said = st.builds(Text, texts, st.booleans(), texts)
files = st.builds(
    Attachment,
    *(texts, texts, opaque, st.integers(0, 2**64 - 1), opaque, texts, texts, numbers, st.booleans()),
    st.none() | st.builds(Media, st.none() | numbers, st.none() | opaque, st.none() | st.integers(0, 2**16 - 1)),
    st.none() | st.builds(Thumbnail, st.just("image/png"), opaque),
)
bodies = st.one_of(said, st.builds(Attachments, st.lists(files, min_size=1, max_size=3).map(tuple), st.none() | said))
emoji = st.lists(st.text(st.sampled_from("❤👍🏽‍⚕️🥳"), min_size=1, max_size=8), min_size=1, max_size=4).map(tuple)
statuses = st.lists(st.builds(PerMessageStatus, ids, st.integers(0, 255)), min_size=1, max_size=5).map(tuple)
meanings = st.one_of(
    bodies,
    st.builds(Reply, ids, bodies),
    st.builds(Edit, ids, bodies, st.none() | ids),
    st.builds(Delete, ids),
    st.builds(Reaction, ids, emoji, st.none() | ids),
    st.builds(Unlike, ids, st.none() | ids),
    st.builds(StatusReport, statuses),
)
