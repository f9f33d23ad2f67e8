"""Proposal lists (RFC 9420 §12.2, §12.3): is the list valid, and what does it make of tree and extensions?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

from aparte.mls.errors import require
from aparte.mls.extensions import DEFAULT_PROPOSAL_TYPES, Extensions
from aparte.mls.framing import Sender, SenderType
from aparte.mls.key_package import KeyPackage
from aparte.mls.leaf_node import LeafNode
from aparte.mls.leaf_validation import SignatureCheck, check_members, check_supports_group, check_unique_keys
from aparte.mls.proposal_rules import ProposalContext, check_proposal, recheck_addition
from aparte.mls.proposals import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    SelfRemove,
    Update,
)
from aparte.mls.psk import PreSharedKeyId
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.tree_math import LeafIndex

__all__ = ["AppliedProposals", "CommittedProposal", "apply_proposals", "check_result", "path_required"]

_WITHOUT_PATH = (Add, PreSharedKey, ReInit)
_IN_EXTERNAL_COMMITS = (ExternalInit, Remove, PreSharedKey, SelfRemove)

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class CommittedProposal:
    """A proposal of a commit, with who made it: for one by value, the committer itself.

    `verified` says that the signatures inside it were verified before: when it was heard, or its key package
    picked. All else is judged again, since the tree and the list around it may have changed.
    """

    proposal: Proposal
    sender: Sender
    by_reference: bool
    verified: bool


@dataclass(frozen=True, slots=True)
class AppliedProposals:
    """What a list does. `tree` has no path merged yet; `checks` are signatures still to be verified."""

    tree: RatchetTree
    extensions: Extensions
    added: tuple[tuple[LeafIndex, KeyPackage], ...]
    updated: tuple[tuple[LeafIndex, LeafNode], ...]
    removed: tuple[LeafIndex, ...]
    psks: tuple[PreSharedKeyId, ...]
    external_init: bytes | None
    reinit: ReInit | None
    extensions_changed: bool
    checks: tuple[SignatureCheck, ...]

    @property
    def joined(self) -> frozenset[LeafIndex]:
        """Leaves that come in by this list: no path secret is sealed to them (§7.5)."""
        return frozenset(leaf for leaf, _ in self.added)


def path_required(items: Sequence[CommittedProposal]) -> bool:
    """§12.4: an empty list needs a path, and so does any proposal not known to do without."""
    return not items or not all(isinstance(item.proposal, _WITHOUT_PATH) for item in items)


def apply_proposals(
    items: Sequence[CommittedProposal], *, committer: Sender, rules: ProposalContext
) -> AppliedProposals:
    """Judge a commit's list and apply it, in §12.3's order. Raises `PeerError`.

    `rules.extensions` are replaced by the list's own, if it sets some (rule 12.3.2).
    """
    if committer.sender_type is SenderType.NEW_MEMBER_COMMIT:
        _check_external_list(items)
    else:
        _check_regular_list(items, committer)
    _check_unambiguous(items)
    new = _of(items, GroupContextExtensions)
    if new:
        rules = ProposalContext(
            rules.suite, rules.config, rules.context, rules.tree, new[0].extensions, rules.psk_usages
        )
    checks: list[SignatureCheck] = []
    for item in items:
        if isinstance(item.proposal, Add) and item.verified:
            recheck_addition(item.proposal, item.sender, rules)
        else:
            found = check_proposal(item.proposal, item.sender, rules)
            checks += [] if item.verified else found
    _check_supported_types(items, rules.tree)
    return _apply(items, rules, checks, extensions_changed=bool(new))


def check_result(applied: AppliedProposals, tree: RatchetTree, committer_leaf: LeafNode | None) -> None:
    """Whether the members of the new epoch fit each other; `tree` has the path's leaf in place."""
    new = [package.leaf_node for _, package in applied.added] + [leaf for _, leaf in applied.updated]
    if committer_leaf is not None:
        new.append(committer_leaf)
    check_members(tree, new)
    if applied.extensions_changed:
        for _, leaf in tree.leaves():
            check_supports_group(leaf, applied.extensions)


def _of(items: Sequence[CommittedProposal], kind: type[_T]) -> list[_T]:
    return [item.proposal for item in items if isinstance(item.proposal, kind)]


