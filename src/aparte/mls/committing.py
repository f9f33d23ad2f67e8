"""Committing (RFC 9420 §12.4.1): one member moves the whole group into its next epoch, and welcomes who is new."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field, replace

from aparte.crypto import Signer
from aparte.mls.commits import Commit, ProposalRef
from aparte.mls.errors import CallerError
from aparte.mls.extensions import Extensions
from aparte.mls.framing import Sender, WireFormat
from aparte.mls.group import Group, PendingCommit, describe
from aparte.mls.key_package import KeyPackage
from aparte.mls.key_schedule import welcome_keys
from aparte.mls.leaf_node import LeafNode, LeafNodeContent
from aparte.mls.leaf_validation import (
    VerifiedKeyPackage,
    check_leaf,
    check_own_support,
    check_unique_keys,
    own_leaf_of,
    verify_signatures,
)
from aparte.mls.messages import encode_message
from aparte.mls.proposal_list import (
    AppliedProposals,
    CommittedProposal,
    apply_proposals,
    check_result,
    path_required,
)
from aparte.mls.proposal_rules import ProposalContext, check_replacement
from aparte.mls.proposals import Proposal
from aparte.mls.propose import Change, to_proposal
from aparte.mls.protect import send_content, sign_content
from aparte.mls.psk import PskSource, ResumptionUsage
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.selection import compatible
from aparte.mls.staging import (
    EpochInputs,
    NextEpoch,
    StagedCommit,
    derive_next_epoch,
    enter_epoch,
    provisional_epoch,
    resolve_psks,
    roster_change,
)
from aparte.mls.treekem import FreshPath, create_path, keys_still_valid, seal_path
from aparte.mls.update_path import UpdatePath
from aparte.mls.welcome import GroupSecrets, Welcome, seal_group_secrets

__all__ = ["CommitOptions", "Committed", "commit"]


@dataclass(frozen=True, slots=True)
class CommitOptions:
    """How to commit. The defaults suit nearly everybody."""

    #: Renew one's own keys even where §12.4 lets a commit do without. False makes an addition cheaper.
    path: bool = True
    #: Also commit what was heard in this epoch, by reference, as far as it fits together (see `selection`).
    pending: bool = True
    #: Of that, only these; None for all.
    references: Collection[bytes] | None = None
    #: One Welcome for each joiner, instead of one for all.
    welcome_each: bool = False
    #: Put the ratchet tree into the Welcome; if not, joiners need it from elsewhere.
    tree_in_welcome: bool = True
    #: New credential, capabilities and extensions for one's own leaf (its keys are replaced anyway).
    leaf: LeafNodeContent | None = None
    #: A new signature key for one's own leaf.
    signer: Signer | None = None
    wire_format: WireFormat | None = None
    authenticated_data: bytes = b""
    psks: PskSource = field(default_factory=PskSource)
    #: Added to the GroupInfo in the Welcome.
    group_info_extensions: Extensions = Extensions()
    #: Only for the first commit of a branched or reinitialised group.
    psk_usage: ResumptionUsage = ResumptionUsage.APPLICATION


@dataclass(frozen=True, slots=True, repr=False)
class Committed:
    """A commit ready to send.

    `group` is still in the old epoch and holds the commit as pending: it moves on when the commit comes back
    through `process`, or by `staged.merge()` where the caller knows that it was accepted.
    """

    message: bytes
    welcomes: tuple[bytes, ...]
    staged: StagedCommit
    group: Group


def commit(group: Group, changes: Sequence[Change] = (), options: CommitOptions | None = None) -> Committed:
    """Commit what was heard in this epoch and `changes`, all in one message.

    Raises `PeerError` with the rule that the resulting list would break, `MissingPsk`, or `CallerError`.
    """
    group.require_active()
    if group.pending_commit is not None:
        raise CallerError("a commit of one's own is pending: process it, or give it up with without_pending_commit")
    options = options or CommitOptions()
    items = _list_of(group, changes, options)
    sender = Sender.member(group.own_index)
    usages = frozenset({ResumptionUsage.APPLICATION} | ({options.psk_usage} if group.epoch == 0 else set()))
    rules = ProposalContext(
        group.suite, group.state.config, group.context, group.tree, group.extensions, psk_usages=usages
    )
    applied = apply_proposals([item for item, _ in items], committer=sender, rules=rules)
    verify_signatures(group.suite, applied.checks)
    psk = resolve_psks(group, applied.psks, options.psks)
    with_path = options.path or path_required([item for item, _ in items])
    if not with_path and (options.leaf or options.signer):
        raise CallerError("a new leaf or signature key needs a path")
    draft = _Draft(group, options, applied, _fresh_path(group, applied, options) if with_path else None)
    return _complete(draft, items, psk)


#: A proposal, and the reference by which the commit names it (None: by value).
_Item = tuple[CommittedProposal, bytes | None]


def _list_of(group: Group, changes: Sequence[Change], options: CommitOptions) -> list[_Item]:
    own = Sender.member(group.own_index)
    proposals = [to_proposal(change) for change in changes]
    heard = group.proposals if options.pending else ()
    if options.references is not None:
        heard = tuple(pending for pending in heard if pending.reference in options.references)
    items: list[_Item] = [
        (CommittedProposal(p.proposal, p.sender, by_reference=True, verified=True), p.reference)
        for p in compatible(group, heard, proposals)
    ]
    for change, proposal in zip(changes, proposals, strict=True):
        verified = isinstance(change, VerifiedKeyPackage)
        items.append((CommittedProposal(proposal, own, by_reference=False, verified=verified), None))
    return items


@dataclass(frozen=True, slots=True, repr=False)
class _Draft:
    group: Group
    options: CommitOptions
    applied: AppliedProposals
    fresh: FreshPath | None

    @property
    def tree(self) -> RatchetTree:
        return self.applied.tree if self.fresh is None else self.fresh.tree

    @property
    def own_leaf(self) -> LeafNode | None:
        """The committer's new leaf, if there is a path."""
        return None if self.fresh is None else self.fresh.tree.leaf(self.group.own_index)


