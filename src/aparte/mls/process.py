"""Receiving (RFC 9420 §6, §12.1, §12.4.2): any message of the group, to a typed event and a new group.

`process` either returns an event whose `group` is the group after the message, or raises; the group that was
given stays as it was in either case.
"""

from __future__ import annotations

from dataclasses import dataclass

from aparte.mls.commits import Commit
from aparte.mls.errors import CallerError, require
from aparte.mls.framing import ContentType, FramedContent, Sender, SenderType, WireFormat
from aparte.mls.group import Group, PendingProposal
from aparte.mls.leaf_node import LeafNode
from aparte.mls.leaf_validation import check_new_keys, verify_signatures
from aparte.mls.messages import decode_message
from aparte.mls.private_message import PrivateMessage, open_sender_data
from aparte.mls.proposal_rules import check_proposal
from aparte.mls.proposals import Proposal, SelfRemove, Update, proposal_reference
from aparte.mls.propose import proposal_context, remember
from aparte.mls.psk import PskSource
from aparte.mls.public_message import PublicMessage
from aparte.mls.receive_commit import stage_commit
from aparte.mls.staging import StagedCommit
from aparte.mls.tree_math import LeafIndex
from aparte.mls.unprotect import (
    VerifiedContent,
    check_addressed,
    unprotect_private,
    unprotect_public,
    verify,
)

__all__ = [
    "ApplicationMessage",
    "ContentProof",
    "OwnMessage",
    "Received",
    "ReceivedCommit",
    "ReceivedProposal",
    "process",
]


@dataclass(frozen=True, slots=True, repr=False)
class ContentProof:
    """What shows a third party who said a message, without any group secret.

    `signature` covers SignWithLabel(., "FramedContentTBS", `tbs`) under `leaf`'s signature key; `tbs` ends with the
    encoded GroupContext.
    """

    tbs: bytes
    signature: bytes
    group_context: bytes
    leaf: LeafNode


@dataclass(frozen=True, slots=True, repr=False)
class ApplicationMessage:
    """Application data from a member. Its repr shows nothing, because logs are full of reprs."""

    sender: LeafIndex
    data: bytes
    authenticated_data: bytes
    proof: ContentProof
    group: Group


@dataclass(frozen=True, slots=True)
class ReceivedProposal:
    """A proposal that is valid by itself; `group` remembers it until a commit ends the epoch.

    Whether it fits beside others is judged when they are committed.
    """

    sender: Sender
    proposal: Proposal
    reference: bytes
    authenticated_data: bytes
    wire_format: WireFormat
    group: Group


@dataclass(frozen=True, slots=True)
class ReceivedCommit:
    """A valid commit, not merged: `staged.merge()` moves on, `group` is still in the old epoch.

    `own` says that it is this member's own commit that came back.
    """

    staged: StagedCommit
    authenticated_data: bytes
    wire_format: WireFormat
    own: bool
    group: Group


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """A message of one's own leaf came back: the very bytes that this state sent, or, with `beyond_state`, bytes
    that it has not sent although the leaf signed them: then the state was rolled back, or runs elsewhere too.

    MLS cannot decrypt what one sent oneself: the plaintext is the sender's to keep.
    """

    content_type: ContentType
    authenticated_data: bytes
    beyond_state: bool
    group: Group


Received = ApplicationMessage | ReceivedProposal | ReceivedCommit | OwnMessage


