"""Pre-shared keys (RFC 9420 §8.4): their ids, and the chain that folds them into one secret."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Final

from aparte.codec import DecodeError, Reader, encode_u8, encode_u16, encode_u64, encode_vector
from aparte.crypto import Suite
from aparte.crypto.labeled import expand_with_label
from aparte.mls.errors import MissingPsk, require

__all__ = [
    "ExternalPskId",
    "PreSharedKeyId",
    "PskSource",
    "PskType",
    "ResumptionPskId",
    "ResumptionUsage",
    "psk_secret",
]


#: PSKLabel counts them in 16 bits.
_MAX_PSKS: Final = 0xFFFF


class PskType(IntEnum):
    EXTERNAL = 1
    RESUMPTION = 2


class ResumptionUsage(IntEnum):
    APPLICATION = 1
    REINIT = 2
    BRANCH = 3


@dataclass(frozen=True, slots=True)
class ExternalPskId:
    """A key agreed outside MLS, by an id that its users chose."""

    psk_id: bytes

    def encode(self) -> bytes:
        return encode_u8(PskType.EXTERNAL) + encode_vector(self.psk_id)


@dataclass(frozen=True, slots=True)
class ResumptionPskId:
    """The resumption secret of an earlier epoch, of this group or another."""

    usage: ResumptionUsage
    group_id: bytes
    epoch: int

    def encode(self) -> bytes:
        head = encode_u8(PskType.RESUMPTION) + encode_u8(self.usage)
        return head + encode_vector(self.group_id) + encode_u64(self.epoch)


@dataclass(frozen=True, slots=True)
class PreSharedKeyId:
    """PreSharedKeyID: which key, and the nonce that makes this use of it unique."""

    key: ExternalPskId | ResumptionPskId
    nonce: bytes

    @classmethod
    def read(cls, reader: Reader) -> PreSharedKeyId:
        at = reader.position
        kind = reader.u8()
        key: ExternalPskId | ResumptionPskId
        if kind == PskType.EXTERNAL:
            key = ExternalPskId(reader.vector())
        elif kind == PskType.RESUMPTION:
            usage = reader.u8()
            if not 1 <= usage <= 3:
                raise DecodeError(f"unknown resumption PSK usage {usage}", at + 1)
            key = ResumptionPskId(ResumptionUsage(usage), reader.vector(), reader.u64())
        else:
            raise DecodeError(f"unknown PSK type {kind}", at)
        return cls(key, reader.vector())

    def encode(self) -> bytes:
        return self.key.encode() + encode_vector(self.nonce)


@dataclass(frozen=True, slots=True, repr=False)
class PskSource:
    """The pre-shared keys that a caller can supply. A group adds its own past epochs' by itself."""

    external: Mapping[bytes, bytes] = field(default_factory=dict)
    resumption: Mapping[tuple[bytes, int], bytes] = field(default_factory=dict)

    def secret(self, key: ExternalPskId | ResumptionPskId) -> bytes:
        """Raises `MissingPsk`."""
        if isinstance(key, ExternalPskId):
            found = self.external.get(key.psk_id)
        else:
            found = self.resumption.get((key.group_id, key.epoch))
        if found is None:
            raise MissingPsk(f"no pre-shared key for {key}")
        return found

    def with_resumption(self, group_id: bytes, epochs: Mapping[int, bytes]) -> PskSource:
        """The same source, knowing also some epochs of a group; what it knew before stands."""
        added = {(group_id, epoch): secret for epoch, secret in epochs.items()}
        return PskSource(self.external, {**added, **self.resumption})


def psk_secret(suite: Suite, keys: Sequence[tuple[PreSharedKeyId, bytes]]) -> bytes:
    """psk_secret (§8.4) over (id, key) in order; all zeros when there is none. Raises `PeerError` 8.4/count."""
    require(len(keys) <= _MAX_PSKS, "8.4/count", "more pre-shared keys than can be counted")
    length = suite.parameters.hash_length
    secret = bytes(length)
    for index, (psk_id, key) in enumerate(keys):
        extracted = suite.extract(bytes(length), key)
        label = psk_id.encode() + encode_u16(index) + encode_u16(len(keys))
        secret = suite.extract(expand_with_label(suite, extracted, b"derived psk", label, length), secret)
    return secret
