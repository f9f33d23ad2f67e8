"""The next epoch, staged (RFC 9420 §12.4): what a commit changes, to be looked at before it is merged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from aparte.crypto import Signer
from aparte.mls.errors import require
from aparte.mls.extensions import Extensions
from aparte.mls.framing import AuthenticatedContent
from aparte.mls.group import EpochState, Group, GroupStatus
from aparte.mls.group_context import GroupContext
from aparte.mls.key_schedule import (
    NO_SECRETS,
    EpochSecrets,
    confirmed_transcript_hash,
    epoch_secrets,
    interim_transcript_hash,
    joiner_secret,
)
from aparte.mls.leaf_node import LeafNode
from aparte.mls.proposal_list import AppliedProposals, CommittedProposal
from aparte.mls.proposals import ReInit
from aparte.mls.psk import PreSharedKeyId, PskSource, psk_secret
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.secret_tree import NO_SECRET_TREE, SecretTree
from aparte.mls.tree_math import LeafIndex
from aparte.mls.treekem import PathKeys

__all__ = [
    "NextEpoch",
    "RosterChange",
    "StagedCommit",
    "derive_next_epoch",
    "enter_epoch",
    "leave_group",
    "provisional_epoch",
    "resolve_psks",
    "roster_change",
]


#: Epochs are uint64. No honest group comes near, but whoever invites may say that it has.
_LAST_EPOCH: Final = 2**64 - 1


@dataclass(frozen=True, slots=True)
class RosterChange:
    """The difference between two epochs, with leaves as they were and as they are."""

    added: tuple[tuple[LeafIndex, LeafNode], ...]
    removed: tuple[tuple[LeafIndex, LeafNode], ...]
    updated: tuple[tuple[LeafIndex, LeafNode, LeafNode], ...]
    extensions_before: Extensions
    extensions_after: Extensions
    psks: tuple[PreSharedKeyId, ...]
    reinit: ReInit | None

    @property
    def extensions_changed(self) -> bool:
        return self.extensions_before != self.extensions_after


@dataclass(frozen=True, slots=True, repr=False)
class StagedCommit:
    """A commit that was verified but not merged. `committer` is None for one who joins by it.

    With `removes_me` only what everybody can judge was verified: the confirmation tag is of an epoch that this
    member cannot enter. Keep the old group until another member's message shows that the others moved on.
    """

    committer: LeafIndex | None
    proposals: tuple[CommittedProposal, ...]
    changes: RosterChange
    removes_me: bool
    has_path: bool
    _next: Group

    def merge(self) -> Group:
        """The group in its next epoch. To refuse the commit, do not call this and keep the group one has."""
        return self._next

    @property
    def epoch_authenticator(self) -> bytes:
        """Of the next epoch; empty if the commit removes this member."""
        return self._next.epoch_authenticator if not self.removes_me else b""


@dataclass(frozen=True, slots=True)
class Provisional:
    """The next epoch as far as it is public: the new tree, under the old transcript (§12.4.1).

    `context` is what path secrets are sealed under.
    """

    context: GroupContext
    tree: RatchetTree
    reinit: ReInit | None


@dataclass(frozen=True, slots=True, repr=False)
class EpochInputs:
    """The secrets that an epoch's key schedule starts from (§8, figure 22)."""

    init_secret: bytes
    commit_secret: bytes
    psk_secret: bytes


@dataclass(frozen=True, slots=True, repr=False)
class NextEpoch:
    """The key schedule's outcome for a commit, before anything is built on it."""

    context: GroupContext
    tree: RatchetTree
    reinit: ReInit | None
    joiner_secret: bytes
    psk_secret: bytes
    secrets: EpochSecrets
    confirmation_tag: bytes
    interim_transcript_hash: bytes


def resolve_psks(group: Group, ids: Sequence[PreSharedKeyId], psks: PskSource) -> bytes:
    """psk_secret for a commit's PreSharedKey proposals in order. Raises `MissingPsk`."""
    if not ids:
        return bytes(group.suite.parameters.hash_length)
    known = group.known_psks(psks)
    return psk_secret(group.suite, [(psk, known.secret(psk.key)) for psk in ids])


