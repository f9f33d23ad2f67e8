"""GroupContext (RFC 9420 §8.1): what all members of an epoch agree on."""

from __future__ import annotations

from dataclasses import dataclass

from aparte.codec import Reader, encode_u16, encode_u64, encode_vector
from aparte.mls.extensions import Extensions

__all__ = ["GroupContext"]


@dataclass(frozen=True, slots=True)
class GroupContext:
    version: int
    cipher_suite: int
    group_id: bytes
    epoch: int
    tree_hash: bytes
    confirmed_transcript_hash: bytes
    extensions: Extensions = Extensions()

    @classmethod
    def read(cls, reader: Reader) -> GroupContext:
        return cls(
            reader.u16(), reader.u16(), reader.vector(), reader.u64(), reader.vector(), reader.vector(),
            Extensions.read(reader),
        )  # fmt: skip

    @classmethod
    def decode(cls, data: bytes) -> GroupContext:
        reader = Reader(data)
        context = cls.read(reader)
        reader.finish()
        return context

    def encode(self) -> bytes:
        return b"".join(
            (
                encode_u16(self.version),
                encode_u16(self.cipher_suite),
                encode_vector(self.group_id),
                encode_u64(self.epoch),
                encode_vector(self.tree_hash),
                encode_vector(self.confirmed_transcript_hash),
                self.extensions.encode(),
            )
        )
