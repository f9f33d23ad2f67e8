"""RFC 9420's labeled functions (§5.1.2, §5.1.3, §5.2, §8): every signature, HPKE use and derivation in MLS.

Labels are given without the "MLS 1.0 " prefix, except `ref_hash`'s, which §5.2 spells in full.
"""

from __future__ import annotations

from functools import lru_cache

from aparte.codec import encode_length, encode_u16, encode_vector
from aparte.crypto.api import KemPrivateKey, Signer, Suite

__all__ = [
    "decrypt_with_label",
    "derive_secret",
    "encrypt_with_label",
    "expand_label_info",
    "expand_with_label",
    "labeled_context",
    "ref_hash",
    "sign_with_label",
    "verify_with_label",
]

_PREFIX = b"MLS 1.0 "


@lru_cache(maxsize=64)
def _encoded(label: bytes) -> bytes:
    """A label with its prefix and length: some thirty constants, of which each message needs a dozen."""
    return encode_vector(_PREFIX + label)


def labeled_context(label: bytes, content: bytes) -> bytes:
    """SignContent (§5.1.2) and EncryptContext (§5.1.3): the two have one encoding."""
    return b"".join((_encoded(label), encode_length(len(content)), content))


def sign_with_label(signer: Signer, label: bytes, content: bytes) -> bytes:
    """SignWithLabel (§5.1.2)."""
    return signer.sign(labeled_context(label, content))


def verify_with_label(suite: Suite, public_key: bytes, label: bytes, content: bytes, signature: bytes) -> None:
    """VerifyWithLabel (§5.1.2). Raises `InvalidSignature` or `InvalidKey`."""
    suite.verify(public_key, labeled_context(label, content), signature)


def encrypt_with_label(
    suite: Suite, public_key: bytes, label: bytes, context: bytes, plaintext: bytes
) -> tuple[bytes, bytes]:
    """EncryptWithLabel (§5.1.3): (kem_output, ciphertext). Raises `InvalidKey`."""
    return suite.hpke_seal(public_key, labeled_context(label, context), b"", plaintext)


def decrypt_with_label(
    suite: Suite, private_key: KemPrivateKey, label: bytes, context: bytes, sealed: tuple[bytes, bytes]
) -> bytes:
    """DecryptWithLabel (§5.1.3) of (kem_output, ciphertext). Raises `OpenError`."""
    kem_output, ciphertext = sealed
    return suite.hpke_open(private_key, kem_output, labeled_context(label, context), b"", ciphertext)


def expand_label_info(label: bytes, context: bytes, length: int) -> bytes:
    """KDFLabel (§8), the `info` of ExpandWithLabel."""
    return b"".join((encode_u16(length), _encoded(label), encode_length(len(context)), context))


def expand_with_label(suite: Suite, secret: bytes, label: bytes, context: bytes, length: int) -> bytes:
    """ExpandWithLabel (§8)."""
    return suite.expand(secret, expand_label_info(label, context, length), length)


def derive_secret(suite: Suite, secret: bytes, label: bytes) -> bytes:
    """DeriveSecret (§8): as long as the suite's hash, with an empty context."""
    return expand_with_label(suite, secret, label, b"", suite.parameters.hash_length)


def ref_hash(suite: Suite, label: bytes, value: bytes) -> bytes:
    """RefHash (§5.2); `label` is complete, for example ``b"MLS 1.0 KeyPackage Reference"``."""
    return suite.hash(encode_vector(label) + encode_vector(value))
