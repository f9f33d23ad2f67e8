"""Commit on the wire (RFC 9420 §12.4)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aparte.codec import DecodeError, Reader, encode_optional, encode_u8, encode_vector
from aparte.mls.proposals import Proposal, encode_proposal, read_proposal
from aparte.mls.update_path import UpdatePath

__all__ = ["Commit", "ProposalRef"]

_BY_VALUE: Final = 1
_BY_REFERENCE: Final = 2

#: A group of 10,000 is founded in one commit; two bytes each cost a hundred in memory.
_MAX_PROPOSALS: Final = 1 << 16


@dataclass(frozen=True, slots=True)
class ProposalRef:
    """The hash that names a proposal sent earlier in the epoch."""

    reference: bytes


@dataclass(frozen=True, slots=True)
class Commit:
    """Proposals by value or by reference, in order, and perhaps new keys for the committer's path."""

    proposals: tuple[Proposal | ProposalRef, ...]
    path: UpdatePath | None

    @classmethod
    def read(cls, reader: Reader) -> Commit:
        inner = reader.nested()
        proposals: list[Proposal | ProposalRef] = []
        while inner:
            if len(proposals) == _MAX_PROPOSALS:
                raise DecodeError("a commit of more proposals than anybody needs", inner.position)
            proposals.append(_read_proposal_or_ref(inner))
        return cls(tuple(proposals), UpdatePath.read(reader) if reader.optional() else None)

    @classmethod
    def decode(cls, data: bytes) -> Commit:
        reader = Reader(data)
        commit = cls.read(reader)
        reader.finish()
        return commit

    def encode(self) -> bytes:
        proposals = b"".join([_encode_proposal_or_ref(item) for item in self.proposals])
        path = None if self.path is None else self.path.encode()
        return encode_vector(proposals) + encode_optional(path)


def _read_proposal_or_ref(reader: Reader) -> Proposal | ProposalRef:
    at = reader.position
    kind = reader.u8()
    if kind == _BY_VALUE:
        return read_proposal(reader)
    if kind == _BY_REFERENCE:
        return ProposalRef(reader.vector())
    raise DecodeError(f"unknown ProposalOrRefType {kind}", at)


def _encode_proposal_or_ref(item: Proposal | ProposalRef) -> bytes:
    if isinstance(item, ProposalRef):
        return encode_u8(_BY_REFERENCE) + encode_vector(item.reference)
    return encode_u8(_BY_VALUE) + encode_proposal(item)
