"""What the statements of this room share: version, labels, digests, and the field that says who signed."""

from __future__ import annotations

import hashlib
from typing import Final

from aparte.codec import EncodeError, Reader, encode_optional, encode_u8, encode_vector
from aparte.trust.errors import UnknownVersion
from aparte.wire.ids import DEVICE_ID_LENGTH, DeviceId

__all__ = [
    "VERSION",
    "digest",
    "encode_signer",
    "encode_version",
    "label",
    "number",
    "opaque",
    "read_signer",
    "read_version",
]

#: The first byte of every structure here.
VERSION: Final = 1

_PREFIX: Final = b"aparte/1 "


def label(purpose: bytes) -> bytes:
    """`opaque label<V>`, which begins whatever is signed or hashed, so that no bytes serve two purposes."""
    return encode_vector(_PREFIX + purpose)


def digest(labeled: bytes) -> bytes:
    """H = SHA-256, whatever the cipher suite: what is named by a hash outlives suites."""
    return hashlib.sha256(labeled).digest()


def opaque(data: bytes, length: int) -> bytes:
    """`opaque data[length]`; raises `EncodeError`."""
    if len(data) != length:
        raise EncodeError(f"{len(data)} bytes where {length} belong")
    return data


def number(value: int, *, bits: int) -> bytes:
    """`uint32` or `uint64`; raises `EncodeError`, where a bare `struct` would raise its own."""
    try:
        return value.to_bytes(bits // 8)
    except OverflowError:
        raise EncodeError(f"{value} does not fit {bits} bits") from None


def encode_version() -> bytes:
    return encode_u8(VERSION)


def read_version(reader: Reader, structure: str) -> None:
    """Raises `UnknownVersion`: what follows another version cannot be read, not even skipped."""
    start = reader.position
    version = reader.u8()
    if version != VERSION:
        raise UnknownVersion(structure, version, offset=start)


def encode_signer(signer: DeviceId | None) -> bytes:
    """`optional<DeviceId>`: absent when the root key signs."""
    return encode_optional(None if signer is None else opaque(signer, DEVICE_ID_LENGTH))


def read_signer(reader: Reader) -> DeviceId | None:
    return DeviceId(reader.take(DEVICE_ID_LENGTH)) if reader.optional() else None
