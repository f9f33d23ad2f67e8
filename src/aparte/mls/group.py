"""A group as one member sees it in one epoch: a frozen value. Every operation returns a new one.

`EpochState` is what stays the same throughout an epoch; `Group` adds what messages move: ratchets, proposals
heard so far, one's own updates and commit that have not come back yet.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import TYPE_CHECKING

from aparte.codec import encode_vector
from aparte.crypto import KemPrivateKey, Signer, Suite
from aparte.mls.config import Config
from aparte.mls.echoes import NO_ECHOES, Echoes
from aparte.mls.errors import CallerError
from aparte.mls.extensions import Extensions, ExtensionType
from aparte.mls.framing import Sender
from aparte.mls.grease import grease_extensions
from aparte.mls.group_context import GroupContext
from aparte.mls.group_info import GroupInfo, sign_group_info
from aparte.mls.key_schedule import EpochSecrets, export_secret, external_key
from aparte.mls.leaf_node import LeafNode
from aparte.mls.messages import encode_message
from aparte.mls.private_message import EpochFrame
from aparte.mls.proposals import Proposal, ReInit
from aparte.mls.psk import PskSource
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.secret_tree import SecretTree
from aparte.mls.tree_math import LeafIndex
from aparte.mls.treekem import PathKeys

if TYPE_CHECKING:
    from aparte.mls.staging import StagedCommit

__all__ = ["EpochState", "Group", "GroupStatus", "PendingProposal", "export_group_info"]


class GroupStatus(Enum):
    """Whether the group can still be used."""

    ACTIVE = 1
    #: A commit with a ReInit was merged: only the group that follows can be used (§12.4.2).
    REINITIALIZED = 2
    #: A commit removed this member.
    REMOVED = 3


@dataclass(frozen=True, slots=True, repr=False)
class EpochState:
    """Everything about an epoch that no message changes. The secrets of an ended membership are empty.

    `secrets` are those that `EpochSecrets.kept` leaves; `frame` follows from the other fields.
    """

    suite: Suite
    config: Config
    context: GroupContext
    tree: RatchetTree
    secrets: EpochSecrets
    interim_transcript_hash: bytes
    confirmation_tag: bytes
    own: LeafIndex
    signer: Signer
    path_keys: PathKeys
    resumption: Mapping[int, bytes]
    status: GroupStatus = GroupStatus.ACTIVE
    reinit: ReInit | None = None

    frame: EpochFrame = field(init=False)

    def __post_init__(self) -> None:
        frame = EpochFrame.create(
            self.suite,
            group_id=self.context.group_id,
            epoch=self.context.epoch,
            group_context=self.context.encode(),
            sender_data=self.secrets.sender_data,
        )
        object.__setattr__(self, "frame", frame)


@dataclass(frozen=True, slots=True)
class PendingProposal:
    """A proposal heard in this epoch, verified, waiting for a commit that refers to it."""

    reference: bytes
    proposal: Proposal
    sender: Sender


@dataclass(frozen=True, slots=True, repr=False)
class OwnUpdate:
    """The private halves of a leaf that one proposed for oneself."""

    encryption_key: KemPrivateKey
    signer: Signer


@dataclass(frozen=True, slots=True, repr=False)
class PendingCommit:
    """One's own commit, recognised by its encoding when it comes back."""

    message: bytes
    staged: StagedCommit


