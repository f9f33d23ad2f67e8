"""Proposing (RFC 9420 §12.1): a member's own proposals, and those that come from outside the group."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from aparte.crypto import Signer, Suite
from aparte.crypto.labeled import sign_with_label
from aparte.mls.errors import CallerError, require
from aparte.mls.framing import SIGNATURE_LABEL, AuthenticatedContent, Sender, SenderType, WireFormat, frame
from aparte.mls.group import Group, OwnUpdate, PendingProposal
from aparte.mls.group_context import GroupContext
from aparte.mls.key_package import KeyPackageSecrets
from aparte.mls.leaf_node import LeafNodeContent
from aparte.mls.leaf_validation import VerifiedKeyPackage
from aparte.mls.messages import encode_message
from aparte.mls.proposal_rules import ProposalContext, check_proposal
from aparte.mls.proposals import (
    Add,
    GroupContextExtensions,
    PreSharedKey,
    Proposal,
    ReInit,
    Remove,
    SelfRemove,
    Update,
    proposal_reference,
)
from aparte.mls.protect import send_content, sign_content
from aparte.mls.psk import ExternalPskId, PreSharedKeyId, ResumptionPskId, ResumptionUsage
from aparte.mls.public_message import PublicMessage

__all__ = [
    "Change",
    "Proposed",
    "external_psk",
    "propose",
    "propose_as_external_sender",
    "propose_own_addition",
    "propose_update",
    "resumption_psk",
    "to_proposal",
]

#: Proposals kept in an epoch. Outsiders can send them, each is looked at for each message, and a commit names all.
MAX_PROPOSALS: Final = 1000

#: What a member may ask for. An addition is asked for by a key package that was verified just now.
Change = VerifiedKeyPackage | Remove | PreSharedKey | ReInit | GroupContextExtensions | SelfRemove


@dataclass(frozen=True, slots=True)
class Proposed:
    """`message` is an encoded MLSMessage; `group` knows the proposal, as all who receive it will."""

    message: bytes
    reference: bytes
    group: Group


def to_proposal(change: Change) -> Proposal:
    return Add(change.key_package) if isinstance(change, VerifiedKeyPackage) else change


def external_psk(suite: Suite, psk_id: bytes) -> PreSharedKey:
    """A proposal to mix in a key agreed outside, under a fresh nonce (rules 8.4.2, 12.1.4.1)."""
    return PreSharedKey(PreSharedKeyId(ExternalPskId(psk_id), suite.random(suite.parameters.hash_length)))


def resumption_psk(suite: Suite, group_id: bytes, epoch: int) -> PreSharedKey:
    """A proposal to mix in the resumption PSK of an earlier epoch, under a fresh nonce."""
    key = ResumptionPskId(ResumptionUsage.APPLICATION, group_id, epoch)
    return PreSharedKey(PreSharedKeyId(key, suite.random(suite.parameters.hash_length)))


def propose(
    group: Group, change: Change, *, wire_format: WireFormat | None = None, authenticated_data: bytes = b""
) -> Proposed:
    """Ask the group for a change. Raises `PeerError` if the proposal would be invalid.

    A SelfRemove always travels as a PublicMessage, so that those who join from outside can commit it.
    """
    group.require_active()
    if isinstance(change, SelfRemove):
        mine = (p for p in group.proposals if p.sender == Sender.member(group.own_index))
        if any(isinstance(p.proposal, SelfRemove) for p in mine):
            raise CallerError("this member has proposed its own removal already in this epoch")
        wire_format = WireFormat.PUBLIC_MESSAGE
    return _propose(group, to_proposal(change), wire_format=wire_format, authenticated_data=authenticated_data)


def propose_update(
    group: Group,
    *,
    content: LeafNodeContent | None = None,
    signer: Signer | None = None,
    wire_format: WireFormat | None = None,
    authenticated_data: bytes = b"",
) -> Proposed:
    """Ask to have one's own leaf replaced by one with a fresh encryption key (§12.1.2).

    `content` replaces credential, capabilities and extensions; `signer` the signature key. The new private
    keys stay in the group until a commit carries the update out, or the epoch ends without.
    """
    group.require_active()
    signer = signer or group.state.signer
    key = group.suite.generate_kem_key()
    content = content or group.own_leaf.content
    content = replace(content, encryption_key=key.public_key, signature_key=signer.public_key)
    leaf = content.sign_for_update(signer, group.group_id, group.own_index)
    proposed = _propose(group, Update(leaf), wire_format=wire_format, authenticated_data=authenticated_data)
    updates = {**proposed.group.own_updates, key.public_key: OwnUpdate(key, signer)}
    return replace(proposed, group=replace(proposed.group, own_updates=updates))


def _propose(
    group: Group, proposal: Proposal, *, wire_format: WireFormat | None, authenticated_data: bytes
) -> Proposed:
    sender = Sender.member(group.own_index)
    check_proposal(proposal, sender, proposal_context(group))
    signed = sign_content(group, proposal, wire_format=wire_format, authenticated_data=authenticated_data)
    sent = send_content(group, signed)
    reference = proposal_reference(group.suite, signed.encode())
    return Proposed(sent.message, reference, remember(sent.group, PendingProposal(reference, proposal, sender)))


def proposal_context(group: Group) -> ProposalContext:
    """What a stand-alone proposal is judged against: the group as it is now."""
    return ProposalContext(group.suite, group.state.config, group.context, group.tree, group.extensions)


def remember(group: Group, pending: PendingProposal) -> Group:
    """The group, having heard a proposal. Hearing one twice changes nothing; too many raise `PeerError` 12.1/count."""
    if any(known.reference == pending.reference for known in group.proposals):
        return group
    require(len(group.proposals) < MAX_PROPOSALS, "12.1/count", "more proposals in one epoch than are kept")
    return replace(group, proposals=(*group.proposals, pending))


def propose_own_addition(own: KeyPackageSecrets, *, group_id: bytes, epoch: int) -> bytes:
    """Ask, as a new member, to be added (§12.1.8): a PublicMessage for the group to judge."""
    sender = Sender(SenderType.NEW_MEMBER_PROPOSAL)
    return _from_outside(Add(own.key_package), sender, own.signer, group_id=group_id, epoch=epoch)


def propose_as_external_sender(
    context: GroupContext,
    signer: Signer,
    change: VerifiedKeyPackage | Remove | PreSharedKey | ReInit | GroupContextExtensions,
) -> bytes:
    """Ask as one of the group's external_senders (§12.1.8.1). Raises `CallerError` if one is none of them."""
    for index, outsider in enumerate(context.extensions.external_senders()):
        if outsider.signature_key == signer.public_key:
            sender = Sender(SenderType.EXTERNAL, index)
            proposal = to_proposal(change)
            return _from_outside(proposal, sender, signer, group_id=context.group_id, epoch=context.epoch)
    raise CallerError("that key is none of the group's external senders")


def _from_outside(proposal: Proposal, sender: Sender, signer: Signer, *, group_id: bytes, epoch: int) -> bytes:
    content = frame(group_id, epoch, sender, proposal)
    unsigned = AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, content, b"", None)
    signature = sign_with_label(signer, SIGNATURE_LABEL, unsigned.tbs(b""))
    return encode_message(PublicMessage(replace(unsigned, signature=signature), None))
