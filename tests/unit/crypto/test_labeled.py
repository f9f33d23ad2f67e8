"""RFC 9420's labeled functions, spelt out byte by byte."""

from __future__ import annotations

import hashlib
import hmac

import pytest

from aparte.crypto import (
    InvalidSignature,
    OpenError,
    Suite,
    decrypt_with_label,
    derive_secret,
    encrypt_with_label,
    expand_label_info,
    expand_with_label,
    labeled_context,
    ref_hash,
    sign_with_label,
    verify_with_label,
)
from aparte.crypto.native import NativeProvider

SECRET = bytes(range(32))


@pytest.fixture(params=[0x0001, 0x0005, 0xF0A2], ids=hex)
def suite(request: pytest.FixtureRequest) -> Suite:
    return NativeProvider().suite(request.param)


def test_labeled_context() -> None:
    """SignContent and EncryptContext: label<V>, content<V>."""
    assert labeled_context(b"L", b"abc") == b"\x09MLS 1.0 L\x03abc"
    assert labeled_context(b"", b"") == b"\x08MLS 1.0 \x00"
    assert labeled_context(b"FramedContentTBS", bytes(64)) == b"\x18MLS 1.0 FramedContentTBS\x40\x40" + bytes(64)


def test_expand_label_info() -> None:
    """KDFLabel: uint16 length, label<V>, context<V>."""
    assert expand_label_info(b"key", b"", 16) == b"\x00\x10\x0bMLS 1.0 key\x00"
    assert expand_label_info(b"tree", b"\0\0\0\7", 32) == b"\x00\x20\x0cMLS 1.0 tree\x04\0\0\0\7"


def test_derivations() -> None:
    suite = NativeProvider().suite(0x0001)
    expected = hmac.digest(SECRET, b"\x00\x10\x0bMLS 1.0 key\x02xy\x01", "sha256")[:16]
    assert expand_with_label(suite, SECRET, b"key", b"xy", 16) == expected
    expected = hmac.digest(SECRET, b"\x00\x20\x0dMLS 1.0 epoch\x00\x01", "sha256")
    assert derive_secret(suite, SECRET, b"epoch") == expected
    label = b"MLS 1.0 KeyPackage Reference"
    assert ref_hash(suite, label, b"value") == hashlib.sha256(bytes([28]) + label + b"\x05value").digest()


def test_derived_secrets_are_as_long_as_the_hash(suite: Suite) -> None:
    assert len(derive_secret(suite, SECRET, b"x")) == suite.parameters.hash_length
    assert len(ref_hash(suite, b"x", b"y")) == suite.parameters.hash_length
    assert derive_secret(suite, SECRET, b"x") != derive_secret(suite, SECRET, b"y")


def test_signatures_are_bound_to_their_label(suite: Suite) -> None:
    signer = suite.generate_signer()
    signature = sign_with_label(signer, b"Label", b"content")
    verify_with_label(suite, signer.public_key, b"Label", b"content", signature)
    for label, content in ((b"label", b"content"), (b"Label", b"contents"), (b"Labelc", b"ontent"), (b"", b"")):
        with pytest.raises(InvalidSignature):
            verify_with_label(suite, signer.public_key, label, content, signature)


def test_ciphertexts_are_bound_to_their_label_and_context(suite: Suite) -> None:
    key = suite.generate_kem_key()
    sealed = encrypt_with_label(suite, key.public_key, b"Label", b"context", b"plaintext")
    assert decrypt_with_label(suite, key, b"Label", b"context", sealed) == b"plaintext"
    for label, context in ((b"label", b"context"), (b"Label", b"contexts"), (b"Labelc", b"ontext"), (b"", b"")):
        with pytest.raises(OpenError):
            decrypt_with_label(suite, key, label, context, sealed)
