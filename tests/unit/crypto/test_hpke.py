"""The corners of HPKE that no vector reaches."""

from __future__ import annotations

import pytest

from aparte.crypto import InvalidKey, Kem
from aparte.crypto.hpke import DhKemKdf


def test_candidates_out_of_range_are_passed_over() -> None:
    """RFC 9180 §7.1.3: the counter moves on until a candidate lies in [1, order - 1]."""
    kdf = DhKemKdf(Kem.P256)
    wide = [kdf.derive_scalar(b"%d" % i, length=1, bitmask=0xFF, order=256) for i in range(30)]
    narrow = [kdf.derive_scalar(b"%d" % i, length=1, bitmask=0xFF, order=8) for i in range(30)]
    masked = [kdf.derive_scalar(b"%d" % i, length=1, bitmask=0x07, order=8) for i in range(30)]
    assert max(wide) >= 8
    assert set(narrow) <= set(range(1, 8)) >= set(masked)
    assert narrow != masked


def test_when_no_candidate_fits() -> None:
    with pytest.raises(InvalidKey):
        DhKemKdf(Kem.P521).derive_scalar(b"ikm", length=66, bitmask=0x01, order=1)