@dataclass(frozen=True, slots=True, repr=False)
class Group:
    """One member's view. Keep the newest, forget the rest: an old value still holds keys that were used."""

    state: EpochState
    secret_tree: SecretTree
    proposals: tuple[PendingProposal, ...] = ()
    own_updates: Mapping[bytes, OwnUpdate] = field(default_factory=dict)
    pending_commit: PendingCommit | None = None
    sent: Echoes = NO_ECHOES

    # -- what the members of an epoch agree on -------------------------------------------------------------------
    @property
    def suite(self) -> Suite:
        return self.state.suite

    @property
    def group_id(self) -> bytes:
        return self.state.context.group_id

    @property
    def epoch(self) -> int:
        return self.state.context.epoch

    @property
    def context(self) -> GroupContext:
        return self.state.context

    @property
    def extensions(self) -> Extensions:
        return self.state.context.extensions

    @property
    def tree(self) -> RatchetTree:
        return self.state.tree

    @property
    def status(self) -> GroupStatus:
        return self.state.status

    @property
    def epoch_authenticator(self) -> bytes:
        """Equal for two members exactly if they share the epoch (§8.7). Raises `CallerError` once removed."""
        return self._held(self.state.secrets.authenticator)

    def members(self) -> Iterator[tuple[LeafIndex, LeafNode]]:
        """All members by leaf index."""
        return self.state.tree.leaves()

    def member(self, index: LeafIndex) -> LeafNode:
        """Raises `CallerError` if nobody is there."""
        leaf = self.state.tree.leaf(index)
        if leaf is None:
            raise CallerError(f"no member at leaf {index}")
        return leaf

    # -- what is one's own -----------------------------------------------------------------------------------------
    @property
    def own_index(self) -> LeafIndex:
        return self.state.own

    @property
    def own_leaf(self) -> LeafNode:
        return self.member(self.state.own)

    # -- secrets for the application --------------------------------------------------------------------------------
    def export_secret(self, label: bytes, context: bytes, length: int) -> bytes:
        """MLS-Exporter (§8.5). Raises `CallerError` once the exporter secret was erased or the group left."""
        exporter = self.state.secrets.exporter
        if not exporter:
            raise CallerError("the exporter secret of this epoch was erased")
        return export_secret(self.suite, exporter, label, context, length)

    def resumption_psk(self) -> bytes:
        """The resumption PSK of this epoch (§8.6). Raises `CallerError` once removed."""
        return self._held(self.state.secrets.resumption)

    @staticmethod
    def _held(secret: bytes) -> bytes:
        if not secret:
            raise CallerError("this member holds no secret of the epoch")
        return secret

    def without_exporter(self) -> Group:
        """The same group, unable to export in this epoch: for those who have derived all that they need."""
        return replace(self, state=replace(self.state, secrets=self.state.secrets.without_exporter()))

    def without_proposals(self) -> Group:
        """The same group, having heard no proposal: for a member that declines to commit those it heard."""
        return replace(self, proposals=(), own_updates={})

    def without_pending_commit(self) -> Group:
        """The same group, its own commit given up: for a committer that lost the race."""
        return replace(self, pending_commit=None)

    def known_psks(self, psks: PskSource) -> PskSource:
        """The caller's keys and this group's own, of this epoch and those kept. An erased one is none."""
        own = {**self.state.resumption, self.epoch: self.state.secrets.resumption}
        return psks.with_resumption(self.group_id, {epoch: psk for epoch, psk in own.items() if psk})

    def require_active(self) -> None:
        """Raise `CallerError` unless the group can be used."""
        if self.state.status is GroupStatus.ACTIVE:
            return
        if self.status is GroupStatus.REINITIALIZED:
            raise CallerError("the group was reinitialised: wait for the Welcome to its successor")
        if self.status is GroupStatus.REMOVED:
            raise CallerError("this member was removed from the group")


def export_group_info(
    group: Group, *, with_tree: bool = True, external_join: bool = True, extensions: Extensions = Extensions()
) -> bytes:
    """A signed GroupInfo of the present epoch as MLSMessage: for external joiners, or with a tree for anybody.

    `extensions` are added to it as they are; unknown ones are ignored by who reads it (§12.4.3).
    """
    group.require_active()
    info = describe(group.state, with_tree=with_tree, external_join=external_join, extensions=extensions)
    return encode_message(info)


def describe(
    state: EpochState, *, with_tree: bool, external_join: bool, extensions: Extensions = Extensions()
) -> GroupInfo:
    """GroupInfo of an epoch, signed by the member whose state it is."""
    if state.config.grease:
        extensions = grease_extensions(state.suite, extensions)
    if with_tree:
        extensions = extensions.with_extension(ExtensionType.RATCHET_TREE, state.tree.encode())
    if external_join:
        public = external_key(state.suite, state.secrets.external).public_key
        extensions = extensions.with_extension(ExtensionType.EXTERNAL_PUB, encode_vector(public))
    return sign_group_info(
        state.signer,
        state.own,
        group_context=state.context,
        extensions=extensions,
        confirmation_tag=state.confirmation_tag,
    )
