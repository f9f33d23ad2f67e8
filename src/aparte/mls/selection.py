"""Which of the proposals heard in an epoch a committer takes up (RFC 9420 §12.2: what it SHOULD prefer).

Members may propose what cannot stand in one commit. The committer's own changes come first; then a leaf that
wishes to go, then removals, then the latest update; the latest extensions; each client and each key once. A ReInit
goes alone, so it waits. What is left out stays unheeded; its proposer may ask again in the next epoch.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from aparte.mls.framing import Sender
from aparte.mls.group import Group, PendingProposal
from aparte.mls.proposals import (
    Add,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    SelfRemove,
    Update,
)
from aparte.mls.tree_math import LeafIndex

__all__ = ["compatible"]


def compatible(group: Group, heard: Iterable[PendingProposal], changes: Sequence[Proposal]) -> list[PendingProposal]:
    """Those of `heard` that fit beside `changes` and each other, in the order in which they were heard."""
    heard = [pending for pending in heard if not _concerns_oneself(pending, group.own_index)]
    if any(isinstance(change, ReInit) for change in changes):
        return []
    others = [pending for pending in heard if not isinstance(pending.proposal, ReInit)]
    if not others and not changes:
        return heard[-1:]  # nothing but ReInits: the latest
    leaves, leaving = _one_per_leaf(others, changes)
    chosen = {*leaves, *_latest_extensions(others, changes), *_psks(others, changes)}
    chosen |= _additions(group, others, changes, leaving)
    return [pending for pending in others if pending.reference in chosen]


def _concerns_oneself(pending: PendingProposal, own: LeafIndex) -> bool:
    """What a committer may not commit: its own update or leaving, and its own removal (rules 12.2.2)."""
    mine = pending.sender == Sender.member(own)
    match pending.proposal:
        case Update() | SelfRemove():
            return mine
        case Remove(removed):
            return removed == own
        case _:
            return False


def _one_per_leaf(heard: Sequence[PendingProposal], changes: Sequence[Proposal]) -> tuple[set[bytes], set[LeafIndex]]:
    """(references chosen, leaves that go)."""
    gone = {change.removed for change in changes if isinstance(change, Remove)}
    best: dict[LeafIndex, tuple[int, bytes]] = {}
    for pending in heard:
        rank, leaf = _claim(pending)
        if rank and leaf not in gone and rank >= best.get(leaf, (0, b""))[0]:
            best[leaf] = (rank, pending.reference)
    gone |= {leaf for leaf, (rank, _) in best.items() if rank > 1}
    return {reference for _, reference in best.values()}, gone


def _claim(pending: PendingProposal) -> tuple[int, LeafIndex]:
    match pending.proposal:
        case SelfRemove():
            return 3, LeafIndex(pending.sender.index)
        case Remove(removed):
            return 2, removed
        case Update():
            return 1, LeafIndex(pending.sender.index)
        case _:
            return 0, LeafIndex(0)


def _latest_extensions(heard: Sequence[PendingProposal], changes: Sequence[Proposal]) -> list[bytes]:
    if any(isinstance(change, GroupContextExtensions) for change in changes):
        return []
    return [pending.reference for pending in heard if isinstance(pending.proposal, GroupContextExtensions)][-1:]


def _psks(heard: Sequence[PendingProposal], changes: Sequence[Proposal]) -> list[bytes]:
    seen = {change.psk for change in changes if isinstance(change, PreSharedKey)}
    chosen = []
    for pending in heard:
        if isinstance(pending.proposal, PreSharedKey) and pending.proposal.psk not in seen:
            seen.add(pending.proposal.psk)
            chosen.append(pending.reference)
    return chosen


def _additions(
    group: Group, heard: Sequence[PendingProposal], changes: Sequence[Proposal], leaving: set[LeafIndex]
) -> set[bytes]:
    if not any(isinstance(pending.proposal, Add) for pending in heard):
        return set()
    taken = {leaf.signature_key for index, leaf in group.members() if index not in leaving}
    taken |= {change.key_package.leaf_node.signature_key for change in changes if isinstance(change, Add)}
    chosen = set()
    for pending in heard:
        if isinstance(pending.proposal, Add):
            key = pending.proposal.key_package.leaf_node.signature_key
            if key not in taken:
                taken.add(key)
                chosen.add(pending.reference)
    return chosen
