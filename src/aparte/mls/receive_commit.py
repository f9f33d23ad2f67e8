"""Processing a commit (RFC 9420 §12.4.2): from verified content to a staged next epoch.

In the order of the RFC: the list, the tree, the path (what everybody can judge, then what only this member can),
the key schedule, the confirmation tag.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from hmac import compare_digest

from aparte.crypto import OpenError, Signer
from aparte.mls.commits import Commit, ProposalRef
from aparte.mls.errors import PathUndecryptable, PeerError, UnknownProposal, require
from aparte.mls.framing import Sender, SenderType
from aparte.mls.group import Group
from aparte.mls.key_schedule import EXTERNAL_INIT_LABEL, external_key
from aparte.mls.leaf_node import LeafNodeSource
from aparte.mls.leaf_validation import SignatureCheck, check_leaf, check_own_support, own_leaf_of, verify_signatures
from aparte.mls.proposal_list import (
    AppliedProposals,
    CommittedProposal,
    apply_proposals,
    check_result,
    path_required,
)
from aparte.mls.proposal_rules import check_replacement
from aparte.mls.proposals import Remove
from aparte.mls.propose import proposal_context
from aparte.mls.psk import PskSource
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.staging import (
    EpochInputs,
    StagedCommit,
    derive_next_epoch,
    enter_epoch,
    leave_group,
    provisional_epoch,
    resolve_psks,
    roster_change,
)
from aparte.mls.tree_math import LeafIndex, node_of
from aparte.mls.treekem import PathKeys, PathReader, keys_still_valid, merge_path, open_path
from aparte.mls.unprotect import VerifiedContent
from aparte.mls.update_path import UpdatePath

__all__ = ["external_init_secret", "stage_commit"]


def stage_commit(group: Group, verified: VerifiedContent, body: Commit, psks: PskSource) -> StagedCommit:
    """Raises `PeerError` and its kinds, `PathUndecryptable`, `MissingPsk`, `DecodeError`."""
    sender = verified.authenticated.content.sender
    items = _resolve(group, body, sender)
    applied = apply_proposals(items, committer=sender, rules=proposal_context(group))
    require(body.path is not None or not path_required(items), "12.4.3", "the commit lacks its path")
    committer, roomy = _place(sender, applied.tree)
    received = _Received(group, sender, applied, body.path, committer, roomy, _removed_by_value(items))
    tree = received.public_tree()
    removed = group.own_index in applied.removed
    if applied.extensions_changed and not removed:
        check_own_support(own_leaf_of(tree, group.own_index), applied.extensions)
    after = leave_group(group) if removed else _next_epoch(received, verified, tree, psks)
    leaf = None if body.path is None else (received.committer, body.path.leaf_node)
    return StagedCommit(
        committer=received.committer if sender.sender_type is SenderType.MEMBER else None,
        proposals=items,
        changes=roster_change(group, applied, leaf),
        removes_me=removed,
        has_path=body.path is not None,
        _next=after,
    )


def _resolve(group: Group, body: Commit, sender: Sender) -> tuple[CommittedProposal, ...]:
    known = {heard.reference: heard for heard in group.proposals}
    items = []
    for item in body.proposals:
        if isinstance(item, ProposalRef):
            heard = known.get(item.reference)
            if heard is None:
                raise UnknownProposal("12.4.2/reference", "the commit refers to a proposal never received")
            items.append(CommittedProposal(heard.proposal, heard.sender, by_reference=True, verified=True))
        else:
            items.append(CommittedProposal(item, sender, by_reference=False, verified=False))
    return tuple(items)


@dataclass(frozen=True, slots=True)
class _Received:
    group: Group
    sender: Sender
    applied: AppliedProposals
    path: UpdatePath | None
    #: The committer's leaf in the next epoch, and the tree with room for it.
    committer: LeafIndex
    roomy: RatchetTree
    #: Leaves that the list removes by a Remove: what an external committer says it replaces (rule 12.2.3).
    replaced: tuple[LeafIndex, ...]

    def public_tree(self) -> RatchetTree:
        """The tree of the next epoch, all that any member can judge having been judged."""
        group, applied, path = self.group, self.applied, self.path
        checks = list(applied.checks)
        tree = applied.tree
        if path is not None:
            checks.append(self._check_path_leaf(path))
            check_path_keys(tree, self.committer, path)
            tree = merge_path(self.roomy, self.committer, path, joined=applied.joined)
        check_result(applied, tree, None if path is None else path.leaf_node)
        verify_signatures(group.suite, checks)
        return tree

    def _check_path_leaf(self, path: UpdatePath) -> SignatureCheck:
        group, leaf, config = self.group, path.leaf_node, self.group.state.config
        require(leaf.source is LeafNodeSource.COMMIT, "12.4.2.1", "the path's leaf was not made for a commit")
        check_leaf(group.suite, leaf, extensions=self.applied.extensions, config=config)
        if self.sender.sender_type is SenderType.MEMBER:
            check_replacement(group.tree, self.committer, leaf, config)
        else:
            for removed in self.replaced:
                check_replacement(group.tree, removed, leaf, config)
        signed = leaf.signed_content(group.group_id, self.committer)
        return (leaf.signature_key, signed, leaf.signature, "7.3/signature")


def _place(sender: Sender, tree: RatchetTree) -> tuple[LeafIndex, RatchetTree]:
    """Where the committer sits: one who joins takes the leftmost blank leaf (§12.4.2), which may need a wider tree."""
    if sender.sender_type is SenderType.MEMBER:
        return LeafIndex(sender.index), tree
    edit = tree.edit()
    return edit.reserve(), edit.build()


def _removed_by_value(items: Sequence[CommittedProposal]) -> tuple[LeafIndex, ...]:
    """Leaves that a Remove in the list takes away. Self-removes do not count: nobody replaces who goes by itself."""
    return tuple(item.proposal.removed for item in items if isinstance(item.proposal, Remove))


def check_path_keys(tree: RatchetTree, committer: LeafIndex, path: UpdatePath) -> None:
    """No key of a path may stand anywhere in the tree that it is merged into (§12.4.2), nor twice in the path."""
    fresh = [path.leaf_node.encryption_key, *(node.encryption_key for node in path.nodes)]
    unique = set(fresh)
    require(len(unique) == len(fresh), "12.4.2/path-keys", "a key stands twice in the path")
    present = {node.encryption_key for node in tree.nodes if node is not None}
    require(unique.isdisjoint(present), "12.4.2/path-keys", "a key of the path stands in the tree already")
    signature_key = path.leaf_node.signature_key
    others = {leaf.signature_key for index, leaf in tree.leaves() if index != committer}
    require(signature_key not in others, "7.3/unique-signature-key", "two leaves share a signature key")
    apart = unique.isdisjoint(others) and signature_key not in present and signature_key not in unique
    require(apart, "16.7.1", "one key serves for encryption and for signatures")


def _next_epoch(received: _Received, verified: VerifiedContent, tree: RatchetTree, psks: PskSource) -> Group:
    group, applied = received.group, received.applied
    psk = resolve_psks(group, applied.psks, psks)
    provisional = provisional_epoch(group, tree, applied)
    keys, signer = _own_keys(group, applied)
    init_secret = _init_secret(group, applied.external_init)
    commit_secret = bytes(group.suite.parameters.hash_length)
    if received.path is not None:
        reader = PathReader(group.own_index, keys, provisional.context.encode(), applied.joined)
        member = received.sender.sender_type is SenderType.MEMBER
        try:
            found, commit_secret = open_path(tree, received.path, received.committer, reader)
        except PathUndecryptable as error:
            raise error if member else PathUndecryptable(-1, error.problem) from error
        keys = {**keys, **found}
    authenticated = verified.authenticated
    inputs = EpochInputs(init_secret, commit_secret, psk)
    following = derive_next_epoch(group, authenticated, provisional, inputs)
    tag = authenticated.confirmation_tag or b""
    require(
        compare_digest(tag, following.confirmation_tag),
        "12.4.2/confirmation-tag",
        "the confirmation tag is wrong",
    )
    kept = keys_still_valid(tree, group.own_index, keys)
    return enter_epoch(group, following, path_keys=kept, signer=signer)


def _own_keys(group: Group, applied: AppliedProposals) -> tuple[PathKeys, Signer]:
    """One's private keys and signer once the list is applied: one's own update may have been committed."""
    for leaf, content in applied.updated:
        if leaf == group.own_index:
            update = group.own_updates.get(content.encryption_key)
            if update is None:
                raise PeerError("12.1.2/own", "the commit carries an update of mine that I do not know")
            return {**group.state.path_keys, node_of(leaf): update.encryption_key}, update.signer
    return group.state.path_keys, group.state.signer


def _init_secret(group: Group, kem_output: bytes | None) -> bytes:
    if kem_output is None:
        return group.state.secrets.init
    return external_init_secret(group, kem_output)


def external_init_secret(group: Group, kem_output: bytes) -> bytes:
    """The init secret that an external committer exported to the group's external key (§8.3)."""
    suite = group.suite
    key = external_key(suite, group.state.secrets.external)
    try:
        return suite.hpke_export_from(key, kem_output, b"", EXTERNAL_INIT_LABEL, suite.parameters.hash_length)
    except OpenError as error:
        raise PeerError("8.3/kem-output", "the external init's KEM output is malformed") from error