def process(group: Group, message: bytes, *, psks: PskSource | None = None) -> Received:
    """Judge an encoded MLSMessage (public or private) that is for this group and epoch.

    Raises `DecodeError`; `PeerError` and its kinds; `PathUndecryptable` when only this member's share of a commit
    is bad; `MissingPsk`; `CallerError` for a group that is over, and for messages of other kinds (a Welcome).
    """
    group.require_active()
    pending = group.pending_commit
    if pending is not None and pending.message == message:
        decoded = _decode(message)
        return ReceivedCommit(pending.staged, _data(decoded), _wire(decoded), own=True, group=group)
    decoded = _decode(message)
    if isinstance(decoded, PrivateMessage):
        check_addressed(group, decoded)
        sender = open_sender_data(group.state.frame, decoded)
        if sender.leaf == group.own_index and _was_sent(group, message):
            return _own(group, decoded, beyond_state=False)
        unverified = unprotect_private(group, decoded, sender)
    else:
        if decoded.authenticated.content.sender in _own_senders(group) and _was_sent(group, message):
            return _own(group, decoded, beyond_state=False)
        check_addressed(group, decoded)
        unverified = unprotect_public(group, decoded)
    verified = verify(group, unverified)
    if verified.authenticated.content.sender == Sender(SenderType.MEMBER, group.own_index):
        return _own(group, decoded, beyond_state=True)
    return _act_on(group, verified, psks or PskSource())


def _was_sent(group: Group, message: bytes) -> bool:
    """Asked only of messages that claim to be one's own: anybody can make that claim, so the bytes decide."""
    return group.suite.hash(message) in group.sent


def _own_senders(group: Group) -> tuple[Sender, ...]:
    """As whom one's own PublicMessages went out: as a member, or as the joiner that one was an epoch before."""
    return (Sender(SenderType.MEMBER, group.own_index), Sender(SenderType.NEW_MEMBER_COMMIT))


def _decode(message: bytes) -> PublicMessage | PrivateMessage:
    decoded = decode_message(message)
    if not isinstance(decoded, (PublicMessage, PrivateMessage)):
        raise CallerError(f"a {type(decoded).__name__} is not a message within a group")
    return decoded


def _content(decoded: PublicMessage | PrivateMessage) -> FramedContent | PrivateMessage:
    return decoded.authenticated.content if isinstance(decoded, PublicMessage) else decoded


def _data(decoded: PublicMessage | PrivateMessage) -> bytes:
    return _content(decoded).authenticated_data


def _wire(decoded: PublicMessage | PrivateMessage) -> WireFormat:
    return WireFormat.PUBLIC_MESSAGE if isinstance(decoded, PublicMessage) else WireFormat.PRIVATE_MESSAGE


def _own(group: Group, decoded: PublicMessage | PrivateMessage, *, beyond_state: bool) -> OwnMessage:
    return OwnMessage(_content(decoded).content_type, _data(decoded), beyond_state, group)


def _act_on(group: Group, verified: VerifiedContent, psks: PskSource) -> Received:
    state, content = group.state, verified.authenticated.content
    heard = Group(state, verified.secret_tree, group.proposals, group.own_updates, group.pending_commit, group.sent)
    body, wire_format = content.body, verified.authenticated.wire_format
    if isinstance(body, bytes):
        leaf = verified.leaf or group.member(content.sender.leaf)
        proof = ContentProof(verified.tbs, verified.authenticated.signature, state.frame.group_context, leaf)
        return ApplicationMessage(content.sender.leaf, body, content.authenticated_data, proof, heard)
    if isinstance(body, Commit):
        staged = stage_commit(group, verified, body, psks)
        return ReceivedCommit(staged, content.authenticated_data, wire_format, own=False, group=heard)
    public = wire_format is WireFormat.PUBLIC_MESSAGE
    require(public or not isinstance(body, SelfRemove), "12.1.8/self-remove", "a self-remove in a PrivateMessage")
    verify_signatures(group.suite, check_proposal(body, content.sender, proposal_context(group)))
    if isinstance(body, Update):
        check_new_keys(group.tree, body.leaf_node, instead_of=LeafIndex(content.sender.index))
    reference = proposal_reference(group.suite, verified.authenticated.encode())
    known = remember(heard, PendingProposal(reference, body, content.sender))
    return ReceivedProposal(content.sender, body, reference, content.authenticated_data, wire_format, known)
