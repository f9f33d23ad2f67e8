"""Saving a staged commit: one's own, sent and not yet come back, must survive a restart to be merged."""

from __future__ import annotations

from collections.abc import Callable

from aparte.codec import Reader, encode_optional, encode_u8, encode_u32, encode_vector
from aparte.mls.errors import StateError
from aparte.mls.extensions import Extensions
from aparte.mls.framing import Sender
from aparte.mls.group import Group
from aparte.mls.leaf_node import LeafNode
from aparte.mls.proposal_list import CommittedProposal
from aparte.mls.proposals import ReInit, decode_proposal, encode_proposal
from aparte.mls.psk import PreSharedKeyId
from aparte.mls.staging import RosterChange, StagedCommit
from aparte.mls.tree_math import LeafIndex

__all__ = ["encode_staged", "read_staged"]


def encode_staged(staged: StagedCommit, encode_group: Callable[[Group], bytes]) -> bytes:
    """`encode_group` writes the group that the commit leads to."""
    committer = None if staged.committer is None else encode_u32(staged.committer)
    return b"".join(
        (
            encode_optional(committer),
            encode_vector(b"".join([_encode_committed(item) for item in staged.proposals])),
            _encode_changes(staged.changes),
            encode_u8(staged.removes_me),
            encode_u8(staged.has_path),
            encode_group(staged.merge()),
        )
    )


def read_staged(reader: Reader, read_group: Callable[[Reader], Group]) -> StagedCommit:
    committer = LeafIndex(reader.u32()) if reader.optional() else None
    inner, proposals = reader.nested(), []
    while inner:
        proposals.append(_read_committed(inner))
    changes = _read_changes(reader)
    removes_me, has_path = reader.optional(), reader.optional()
    return StagedCommit(committer, tuple(proposals), changes, removes_me, has_path, read_group(reader))


def _encode_committed(item: CommittedProposal) -> bytes:
    proposal = encode_vector(encode_proposal(item.proposal))
    return proposal + item.sender.encode() + encode_u8(item.by_reference) + encode_u8(item.verified)


def _read_committed(reader: Reader) -> CommittedProposal:
    proposal, sender = decode_proposal(reader.vector()), Sender.read(reader)
    return CommittedProposal(proposal, sender, by_reference=reader.optional(), verified=reader.optional())


def _encode_changes(changes: RosterChange) -> bytes:
    reinit = None if changes.reinit is None else encode_vector(encode_proposal(changes.reinit))
    return b"".join(
        (
            encode_vector(b"".join([encode_u32(leaf) + node.raw for leaf, node in changes.added])),
            encode_vector(b"".join([encode_u32(leaf) + node.raw for leaf, node in changes.removed])),
            encode_vector(b"".join([encode_u32(leaf) + old.raw + new.raw for leaf, old, new in changes.updated])),
            changes.extensions_before.encode(),
            changes.extensions_after.encode(),
            encode_vector(b"".join([psk.encode() for psk in changes.psks])),
            encode_optional(reinit),
        )
    )


def _read_changes(reader: Reader) -> RosterChange:
    added, removed = _read_leaves(reader.nested()), _read_leaves(reader.nested())
    inner, updated = reader.nested(), []
    while inner:
        updated.append((LeafIndex(inner.u32()), LeafNode.read(inner), LeafNode.read(inner)))
    before, after = Extensions.read(reader), Extensions.read(reader)
    inner, psks = reader.nested(), []
    while inner:
        psks.append(PreSharedKeyId.read(inner))
    reinit = decode_proposal(reader.vector()) if reader.optional() else None
    if reinit is not None and not isinstance(reinit, ReInit):
        raise StateError("the state's reinit is another proposal")
    return RosterChange(added, removed, tuple(updated), before, after, tuple(psks), reinit)


def _read_leaves(reader: Reader) -> tuple[tuple[LeafIndex, LeafNode], ...]:
    leaves = []
    while reader:
        leaves.append((LeafIndex(reader.u32()), LeafNode.read(reader)))
    return tuple(leaves)
