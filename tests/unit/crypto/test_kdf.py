"""HMAC and HKDF against Python's own and the library's."""

from __future__ import annotations

import hmac

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
from hypothesis import given
from hypothesis import strategies as st

from aparte.crypto import CryptoError, Hash
from aparte.crypto.kdf import Hkdf, hmac_with

LIBRARY = {Hash.SHA256: hashes.SHA256(), Hash.SHA384: hashes.SHA384(), Hash.SHA512: hashes.SHA512()}


@given(st.sampled_from(list(Hash)), st.binary(max_size=300), st.binary(max_size=300))
def test_hmac_is_hmac(hash_: Hash, key: bytes, data: bytes) -> None:
    assert hmac_with(hash_)(key, data) == hmac.digest(key, data, hash_.value)


@given(st.sampled_from(list(Hash)), st.binary(max_size=80), st.integers(1, 255 * 32))
def test_expand_is_hkdf_expand(hash_: Hash, info: bytes, length: int) -> None:
    prk = b"p" * 64
    assert Hkdf(hash_).expand(prk, info, length) == HKDFExpand(LIBRARY[hash_], length, info).derive(prk)


@pytest.mark.parametrize("hash_", list(Hash))
def test_lengths(hash_: Hash) -> None:
    hkdf = Hkdf(hash_)
    assert hkdf.expand(b"", b"", 0) == b""
    hkdf.check_length(255 * hkdf.hash_length)
    for length in (-1, 255 * hkdf.hash_length + 1):
        with pytest.raises(CryptoError):
            hkdf.check_length(length)