def _fresh_path(group: Group, applied: AppliedProposals, options: CommitOptions) -> FreshPath:
    signer = options.signer or group.state.signer
    content = replace(options.leaf or group.own_leaf.content, signature_key=signer.public_key)
    fresh = create_path(applied.tree, group.own_index, content, signer=signer, group_id=group.group_id)
    leaf = fresh.tree.leaf(group.own_index)
    if leaf is not None:
        check_leaf(group.suite, leaf, extensions=applied.extensions, config=group.state.config)
        check_replacement(applied.tree, group.own_index, leaf, group.state.config)
    if options.signer is not None:
        check_unique_keys(fresh.tree)
    return fresh


def _complete(draft: _Draft, items: Sequence[_Item], psk: bytes) -> Committed:
    group, applied, options = draft.group, draft.applied, draft.options
    check_result(applied, draft.tree, draft.own_leaf)
    if applied.extensions_changed:
        check_own_support(own_leaf_of(draft.tree, group.own_index), applied.extensions)
    provisional = provisional_epoch(group, draft.tree, applied)
    path, commit_secret = _seal(draft, provisional.context.encode())
    body = Commit(tuple(_named(item, reference) for item, reference in items), path)
    signed = sign_content(group, body, wire_format=options.wire_format, authenticated_data=options.authenticated_data)
    inputs = EpochInputs(group.state.secrets.init, commit_secret, psk)
    following = derive_next_epoch(group, signed, provisional, inputs)
    sent = send_content(group, replace(signed, confirmation_tag=following.confirmation_tag))
    after = _after(draft, following)
    own_leaf = draft.own_leaf
    staged = StagedCommit(
        committer=group.own_index,
        proposals=tuple(item for item, _ in items),
        changes=roster_change(group, applied, None if own_leaf is None else (group.own_index, own_leaf)),
        removes_me=False,
        has_path=path is not None,
        _next=after,
    )
    pending = replace(sent.group, pending_commit=PendingCommit(sent.message, staged))
    return Committed(sent.message, _welcomes(draft, following, after), staged, pending)


def _named(item: CommittedProposal, reference: bytes | None) -> Proposal | ProposalRef:
    return item.proposal if reference is None else ProposalRef(reference)


def _seal(draft: _Draft, context: bytes) -> tuple[UpdatePath | None, bytes]:
    if draft.fresh is None:
        return None, bytes(draft.group.suite.parameters.hash_length)
    path = seal_path(draft.fresh, draft.group.own_index, context=context, joined=draft.applied.joined)
    return path, draft.fresh.secrets.commit_secret


def _after(draft: _Draft, following: NextEpoch) -> Group:
    group, own = draft.group, draft.group.own_index
    fresh = {} if draft.fresh is None else draft.fresh.private_keys(own)
    keys = keys_still_valid(draft.tree, own, {**group.state.path_keys, **fresh})
    signer = (draft.options.signer or group.state.signer) if draft.fresh is not None else group.state.signer
    return enter_epoch(group, following, path_keys=keys, signer=signer)


def _welcomes(draft: _Draft, following: NextEpoch, after: Group) -> tuple[bytes, ...]:
    """Welcomes that together cover every joiner (rule 12.4.1.3), as encoded MLSMessages."""
    added, options, suite = draft.applied.added, draft.options, draft.group.suite
    if not added:
        return ()
    info = describe(
        after.state,
        with_tree=options.tree_in_welcome,
        external_join=False,
        extensions=options.group_info_extensions,
    )
    keys = welcome_keys(suite, following.joiner_secret, following.psk_secret)
    sealed_info = suite.seal(keys.key, keys.nonce, b"", info.encode())
    secrets = seal_group_secrets(suite, _joiners(draft, following), sealed_info)
    batches = [(secret,) for secret in secrets] if options.welcome_each else [secrets]
    return tuple(encode_message(Welcome(suite.parameters.number, batch, sealed_info)) for batch in batches)


def _joiners(draft: _Draft, following: NextEpoch) -> list[tuple[KeyPackage, GroupSecrets]]:
    by_path_secret: dict[bytes | None, GroupSecrets] = {}
    joiners = []
    for leaf, package in draft.applied.added:
        shared = None if draft.fresh is None else draft.fresh.secret_shared_with(leaf)
        secrets = by_path_secret.get(shared)
        if secrets is None:
            secrets = GroupSecrets(following.joiner_secret, shared, draft.applied.psks)
            by_path_secret[shared] = secrets
        joiners.append((package, secrets))
    return joiners
