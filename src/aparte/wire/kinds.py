"""The kinds of field that stand alone: numbers, bytes, text, choices. See `layout` for structures of them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from aparte.codec import DecodeError, EncodeError, Reader, encode_vector
from aparte.wire.ids import MAX_NUMBER

__all__ = ["U8", "U16", "U32", "U64", "Choice", "Field", "Number", "Opaque", "Text", "Vector"]


class Field:
    """How one field is written. A fixed one has a `struct` format, and perhaps a conversion after unpacking."""

    @property
    def format(self) -> str:
        return ""

    def accept(self, value: Any) -> Any:
        """What a fixed field's unpacked value means; ValueError if nothing."""
        return value

    def encode(self, value: Any) -> bytes:
        raise NotImplementedError

    def decode(self, reader: Reader) -> Any:
        raise NotImplementedError

    def declare(self, name: str) -> str:
        """The field in the presentation language, with what that cannot say as a remark."""
        raise NotImplementedError


@dataclass(frozen=True)
class _UInt(Field):
    bits: int

    @property
    def format(self) -> str:
        return {8: "B", 16: "H", 32: "I", 64: "Q"}[self.bits]

    def declare(self, name: str) -> str:
        return f"uint{self.bits} {name};"


@dataclass(frozen=True)
class Number(_UInt):
    """A number that fits a database's signed integer, so that no store has to refuse it."""

    def accept(self, value: int) -> int:
        if value > MAX_NUMBER:
            raise ValueError(f"{value} is above 2^63 - 1")
        return value


U8, U16, U32, U64 = _UInt(8), _UInt(16), _UInt(32), Number(64)


@dataclass(frozen=True)
class Opaque(Field):
    """`opaque name[length]`."""

    length: int

    @property
    def format(self) -> str:
        return f"{self.length}s"

    def declare(self, name: str) -> str:
        return f"opaque {name}[{self.length}];"


@dataclass(frozen=True)
class Choice(Field):
    """One byte that names a member of `kinds`, or 0 and 1 for `bool`."""

    kinds: type[IntEnum | bool]
    format: str = "B"

    def accept(self, value: int) -> Any:
        if self.kinds is bool and value > 1:
            raise ValueError(f"{value} is neither 0 nor 1")
        return self.kinds(value)

    def declare(self, name: str) -> str:
        return f"{self.kinds.__name__} {name};"


@dataclass(frozen=True)
class Vector(Field):
    """`opaque name<V>` of at most `limit` bytes."""

    limit: int

    def encode(self, value: bytes) -> bytes:
        if len(value) > self.limit:
            raise EncodeError(f"{len(value)} bytes where {self.limit} are allowed")
        return encode_vector(value)

    def decode(self, reader: Reader) -> bytes:
        return reader.vector(self.limit)

    def declare(self, name: str) -> str:
        return f"opaque {name}<V>;  /* at most {self.limit:,} bytes */"


@dataclass(frozen=True)
class Text(Vector):
    """UTF-8 in a vector of at most `limit` bytes."""

    def encode(self, value: str) -> bytes:  # type: ignore[override]
        return super().encode(value.encode())

    def decode(self, reader: Reader) -> str:  # type: ignore[override]
        start = reader.position
        try:
            return super().decode(reader).decode()
        except UnicodeDecodeError as error:
            raise DecodeError("not UTF-8", start) from error

    def declare(self, name: str) -> str:
        return f"opaque {name}<V>;  /* UTF-8, at most {self.limit:,} bytes */"
