"""What the protocol asks of cryptography. Synchronous by design: nothing here may await.

A `Provider` gives out one `Suite` per cipher suite number. A suite is a bag of pure functions over bytes
plus key objects that may keep an expanded form. Randomness enters through the suite alone (`random`,
key generation, encapsulation, randomised signatures), so that whoever holds no suite draws none.

Every failure caused by data is a `CryptoError`; the libraries' own exceptions never come through.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from aparte.crypto.suites import CipherSuite

__all__ = [
    "AeadCipher",
    "CryptoError",
    "InvalidKey",
    "InvalidSignature",
    "KemPrivateKey",
    "OpenError",
    "Provider",
    "Signer",
    "Suite",
    "UnsupportedSuite",
]


class CryptoError(Exception):
    """Root of everything that a provider raises about data."""


class InvalidKey(CryptoError):
    """A public or private key has the wrong size, or is no valid key of its algorithm."""


class InvalidSignature(CryptoError):
    """A signature does not verify. After `verify_many`, `index` names the first bad item."""

    def __init__(self, index: int = 0) -> None:
        super().__init__("the signature does not verify")
        self.index = index


class OpenError(CryptoError):
    """A ciphertext does not open: wrong key, nonce, additional data, or altered bytes."""


class UnsupportedSuite(CryptoError):
    """The provider has no implementation of that cipher suite."""


class Signer(Protocol):
    """A private signature key. Its repr shows nothing of it."""

    @property
    def public_key(self) -> bytes:
        """SignaturePublicKey in RFC 9420 §5.1.1's encoding."""

    @property
    def private_key(self) -> bytes:
        """The encoding that `Suite.load_signer` takes (see tests vectors' conventions)."""

    def sign(self, message: bytes) -> bytes:
        """The signature (ECDSA in DER, EdDSA raw)."""


class KemPrivateKey(Protocol):
    """A private HPKE key. Its repr shows nothing of it."""

    @property
    def public_key(self) -> bytes:
        """HPKEPublicKey: RFC 9180's SerializePublicKey."""

    @property
    def private_key(self) -> bytes:
        """RFC 9180's SerializePrivateKey (X-Wing: the 32-byte seed)."""


class AeadCipher(Protocol):
    """Authenticated encryption on its own; every `Suite` is one, too. Nonces have 12 bytes, tags 16."""

    def seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """Ciphertext with its tag at the end. Raises `InvalidKey` on a wrong key or nonce size."""

    def open(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """The plaintext; raises `OpenError`."""


class Suite(Protocol):
    """The operations of one cipher suite. Lengths are in bytes."""

    @property
    def parameters(self) -> CipherSuite:
        """Number, names and sizes."""

    def random(self, length: int) -> bytes:
        """Fresh bytes from the provider's source of randomness."""

    # -- hash, MAC, KDF ------------------------------------------------------------------------------------
    def hash(self, data: bytes) -> bytes:
        """The suite's hash, `parameters.hash_length` bytes."""

    def mac(self, key: bytes, data: bytes) -> bytes:
        """HMAC with the suite's hash."""

    def macs(self, key: bytes, *messages: bytes) -> list[bytes]:
        """`mac` of each message under one key."""

    def extract(self, salt: bytes, ikm: bytes) -> bytes:
        """HKDF-Extract (RFC 5869 §2.2). An empty salt means zeros, as HMAC has it."""

    def expand(self, prk: bytes, info: bytes, length: int) -> bytes:
        """HKDF-Expand (RFC 5869 §2.3); at most 255 hashes long."""

    # -- AEAD ----------------------------------------------------------------------------------------------
    def seal(self, key: bytes, nonce: bytes, aad: bytes, plaintext: bytes) -> bytes:
        """Ciphertext with its tag at the end. Raises `InvalidKey` on a wrong key or nonce size."""

    def open(self, key: bytes, nonce: bytes, aad: bytes, ciphertext: bytes) -> bytes:
        """The plaintext; raises `OpenError`."""

    # -- signatures ----------------------------------------------------------------------------------------
    def generate_signer(self) -> Signer:
        """A fresh signature key pair."""

    def load_signer(self, private_key: bytes) -> Signer:
        """Raises `InvalidKey`."""

    def check_signature_key(self, public_key: bytes) -> None:
        """Raises `InvalidKey` unless it is a well-formed public key; cheap, where `verify` tells the rest."""

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> None:
        """Raises `InvalidKey` or `InvalidSignature`; returns nothing."""

    def verify_many(self, items: Sequence[tuple[bytes, bytes, bytes]]) -> None:
        """`verify` for each (public key, message, signature), perhaps on several threads.

        Raises `InvalidSignature` whose `index` is the first item that fails (a malformed key counts).
        """

    # -- HPKE, base mode (RFC 9180) --------------------------------------------------------------------------
    def generate_kem_key(self) -> KemPrivateKey:
        """A fresh KEM key pair."""

    def derive_kem_key(self, ikm: bytes) -> KemPrivateKey:
        """KEM.DeriveKeyPair (RFC 9180 §7.1.3; X-Wing as its draft has it): deterministic."""

    def load_kem_key(self, private_key: bytes) -> KemPrivateKey:
        """Raises `InvalidKey`."""

    def check_kem_public_key(self, public_key: bytes) -> None:
        """Raises `InvalidKey` unless it is a public key that `hpke_seal` takes."""

    def hpke_seal(self, public_key: bytes, info: bytes, aad: bytes, plaintext: bytes) -> tuple[bytes, bytes]:
        """SealBase, one message: (encapsulated key, ciphertext). Raises `InvalidKey`."""

    def hpke_seal_many(self, items: Sequence[tuple[bytes, bytes, bytes, bytes]]) -> list[tuple[bytes, bytes]]:
        """`hpke_seal` for each (public key, info, aad, plaintext), perhaps on several threads."""

    def hpke_open(
        self, private_key: KemPrivateKey, kem_output: bytes, info: bytes, aad: bytes, ciphertext: bytes
    ) -> bytes:
        """OpenBase, one message. Raises `OpenError`, also for a malformed encapsulated key.

        A key object of another KEM is the caller's mistake, a `TypeError`.
        """

    def hpke_export_to(
        self, public_key: bytes, info: bytes, exporter_context: bytes, length: int
    ) -> tuple[bytes, bytes]:
        """SendExportBase (RFC 9180 §6.2): (encapsulated key, exported secret). Raises `InvalidKey`."""

    def hpke_export_from(
        self, private_key: KemPrivateKey, kem_output: bytes, info: bytes, exporter_context: bytes, length: int
    ) -> bytes:
        """ReceiveExportBase. Raises `OpenError`."""


class Provider(Protocol):
    """Where suites come from."""

    @property
    def chacha20_poly1305(self) -> AeadCipher:
        """RFC 8439, with keys of 32 bytes, whatever the suite: what files are sealed with."""

    def supported(self) -> tuple[int, ...]:
        """The cipher suite numbers, best first."""

    def suite(self, number: int) -> Suite:
        """One and the same object per number. Raises `UnsupportedSuite`."""
