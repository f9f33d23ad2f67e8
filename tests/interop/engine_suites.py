"""The engine's provider for live peers: its own suites, and ts-mls's X-Wing ones, which serve here alone."""

from __future__ import annotations

import hashlib
import os
from typing import Final

from aparte.crypto import KemPrivateKey, Suite
from aparte.crypto.native import NativeProvider, NativeSuite
from aparte.crypto.suites import Aead, CipherSuite, Hash, Kem, SignatureScheme

__all__ = ["INTEROP_ONLY", "InteropProvider"]

#: ts-mls's own numbers. SHA-512 throughout, and a DeriveKeyPair that RFC 9180 does not know: hence not ours.
INTEROP_ONLY: Final = {
    0x0053: CipherSuite(
        0x0053, "ts-mls X-Wing, AES-256-GCM", Kem.XWING, Hash.SHA512, Aead.AES_256_GCM, SignatureScheme.ED25519
    ),
    0x0054: CipherSuite(
        0x0054, "ts-mls X-Wing, ChaCha20", Kem.XWING, Hash.SHA512, Aead.CHACHA20_POLY1305, SignatureScheme.ED25519
    ),
}


class _XWingSuite(NativeSuite):
    """X-Wing with ts-mls's unlabeled DeriveKeyPair: SHAKE256(ikm, 32) is the seed."""

    def __init__(self, parameters: CipherSuite) -> None:
        super().__init__(parameters, os.urandom)
        self.derive_kem_key = self._derive

    def _derive(self, ikm: bytes) -> KemPrivateKey:
        return self.load_kem_key(hashlib.shake_256(ikm).digest(32))


class InteropProvider(NativeProvider):
    """Also gives the interop-only suites; one object per number."""

    def __init__(self) -> None:
        super().__init__()
        self._own = {number: _XWingSuite(parameters) for number, parameters in INTEROP_ONLY.items()}

    def suite(self, number: int) -> Suite:  # type: ignore[override]
        return self._own.get(number) or super().suite(number)
