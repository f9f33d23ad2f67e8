"""What is written is read as the same; what is decoded is encoded to the same bytes; any bytes end in a typed error."""

from __future__ import annotations

import contextlib
from dataclasses import replace

import cbor2
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from aparte.codec import DecodeError, EncodeError
from aparte.content import (
    Attachment,
    Attachments,
    ContentError,
    ContentRefused,
    Expiration,
    Extension,
    Meaning,
    Media,
    MimiContent,
    MultiPart,
    NullPart,
    PartSemantics,
    Reaction,
    SinglePart,
    StatusReport,
    Text,
    Thumbnail,
    Unknown,
    read_content,
    read_message,
    write_content,
    write_message,
)
from aparte.content.cbor import dumps, loads
from tests.conftest import SOAK
from tests.properties.mutations import bent
from tests.unit.content.contents import (
    ALICE,
    CONVERSATION,
    FIRST,
    MEANINGS,
    ORIGIN,
    PHOTO,
    SALT,
    contents,
    depth,
    examples,
    meanings,
    values,
)

MANY = settings(max_examples=8_000 if SOAK else 600, suppress_health_check=list(HealthCheck))
SOME = settings(max_examples=2_000 if SOAK else 150, suppress_health_check=list(HealthCheck))
EXAMPLES = examples()


# -- data items -------------------------------------------------------------------------------------------------------
@SOME
@given(values.filter(lambda value: depth(value) <= 10))
def test_data_items(value: object) -> None:
    data = dumps(value)
    assert loads(data) == value
    assert dumps(loads(data)) == data
    assert cbor2.loads(data) == value, "other decoders read the same"


@MANY
@given(st.one_of(st.binary(max_size=40), bent(EXAMPLES, EXAMPLES)))
def test_any_bytes_as_a_data_item(data: bytes) -> None:
    with contextlib.suppress(DecodeError):
        assert dumps(loads(data)) == data


# -- contents ---------------------------------------------------------------------------------------------------------
@SOME
@given(contents())
def test_contents(content: MimiContent) -> None:
    data = content.encode()
    assert MimiContent.decode(data) == content
    assert MimiContent.decode(data).encode() == data


@MANY
@given(st.one_of(st.binary(max_size=100), bent(EXAMPLES, EXAMPLES)))
def test_any_bytes_as_a_message(data: bytes) -> None:
    try:
        message = read_message(data, ORIGIN)
    except (DecodeError, ContentError):
        return
    assert message.content.encode() == data
    assert message.data == data


@SOME
@given(contents())
def test_any_content_means_something_or_is_refused(content: MimiContent) -> None:
    with contextlib.suppress(ContentRefused):
        read_content(content)


# -- meanings ---------------------------------------------------------------------------------------------------------
@SOME
@given(meanings)
def test_meanings(meaning: Meaning) -> None:
    try:
        written = write_message(meaning, ORIGIN, salt=SALT)
    except EncodeError as error:
        assume("very message" not in str(error))
        raise
    assert written.meaning == meaning
    assert read_message(written.data, ORIGIN) == written


@pytest.mark.parametrize("name", MEANINGS)
def test_what_is_written_is_wholly_understood(name: str) -> None:
    written = write_message(MEANINGS[name], ORIGIN, salt=SALT, expires=Expiration(relative=True, time=60))
    assert not written.is_newer
    assert written.content.expires == Expiration(relative=True, time=60)
    assert len(written.data) < 900


# -- what is not written ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "meaning",
    [
        Unknown(("text/x-new",)),
        Attachments(()),
        Attachments((replace(PHOTO, thumbnail=Thumbnail("text/html", b"")),)),
        Attachments((replace(PHOTO, size=-1),)),
        Attachments((PHOTO,) * 130),
        Attachments((replace(PHOTO, media=Media(duration_ms=-1)),)),
        Reaction(FIRST, ()),
        Reaction(FIRST, ("",)),
        Reaction(FIRST, ("x" * 65,)),
        StatusReport(()),
        Text("\ud800"),
        Text("x", language="\ud800"),
        Text("x", is_markdown=False, language="x" * 256),
        Text("x" * 50_000),
    ],
    ids=lambda meaning: repr(meaning)[:40],
)
def test_what_would_be_refused_is_not_written(meaning: Meaning) -> None:
    with pytest.raises(EncodeError):
        write_message(meaning, ORIGIN, salt=SALT)


def test_what_would_be_read_otherwise_is_not_written() -> None:
    inside = SinglePart("text/plain;charset=utf-8", b"")
    assert isinstance(read_content(MimiContent(SALT, inside)).meaning, Text)
    with pytest.raises(EncodeError, match="otherwise"):
        write_message(Attachments((replace(PHOTO, thumbnail=Thumbnail("text/plain", b"")),)), ORIGIN, salt=SALT)


@pytest.mark.parametrize(
    "content",
    [
        MimiContent(b"short", NullPart()),
        MimiContent(SALT, NullPart(disposition=256)),
        MimiContent(SALT, MultiPart(PartSemantics.PROCESS_ALL, (NullPart(),))),
        MimiContent(SALT, NullPart(), topic_id=bytes(4097)),
        MimiContent(SALT, NullPart(), expires=Expiration(relative=False, time=2**32)),
        MimiContent(SALT, NullPart(), extensions=(Extension(3, b"\xff"),)),
        MimiContent(SALT, NullPart(), extensions=(Extension(3, b"\x00"), Extension(3, b"\x01"))),
        MimiContent(SALT, NullPart(), extensions=(Extension(2**53, b"\x00"),)),
        MimiContent(SALT, NullPart(), extensions=(Extension(2**70, b"\x00"),)),
    ],
)
def test_contents_that_would_be_refused_are_not_encoded(content: MimiContent) -> None:
    with pytest.raises(EncodeError):
        content.encode()


def test_a_key_is_not_shown() -> None:
    content = write_content(MEANINGS["photo"], salt=SALT)
    shown = repr(PHOTO) + repr(content) + repr(read_content(content))
    assert repr(PHOTO.key)[2:-1] not in shown
    assert isinstance(PHOTO, Attachment)
    assert repr(PHOTO.content_hash)[2:-1] in shown, "the control: another field's bytes are"


def test_the_origin_is_not_written() -> None:
    data = write_message(Text("x"), ORIGIN, salt=SALT).data
    assert ALICE.hex().encode() not in data
    assert CONVERSATION.hex().encode() not in data
