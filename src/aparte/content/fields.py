"""How fields are taken out of a decoded data item: each by its type, within its limit, or not at all."""

from __future__ import annotations

from aparte.content.errors import ContentRefused
from aparte.content.limits import HASH_ALG_SHA256, MESSAGE_ID_LENGTH
from aparte.content.message_id import MessageId
from aparte.content.rules import ContentRule

__all__ = ["require", "take_array", "take_bytes", "take_message_id", "take_number", "take_optional_id", "take_text"]


def require(condition: bool, rule: ContentRule, *, detail: str = "") -> None:
    """Raises `ContentRefused` unless the condition holds."""
    if not condition:
        raise ContentRefused(rule, detail)


def take_array(value: object, name: str, *, length: int | None = None) -> list[object]:
    """An array; of exactly so many items, if `length` is given."""
    if not isinstance(value, list):
        raise ContentRefused(ContentRule.TYPE, f"{name} is no array")
    require(length in {None, len(value)}, ContentRule.SHAPE, detail=f"{name} has {len(value)} items, not {length}")
    return value


def take_number(value: object, name: str, *, bits: int) -> int:
    """An unsigned integer of so many bits."""
    if not isinstance(value, int) or isinstance(value, bool):
        raise ContentRefused(ContentRule.TYPE, f"{name} is no integer")
    require(0 <= value < 1 << bits, ContentRule.NUMBER, detail=f"{name} does not fit {bits} bits")
    return value


def take_bytes(value: object, name: str, *, most: int) -> bytes:
    """A byte string of at most so many bytes."""
    if not isinstance(value, bytes):
        raise ContentRefused(ContentRule.TYPE, f"{name} is no byte string")
    require(len(value) <= most, ContentRule.TOO_LONG, detail=f"{name} has {len(value)} bytes, above {most}")
    return value


def take_text(value: object, name: str, *, most: int) -> str:
    """A text of at most so many bytes of UTF-8."""
    if not isinstance(value, str):
        raise ContentRefused(ContentRule.TYPE, f"{name} is no text")
    length = len(value.encode())
    require(length <= most, ContentRule.TOO_LONG, detail=f"{name} has {length} bytes, above {most}")
    return value


def take_message_id(value: object, name: str) -> MessageId:
    """32 bytes, of which the first names the hash algorithm that we know."""
    if not isinstance(value, bytes):
        raise ContentRefused(ContentRule.TYPE, f"{name} is no byte string")
    good = len(value) == MESSAGE_ID_LENGTH and value[0] == HASH_ALG_SHA256
    require(good, ContentRule.MESSAGE_ID, detail=name)
    return MessageId(value)


def take_optional_id(value: object, name: str) -> MessageId | None:
    """A message id or null."""
    return None if value is None else take_message_id(value, name)
