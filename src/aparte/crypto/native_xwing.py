"""X-Wing (draft-connolly-cfrg-xwing-kem, KEM 0x647A): ML-KEM-768 by OpenSSL and X25519 by libsodium."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from cryptography.hazmat.primitives.asymmetric import mlkem

from aparte.crypto.api import InvalidKey, KemPrivateKey
from aparte.crypto.hpke import derive_xwing_seed
from aparte.crypto.native_x25519 import X25519_LENGTH, check_x25519, x25519, x25519_base

__all__ = ["XWingKem", "XWingPrivateKey"]

_SEED: Final = 32
_MLKEM_PUBLIC: Final = 1184
_MLKEM_CIPHERTEXT: Final = 1088
_PUBLIC: Final = _MLKEM_PUBLIC + X25519_LENGTH
_ENC: Final = _MLKEM_CIPHERTEXT + X25519_LENGTH

#: §5.3 draws it as a wing, in two rows.
_LABEL: Final = rb"\./" + rb"/^" + b"\\"


@dataclass(frozen=True, slots=True, repr=False)
class _Expanded:
    """expandDecapsulationKey (§5.2): what the seed stands for."""

    mlkem: mlkem.MLKEM768PrivateKey
    x25519: bytes
    public_key: bytes


def _expand(seed: bytes) -> _Expanded:
    expanded = hashlib.shake_256(seed).digest(96)
    mlkem_key = mlkem.MLKEM768PrivateKey.from_seed_bytes(expanded[:64])
    scalar = expanded[64:]
    return _Expanded(mlkem_key, scalar, mlkem_key.public_key().public_bytes_raw() + x25519_base(scalar))


class XWingPrivateKey:
    """The 32-byte seed, expanded when first needed and then kept so."""

    __slots__ = ("_expanded", "private_key")

    def __init__(self, seed: bytes) -> None:
        self.private_key = seed
        self._expanded: _Expanded | None = None

    @property
    def expanded(self) -> _Expanded:
        if self._expanded is None:
            self._expanded = _expand(self.private_key)
        return self._expanded

    @property
    def public_key(self) -> bytes:
        return self.expanded.public_key

    def __repr__(self) -> str:
        return "<XWingPrivateKey>"


def _combine(mlkem_secret: bytes, x25519_secret: bytes, enc: bytes, public_key: bytes) -> bytes:
    """Combiner (§5.3), over the X25519 halves of ciphertext and public key; ML-KEM binds its own."""
    halves = enc[_MLKEM_CIPHERTEXT:] + public_key[_MLKEM_PUBLIC:]
    return hashlib.sha3_256(mlkem_secret + x25519_secret + halves + _LABEL).digest()


def _mlkem_public(public_key: bytes) -> mlkem.MLKEM768PublicKey:
    if len(public_key) != _PUBLIC:
        raise InvalidKey(f"an X-Wing public key has {_PUBLIC} bytes")
    try:
        return mlkem.MLKEM768PublicKey.from_public_bytes(public_key[:_MLKEM_PUBLIC])
    except ValueError:  # a coefficient is not reduced (FIPS 203 §7.2)
        raise InvalidKey("the ML-KEM half of the public key is not canonical") from None


class XWingKem:
    """See `aparte.crypto.native_kem.KemAlgorithm`.

    An encapsulation takes its X25519 half from `rng`, its ML-KEM half from OpenSSL's generator. An all-zero
    X25519 secret, which X-Wing would bear, is refused as in DHKEM: no honest key leads to it.
    """

    def __init__(self, rng: Callable[[int], bytes]) -> None:
        self._rng = rng

    def generate(self) -> XWingPrivateKey:
        return XWingPrivateKey(self._rng(_SEED))

    def derive(self, ikm: bytes) -> XWingPrivateKey:
        return XWingPrivateKey(derive_xwing_seed(ikm))

    def load(self, private_key: bytes) -> XWingPrivateKey:
        if len(private_key) != _SEED:
            raise InvalidKey("an X-Wing private key is a seed of 32 bytes")
        return XWingPrivateKey(private_key)

    def check(self, public_key: bytes) -> None:
        _mlkem_public(public_key)
        check_x25519(public_key[_MLKEM_PUBLIC:])

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        mlkem_secret, ciphertext = _mlkem_public(public_key).encapsulate()
        ephemeral = self._rng(X25519_LENGTH)
        x25519_secret = x25519(ephemeral, public_key[_MLKEM_PUBLIC:])
        enc = ciphertext + x25519_base(ephemeral)
        return _combine(mlkem_secret, x25519_secret, enc, public_key), enc

    def decapsulate(self, private_key: KemPrivateKey, enc: bytes) -> bytes:
        if not isinstance(private_key, XWingPrivateKey):
            raise TypeError("the private key belongs to another KEM")
        if len(enc) != _ENC:
            raise InvalidKey(f"an X-Wing encapsulation has {_ENC} bytes")
        expanded = private_key.expanded
        mlkem_secret = expanded.mlkem.decapsulate(enc[:_MLKEM_CIPHERTEXT])
        x25519_secret = x25519(expanded.x25519, enc[_MLKEM_CIPHERTEXT:])
        return _combine(mlkem_secret, x25519_secret, enc, expanded.public_key)
