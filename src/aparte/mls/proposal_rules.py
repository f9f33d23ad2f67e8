"""When a single proposal is invalid, whatever stands beside it (RFC 9420 §12.1, with §6.1's senders)."""

from __future__ import annotations

from dataclasses import dataclass

from aparte.crypto import Suite
from aparte.mls.config import Config
from aparte.mls.errors import PeerError, require
from aparte.mls.extensions import Extensions
from aparte.mls.framing import Sender, SenderType
from aparte.mls.group_context import GroupContext
from aparte.mls.leaf_node import LeafNode, LeafNodeSource
from aparte.mls.leaf_validation import (
    SignatureCheck,
    check_external_senders,
    check_key_package,
    check_leaf,
    check_supports_group,
)
from aparte.mls.proposals import (
    Add,
    ExternalInit,
    GroupContextExtensions,
    OpaqueProposal,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    SelfRemove,
    Update,
)
from aparte.mls.psk import PreSharedKeyId, ResumptionPskId, ResumptionUsage
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.tree_math import LeafIndex

__all__ = ["ProposalContext", "check_proposal", "check_replacement", "recheck_addition"]

_BY_EXTERNAL_SENDERS = (Add, Remove, PreSharedKey, ReInit, GroupContextExtensions)


@dataclass(frozen=True, slots=True)
class ProposalContext:
    """What a proposal is judged against. `extensions` are the group's, or those that the same list sets.

    `psk_usages` is {APPLICATION} but for the one commit that sets up a branched or reinitialised group.
    """

    suite: Suite
    config: Config
    context: GroupContext
    tree: RatchetTree
    extensions: Extensions
    psk_usages: frozenset[ResumptionUsage] = frozenset({ResumptionUsage.APPLICATION})


def check_proposal(proposal: Proposal, sender: Sender, rules: ProposalContext) -> list[SignatureCheck]:
    """Raise `PeerError` for an invalid one; return the signatures inside it that are still to be verified."""
    _check_sender(proposal, sender)
    match proposal:
        case Add(package):
            return check_key_package(rules.suite, package, extensions=rules.extensions, config=rules.config)
        case Update(leaf):
            return _check_update(leaf, sender, rules)
        case Remove(removed):
            require(rules.tree.leaf(removed) is not None, "12.1.3/blank", "the leaf to remove is blank")
        case PreSharedKey(psk):
            _check_psk(psk, rules)
        case ReInit():
            require(proposal.version >= rules.context.version, "12.1.5/version", "a reinit to an older version")
        case ExternalInit():
            pass  # Its sender was all there is to check; the KEM output is judged when it is opened.
        case GroupContextExtensions(extensions):
            extensions.required_capabilities()
            check_external_senders(extensions, rules.config)
        case SelfRemove():
            pass
        case OpaqueProposal():
            raise PeerError("13.2.1", "the proposal's type is unknown")
    return []


def recheck_addition(proposal: Add, sender: Sender, rules: ProposalContext) -> None:
    """What a key package that was found valid before must still fulfil, since a list may set new extensions."""
    _check_sender(proposal, sender)
    number = rules.suite.parameters.number
    require(proposal.key_package.cipher_suite == number, "10.1/cipher-suite", "the key package has another suite")
    leaf = proposal.key_package.leaf_node
    check_supports_group(leaf, rules.extensions)
    accepted = rules.config.authenticate(leaf.credential, leaf.signature_key)
    require(accepted, "5.3.1.1", "the credential is not accepted")


def _check_sender(proposal: Proposal, sender: Sender) -> None:
    match sender.sender_type:
        case SenderType.EXTERNAL:
            allowed = isinstance(proposal, _BY_EXTERNAL_SENDERS)
            require(allowed, "12.1.8.2", "an external sender may not propose this")
        case SenderType.NEW_MEMBER_PROPOSAL:
            require(isinstance(proposal, Add), "6.1.5", "a new member may only propose its own addition")
        case SenderType.NEW_MEMBER_COMMIT:
            pass  # §12.2 has the list of what an external commit may contain.
        case SenderType.MEMBER:
            external = isinstance(proposal, ExternalInit)
            require(not external, "12.2.2/external-init", "a member's commit contains an external init")


def _check_update(leaf: LeafNode, sender: Sender, rules: ProposalContext) -> list[SignatureCheck]:
    require(sender.sender_type is SenderType.MEMBER, "12.1.2/sender", "only a member can update")
    require(leaf.source is LeafNodeSource.UPDATE, "7.3/source-update", "the leaf was not made for an update")
    check_replacement(rules.tree, LeafIndex(sender.index), leaf, rules.config)
    check_leaf(rules.suite, leaf, extensions=rules.extensions, config=rules.config)
    signed = leaf.signed_content(rules.context.group_id, LeafIndex(sender.index))
    return [(leaf.signature_key, signed, leaf.signature, "7.3/signature")]


def check_replacement(tree: RatchetTree, index: LeafIndex, leaf: LeafNode, config: Config) -> None:
    """What a leaf must fulfil to take the place of the one at `index` (§7.3, §5.3.1, §7.5)."""
    old = tree.leaf(index)
    if old is None:
        raise PeerError("7.3/replaced", "there is no leaf to replace")
    require(leaf.encryption_key != old.encryption_key, "7.3/fresh-key", "the new leaf keeps its encryption key")
    require(config.succeeds(old.credential, leaf.credential), "5.3.1.2", "the credential is no successor")


def _check_psk(psk: PreSharedKeyId, rules: ProposalContext) -> None:
    require(len(psk.nonce) == rules.suite.parameters.hash_length, "8.4.2", "the PSK nonce is not KDF.Nh long")
    if isinstance(psk.key, ResumptionPskId):
        usage = psk.key.usage
        if usage is ResumptionUsage.REINIT:
            require(usage in rules.psk_usages, "11.2.5", "a reinit PSK outside of a reinitialisation")
        if usage is ResumptionUsage.BRANCH:
            require(usage in rules.psk_usages, "11.3.6", "a branch PSK outside of a branching")
