"""A second HPKE key schedule, written from RFC 9180 §4 and §5.1 alone: it vouches for the one in `src`."""

from __future__ import annotations

import hmac
from dataclasses import dataclass

from aparte.crypto import CipherSuite, Hash, Kem

KEM_HASH = {
    Kem.P256: "sha256",
    Kem.P384: "sha384",
    Kem.P521: "sha512",
    Kem.X25519: "sha256",
    Kem.X448: "sha512",
}
KDF_ID = {Hash.SHA256: 1, Hash.SHA384: 2, Hash.SHA512: 3}


def i2osp(value: int, length: int) -> bytes:
    return value.to_bytes(length, "big")


@dataclass(frozen=True)
class LabeledHkdf:
    hash_name: str
    suite_id: bytes

    def extract(self, salt: bytes, label: bytes, ikm: bytes) -> bytes:
        return hmac.digest(salt, b"HPKE-v1" + self.suite_id + label + ikm, self.hash_name)

    def expand(self, prk: bytes, label: bytes, info: bytes, length: int) -> bytes:
        labeled_info = i2osp(length, 2) + b"HPKE-v1" + self.suite_id + label + info
        blocks = [b""]
        while len(b"".join(blocks)) < length:
            data = blocks[-1] + labeled_info + i2osp(len(blocks), 1)
            blocks.append(hmac.digest(prk, data, self.hash_name))
        return b"".join(blocks)[:length]


def dhkem_shared_secret(kem: Kem, dh: bytes, *, enc: bytes, public_key: bytes) -> bytes:
    """ExtractAndExpand."""
    hkdf = LabeledHkdf(KEM_HASH[kem], b"KEM" + i2osp(kem.value, 2))
    eae_prk = hkdf.extract(b"", b"eae_prk", dh)
    length = {"sha256": 32, "sha384": 48, "sha512": 64}[hkdf.hash_name]
    return hkdf.expand(eae_prk, b"shared_secret", enc + public_key, length)


def export(suite: CipherSuite, shared_secret: bytes, info: bytes, exporter_context: bytes, length: int) -> bytes:
    """KeySchedule in mode_base, then Context.Export."""
    ids = i2osp(suite.kem.value, 2) + i2osp(KDF_ID[suite.hash], 2) + i2osp(suite.aead.value, 2)
    hkdf = LabeledHkdf(suite.hash.value, b"HPKE" + ids)
    psk_id_hash = hkdf.extract(b"", b"psk_id_hash", b"")
    info_hash = hkdf.extract(b"", b"info_hash", info)
    key_schedule_context = i2osp(0, 1) + psk_id_hash + info_hash
    secret = hkdf.extract(shared_secret, b"secret", b"")
    exporter_secret = hkdf.expand(secret, b"exp", key_schedule_context, suite.hash_length)
    return hkdf.expand(exporter_secret, b"sec", exporter_context, length)
