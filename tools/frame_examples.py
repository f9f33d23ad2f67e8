"""One example of each structure, always the same, and its bytes taken apart field by field.

For tools/frames_reference.py, and as seeds where frames are tested. The values are patterns, not the result of any
computation: signatures and hashes in them verify nothing.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from aparte.codec import encode_length
from aparte.wire.account_frames import DeleteAccount
from aparte.wire.entries import NO_KEY, Entry, body_hash
from aparte.wire.layout import Choice, Field, ListOf, Maybe, Nested, Opaque, Text, Vector, encode, layout_of
from aparte.wire.log_frames import CheckReceipt, EpochProof, Open, OpenItem, Post

__all__ = ["Line", "dissect", "example"]

#: 2026-01-01T00:00Z.
_DAY = 20_454
_NOW = _DAY * 86_400_000
_BODY = bytes.fromhex("b0d1b0d2b0d3b0d4")

NUMBERS = {
    "request": 7, "seq": 5, "after_seq": 4, "head_seq": 5, "node": 3, "child": 9, "at": _NOW, "now": _NOW,
    "day": _DAY, "version": 1, "retention_days": 30, "max_bytes": 65_536, "code": 16, "wait": 0, "body_length": 8,
    "after": 2, "up_to": 2, "head": 3, "inbox_head": 3, "count": 16, "left": 48, "key_packages": 20, "expires": _NOW,
    "deletion_at": 0, "from_n": 0,
}  # fmt: skip
TEXTS = {
    "name": "alice",
    "host": "chat.example",
    "issuer": "chat.example",
    "acceptor": "chat.example",
    "invite": "",
    "detail": "no such log",
}
#: Fields whose values depend on each other.
SETTLED: dict[type, dict[str, Any]] = {
    Entry: {"next_epoch_key": NO_KEY, "body": _BODY, "body_hash": body_hash(_BODY)},
    Post: {"next_epoch_key": NO_KEY, "body": _BODY},
    CheckReceipt: {"next_epoch_key": NO_KEY, "body_hash": body_hash(_BODY)},
    OpenItem: {"proof": None},
    DeleteAccount: {"root_signature": bytes(range(64))},
}


def example(cls: type, **given: Any) -> Any:
    """The example of a structure; `given` fields instead of its own."""
    if cls is Open and "items" not in given:
        proven = example(OpenItem, node=0, after_seq=0, pass_=None, proof=example(EpochProof))
        given = given | {"items": (example(OpenItem), proven)}
    settled = SETTLED.get(cls, {}) | given
    values = {name: settled[name] if name in settled else _value(field, name) for name, field in layout_of(cls).fields}
    return cls(**values)


def _value(field: Field, name: str) -> Any:
    match field:
        case Opaque(length):
            return _pattern(name, length)
        case Choice(kinds):
            return True if kinds is bool else next(iter(kinds))
        case Text():
            return TEXTS[name]
        case Vector():
            return _pattern(name, 4)
        case Maybe(inner):
            return _value(inner, name)
        case ListOf(inner):
            return (example(inner),)
        case Nested(inner):
            return example(inner)
        case _:  # a day is a number of days where it has 32 bits, and of milliseconds where it has 64
            return _NOW if name == "day" and field.format == "Q" else NUMBERS[name]


def _pattern(name: str, length: int) -> bytes:
    """Bytes that count up from a start of the field's own."""
    start = sha256(name.encode()).digest()[0] & 0xF0
    return bytes((start + i) % 256 for i in range(length))


# -- taken apart ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Line:
    """Some bytes and what they are. All lines' bytes joined are the encoding."""

    data: bytes
    says: str


def dissect(value: Any, path: str = "") -> Iterator[Line]:
    """A structure's encoding, field by field; `path` stands before the names."""
    for name, field in layout_of(type(value)).fields:
        yield from _dissect_field(field, getattr(value, name), name=path + name.rstrip("_"))


def _dissect_field(field: Field, value: Any, *, name: str) -> Iterator[Line]:
    match field:
        case Opaque():
            yield Line(value, name)
        case Choice(kinds):
            yield Line(bytes([value]), f"{name} = {str(value).lower() if kinds is bool else value.name}")
        case Text():
            data = value.encode()
            yield Line(encode_length(len(data)) + data, f"{name} = {json.dumps(value)}")
        case Vector():
            yield Line(encode_length(len(value)) + value, f"{name}: {len(value)} bytes")
        case Maybe(inner):
            yield Line(bytes([value is not None]), f"{name}: {'absent' if value is None else 'present'}")
            if value is not None:
                yield from _dissect_field(inner, value, name=name)
        case ListOf():
            items = [encode(item) for item in value]
            yield Line(encode_length(sum(map(len, items))), f"{name}: {len(items)} in {sum(map(len, items))} bytes")
            for number, item in enumerate(value):
                yield from dissect(item, f"{name}[{number}].")
        case Nested():
            yield from dissect(value, f"{name}.")
        case _:
            yield Line(struct.pack(f">{field.format}", value), f"{name} = {value}")
