"""CBOR as MIMI contents have it: read strictly, written deterministically (RFC 8949 §4.2.1).

One data item has one encoding here, so what was read is written again byte for byte.
"""

from __future__ import annotations

from typing import Final

import cbor2

from aparte.codec import DecodeError, EncodeError
from aparte.content.cbor_guard import guard
from aparte.content.limits import MAX_CONTENT, MAX_NESTING

__all__ = ["dumps", "loads"]

#: Levels of arrays and maps: a content has one, each level of parts two, the outermost one. One level of parts more is
#: let through, to be refused for what it is.
_MAX_LEVELS: Final = 2 * (MAX_NESTING + 1)


def loads(data: bytes) -> object:
    """None, bool, int, float, str, bytes, or a list or dict of those. Raises `CborRefused` and `DecodeError`."""
    guard(data, most_bytes=MAX_CONTENT, most_levels=_MAX_LEVELS)
    value: object = cbor2.loads(data, max_depth=_MAX_LEVELS + 1, allow_indefinite=False, allow_duplicate_keys=False)
    return value


def dumps(value: object) -> bytes:
    """The inverse of `loads`. Raises `EncodeError` for what `loads` would refuse."""
    try:
        data = cbor2.dumps(_ordered(value), encoders={float: _write_float})
        guard(data, most_bytes=MAX_CONTENT, most_levels=_MAX_LEVELS)
    except (cbor2.CBOREncodeError, UnicodeEncodeError, DecodeError) as error:
        raise EncodeError(f"no CBOR of ours: {error}") from None
    return data


def _ordered(value: object) -> object:
    """The same with its maps' keys in the order of their encodings: the library's own order is another (RFC 7049's)."""
    if isinstance(value, list):
        return [_ordered(item) for item in value]
    if isinstance(value, dict):
        return {key: _ordered(value[key]) for key in sorted(value, key=cbor2.dumps)}
    return value


def _write_float(encoder: cbor2.CBOREncoder, value: float) -> None:
    """In the shortest form, which the library has only together with its order."""
    encoder.write(cbor2.dumps(value, canonical=True))
