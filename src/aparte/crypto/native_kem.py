"""The KEMs of the native provider behind one interface."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from aparte.crypto.api import KemPrivateKey
from aparte.crypto.native_curves import P256, P384, P521
from aparte.crypto.native_dhkem import NistKem, X448Kem
from aparte.crypto.native_x25519 import X25519Kem
from aparte.crypto.native_xwing import XWingKem
from aparte.crypto.suites import Kem

__all__ = ["KemAlgorithm", "kem_algorithm"]


class KemAlgorithm(Protocol):
    """What RFC 9180 §4 asks of a KEM. Data may lead to `InvalidKey` and to nothing else."""

    def generate(self) -> KemPrivateKey:
        """GenerateKeyPair."""

    def derive(self, ikm: bytes) -> KemPrivateKey:
        """DeriveKeyPair."""

    def load(self, private_key: bytes) -> KemPrivateKey:
        """DeserializePrivateKey."""

    def check(self, public_key: bytes) -> None:
        """DeserializePublicKey, and that `encapsulate` will take it."""

    def encapsulate(self, public_key: bytes) -> tuple[bytes, bytes]:
        """Encap: (shared_secret, enc)."""

    def decapsulate(self, private_key: KemPrivateKey, enc: bytes) -> bytes:
        """Decap. Raises `TypeError` for a key object of another KEM."""


def kem_algorithm(kem: Kem, rng: Callable[[int], bytes]) -> KemAlgorithm:
    """The implementation of `kem`."""
    match kem:
        case Kem.X25519:
            return X25519Kem(rng)
        case Kem.X448:
            return X448Kem(rng)
        case Kem.P256:
            return NistKem(kem, P256, rng)
        case Kem.P384:
            return NistKem(kem, P384, rng)
        case Kem.P521:
            return NistKem(kem, P521, rng)
        case Kem.XWING:
            return XWingKem(rng)