def _check_regular_list(items: Sequence[CommittedProposal], committer: Sender) -> None:
    for item in items:
        mine = item.sender == committer
        match item.proposal:
            case Update():
                require(not mine, "12.2.2/own-update", "the committer's own update is in its commit")
            case Remove(removed):
                own = committer.sender_type is SenderType.MEMBER and removed == committer.index
                require(not own, "12.2.2/own-remove", "the commit removes its committer")
            case SelfRemove():
                require(not mine, "12.2.2/own-remove", "the commit removes its committer")
                require(item.by_reference, "12.2.2/self-remove", "a self-remove stands in a commit by value")
            case ReInit():
                require(len(items) == 1, "12.2.2/reinit-alone", "a reinit stands beside other proposals")
            case _:
                pass


def _check_external_list(items: Sequence[CommittedProposal]) -> None:
    for item in items:
        allowed = isinstance(item.proposal, _IN_EXTERNAL_COMMITS)
        require(allowed, "12.2.2/external-list", "an external commit contains a proposal that it may not")
        by_reference = isinstance(item.proposal, SelfRemove)
        require(item.by_reference == by_reference, "12.4.3.2.2", "an external commit refers to a proposal")
    require(len(_of(items, ExternalInit)) == 1, "12.2.2/one-external-init", "not exactly one external init")
    require(
        len(_of(items, Remove)) <= 1,
        "12.2.2/one-external-remove",
        "an external commit removes several members",
    )


def _check_unambiguous(items: Sequence[CommittedProposal]) -> None:
    targets = Counter(
        item.proposal.removed if isinstance(item.proposal, Remove) else item.sender.index
        for item in items
        if isinstance(item.proposal, (Remove, Update, SelfRemove))
    )
    require(all(n == 1 for n in targets.values()), "12.2.2/same-leaf", "two updates or removes of one leaf")
    psks = _of(items, PreSharedKey)
    require(len({p.psk for p in psks}) == len(psks), "12.2.2/same-psk", "one pre-shared key stands twice")
    changes = _of(items, GroupContextExtensions)
    require(len(changes) <= 1, "12.2.2/one-extensions", "the group's extensions are set twice")
    packages = _of(items, Add)
    keys = {add.key_package.leaf_node.signature_key for add in packages}
    require(len(keys) == len(packages), "12.2.2/same-client", "one client is added twice")


def _check_supported_types(items: Sequence[CommittedProposal], tree: RatchetTree) -> None:
    unusual = {item.proposal.proposal_type for item in items} - DEFAULT_PROPOSAL_TYPES
    if unusual:
        leaving = {item.proposal.removed for item in items if isinstance(item.proposal, Remove)}
        leaving |= {LeafIndex(item.sender.index) for item in items if isinstance(item.proposal, SelfRemove)}
        for index, leaf in tree.leaves():
            known = index in leaving or unusual.issubset(leaf.capabilities.proposals)
            require(known, "13.2.1", "a member does not support a proposal type")


def _apply(
    items: Sequence[CommittedProposal],
    rules: ProposalContext,
    checks: list[SignatureCheck],
    *,
    extensions_changed: bool,
) -> AppliedProposals:
    updated = [(LeafIndex(i.sender.index), i.proposal.leaf_node) for i in items if isinstance(i.proposal, Update)]
    removed = [LeafIndex(i.sender.index) for i in items if isinstance(i.proposal, SelfRemove)]
    removed += [remove.removed for remove in _of(items, Remove)]
    packages = [add.key_package for add in _of(items, Add)]
    tree, added = rules.tree, []
    if updated or removed or packages:
        edit = tree.edit()
        for leaf, content in updated:
            edit.update(leaf, content)
        for leaf in removed:
            edit.remove(leaf)
        edit.truncate()
        added = [(edit.add(package.leaf_node), package) for package in packages]
        tree = edit.build()
        check_unique_keys(tree)
    init, reinit = _of(items, ExternalInit), _of(items, ReInit)
    return AppliedProposals(
        tree=tree,
        extensions=rules.extensions,
        added=tuple(added),
        updated=tuple(updated),
        removed=tuple(removed),
        psks=tuple(psk.psk for psk in _of(items, PreSharedKey)),
        external_init=init[0].kem_output if init else None,
        reinit=reinit[0] if reinit else None,
        extensions_changed=extensions_changed,
        checks=tuple(checks),
    )
