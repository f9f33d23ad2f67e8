"""Signature schemes of the native provider: Ed25519 by libsodium; Ed448 and ECDSA by OpenSSL.

libsodium reads as many bytes as its algorithm wants, whatever it is given: lengths are checked here, first.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Final, Protocol

from cryptography.exceptions import InvalidSignature as LibraryInvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519
from nacl.bindings import crypto_sign, crypto_sign_open, crypto_sign_seed_keypair
from nacl.exceptions import BadSignatureError

from aparte.crypto.api import InvalidKey, InvalidSignature, Signer
from aparte.crypto.native_curves import P256, P384, P521, NistCurve
from aparte.crypto.suites import SignatureScheme

__all__ = ["Scheme", "signature_scheme"]

#: Public keys of OpenSSL whose parsed form is kept, per scheme: the senders of a few groups.
_KEPT_PUBLIC_KEYS: Final = 1024

_ED448_LENGTH: Final = 57


class Scheme(Protocol):
    """One signature algorithm; see `aparte.crypto.api.Suite` for what the methods promise."""

    def generate(self, rng: Callable[[int], bytes]) -> Signer: ...

    def load(self, private_key: bytes) -> Signer: ...

    def check(self, public_key: bytes) -> None: ...

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> None: ...


# -- Ed25519 -------------------------------------------------------------------------------------------------

_P25519: Final = 2**255 - 19
_ED25519_SEED: Final = 32
_ED25519_PUBLIC: Final = 32
_ED25519_SIGNATURE: Final = 64

#: Above this many bytes OpenSSL's faster SHA-512 makes up for loading the key: 1.2 MB take 2.9 ms, not 5.6.
#: The signature is the same, for Ed25519 is deterministic. Verifying stays with libsodium and its rules.
_ED25519_LONG: Final = 16 * 1024

_Y_OF_ORDER_8: Final = 2707385501144840649318225287225658788936804267575313519463743609750303402022

#: y of the eight points whose order divides 8. Under such a key anybody can sign.
_ED25519_SMALL_ORDER: Final = frozenset(
    {
        0,
        1,
        _P25519 - 1,
        _Y_OF_ORDER_8,
        _P25519 - _Y_OF_ORDER_8,
    }
)


class Ed25519Signer:
    """libsodium's secret key is seed || public key, so that signing need not compute the latter."""

    __slots__ = ("_secret_key",)

    def __init__(self, seed: bytes) -> None:
        _, self._secret_key = crypto_sign_seed_keypair(seed)

    @property
    def public_key(self) -> bytes:
        return self._secret_key[_ED25519_SEED:]

    @property
    def private_key(self) -> bytes:
        return self._secret_key[:_ED25519_SEED]

    def sign(self, message: bytes) -> bytes:
        if len(message) > _ED25519_LONG:
            return ed25519.Ed25519PrivateKey.from_private_bytes(self.private_key).sign(message)
        return crypto_sign(message, self._secret_key)[:_ED25519_SIGNATURE]

    def __repr__(self) -> str:
        return "<Ed25519Signer>"


class Ed25519:
    """Ed25519 (RFC 8032 §5.1) by libsodium's rules, which are stricter than OpenSSL's.

    The equation is the one without cofactor. Refused are S ≥ L, keys that are not canonical, keys and R of
    small order. `check` refuses such keys, too; whether a key is a point at all, only `verify` finds out.
    """

    def generate(self, rng: Callable[[int], bytes]) -> Signer:
        return Ed25519Signer(rng(_ED25519_SEED))

    def load(self, private_key: bytes) -> Signer:
        """From a seed, or a seed and its public key."""
        if len(private_key) not in {_ED25519_SEED, _ED25519_SEED + _ED25519_PUBLIC}:
            raise InvalidKey("an Ed25519 private key has 32 bytes, or 64 with its public key")
        signer = Ed25519Signer(private_key[:_ED25519_SEED])
        if private_key[_ED25519_SEED:] not in {b"", signer.public_key}:
            raise InvalidKey("the public half of the Ed25519 private key does not belong to it")
        return signer

    def check(self, public_key: bytes) -> None:
        if len(public_key) != _ED25519_PUBLIC:
            raise InvalidKey("an Ed25519 public key has 32 bytes")
        y = int.from_bytes(public_key, "little") & (1 << 255) - 1
        if y >= _P25519 or y in _ED25519_SMALL_ORDER:
            raise InvalidKey("the Ed25519 public key is not canonical, or has small order")

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> None:
        if len(public_key) != _ED25519_PUBLIC:
            raise InvalidKey("an Ed25519 public key has 32 bytes")
        if len(signature) != _ED25519_SIGNATURE:
            raise InvalidSignature
        try:
            crypto_sign_open(signature + message, public_key)
        except BadSignatureError:
            raise InvalidSignature from None


