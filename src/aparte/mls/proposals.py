"""Proposals on the wire (RFC 9420 §12.1; SelfRemove: draft-ietf-mls-extensions). A closed union, and the
unknown survives byte for byte as `OpaqueProposal`, which no commit of ours contains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Final

from aparte.codec import DecodeError, Reader, encode_u16, encode_u32, encode_vector
from aparte.crypto import Suite
from aparte.crypto.labeled import ref_hash
from aparte.mls.extensions import Extensions, ProposalType
from aparte.mls.key_package import KeyPackage
from aparte.mls.leaf_node import LeafNode
from aparte.mls.psk import PreSharedKeyId
from aparte.mls.tree_math import LeafIndex

__all__ = [
    "Add",
    "ExternalInit",
    "GroupContextExtensions",
    "OpaqueProposal",
    "PreSharedKey",
    "Proposal",
    "ReInit",
    "Remove",
    "SelfRemove",
    "Update",
    "decode_proposal",
    "encode_proposal",
    "proposal_reference",
    "read_proposal",
]


@dataclass(frozen=True, slots=True)
class Add:
    """§12.1.1."""

    proposal_type: ClassVar[int] = ProposalType.ADD
    key_package: KeyPackage

    def body(self) -> bytes:
        return self.key_package.raw

    @classmethod
    def read(cls, reader: Reader) -> Add:
        return cls(KeyPackage.read(reader))


@dataclass(frozen=True, slots=True)
class Update:
    """§12.1.2."""

    proposal_type: ClassVar[int] = ProposalType.UPDATE
    leaf_node: LeafNode

    def body(self) -> bytes:
        return self.leaf_node.raw

    @classmethod
    def read(cls, reader: Reader) -> Update:
        return cls(LeafNode.read(reader))


@dataclass(frozen=True, slots=True)
class Remove:
    """§12.1.3."""

    proposal_type: ClassVar[int] = ProposalType.REMOVE
    removed: LeafIndex

    def body(self) -> bytes:
        return encode_u32(self.removed)

    @classmethod
    def read(cls, reader: Reader) -> Remove:
        return cls(LeafIndex(reader.u32()))


@dataclass(frozen=True, slots=True)
class PreSharedKey:
    """§12.1.4."""

    proposal_type: ClassVar[int] = ProposalType.PSK
    psk: PreSharedKeyId

    def body(self) -> bytes:
        return self.psk.encode()

    @classmethod
    def read(cls, reader: Reader) -> PreSharedKey:
        return cls(PreSharedKeyId.read(reader))


@dataclass(frozen=True, slots=True)
class ReInit:
    """§12.1.5."""

    proposal_type: ClassVar[int] = ProposalType.REINIT
    group_id: bytes
    version: int
    cipher_suite: int
    extensions: Extensions

    def body(self) -> bytes:
        numbers = encode_u16(self.version) + encode_u16(self.cipher_suite)
        return encode_vector(self.group_id) + numbers + self.extensions.encode()

    @classmethod
    def read(cls, reader: Reader) -> ReInit:
        return cls(reader.vector(), reader.u16(), reader.u16(), Extensions.read(reader))


@dataclass(frozen=True, slots=True)
class ExternalInit:
    """§12.1.6."""

    proposal_type: ClassVar[int] = ProposalType.EXTERNAL_INIT
    kem_output: bytes

    def body(self) -> bytes:
        return encode_vector(self.kem_output)

    @classmethod
    def read(cls, reader: Reader) -> ExternalInit:
        return cls(reader.vector())


@dataclass(frozen=True, slots=True)
class GroupContextExtensions:
    """§12.1.7."""

    proposal_type: ClassVar[int] = ProposalType.GROUP_CONTEXT_EXTENSIONS
    extensions: Extensions

    def body(self) -> bytes:
        return self.extensions.encode()

    @classmethod
    def read(cls, reader: Reader) -> GroupContextExtensions:
        return cls(Extensions.read(reader))


@dataclass(frozen=True, slots=True)
class SelfRemove:
    """draft-ietf-mls-extensions: the sender wishes to leave; also external commits may carry it out."""

    proposal_type: ClassVar[int] = ProposalType.SELF_REMOVE

    def body(self) -> bytes:
        return b""

    @classmethod
    def read(cls, reader: Reader) -> SelfRemove:  # noqa: ARG003 - an empty struct
        return cls()


@dataclass(frozen=True, slots=True)
class OpaqueProposal:
    """A type unknown here. It ends whatever it stands in, because its length is not encoded."""

    proposal_type: int
    content: bytes

    def body(self) -> bytes:
        return self.content


Proposal = (
    Add | Update | Remove | PreSharedKey | ReInit | ExternalInit | GroupContextExtensions | SelfRemove | OpaqueProposal
)

_READERS: Final[dict[int, Callable[[Reader], Proposal]]] = {
    kind.proposal_type: kind.read
    for kind in (Add, Update, Remove, PreSharedKey, ReInit, ExternalInit, GroupContextExtensions, SelfRemove)
}

_REFERENCE_LABEL: Final = b"MLS 1.0 Proposal Reference"


def read_proposal(reader: Reader) -> Proposal:
    """One proposal of a known type. Raises `DecodeError` for an unknown one, whose end cannot be told."""
    at = reader.position
    proposal_type = reader.u16()
    read = _READERS.get(proposal_type)
    if read is None:
        raise DecodeError(f"proposal type {proposal_type:#06x} is not supported", at)
    return read(reader)


def decode_proposal(data: bytes) -> Proposal:
    """A proposal that fills `data`; an unknown type survives as `OpaqueProposal`."""
    reader = Reader(data)
    proposal_type = reader.u16()
    read = _READERS.get(proposal_type)
    if read is None:
        return OpaqueProposal(proposal_type, reader.rest())
    proposal = read(reader)
    reader.finish()
    return proposal


def encode_proposal(proposal: Proposal) -> bytes:
    return encode_u16(proposal.proposal_type) + proposal.body()


def proposal_reference(suite: Suite, authenticated_content: bytes) -> bytes:
    """ProposalRef (§5.2), over the encoded AuthenticatedContent that carried the proposal."""
    return ref_hash(suite, _REFERENCE_LABEL, authenticated_content)
