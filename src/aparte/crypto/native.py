"""The native provider: OpenSSL through `cryptography`, libsodium through PyNaCl, hashes through hashlib.

Which library serves which primitive was measured, loading of keys included: benchmarks/crypto_primitives.py.
Randomness is drawn from the provider's `rng`, with two exceptions inside OpenSSL: the ephemeral keys of the
NIST curves, and ML-KEM's half of an X-Wing encapsulation.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM, ChaCha20Poly1305

from aparte.crypto.api import (
    CryptoError,
    InvalidKey,
    InvalidSignature,
    KemPrivateKey,
    OpenError,
    Signer,
    UnsupportedSuite,
)
from aparte.crypto.hpke import KeySchedule
from aparte.crypto.kdf import HASH_FUNCTION, Hkdf
from aparte.crypto.native_kem import kem_algorithm
from aparte.crypto.native_signatures import signature_scheme
from aparte.crypto.parallel import map_slices
from aparte.crypto.suites import CIPHER_SUITES, DEFAULT_CIPHER_SUITE, Aead, CipherSuite

__all__ = ["NativeAead", "NativeProvider", "NativeSuite"]

_NONCE_LENGTH: Final = 12

#: Signatures to verify, two milliseconds of Ed25519, that make a thread worth its start of a quarter.
_SIGNATURES_PER_THREAD: Final = 32


class NativeAead:
    """An AEAD by OpenSSL, keyed anew at each call: making the key object costs a microsecond."""

    __slots__ = ("_cipher", "_key_length")

    def __init__(self, cipher: type[AESGCM | ChaCha20Poly1305], key_length: int) -> None:
        self._cipher = cipher
        self._key_length = key_length

    def seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        if len(key) != self._key_length or len(nonce) != _NONCE_LENGTH:
            raise InvalidKey("an AEAD key or nonce has the wrong length")
        try:
            return self._cipher(key).encrypt(nonce, plaintext, aad)
        except OverflowError:
            raise CryptoError("too long for the AEAD") from None

    def open(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        if len(key) != self._key_length or len(nonce) != _NONCE_LENGTH:
            raise OpenError("an AEAD key or nonce has the wrong length")
        try:
            return self._cipher(key).decrypt(nonce, ciphertext, aad)
        except (InvalidTag, OverflowError):
            raise OpenError("the ciphertext does not open") from None


_CHACHA20_POLY1305: Final = NativeAead(ChaCha20Poly1305, 32)
_AEAD: Final = {
    Aead.AES_128_GCM: NativeAead(AESGCM, 16),
    Aead.AES_256_GCM: NativeAead(AESGCM, 32),
    Aead.CHACHA20_POLY1305: _CHACHA20_POLY1305,
}


class NativeSuite:
    """One cipher suite; `aparte.crypto.api.Suite` says what each method promises.

    What only forwards is bound in the constructor, so that a call is one Python call.
    """

    def __init__(self, parameters: CipherSuite, rng: Callable[[int], bytes]) -> None:
        aead, hkdf = _AEAD[parameters.aead], Hkdf(parameters.hash)
        scheme, kem = signature_scheme(parameters.signature), kem_algorithm(parameters.kem, rng)
        self.parameters = parameters
        self.mac = hkdf.mac
        self.macs = hkdf.macs
        self.expand = hkdf.expand
        self.seal = aead.seal
        self.open = aead.open
        self.load_signer = scheme.load
        self.check_signature_key = scheme.check
        self.verify = scheme.verify
        self.generate_kem_key = kem.generate
        self.derive_kem_key = kem.derive
        self.load_kem_key = kem.load
        self.check_kem_public_key = kem.check
        self._rng = rng
        self._digest = HASH_FUNCTION[parameters.hash]
        self._scheme = scheme
        self._kem = kem
        self._schedule = KeySchedule(parameters)

    def __repr__(self) -> str:
        return f"<NativeSuite {self.parameters.name}>"

    def random(self, length: int) -> bytes:
        return self._rng(length)

    def hash(self, data: bytes) -> bytes:
        return self._digest(data).digest()

    def extract(self, salt: bytes, ikm: bytes) -> bytes:
        return self.mac(salt, ikm)

    def generate_signer(self) -> Signer:
        return self._scheme.generate(self._rng)

    def verify_many(self, items: Sequence[tuple[bytes, bytes, bytes]]) -> None:
        verify = self.verify

        def first_failure(part: range) -> int | None:
            for index in part:
                try:
                    verify(*items[index])
                except CryptoError:
                    return index
            return None

        for failure in map_slices(first_failure, len(items), smallest=_SIGNATURES_PER_THREAD):
            if failure is not None:
                raise InvalidSignature(failure)

    # -- HPKE, base mode (RFC 9180 §6) ---------------------------------------------------------------------
    def hpke_seal(self, public_key: bytes, info: bytes, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
        shared_secret, enc = self._kem.encapsulate(public_key)
        key, nonce = self._schedule.key_and_nonce(shared_secret, self._schedule.context(info))
        return enc, self.seal(key, nonce, aad, plaintext)

    def hpke_seal_many(self, items: Sequence[tuple[bytes, bytes, bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        # On threads it took as long, and up to twice the CPU: ML-KEM, the NIST curves and X448 hold the lock.
        # An info that many items share, a Welcome's with a tree of megabytes in it, is hashed once.
        encapsulate, key_and_nonce, seal = self._kem.encapsulate, self._schedule.key_and_nonce, self.seal
        contexts: dict[bytes, bytes] = {}
        sealed = []
        for public_key, info, aad, plaintext in items:
            context = contexts.get(info)
            if context is None:
                context = contexts[info] = self._schedule.context(info)
            shared_secret, enc = encapsulate(public_key)
            key, nonce = key_and_nonce(shared_secret, context)
            sealed.append((enc, seal(key, nonce, aad, plaintext)))
        return sealed

    def hpke_open(
        self, private_key: KemPrivateKey, kem_output: bytes, info: bytes, aad: bytes, ciphertext: bytes
    ) -> bytes:
        shared_secret = self._decapsulate(private_key, kem_output)
        key, nonce = self._schedule.key_and_nonce(shared_secret, self._schedule.context(info))
        return self.open(key, nonce, aad, ciphertext)

    def hpke_export_to(
        self, public_key: bytes, info: bytes, exporter_context: bytes, length: int
    ) -> tuple[bytes, bytes]:
        shared_secret, enc = self._kem.encapsulate(public_key)
        return enc, self._schedule.export(shared_secret, self._schedule.context(info), exporter_context, length)

    def hpke_export_from(
        self, private_key: KemPrivateKey, kem_output: bytes, info: bytes, exporter_context: bytes, length: int
    ) -> bytes:
        shared_secret = self._decapsulate(private_key, kem_output)
        return self._schedule.export(shared_secret, self._schedule.context(info), exporter_context, length)

    def _decapsulate(self, private_key: KemPrivateKey, kem_output: bytes) -> bytes:
        try:
            return self._kem.decapsulate(private_key, kem_output)
        except InvalidKey as error:
            raise OpenError(f"malformed encapsulated key: {error}") from None


class NativeProvider:
    """All cipher suites of the table. `rng(n)` gives n random bytes."""

    def __init__(self, rng: Callable[[int], bytes] = os.urandom) -> None:
        self._rng = rng
        self._suites: dict[int, NativeSuite] = {}

    @property
    def chacha20_poly1305(self) -> NativeAead:
        return _CHACHA20_POLY1305

    def supported(self) -> tuple[int, ...]:
        """The default, then by number."""
        return (DEFAULT_CIPHER_SUITE, *(number for number in CIPHER_SUITES if number != DEFAULT_CIPHER_SUITE))

    def suite(self, number: int) -> NativeSuite:
        if number not in CIPHER_SUITES:
            raise UnsupportedSuite(f"no cipher suite {number:#06x}")
        if number not in self._suites:
            self._suites.setdefault(number, NativeSuite(CIPHER_SUITES[number], self._rng))
        return self._suites[number]