# -- Ed448 ---------------------------------------------------------------------------------------------------


class Ed448Signer:
    """A parsed Ed448 key."""

    __slots__ = ("_key", "public_key")

    def __init__(self, key: ed448.Ed448PrivateKey) -> None:
        self._key = key
        self.public_key = key.public_key().public_bytes_raw()

    @property
    def private_key(self) -> bytes:
        return self._key.private_bytes_raw()

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message)

    def __repr__(self) -> str:
        return "<Ed448Signer>"


class Ed448:
    """Ed448 (RFC 8032 §5.2) by OpenSSL's rules. Whether a key is a point at all, only `verify` finds out."""

    def __init__(self) -> None:
        self._parse = lru_cache(_KEPT_PUBLIC_KEYS)(ed448.Ed448PublicKey.from_public_bytes)

    def generate(self, rng: Callable[[int], bytes]) -> Signer:
        return self.load(rng(_ED448_LENGTH))

    def load(self, private_key: bytes) -> Signer:
        if len(private_key) != _ED448_LENGTH:
            raise InvalidKey("an Ed448 private key has 57 bytes")
        return Ed448Signer(ed448.Ed448PrivateKey.from_private_bytes(private_key))

    def check(self, public_key: bytes) -> None:
        if len(public_key) != _ED448_LENGTH:
            raise InvalidKey("an Ed448 public key has 57 bytes")

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> None:
        self.check(public_key)
        try:
            self._parse(public_key).verify(signature, message)
        except (LibraryInvalidSignature, ValueError):
            raise InvalidSignature from None


# -- ECDSA ---------------------------------------------------------------------------------------------------


class EcdsaSigner:
    """A parsed key of a NIST curve."""

    __slots__ = ("_algorithm", "_curve", "_key", "public_key")

    def __init__(self, key: ec.EllipticCurvePrivateKey, curve: NistCurve, algorithm: ec.ECDSA) -> None:
        self._key = key
        self._curve = curve
        self._algorithm = algorithm
        self.public_key = curve.encode_public(key.public_key())

    @property
    def private_key(self) -> bytes:
        return self._curve.encode_private(self._key)

    def sign(self, message: bytes) -> bytes:
        return self._key.sign(message, self._algorithm)

    def __repr__(self) -> str:
        return f"<EcdsaSigner {self._curve.name}>"


class Ecdsa:
    """ECDSA in DER, public keys as uncompressed points (RFC 9420 §5.1). RFC 6979's nonces: no randomness."""

    def __init__(self, curve: NistCurve, hash_: hashes.HashAlgorithm) -> None:
        self._curve = curve
        self._algorithm = ec.ECDSA(hash_, deterministic_signing=True)
        self._parse = lru_cache(_KEPT_PUBLIC_KEYS)(curve.load_public)

    def generate(self, rng: Callable[[int], bytes]) -> Signer:
        return EcdsaSigner(self._curve.generate(rng), self._curve, self._algorithm)

    def load(self, private_key: bytes) -> Signer:
        return EcdsaSigner(self._curve.load_private(private_key), self._curve, self._algorithm)

    def check(self, public_key: bytes) -> None:
        self._parse(public_key)

    def verify(self, public_key: bytes, message: bytes, signature: bytes) -> None:
        try:
            self._parse(public_key).verify(signature, message, self._algorithm)
        except (LibraryInvalidSignature, ValueError):
            raise InvalidSignature from None


def signature_scheme(scheme: SignatureScheme) -> Scheme:
    """A new implementation with its own cache of public keys."""
    match scheme:
        case SignatureScheme.ED25519:
            return Ed25519()
        case SignatureScheme.ED448:
            return Ed448()
        case SignatureScheme.ECDSA_P256_SHA256:
            return Ecdsa(P256, hashes.SHA256())
        case SignatureScheme.ECDSA_P384_SHA384:
            return Ecdsa(P384, hashes.SHA384())
        case SignatureScheme.ECDSA_P521_SHA512:
            return Ecdsa(P521, hashes.SHA512())
