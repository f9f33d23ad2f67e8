"""The draft's published examples: their bytes, their message ids, and what each means."""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path

import pytest

from aparte.codec import DecodeError
from aparte.content import (
    ROOM_URI,
    SENDER_URI,
    Attachment,
    Attachments,
    ContentRefused,
    Delete,
    Disposition,
    Edit,
    Expiration,
    ExternalPart,
    Meaning,
    MessageId,
    MimiContent,
    NullPart,
    Reaction,
    Reply,
    Text,
    Unknown,
    Unlike,
    message_id,
    parts_in_order,
    read_content,
)
from aparte.content.cbor import loads

ORIGINAL = MessageId(bytes.fromhex("017ce54837404c3696e0c747b985cb172716d0ed0a3d249ca63ace7d82a096f4"))
REPLY = MessageId(bytes.fromhex("015354973c2b65ca937bf1e035ae53a5ab80e947afa43d46920d4202e5cc0b27"))
REACTION = MessageId(bytes.fromhex("0158c4288911e50a8f6be3f47746b6682f10fd91bc8c05557aa589a3157aff68"))
PLAIN, HTML = "text/plain;charset=utf-8", "text/html;charset=utf-8"
MENTION = "Kudos to [@Alice Smith](mimi://example.com/u/alice-smith) for making the release happen!"
VPN = "__*VPN GOING DOWN*__ I'm rebooting the VPN in ten minutes unless anyone objects."

#: Example → what it means, and whether there is more in it than this version knows.
MEANINGS: dict[str, tuple[Meaning, bool]] = {
    "original": (Text("Hi everyone, we just shipped release 2.0. __Good  work__!"), False),
    "reply": (Reply(ORIGINAL, Text("Right on! _Congratulations_ 'all!")), False),
    "reaction": (Reaction(ORIGINAL, ("❤",)), False),
    "mention": (Reply(ORIGINAL, Text(MENTION)), False),
    "mention-html": (Reply(ORIGINAL, Unknown((HTML,))), True),
    "edit": (Edit(REPLY, Text("Right on! _Congratulations_ y'all!"), ORIGINAL), False),
    "delete": (Delete(REPLY), False),
    "unlike": (Unlike(REACTION, ORIGINAL), False),
    "expiring": (Text(VPN), False),
    "attachment": (
        Attachments(
            (
                Attachment(
                    "video/mp4",
                    "https://example.com/storage/8ksB4bSrrRE.mp4",
                    bytes.fromhex("21399320958a6f4c745dde670d95e0d8"),
                    708234961,
                    bytes.fromhex("9ab17a8cf0890baaae7ee016c7312fcc080ba46498389458ee44f0276e783163"),
                    description="2 hours of key signing video",
                    filename="bigfile.mp4",
                    enc_alg=1,
                    nonce=bytes.fromhex("c86cf2c33f21527d1dd76f5b"),
                    language="en",
                ),
            )
        ),
        True,
    ),
    "conferencing": (Unknown(("",)), True),
    "multipart-1": (Text("# Welcome!"), False),
    "multipart-2": (Unknown((PLAIN,)), True),  # a reaction that says not to what
    "multipart-3": (Unknown((HTML, "image/gif", "image/png")), True),
}
RAN: set[str] = set()

examples = pytest.mark.parametrize("name", MEANINGS)


@cache
def folder() -> Path:
    named = os.environ.get("APARTE_VECTORS")
    if named is None:
        message = "NOT RUN: the examples of MIMI content, because APARTE_VECTORS names no folder"
        if os.environ.get("APARTE_CI") == "1":
            pytest.fail(message)
        pytest.skip(message)
    return Path(named) / "mimi"


def example(name: str) -> bytes:
    return (folder() / f"{name}.cbor").read_bytes()


def published_id(name: str) -> MessageId:
    """The message id in the head of an example's annotated text."""
    text = (folder() / f"{name}.edn").read_text()
    found = re.search(r"# message ID = h'([0-9a-f]{32})\n# +([0-9a-f]{32})'", text)
    assert found, name
    return MessageId(bytes.fromhex(found[1] + found[2]))


def computed_id(data: bytes) -> MessageId:
    """The message id over the URIs that the example says that it comes from."""
    content = MimiContent.decode(data)
    sender, room = (loads(content.extension(key) or b"") for key in (SENDER_URI, ROOM_URI))
    return message_id(data, salt=content.salt, sender_uri=str(sender), room_uri=str(room))


@examples
def test_bytes(name: str) -> None:
    data = example(name)
    assert MimiContent.decode(data).encode() == data
    RAN.add(name)


@examples
def test_message_ids(name: str) -> None:
    data = example(name)
    assert computed_id(data) == published_id(name)
    with pytest.raises(AssertionError):
        assert computed_id(bytes([*data[:5], data[5] ^ 1, *data[6:]])) == published_id(name)


@examples
def test_meanings(name: str) -> None:
    reading = read_content(MimiContent.decode(example(name)))
    assert (reading.meaning, reading.is_newer) == MEANINGS[name]


def test_every_example_is_here() -> None:
    found = {path.stem for path in folder().glob("*.cbor")}
    assert found - {"implied-original"} == MEANINGS.keys()


def test_the_derived_values_are_no_content() -> None:
    with pytest.raises(ContentRefused):
        MimiContent.decode(example("implied-original"))


def test_fields_besides_the_meaning() -> None:
    expiring, conferencing = (MimiContent.decode(example(name)) for name in ("expiring", "conferencing"))
    assert expiring.expires == Expiration(relative=False, time=1644390004)
    assert conferencing.topic_id == b"Foo 118"
    assert isinstance(conferencing.nested_part, ExternalPart)
    assert conferencing.nested_part.disposition == Disposition.SESSION
    assert MimiContent.decode(example("unlike")).nested_part == NullPart(Disposition.REACTION)
    nested = MimiContent.decode(example("multipart-3")).nested_part
    indexed = [type(part).__name__[:1] for part in parts_in_order(nested)]
    assert "".join(indexed) == "MMMSSSMMSSS", "the eleven parts of the draft's table"


@examples
def test_an_altered_example_is_noticed(name: str) -> None:
    """Whatever byte is changed: refused, or another content; never the same."""
    data = example(name)
    same = MimiContent.decode(data)
    for place in range(len(data)):
        altered = bytes([*data[:place], data[place] ^ 1, *data[place + 1 :]])
        try:
            other = MimiContent.decode(altered)
        except (DecodeError, ContentRefused):
            continue
        assert other != same
        assert other.encode() == altered
