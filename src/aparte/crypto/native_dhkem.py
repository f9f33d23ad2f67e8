"""The DHKEMs (RFC 9180 §4.1) that OpenSSL carries: X448, P-256, P-384 and P-521."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from cryptography.hazmat.primitives.asymmetric import ec, x448

from aparte.crypto.api import InvalidKey, KemPrivateKey
from aparte.crypto.hpke import DhKemKdf
from aparte.crypto.native_curves import NistCurve
from aparte.crypto.suites import Kem

__all__ = ["NistKem", "NistPrivateKey", "X448Kem", "X448PrivateKey"]

# -- X448 ----------------------------------------------------------------------------------------------------

_X448_LENGTH: Final = 56
_P448: Final = 2**448 - 2**224 - 1

#: u of the points on the curve and its twist whose order divides 4: every private key makes zero of them.
_X448_SMALL_ORDER: Final = frozenset({0, 1, _P448 - 1})


class X448PrivateKey:
    """A clamped scalar (RFC 9180 §7.1.2), parsed."""

    __slots__ = ("key", "private_key", "public_key")

    def __init__(self, scalar: bytes) -> None:
        self.private_key = bytes((scalar[0] & 0xFC,)) + scalar[1:55] + bytes((scalar[55] | 0x80,))
        self.key = x448.X448PrivateKey.from_private_bytes(self.private_key)
        self.public_key = self.key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return "<X448PrivateKey>"


class X448Kem:
    """DHKEM(X448, HKDF-SHA512). The ephemeral key comes from `rng`."""

    def __init__(self, rng: Callable[[int], bytes]) -> None:
        self._rng = rng
        self._kdf = DhKemKdf(Kem.X448)

    def generate(self) -> X448PrivateKey:
        return X448PrivateKey(self._rng(_X448_LENGTH))

    def derive(self, ikm: bytes) -> X448PrivateKey:
        return X448PrivateKey(self._kdf.derive_private_key(ikm, _X448_LENGTH))

    def load(self, private_key: bytes) -> X448PrivateKey:
        if len(private_key) != _X448_LENGTH:
            raise InvalidKey("an X448 private key has 56 bytes")
        return X448PrivateKey(private_key)

    def check(self, public_key: bytes) -> None:
        if len(public_key) != _X448_LENGTH:
            raise InvalidKey("an X448 public key has 56 bytes")
        if int.from_bytes(public_key, "little") % _P448 in _X448_SMALL_ORDER:
            raise InvalidKey("the X448 public key has small order")

    def _exchange(self, private_key: X448PrivateKey, public_key: bytes) -> bytes:
        if len(public_key) != _X448_LENGTH:
            raise InvalidKey("an X448 public key has 56 bytes")
        try:
            return private_key.key.exchange(x448.X448PublicKey.from_public_bytes(public_key))
        except ValueError:  # an all-zero result, which RFC 9180 §7.1.4 wants refused
            raise InvalidKey("the X448 public key has small order") from None

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        ephemeral = self.generate()
        dh, enc = self._exchange(ephemeral, public_key), ephemeral.public_key
        return self._kdf.extract_and_expand(dh, enc + public_key), enc

    def decapsulate(self, private_key: KemPrivateKey, enc: bytes) -> bytes:
        if not isinstance(private_key, X448PrivateKey):
            raise TypeError("the private key belongs to another KEM")
        return self._kdf.extract_and_expand(self._exchange(private_key, enc), enc + private_key.public_key)


# -- NIST curves ---------------------------------------------------------------------------------------------


class NistPrivateKey:
    """A parsed key of a NIST curve."""

    __slots__ = ("curve", "key", "public_key")

    def __init__(self, curve: NistCurve, key: ec.EllipticCurvePrivateKey) -> None:
        self.curve = curve
        self.key = key
        self.public_key = curve.encode_public(key.public_key())

    @property
    def private_key(self) -> bytes:
        return self.curve.encode_private(self.key)

    def __repr__(self) -> str:
        return f"<NistPrivateKey {self.curve.name}>"


class NistKem:
    """DHKEM(P-256, HKDF-SHA256) and its larger sisters. The ephemeral key comes from OpenSSL's generator."""

    def __init__(self, kem: Kem, curve: NistCurve, rng: Callable[[int], bytes]) -> None:
        self._rng = rng
        self._curve = curve
        self._kdf = DhKemKdf(kem)

    def generate(self) -> NistPrivateKey:
        return NistPrivateKey(self._curve, self._curve.generate(self._rng))

    def derive(self, ikm: bytes) -> NistPrivateKey:
        curve = self._curve
        scalar = self._kdf.derive_scalar(ikm, length=curve.scalar_length, bitmask=curve.bitmask, order=curve.order)
        return NistPrivateKey(curve, curve.private_from_scalar(scalar))

    def load(self, private_key: bytes) -> NistPrivateKey:
        return NistPrivateKey(self._curve, self._curve.load_private(private_key))

    def check(self, public_key: bytes) -> None:
        self._curve.load_public(public_key)

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        peer = self._curve.load_public(public_key)
        ephemeral = self._curve.generate_ephemeral()
        enc = self._curve.encode_public(ephemeral.public_key())
        return self._kdf.extract_and_expand(ephemeral.exchange(ec.ECDH(), peer), enc + public_key), enc

    def decapsulate(self, private_key: KemPrivateKey, enc: bytes) -> bytes:
        if not isinstance(private_key, NistPrivateKey) or private_key.curve is not self._curve:
            raise TypeError("the private key belongs to another KEM")
        dh = private_key.key.exchange(ec.ECDH(), self._curve.load_public(enc))
        return self._kdf.extract_and_expand(dh, enc + private_key.public_key)
