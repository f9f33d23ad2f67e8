"""The cipher suites' table: numbers, algorithms and sizes in bytes (RFC 9420 §17.1).

One constant table, so that a renumbering (the post-quantum numbers are not yet assigned) is one line.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Final

__all__ = ["CIPHER_SUITES", "DEFAULT_CIPHER_SUITE", "Aead", "CipherSuite", "Hash", "Kem", "SignatureScheme"]


class Kem(Enum):
    """RFC 9180 §7.1; X-Wing is draft-connolly-cfrg-xwing-kem's 0x647A."""

    P256 = 0x0010
    P384 = 0x0011
    P521 = 0x0012
    X25519 = 0x0020
    X448 = 0x0021
    XWING = 0x647A


class Hash(Enum):
    """The hash of HKDF, HMAC and tree hashes, by its hashlib name."""

    SHA256 = "sha256"
    SHA384 = "sha384"
    SHA512 = "sha512"


class Aead(Enum):
    """RFC 9180 §7.3's identifiers."""

    AES_128_GCM = 0x0001
    AES_256_GCM = 0x0002
    CHACHA20_POLY1305 = 0x0003


class SignatureScheme(Enum):
    """RFC 8446 §4.2.3's identifiers."""

    ECDSA_P256_SHA256 = 0x0403
    ECDSA_P384_SHA384 = 0x0503
    ECDSA_P521_SHA512 = 0x0603
    ED25519 = 0x0807
    ED448 = 0x0808


_HASH_LENGTH = {Hash.SHA256: 32, Hash.SHA384: 48, Hash.SHA512: 64}
_KEY_LENGTH = {Aead.AES_128_GCM: 16, Aead.AES_256_GCM: 32, Aead.CHACHA20_POLY1305: 32}


@dataclass(frozen=True, slots=True)
class CipherSuite:
    """One row. `nonce_length` and `tag_length` are the same for all AEADs here."""

    number: int
    name: str
    kem: Kem
    hash: Hash
    aead: Aead
    signature: SignatureScheme
    nonce_length: int = 12
    tag_length: int = 16

    @property
    def hash_length(self) -> int:
        """KDF.Nh, also the length of every secret in the key schedule."""
        return _HASH_LENGTH[self.hash]

    @property
    def key_length(self) -> int:
        """AEAD.Nk."""
        return _KEY_LENGTH[self.aead]


#: By number. 0xF0A2 is private use: ML-KEM-768 + X25519 (X-Wing); see docs/decisions.
CIPHER_SUITES: Final[dict[int, CipherSuite]] = {
    row.number: row
    for row in (
        CipherSuite(0x0001, "MLS_128_DHKEMX25519_AES128GCM_SHA256_Ed25519",
                    Kem.X25519, Hash.SHA256, Aead.AES_128_GCM, SignatureScheme.ED25519),
        CipherSuite(0x0002, "MLS_128_DHKEMP256_AES128GCM_SHA256_P256",
                    Kem.P256, Hash.SHA256, Aead.AES_128_GCM, SignatureScheme.ECDSA_P256_SHA256),
        CipherSuite(0x0003, "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519",
                    Kem.X25519, Hash.SHA256, Aead.CHACHA20_POLY1305, SignatureScheme.ED25519),
        CipherSuite(0x0004, "MLS_256_DHKEMX448_AES256GCM_SHA512_Ed448",
                    Kem.X448, Hash.SHA512, Aead.AES_256_GCM, SignatureScheme.ED448),
        CipherSuite(0x0005, "MLS_256_DHKEMP521_AES256GCM_SHA512_P521",
                    Kem.P521, Hash.SHA512, Aead.AES_256_GCM, SignatureScheme.ECDSA_P521_SHA512),
        CipherSuite(0x0006, "MLS_256_DHKEMX448_CHACHA20POLY1305_SHA512_Ed448",
                    Kem.X448, Hash.SHA512, Aead.CHACHA20_POLY1305, SignatureScheme.ED448),
        CipherSuite(0x0007, "MLS_256_DHKEMP384_AES256GCM_SHA384_P384",
                    Kem.P384, Hash.SHA384, Aead.AES_256_GCM, SignatureScheme.ECDSA_P384_SHA384),
        CipherSuite(0xF0A2, "APARTE_128_XWING_CHACHA20POLY1305_SHA256_Ed25519",
                    Kem.XWING, Hash.SHA256, Aead.CHACHA20_POLY1305, SignatureScheme.ED25519),
    )
}  # fmt: skip

DEFAULT_CIPHER_SUITE: Final = 0xF0A2
