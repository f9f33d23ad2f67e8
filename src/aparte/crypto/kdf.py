"""HMAC (RFC 2104) and HKDF (RFC 5869) over hashlib.

Two hashlib calls take 1.0 µs where `hmac.digest`, which looks its algorithm up each time, takes 1.6
(benchmarks/crypto_primitives.py); a message costs a dozen of them.
"""

from __future__ import annotations

import hashlib
from typing import Final, Protocol

from aparte.crypto.api import CryptoError
from aparte.crypto.suites import Hash

__all__ = ["HASH_FUNCTION", "Hkdf", "Mac", "Macs", "hmac_with", "hmacs_with"]

#: hashlib's constructors.
HASH_FUNCTION: Final = {Hash.SHA256: hashlib.sha256, Hash.SHA384: hashlib.sha384, Hash.SHA512: hashlib.sha512}

# Tables for bytes.translate, which XORs a whole block in one call.
_INNER: Final = bytes(byte ^ 0x36 for byte in range(256))
_OUTER: Final = bytes(byte ^ 0x5C for byte in range(256))


class Mac(Protocol):
    """A keyed hash, ready to be called."""

    def __call__(self, key: bytes, data: bytes) -> bytes: ...


class Macs(Protocol):
    """A keyed hash of several messages under one key."""

    def __call__(self, key: bytes, *messages: bytes) -> list[bytes]: ...


def hmac_with(hash_: Hash) -> Mac:
    """HMAC with that hash (RFC 2104 §2)."""
    digest = HASH_FUNCTION[hash_]
    block_length = digest().block_size

    def mac(key: bytes, data: bytes) -> bytes:
        if len(key) > block_length:
            key = digest(key).digest()
        block = key.ljust(block_length, b"\x00")
        return digest(block.translate(_OUTER) + digest(block.translate(_INNER) + data).digest()).digest()

    return mac


def hmacs_with(hash_: Hash) -> Macs:
    """HMACs of several messages under one key, whose two pads are made once: a ratchet step has three."""
    digest = HASH_FUNCTION[hash_]
    block_length = digest().block_size

    def macs(key: bytes, *messages: bytes) -> list[bytes]:
        if len(key) > block_length:
            key = digest(key).digest()
        block = key.ljust(block_length, b"\x00")
        inner, outer = block.translate(_INNER), block.translate(_OUTER)
        return [digest(outer + digest(inner + message).digest()).digest() for message in messages]

    return macs


class Hkdf:
    """HKDF with one hash. `mac` is the HMAC, and as `mac(salt, ikm)` it is HKDF-Extract (RFC 5869 §2.2)."""

    __slots__ = ("hash_length", "mac", "macs")

    def __init__(self, hash_: Hash) -> None:
        self.mac = hmac_with(hash_)
        self.macs = hmacs_with(hash_)
        self.hash_length = HASH_FUNCTION[hash_]().digest_size

    def check_length(self, length: int) -> None:
        """Raises `CryptoError` unless HKDF-Expand can give that many bytes."""
        if not 0 <= length <= 255 * self.hash_length:
            raise CryptoError(f"HKDF-Expand gives up to {255 * self.hash_length} bytes, not {length}")

    def expand(self, prk: bytes, info: bytes, length: int) -> bytes:
        """HKDF-Expand (RFC 5869 §2.3). Raises `CryptoError` beyond 255 hashes."""
        if 0 < length <= self.hash_length:  # one block: every secret of MLS
            return self.mac(prk, info + b"\x01")[:length]
        self.check_length(length)
        block, blocks = b"", []
        for counter in range(1, -(-length // self.hash_length) + 1):
            block = self.mac(prk, block + info + bytes((counter,)))
            blocks.append(block)
        return b"".join(blocks)[:length]
