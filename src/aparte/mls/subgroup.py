"""Groups that follow a group: reinitialisation and branches (RFC 9420 §11.2, §11.3).

Both are a new group whose first commit mixes in the old one's resumption PSK; what differs is the usage, and
what a joiner has to compare.
"""

from __future__ import annotations

from collections.abc import Sequence

from aparte.mls.config import Config
from aparte.mls.errors import CallerError, PeerError, require
from aparte.mls.group import Group
from aparte.mls.group_context import GroupContext
from aparte.mls.proposals import PreSharedKey
from aparte.mls.psk import PreSharedKeyId, ResumptionPskId, ResumptionUsage
from aparte.mls.ratchet_tree import RatchetTree

__all__ = ["check_successor", "linking_psk"]


def linking_psk(predecessor: Group, usage: ResumptionUsage, nonce: bytes) -> PreSharedKey:
    """The proposal by which a new group's first commit shows whence it comes."""
    key = ResumptionPskId(usage, predecessor.group_id, predecessor.epoch)
    return PreSharedKey(PreSharedKeyId(key, nonce))


def check_successor(
    context: GroupContext,
    tree: RatchetTree,
    psks: Sequence[PreSharedKeyId],
    predecessor: Group | None,
    config: Config,
) -> None:
    """Raise `PeerError` unless a group that claims to follow another does (end of §12.4.3.1)."""
    planned = None if predecessor is None else predecessor.state.reinit
    if planned is not None and context.group_id == planned.group_id:
        linked = any(isinstance(psk.key, ResumptionPskId) and psk.key.usage is ResumptionUsage.REINIT for psk in psks)
        require(linked, "11.2.3", "the successor is not linked to the group that was reinitialised")
    for psk in psks:
        key = psk.key
        if not isinstance(key, ResumptionPskId) or key.usage is ResumptionUsage.APPLICATION:
            continue
        if predecessor is None or predecessor.group_id != key.group_id:
            raise CallerError("the Welcome follows a group that was not given as predecessor")
        if key.usage is ResumptionUsage.REINIT:
            _check_reinit(context, tree, key, predecessor, config)
            continue
        if predecessor.epoch != key.epoch:  # its members may have been others
            raise CallerError(f"the branch is of epoch {key.epoch}: give the predecessor as it was then")
        _check_branch(context, tree, predecessor, config)


def _check_reinit(
    context: GroupContext, tree: RatchetTree, key: ResumptionPskId, predecessor: Group, config: Config
) -> None:
    planned = predecessor.state.reinit
    if planned is None:
        raise PeerError("11.2.3", "the predecessor was not reinitialised")
    require(context.epoch == 1, "11.2.2", "the successor's Welcome is not of epoch 1")
    require(key.epoch == predecessor.epoch, "11.2.3", "the PSK is not of the epoch after the reinit")
    same = (
        context.group_id == planned.group_id
        and context.version == planned.version
        and context.cipher_suite == planned.cipher_suite
        and context.extensions == planned.extensions
    )
    require(same, "11.2.1", "the successor is not what the reinit proposed")
    missing = _unmatched(predecessor.tree, tree, config)
    require(not missing, "12.4.1.4", "a member of the predecessor is missing in the successor")


def _check_branch(context: GroupContext, tree: RatchetTree, predecessor: Group, config: Config) -> None:
    require(context.epoch == 1, "11.3.3", "the branch's Welcome is not of epoch 1")
    old = predecessor.context
    same = context.version == old.version and context.cipher_suite == old.cipher_suite
    require(same, "11.3.2", "the branch has other parameters than its predecessor")
    require(not _unmatched(tree, predecessor.tree, config), "11.3.4", "the branch has a member from elsewhere")


def _unmatched(some: RatchetTree, others: RatchetTree, config: Config) -> bool:
    """Whether a member of `some` has no counterpart in `others`, by the application's successor rule."""
    known = {leaf.credential for _, leaf in others.leaves()}
    return not all(
        leaf.credential in known or any(config.succeeds(leaf.credential, credential) for credential in known)
        for _, leaf in some.leaves()
    )