def provisional_epoch(group: Group, tree: RatchetTree, applied: AppliedProposals) -> Provisional:
    """`tree` has the proposals applied and the path merged, if there is one. Raises `PeerError` 12.4.2/epoch."""
    require(group.epoch < _LAST_EPOCH, "12.4.2/epoch", "the group is in its last epoch")
    context = replace(group.context, epoch=group.epoch + 1, tree_hash=tree.tree_hash(), extensions=applied.extensions)
    return Provisional(context, tree, applied.reinit)


def derive_next_epoch(
    group: Group, commit: AuthenticatedContent, provisional: Provisional, inputs: EpochInputs
) -> NextEpoch:
    """Transcript and key schedule for a signed commit; its confirmation tag is computed, not read."""
    suite = group.suite
    confirmed = confirmed_transcript_hash(suite, group.state.interim_transcript_hash, commit.confirmed_input())
    context = replace(provisional.context, confirmed_transcript_hash=confirmed)
    encoded = context.encode()
    joiner = joiner_secret(suite, inputs.init_secret, inputs.commit_secret, encoded)
    secrets = epoch_secrets(suite, joiner, inputs.psk_secret, encoded)
    tag = suite.mac(secrets.confirmation, confirmed)
    return NextEpoch(
        context=context,
        tree=provisional.tree,
        reinit=provisional.reinit,
        joiner_secret=joiner,
        psk_secret=inputs.psk_secret,
        secrets=secrets,
        confirmation_tag=tag,
        interim_transcript_hash=interim_transcript_hash(suite, confirmed, tag),
    )


def enter_epoch(group: Group, following: NextEpoch, *, path_keys: PathKeys, signer: Signer) -> Group:
    """The group in the epoch that `following` describes, with nothing heard and nothing pending."""
    state = group.state
    kept = state.config.resumption_epochs
    resumption = {**state.resumption, group.epoch: state.secrets.resumption}
    entered = EpochState(
        suite=state.suite,
        config=state.config,
        context=following.context,
        tree=following.tree,
        secrets=following.secrets.kept() if following.reinit is None else following.secrets.only_resumption(),
        interim_transcript_hash=following.interim_transcript_hash,
        confirmation_tag=following.confirmation_tag,
        own=state.own,
        signer=signer,
        path_keys=path_keys if following.reinit is None else {},
        resumption={epoch: psk for epoch, psk in resumption.items() if epoch > group.epoch - kept},
        status=GroupStatus.ACTIVE if following.reinit is None else GroupStatus.REINITIALIZED,
        reinit=following.reinit,
    )
    if following.reinit is not None:
        return Group(entered, NO_SECRET_TREE)
    return Group(entered, SecretTree.create(following.secrets.encryption, following.tree.leaf_count))


def leave_group(group: Group) -> Group:
    """The group of a member that was removed: it knows what it was part of, and holds no secret of it."""
    state = replace(group.state, secrets=NO_SECRETS, path_keys={}, resumption={}, status=GroupStatus.REMOVED)
    return Group(state, NO_SECRET_TREE)


def roster_change(group: Group, applied: AppliedProposals, path: tuple[LeafIndex, LeafNode] | None) -> RosterChange:
    """`path` is the committer's new leaf and its index, if the commit has a path."""
    before = group.tree
    added: list[tuple[LeafIndex, LeafNode]] = [(leaf, package.leaf_node) for leaf, package in applied.added]
    updated = [(leaf, before.leaf(leaf), new) for leaf, new in applied.updated]
    if path is not None:
        leaf, new = path
        stayed = before.leaf(leaf) if leaf not in applied.removed else None
        if stayed is None:
            added.append(path)
        else:
            updated.append((leaf, stayed, new))
    return RosterChange(
        added=tuple(added),
        removed=tuple((leaf, old) for leaf in applied.removed if (old := before.leaf(leaf)) is not None),
        updated=tuple((leaf, old, new) for leaf, old, new in updated if old is not None),
        extensions_before=group.extensions,
        extensions_after=applied.extensions,
        psks=applied.psks,
        reinit=applied.reinit,
    )
