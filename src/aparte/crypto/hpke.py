"""HPKE (RFC 9180), base mode, one message per context: key schedule, exporter, derivation of KEM keys.

Nothing here touches a curve or a cipher: a KEM hands in its shared secret and gets the AEAD's key. So every
provider, also one without a native HPKE, has the same schedule. Names are the RFC's.
"""

from __future__ import annotations

import hashlib
from typing import Final

from aparte.codec import encode_u16
from aparte.crypto.api import InvalidKey
from aparte.crypto.kdf import Hkdf
from aparte.crypto.suites import CipherSuite, Hash, Kem

__all__ = ["DhKemKdf", "KeySchedule", "derive_xwing_seed"]

_VERSION: Final = b"HPKE-v1"
_MODE_BASE: Final = b"\x00"

#: RFC 9180 §7.2.
_KDF_ID: Final = {Hash.SHA256: 0x0001, Hash.SHA384: 0x0002, Hash.SHA512: 0x0003}

#: RFC 9180 §7.1: the hash inside each DHKEM, whatever the suite's own.
_KEM_HASH: Final = {
    Kem.P256: Hash.SHA256,
    Kem.P384: Hash.SHA384,
    Kem.P521: Hash.SHA512,
    Kem.X25519: Hash.SHA256,
    Kem.X448: Hash.SHA512,
}


class KeySchedule:
    """KeySchedule of mode_base (RFC 9180 §5.1) for the HPKE that a cipher suite uses.

    LabeledExtract and LabeledExpand (§4) are written out as HMACs over prefixes that are joined once.
    """

    __slots__ = ("_context", "_exp", "_hkdf", "_info_hash", "_key", "_key_length", "_nonce", "_nonce_length",
                 "_sec", "_secret")  # fmt: skip

    def __init__(self, suite: CipherSuite) -> None:
        self._hkdf = Hkdf(suite.hash)
        self._key_length = suite.key_length
        self._nonce_length = suite.nonce_length
        ids = (suite.kem.value, _KDF_ID[suite.hash], suite.aead.value)
        labeled = _VERSION + b"HPKE" + b"".join(map(encode_u16, ids))
        psk_id_hash = self._hkdf.mac(b"", labeled + b"psk_id_hash")
        self._context = _MODE_BASE + psk_id_hash
        self._info_hash = labeled + b"info_hash"
        self._secret = labeled + b"secret"  # followed by an empty psk
        self._key = encode_u16(self._key_length) + labeled + b"key"
        self._nonce = encode_u16(self._nonce_length) + labeled + b"base_nonce"
        self._exp = encode_u16(self._hkdf.hash_length) + labeled + b"exp"
        self._sec = labeled + b"sec"

    def context(self, info: bytes) -> bytes:
        """`key_schedule_context` (§5.1), the only part that reads `info`: one for many messages with one info."""
        return self._context + self._hkdf.mac(b"", self._info_hash + info)

    def key_and_nonce(self, shared_secret: bytes, context: bytes) -> tuple[bytes, bytes]:
        """`key` and `base_nonce`, which is the nonce of the context's first and only message (§5.2)."""
        mac = self._hkdf.mac
        secret = mac(shared_secret, self._secret)
        context_1 = context + b"\x01"
        key = mac(secret, self._key + context_1)[: self._key_length]
        return key, mac(secret, self._nonce + context_1)[: self._nonce_length]

    def export(self, shared_secret: bytes, context: bytes, exporter_context: bytes, length: int) -> bytes:
        """Context.Export (§5.3). Raises `CryptoError` beyond 255 hashes."""
        self._hkdf.check_length(length)
        mac = self._hkdf.mac
        secret = mac(shared_secret, self._secret)
        exporter_secret = mac(secret, self._exp + context + b"\x01")
        return self._hkdf.expand(exporter_secret, encode_u16(length) + self._sec + exporter_context, length)


class DhKemKdf:
    """What a DHKEM derives (RFC 9180 §4.1, §7.1.3), with its own hash and suite_id."""

    __slots__ = ("_hkdf", "_labeled", "_shared_secret")

    def __init__(self, kem: Kem) -> None:
        self._hkdf = Hkdf(_KEM_HASH[kem])
        self._labeled = _VERSION + b"KEM" + encode_u16(kem.value)
        self._shared_secret = encode_u16(self._hkdf.hash_length) + self._labeled + b"shared_secret"

    def extract_and_expand(self, dh: bytes, kem_context: bytes) -> bytes:
        """ExtractAndExpand (§4.1). Nsecret is the hash's length in every DHKEM."""
        mac = self._hkdf.mac
        eae_prk = mac(b"", self._labeled + b"eae_prk" + dh)
        return mac(eae_prk, self._shared_secret + kem_context + b"\x01")

    def derive_private_key(self, ikm: bytes, length: int) -> bytes:
        """DeriveKeyPair of X25519 and X448 (§7.1.3): the private key, not yet clamped."""
        dkp_prk = self._hkdf.mac(b"", self._labeled + b"dkp_prk" + ikm)
        return self._hkdf.expand(dkp_prk, encode_u16(length) + self._labeled + b"sk", length)

    def derive_scalar(self, ikm: bytes, *, length: int, bitmask: int, order: int) -> int:
        """DeriveKeyPair of the NIST curves (§7.1.3), by rejection: the private scalar."""
        dkp_prk = self._hkdf.mac(b"", self._labeled + b"dkp_prk" + ikm)
        candidate = encode_u16(length) + self._labeled + b"candidate"
        for counter in range(256):
            octets = bytearray(self._hkdf.expand(dkp_prk, candidate + bytes((counter,)), length))
            octets[0] &= bitmask
            scalar = int.from_bytes(octets)
            if 0 < scalar < order:
                return scalar
        raise InvalidKey("DeriveKeyPairError")  # less likely than 2^-8000 for any ikm


def derive_xwing_seed(ikm: bytes) -> bytes:
    """DeriveKeyPair of X-Wing: the 32-byte private key, by SHAKE256.LabeledDerive (draft-ietf-hpke-pq)."""
    label, length = b"DeriveKeyPair", 32
    suite_id = b"KEM" + encode_u16(Kem.XWING.value)
    labeled_ikm = ikm + _VERSION + suite_id + encode_u16(len(label)) + label + encode_u16(length)
    return hashlib.shake_256(labeled_ikm).digest(length)
