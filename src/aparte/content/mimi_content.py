"""A message as draft-ietf-mimi-content writes it: how it behaves, and its parts.

    mimiContent = [ salt, replaces, topicId, expires, inReplyTo, mimiExtensions, nestedPart ]
    Expiration  = [ relative, time ]

One content has one encoding: what decodes is written again byte for byte, with all that nobody here knows.
"""

from __future__ import annotations

from dataclasses import dataclass

from aparte.codec import DecodeError, EncodeError
from aparte.content.cbor import dumps, loads
from aparte.content.errors import ContentError, ContentRefused
from aparte.content.fields import require, take_array, take_bytes, take_number, take_optional_id, take_text
from aparte.content.limits import (
    MAX_EXTENSION_DEPTH,
    MAX_EXTENSION_KEY,
    MAX_EXTENSION_VALUE,
    MAX_EXTENSIONS,
    MAX_RELATIVE_EXPIRY,
    MAX_TOPIC_ID,
    MAX_URI,
    SALT_LENGTH,
)
from aparte.content.message_id import MessageId
from aparte.content.parts import NestedPart, part_to_value, take_part
from aparte.content.rules import ContentRule

__all__ = ["ROOM_URI", "SENDER_URI", "Expiration", "Extension", "MimiContent"]

#: Extensions that the draft has: whom and where the message says that it comes from.
SENDER_URI, ROOM_URI = 1, 2


@dataclass(frozen=True, slots=True)
class Expiration:
    """When the message is to vanish: so many seconds after it was read, or at a time in seconds since 1970."""

    relative: bool
    time: int


@dataclass(frozen=True, slots=True)
class Extension:
    """A field beyond the draft's seven. `value` is its encoded data item, as it came."""

    key: int | str
    value: bytes


@dataclass(frozen=True, slots=True)
class MimiContent:
    """One message. What it means, `read_content` says."""

    salt: bytes
    nested_part: NestedPart
    replaces: MessageId | None = None
    topic_id: bytes = b""
    expires: Expiration | None = None
    in_reply_to: MessageId | None = None
    extensions: tuple[Extension, ...] = ()

    @classmethod
    def decode(cls, data: bytes) -> MimiContent:
        """Raises `DecodeError` (of which `CborRefused` is one) and `ContentRefused`."""
        fields = take_array(loads(data), "a content", length=7)
        salt, replaces, topic_id, expires, in_reply_to, extensions, nested_part = fields
        require(isinstance(salt, bytes) and len(salt) == SALT_LENGTH, ContentRule.SALT)
        content = cls(
            take_bytes(salt, "salt", most=SALT_LENGTH),
            take_part(nested_part),
            take_optional_id(replaces, "replaces"),
            take_bytes(topic_id, "topicId", most=MAX_TOPIC_ID),
            _take_expires(expires),
            take_optional_id(in_reply_to, "inReplyTo"),
            _take_extensions(extensions),
        )
        answers = content.in_reply_to is not None and content.in_reply_to == content.replaces
        require(not answers, ContentRule.REFERS_TO_BOTH)
        return content

    def encode(self) -> bytes:
        """Raises `EncodeError` for whatever would not be taken, were it received."""
        expires = None if self.expires is None else [self.expires.relative, self.expires.time]
        extensions: dict[object, object] = {}
        try:
            for extension in self.extensions:
                if extension.key in extensions:
                    raise EncodeError(f"extension {extension.key!r} stands there twice")
                extensions[extension.key] = loads(extension.value)
            head = [self.salt, self.replaces, self.topic_id, expires, self.in_reply_to]
            data = dumps([*head, extensions, part_to_value(self.nested_part)])
            MimiContent.decode(data)
        except (DecodeError, ContentError) as error:
            raise EncodeError(f"it would be refused: {error}") from None
        return data

    def extension(self, key: int | str) -> bytes | None:
        """The encoded value of an extension."""
        return next((extension.value for extension in self.extensions if extension.key == key), None)


def _take_expires(value: object) -> Expiration | None:
    if value is None:
        return None
    relative, time = take_array(value, "expires", length=2)
    if not isinstance(relative, bool):
        raise ContentRefused(ContentRule.TYPE, "relative is neither true nor false")
    seconds = take_number(time, "time", bits=32)
    require(not relative or seconds <= MAX_RELATIVE_EXPIRY, ContentRule.EXPIRES)
    return Expiration(relative, seconds)


def _take_extensions(value: object) -> tuple[Extension, ...]:
    if not isinstance(value, dict):
        raise ContentRefused(ContentRule.TYPE, "mimiExtensions is no map")
    require(len(value) <= MAX_EXTENSIONS, ContentRule.EXTENSIONS)
    return tuple(_take_extension(key, inner) for key, inner in value.items())


def _take_extension(key: object, value: object) -> Extension:
    if not isinstance(key, int | str) or key in {0, ""}:
        raise ContentRefused(ContentRule.EXTENSION_KEY)
    require(isinstance(key, int) or len(key.encode()) <= MAX_EXTENSION_KEY, ContentRule.EXTENSION_KEY)
    if key in {SENDER_URI, ROOM_URI}:
        take_text(value, "senderUri or roomUri", most=MAX_URI)
    require(_levels(value) < MAX_EXTENSION_DEPTH, ContentRule.EXTENSION_DEPTH, detail=repr(key))
    encoded = dumps(value)
    require(len(encoded) <= MAX_EXTENSION_VALUE, ContentRule.EXTENSION_VALUE, detail=repr(key))
    return Extension(key, encoded)


def _levels(value: object) -> int:
    """How deeply arrays and maps are nested: 0 for what is neither."""
    if isinstance(value, dict):
        return 1 + max(map(_levels, value.values()), default=0)
    if isinstance(value, list):
        return 1 + max(map(_levels, value), default=0)
    return 0
