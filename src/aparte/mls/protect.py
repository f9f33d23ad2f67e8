"""Sending (RFC 9420 §6): application data, and the framing that proposals and commits share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from aparte.codec import encode_length, encode_vector
from aparte.crypto.labeled import labeled_context, sign_with_label
from aparte.mls.errors import CallerError
from aparte.mls.framing import (
    SIGNATURE_LABEL,
    AuthenticatedContent,
    Body,
    ContentType,
    Sender,
    WireFormat,
    encode_body,
    frame,
)
from aparte.mls.group import Group
from aparte.mls.messages import encode_message
from aparte.mls.private_message import seal
from aparte.mls.public_message import to_public_message

__all__ = ["Protected", "protect", "send_content", "sign_content"]


@dataclass(frozen=True, slots=True)
class Protected:
    """`message` is an encoded MLSMessage. Send it only once `group` is where a crash cannot lose it (§9.2)."""

    message: bytes
    group: Group


def protect(group: Group, data: bytes, *, authenticated_data: bytes = b"") -> Protected:
    """Encrypt application data to the group, signed by this member.

    Raises `CallerError` if the group is over, or if proposals wait for a commit (rule 12.4.1): commit them, or
    decline them with `without_proposals`.
    """
    group.require_active()
    if group.proposals:
        raise CallerError("proposals are pending: commit before sending application data")
    state, kind = group.state, ContentType.APPLICATION
    body = encode_length(len(data)) + data
    tbs = state.frame.tbs(state.own, authenticated_data, kind, body)
    signature = state.signer.sign(labeled_context(SIGNATURE_LABEL, tbs))
    message, tree = seal(
        state.frame,
        group.secret_tree,
        state.own,
        content_type=kind,
        authenticated_data=authenticated_data,
        plaintext=_padded(body + encode_vector(signature), state.config.padding),
    )
    sent = group.sent.add(state.suite.hash(message))
    return Protected(message, Group(state, tree, (), group.own_updates, group.pending_commit, sent))


def _padded(content: bytes, padding: Callable[[int], int]) -> bytes:
    return content.ljust(padding(len(content)), b"\x00")


def sign_content(
    group: Group, body: Body, *, wire_format: WireFormat | None, authenticated_data: bytes
) -> AuthenticatedContent:
    """A proposal or commit in its frame, signed by this member; a commit still lacks its confirmation tag."""
    state = group.state
    content = frame(group.group_id, group.epoch, Sender.member(state.own), body, authenticated_data=authenticated_data)
    unsigned = AuthenticatedContent(wire_format or state.config.handshake, content, b"", None)
    signature = sign_with_label(state.signer, SIGNATURE_LABEL, unsigned.tbs(state.frame.group_context))
    return AuthenticatedContent(unsigned.wire_format, content, signature, None)


def send_content(group: Group, authenticated: AuthenticatedContent) -> Protected:
    """Frame a signed proposal or commit as its wire format says."""
    state = group.state
    if authenticated.wire_format is WireFormat.PUBLIC_MESSAGE:
        public = to_public_message(
            state.suite,
            authenticated,
            membership_key=state.secrets.membership,
            group_context=state.frame.group_context,
        )
        message = encode_message(public)
        return Protected(message, replace(group, sent=group.sent.add(state.suite.hash(message))))
    content = authenticated.content
    message, tree = seal(
        state.frame,
        group.secret_tree,
        state.own,
        content_type=content.content_type,
        authenticated_data=content.authenticated_data,
        plaintext=_padded(encode_body(content.body) + authenticated.encode_auth(), state.config.padding),
    )
    sent = group.sent.add(state.suite.hash(message))
    return Protected(message, Group(state, tree, group.proposals, group.own_updates, group.pending_commit, sent))
