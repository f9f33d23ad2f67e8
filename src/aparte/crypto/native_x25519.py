"""DHKEM(X25519, HKDF-SHA256) (RFC 9180 §4.1) by libsodium, and the X25519 that X-Wing shares.

libsodium needs no key objects and makes a public key from bytes in two thirds of OpenSSL's time; most keys
of a ratchet tree are used once or never. It reads 32 bytes whatever it is given: lengths are checked here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from nacl.bindings import crypto_scalarmult, crypto_scalarmult_base
from nacl.exceptions import CryptoError as LibraryError

from aparte.crypto.api import InvalidKey, KemPrivateKey
from aparte.crypto.hpke import DhKemKdf
from aparte.crypto.suites import Kem

__all__ = ["X25519_LENGTH", "X25519Kem", "X25519PrivateKey", "check_x25519", "x25519", "x25519_base"]

#: Private keys, public keys and encapsulated keys alike.
X25519_LENGTH: Final = 32

_P: Final = 2**255 - 19

#: u of the points on the curve and its twist whose order divides 8: every private key makes zero of them.
_SMALL_ORDER: Final = frozenset(
    {
        0,
        1,
        _P - 1,
        325606250916557431795983626356110631294008115727848805560023387167927233504,
        39382357235489614581723060781553021112529911719440698176882885853963445705823,
    }
)


def check_x25519(public_key: bytes) -> None:
    """Raises `InvalidKey` for a wrong length and for the points with which `x25519` fails."""
    if len(public_key) != X25519_LENGTH:
        raise InvalidKey("an X25519 public key has 32 bytes")
    if (int.from_bytes(public_key, "little") & (1 << 255) - 1) % _P in _SMALL_ORDER:
        raise InvalidKey("the X25519 public key has small order")


def x25519(scalar: bytes, public_key: bytes) -> bytes:
    """X25519 (RFC 7748 §5). Raises `InvalidKey` for an all-zero result, as RFC 9180 §7.1.4 asks."""
    if len(public_key) != X25519_LENGTH or len(scalar) != X25519_LENGTH:
        raise InvalidKey("an X25519 key has 32 bytes")
    try:
        return crypto_scalarmult(scalar, public_key)
    except LibraryError:
        raise InvalidKey("the X25519 public key has small order") from None


def x25519_base(scalar: bytes) -> bytes:
    """The public key of a 32-byte private key."""
    return crypto_scalarmult_base(scalar)


class X25519PrivateKey:
    """A clamped scalar (RFC 9180 §7.1.2). The public key is computed when first asked for."""

    __slots__ = ("_public_key", "private_key")

    def __init__(self, scalar: bytes) -> None:
        self.private_key = bytes((scalar[0] & 0xF8,)) + scalar[1:31] + bytes((scalar[31] & 0x7F | 0x40,))
        self._public_key: bytes | None = None

    @property
    def public_key(self) -> bytes:
        if self._public_key is None:
            self._public_key = crypto_scalarmult_base(self.private_key)
        return self._public_key

    def __repr__(self) -> str:
        return "<X25519PrivateKey>"


class X25519Kem:
    """See `aparte.crypto.native_kem.KemAlgorithm`. The ephemeral key comes from `rng`."""

    def __init__(self, rng: Callable[[int], bytes]) -> None:
        self._rng = rng
        self._kdf = DhKemKdf(Kem.X25519)

    def generate(self) -> X25519PrivateKey:
        return X25519PrivateKey(self._rng(X25519_LENGTH))

    def derive(self, ikm: bytes) -> X25519PrivateKey:
        return X25519PrivateKey(self._kdf.derive_private_key(ikm, X25519_LENGTH))

    def load(self, private_key: bytes) -> X25519PrivateKey:
        if len(private_key) != X25519_LENGTH:
            raise InvalidKey("an X25519 private key has 32 bytes")
        return X25519PrivateKey(private_key)

    def check(self, public_key: bytes) -> None:
        check_x25519(public_key)

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        ephemeral = self._rng(X25519_LENGTH)
        dh = x25519(ephemeral, public_key)
        enc = crypto_scalarmult_base(ephemeral)
        return self._kdf.extract_and_expand(dh, enc + public_key), enc

    def decapsulate(self, private_key: KemPrivateKey, enc: bytes) -> bytes:
        if not isinstance(private_key, X25519PrivateKey):
            raise TypeError("the private key belongs to another KEM")
        dh = x25519(private_key.private_key, enc)
        return self._kdf.extract_and_expand(dh, enc + private_key.public_key)
