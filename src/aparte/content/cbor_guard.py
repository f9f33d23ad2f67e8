"""What may reach the CBOR library: one deterministic data item (RFC 8949 §4.2.1) within bounds, and nothing behind it.

Everything from outside is walked here first, byte by byte and without building anything. Whatever a decoder might take
in more than one way, or at more than its length's cost, ends here: tags (shared and cyclic values, big numbers, regular
expressions), indefinite lengths, keys that are equal, odd simple values.
"""

from __future__ import annotations

import math
import struct
from typing import Final

from aparte.codec import Reader
from aparte.content.errors import CborRefused
from aparte.content.limits import MAX_ITEMS, MAX_KEY_NUMBER
from aparte.content.rules import CborRule

__all__ = ["guard"]

#: RFC 8949 §3.1.
_UNSIGNED, _NEGATIVE, _BYTES, _TEXT, _ARRAY, _MAP, _TAG, _OTHER = range(8)

#: The first number that needs 1, 2, 4 and 8 bytes behind the head.
_SHORTEST: Final = (24, 1 << 8, 1 << 16, 1 << 32)
_FALSE, _NULL = 20, 22
#: Where a head says that 1, 2, 4 or 8 bytes follow; and what says that the length is not known.
_ONE_BYTE, _TWO_BYTES, _EIGHT_BYTES, _INDEFINITE = 24, 25, 27, 31
_HALF, _SINGLE, _DOUBLE = struct.Struct(">e"), struct.Struct(">f"), struct.Struct(">d")
#: A float's width → its form, and the next shorter one.
_FLOATS: Final = {25: (_HALF, None), 26: (_SINGLE, _HALF), 27: (_DOUBLE, _SINGLE)}


def guard(data: bytes, *, most_bytes: int, most_levels: int) -> None:
    """Raises `CborRefused`, or `DecodeError` for bytes that end too early or too late.

    `most_levels` is how deeply arrays and maps may be nested.
    """
    if len(data) > most_bytes:
        raise CborRefused(CborRule.TOO_LONG, most_bytes)
    reader = Reader(data)
    _Walk(reader).item(most_levels)
    reader.finish()


class _Walk:
    """One walk over one data item, which counts the items that it meets."""

    __slots__ = ("_items", "_reader")

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._items = 0

    def item(self, levels: int) -> bool:
        """Walk over one data item, with so many levels left. Whether it may be a map's key."""
        start = self._reader.position
        self._items += 1
        _require(self._items <= MAX_ITEMS, CborRule.TOO_MANY, at=start)
        major, info = divmod(self._reader.u8(), 32)
        _require(major != _TAG, CborRule.TAG, at=start)
        if major == _OTHER:
            self._other(info, start)
            return False
        number = self._number(info, start)
        if major in {_ARRAY, _MAP}:
            _require(levels > 0, CborRule.TOO_DEEP, at=start)
            walk = self._array if major == _ARRAY else self._map
            walk(number, levels - 1)
            return False
        if major in {_BYTES, _TEXT}:
            contents = self._reader.take(number)
            _require(major == _BYTES or _is_utf_8(contents), CborRule.UTF_8, at=start)
            return True
        return number + (major == _NEGATIVE) <= MAX_KEY_NUMBER

    def _number(self, info: int, start: int) -> int:
        """A head's number: a value, a length or a count."""
        if info < _ONE_BYTE:
            return info
        _require(info != _INDEFINITE, CborRule.INDEFINITE, at=start)
        _require(info <= _EIGHT_BYTES, CborRule.RESERVED, at=start)
        number = int.from_bytes(self._reader.take(1 << info - _ONE_BYTE))
        _require(number >= _SHORTEST[info - _ONE_BYTE], CborRule.NOT_SHORTEST, at=start)
        return number

    def _array(self, count: int, levels: int) -> None:
        for _ in range(count):
            self.item(levels)

    def _map(self, count: int, levels: int) -> None:
        before = b""
        for _ in range(count):
            start = self._reader.position
            _require(self.item(levels), CborRule.KEY, at=start)
            key = self._reader.since(start)
            _require(key != before, CborRule.KEY_TWICE, at=start)
            _require(key > before, CborRule.KEY_ORDER, at=start)
            before = key
            self.item(levels)

    def _other(self, info: int, start: int) -> None:
        """false, true, null, or a float in its shortest form."""
        _require(info != _INDEFINITE, CborRule.INDEFINITE, at=start)
        _require(info <= _EIGHT_BYTES, CborRule.RESERVED, at=start)
        if info < _TWO_BYTES:
            _require(_FALSE <= info <= _NULL, CborRule.SIMPLE, at=start)
            return
        own, shorter = _FLOATS[info]
        (value,) = self._reader.unpack(own)
        _require(not math.isnan(value), CborRule.NAN, at=start)
        _require(shorter is None or not _fits(value, shorter), CborRule.NOT_SHORTEST, at=start)


def _is_utf_8(contents: bytes) -> bool:
    try:
        contents.decode()
    except UnicodeDecodeError:
        return False
    return True


def _fits(value: float, form: struct.Struct) -> bool:
    """Whether a float keeps its value in a shorter form."""
    try:
        (shortened,) = form.unpack(form.pack(value))
    except OverflowError:
        return False
    return bool(shortened == value)


def _require(condition: bool, rule: CborRule, *, at: int) -> None:
    if not condition:
        raise CborRefused(rule, at)
