"""Receiving (RFC 9420 §6, §12.1, §12.4.2): any message of the group, to a typed event and a new group.

`process` either returns an event whose `group` is the group after the message, or raises; the group that was
given stays as it was in either case.
"""

from __future__ import annotations

from dataclasses import dataclass

from aparte.mls.commits import Commit
from aparte.mls.errors import CallerError, DecodeError, GenerationGone
from aparte.mls.framing import ContentType, Sender, SenderType, WireFormat
from aparte.mls.group import Group, PendingProposal
from aparte.mls.leaf_node import LeafNode
from aparte.mls.leaf_validation import verify_signatures
from aparte.mls.messages import decode_message
from aparte.mls.private_message import PrivateMessage, open_sender_data
from aparte.mls.proposal_rules import check_proposal
from aparte.mls.proposals import Proposal, proposal_reference
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


@dataclass(frozen=True, slots=True)
class ContentProof:
    """What shows a third party who said a message, without any group secret.

    `signature` covers SignWithLabel(., "FramedContentTBS", `tbs`) under `leaf`'s signature key; `tbs` ends with the
    encoded GroupContext.
    """

    tbs: bytes
    signature: bytes
    group_context: bytes
    leaf: LeafNode


@dataclass(frozen=True, slots=True)
class ApplicationMessage:
    """Application data from a member."""

    sender: LeafIndex
    data: bytes
    authenticated_data: bytes
    proof: ContentProof
    group: Group


@dataclass(frozen=True, slots=True)
class ReceivedProposal:
    """A valid proposal; `group` remembers it until a commit ends the epoch."""

    sender: Sender
    proposal: Proposal
    reference: bytes
    authenticated_data: bytes
    group: Group


@dataclass(frozen=True, slots=True)
class ReceivedCommit:
    """A valid commit, not merged: `staged.merge()` moves on, `group` is still in the old epoch.

    `own` says that it is this member's own commit that came back.
    """

    staged: StagedCommit
    authenticated_data: bytes
    own: bool
    group: Group


@dataclass(frozen=True, slots=True)
class OwnMessage:
    """A message of one's own leaf came back: application data, a proposal, or a commit not pending any more.

    MLS cannot decrypt what one sent oneself: the plaintext is the sender's to keep. `beyond_state` means that
    this leaf signed something that this state has not sent: the state was rolled back, or runs elsewhere too.
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
        return ReceivedCommit(pending.staged, _authenticated_data(message), own=True, group=group)
    decoded = decode_message(message)
    if not isinstance(decoded, (PublicMessage, PrivateMessage)):
        raise CallerError(f"a {type(decoded).__name__} is not a message within a group")
    check_addressed(group, decoded)
    if isinstance(decoded, PrivateMessage):
        sender = open_sender_data(group.state.frame, decoded)
        try:
            unverified = unprotect_private(group, decoded, sender)
        except GenerationGone:
            if sender.leaf != group.own_index:
                raise
            return OwnMessage(decoded.content_type, decoded.authenticated_data, beyond_state=False, group=group)
    else:
        unverified = unprotect_public(group, decoded)
    verified = verify(group, unverified)
    if verified.authenticated.content.sender == Sender(SenderType.MEMBER, group.own_index):
        return _own(group, verified)
    return _act_on(group, verified, psks or PskSource())


def _own(group: Group, verified: VerifiedContent) -> OwnMessage:
    content, private = (
        verified.authenticated.content,
        verified.authenticated.wire_format is not WireFormat.PUBLIC_MESSAGE,
    )
    reference = proposal_reference(group.suite, verified.authenticated.encode())
    heard = any(known.reference == reference for known in group.proposals)
    commit = content.content_type is ContentType.COMMIT
    beyond = private or not (heard or commit)
    return OwnMessage(content.content_type, content.authenticated_data, beyond_state=beyond, group=group)


def _authenticated_data(message: bytes) -> bytes:
    decoded = decode_message(message)
    if isinstance(decoded, PrivateMessage):
        return decoded.authenticated_data
    if isinstance(decoded, PublicMessage):
        return decoded.authenticated.content.authenticated_data
    raise DecodeError("the pending commit is no message within a group")


def _act_on(group: Group, verified: VerifiedContent, psks: PskSource) -> Received:
    state, content = group.state, verified.authenticated.content
    heard = Group(state, verified.secret_tree, group.proposals, group.own_updates, group.pending_commit)
    body = content.body
    if isinstance(body, bytes):
        leaf = group.member(LeafIndex(content.sender.index))
        proof = ContentProof(verified.tbs, verified.authenticated.signature, state.frame.group_context, leaf)
        return ApplicationMessage(content.sender.leaf, body, content.authenticated_data, proof, heard)
    if isinstance(body, Commit):
        staged = stage_commit(group, verified, body, psks)
        return ReceivedCommit(staged, content.authenticated_data, own=False, group=heard)
    verify_signatures(group.suite, check_proposal(body, content.sender, proposal_context(group)))
    reference = proposal_reference(group.suite, verified.authenticated.encode())
    known = remember(heard, PendingProposal(reference, body, content.sender))
    return ReceivedProposal(content.sender, body, reference, content.authenticated_data, known)
