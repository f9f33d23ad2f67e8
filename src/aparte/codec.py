"""The TLS presentation language (RFC 8446 §3) with RFC 9420 §2.1's variable-length vectors.

The only place in the program that knows byte offsets. A `Reader` never reads beyond its bounds, and
`finish` refuses trailing bytes; every malformed input raises `DecodeError` and nothing else.
"""

from __future__ import annotations

import struct
from typing import Any, Final

__all__ = [
    "MAX_VECTOR",
    "DecodeError",
    "EncodeError",
    "Reader",
    "Writer",
    "decode_length",
    "encode_length",
    "encode_optional",
    "encode_u8",
    "encode_u16",
    "encode_u32",
    "encode_u64",
    "encode_vector",
]

#: Longest vector that RFC 9420 §2.1.2 can express: 2^30 - 1 bytes.
MAX_VECTOR: Final = (1 << 30) - 1

_U16 = struct.Struct(">H")
_U32 = struct.Struct(">I")
_U64 = struct.Struct(">Q")

encode_u16 = _U16.pack
encode_u32 = _U32.pack
encode_u64 = _U64.pack


class DecodeError(ValueError):
    """The bytes are not an encoding of what was expected. `offset` says where, in bytes."""

    def __init__(self, problem: str, offset: int = 0) -> None:
        super().__init__(f"{problem} (at byte {offset})")
        self.problem = problem
        self.offset = offset


class EncodeError(ValueError):
    """A value does not fit the structure that it is to be written in."""


def encode_u8(value: int) -> bytes:
    """One byte; `struct.error` is avoided because `bytes` already refuses what does not fit."""
    return bytes((value,))


def encode_length(length: int) -> bytes:
    """The shortest header for a vector of `length` bytes (RFC 9420 §2.1.2): 1, 2 or 4 bytes."""
    if length < 0x40:
        return bytes((length,))
    if length < 0x4000:
        return _U16.pack(0x4000 | length)
    if length <= MAX_VECTOR:
        return _U32.pack(0x8000_0000 | length)
    raise EncodeError(f"a vector of {length} bytes cannot be encoded")


def encode_vector(data: bytes) -> bytes:
    """`opaque data<V>`: a minimal length header, then the bytes."""
    return encode_length(len(data)) + data


def encode_optional(data: bytes | None) -> bytes:
    """`optional<T>`: 0, or 1 and the already encoded value."""
    return b"\x00" if data is None else b"\x01" + data


def decode_length(data: bytes) -> int:
    """The length that a vector header says, the header being the whole of `data`."""
    reader = Reader(data)
    length = reader.length()
    reader.finish()
    return length


class Reader:
    """A cursor over `data[start:end]`. Each method consumes one field or raises `DecodeError`."""

    __slots__ = ("_data", "_end", "_pos")

    def __init__(self, data: bytes, start: int = 0, end: int | None = None) -> None:
        self._data = data
        self._pos = start
        self._end = len(data) if end is None else end

    @property
    def position(self) -> int:
        """Offset of the next byte, counted from the start of the underlying data."""
        return self._pos

    @property
    def remaining(self) -> int:
        """Bytes that are left before this reader's end."""
        return self._end - self._pos

    def u8(self) -> int:
        pos = self._pos
        if pos >= self._end:
            raise DecodeError("unexpected end", pos)
        self._pos = pos + 1
        return self._data[pos]

    def u16(self) -> int:
        return int.from_bytes(self.take(2))

    def u32(self) -> int:
        return int.from_bytes(self.take(4))

    def u64(self) -> int:
        return int.from_bytes(self.take(8))

    def take(self, length: int) -> bytes:
        """`opaque[length]`: exactly that many bytes."""
        pos = self._pos
        stop = pos + length
        if stop > self._end:
            raise DecodeError("unexpected end", pos)
        self._pos = stop
        return self._data[pos:stop]

    def unpack(self, fields: struct.Struct) -> tuple[Any, ...]:
        """Several fields of fixed size at once."""
        pos = self._pos
        stop = pos + fields.size
        if stop > self._end:
            raise DecodeError("unexpected end", pos)
        self._pos = stop
        return fields.unpack_from(self._data, pos)

    def length(self) -> int:
        """A vector header. A length that would fit a shorter header is refused (RFC 9420 §2.1.2)."""
        pos = self._pos
        first = self.u8()
        if first < 0x40:
            return first
        if first < 0x80:
            value = (first & 0x3F) << 8 | self.u8()
            if value < 0x40:
                raise DecodeError("vector length is not minimal", pos)
            return value
        if first < 0xC0:
            value = (first & 0x3F) << 24 | int.from_bytes(self.take(3))
            if value < 0x4000:
                raise DecodeError("vector length is not minimal", pos)
            return value
        raise DecodeError("vector length has an invalid prefix", pos)

    def vector(self, limit: int = MAX_VECTOR) -> bytes:
        """`opaque field<V>` of at most `limit` bytes."""
        pos, data = self._pos, self._data
        if pos < self._end and data[pos] < 0x40:  # the usual case, without a second call
            length = data[pos]
            start = pos + 1
        else:
            length = self.length()
            start = self._pos
        if length > limit:
            raise DecodeError(f"vector of {length} bytes exceeds {limit}", pos)
        stop = start + length
        if stop > self._end:
            raise DecodeError("unexpected end", start)
        self._pos = stop
        return data[start:stop]

    def nested(self, limit: int = MAX_VECTOR) -> Reader:
        """A reader over the contents of a vector, which this reader skips."""
        start = self._pos
        length = self.length()
        if length > limit:
            raise DecodeError(f"vector of {length} bytes exceeds {limit}", start)
        pos = self._pos
        if pos + length > self._end:
            raise DecodeError("unexpected end", pos)
        self._pos = pos + length
        return Reader(self._data, pos, pos + length)

    def optional(self) -> bool:
        """The presence byte of an `optional<T>`: 0 or 1, nothing else."""
        pos = self._pos
        presence = self.u8()
        if presence > 1:
            raise DecodeError("presence byte is neither 0 nor 1", pos)
        return presence == 1

    def since(self, start: int) -> bytes:
        """What was consumed from offset `start` (a former `position`) until now, as it came."""
        return self._data[start : self._pos]

    def rest(self) -> bytes:
        """All that is left."""
        return self.take(self._end - self._pos)

    def finish(self) -> None:
        """Refuse trailing bytes."""
        if self._pos != self._end:
            raise DecodeError(f"{self._end - self._pos} trailing bytes", self._pos)

    def __bool__(self) -> bool:
        """True while bytes are left: `while reader: ...` walks the items of a vector."""
        return self._pos < self._end


class Writer:
    """Collects encoded fields; `bytes(writer)` joins them. For structures with many fields."""

    __slots__ = ("_parts",)

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def u8(self, value: int) -> Writer:
        self._parts.append(encode_u8(value))
        return self

    def u16(self, value: int) -> Writer:
        self._parts.append(encode_u16(value))
        return self

    def u32(self, value: int) -> Writer:
        self._parts.append(encode_u32(value))
        return self

    def u64(self, value: int) -> Writer:
        self._parts.append(encode_u64(value))
        return self

    def raw(self, data: bytes) -> Writer:
        self._parts.append(data)
        return self

    def vector(self, data: bytes) -> Writer:
        self._parts.append(encode_length(len(data)))
        self._parts.append(data)
        return self

    def __bytes__(self) -> bytes:
        return b"".join(self._parts)
