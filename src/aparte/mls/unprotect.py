"""The trust ladder of a received message: bytes → decoded → unprotected → verified (RFC 9420 §6).

`UnverifiedContent` may say anything. Only `verify` makes a `VerifiedContent`, and only from that does the rest of
the package act.
"""

from __future__ import annotations

from typing import NamedTuple

from aparte.crypto import CryptoError
from aparte.crypto.labeled import labeled_context
from aparte.mls.commits import Commit
from aparte.mls.errors import BadSignature, NotAMember, PeerError, WrongEpoch, WrongGroup, require
from aparte.mls.framing import (
    SIGNATURE_LABEL,
    AuthenticatedContent,
    ContentType,
    Sender,
    SenderType,
)
from aparte.mls.group import Group
from aparte.mls.leaf_node import LeafNode
from aparte.mls.private_message import PrivateMessage, SenderData, open_content
from aparte.mls.proposals import Add
from aparte.mls.public_message import PublicMessage
from aparte.mls.secret_tree import SecretTree
from aparte.mls.tree_math import LeafIndex

__all__ = [
    "UnverifiedContent",
    "VerifiedContent",
    "check_addressed",
    "unprotect_private",
    "unprotect_public",
    "verify",
]


class UnverifiedContent(NamedTuple):
    """Opened, perhaps by a key that any member holds; the signature has not been looked at."""

    authenticated: AuthenticatedContent
    secret_tree: SecretTree

    def __repr__(self) -> str:
        return "<UnverifiedContent>"


class VerifiedContent(NamedTuple):
    """Said by its sender indeed. `tbs` is FramedContentTBS, what its signature covers under SignWithLabel."""

    authenticated: AuthenticatedContent
    tbs: bytes
    #: The sender's leaf, if it is a member.
    leaf: LeafNode | None
    secret_tree: SecretTree

    def __repr__(self) -> str:
        return "<VerifiedContent>"


def check_addressed(group: Group, message: PublicMessage | PrivateMessage) -> None:
    """Raise `WrongGroup` or `WrongEpoch` unless the message is for this group, now (rule 12.1.1)."""
    content = message.authenticated.content if isinstance(message, PublicMessage) else message
    if content.group_id != group.group_id:
        raise WrongGroup("12.1.1/group", "the message is for another group")
    if content.epoch != group.epoch:
        raise WrongEpoch("12.1.1/epoch", expected=group.epoch, got=content.epoch)


def unprotect_public(group: Group, message: PublicMessage) -> UnverifiedContent:
    """Check the membership tag and that such a sender may say such a thing in the open (§6.2, §6.1)."""
    authenticated = message.authenticated
    content, kind = authenticated.content, authenticated.content.content_type
    require(kind is not ContentType.APPLICATION, "6.1", "application data in a PublicMessage")
    match content.sender.sender_type:
        case SenderType.MEMBER:
            state = group.state
            message.check_membership(group.suite, state.secrets.membership, state.frame.group_context)
        case SenderType.EXTERNAL:
            require(kind is ContentType.PROPOSAL, "6.1.2", "an external sender sends more than a proposal")
        case SenderType.NEW_MEMBER_COMMIT:
            require(kind is ContentType.COMMIT, "6.1.4", "a new member's commit is something else")
        case SenderType.NEW_MEMBER_PROPOSAL:
            adds = kind is ContentType.PROPOSAL and isinstance(content.body, Add)
            require(adds, "6.1.5", "a new member proposes something else than its addition")
    return UnverifiedContent(authenticated, group.secret_tree)


def unprotect_private(group: Group, message: PrivateMessage, sender: SenderData) -> UnverifiedContent:
    """Open the content. Raises `NotAMember` (6.3.2.2) and what `open_content` raises."""
    if group.tree.leaf(sender.leaf) is None:
        raise NotAMember("6.3.2.2", f"leaf {sender.leaf} is nobody's")
    state = group.state
    authenticated, tree = open_content(state.frame, group.secret_tree, message, sender, state.config.bounds)
    return UnverifiedContent(authenticated, tree)


def verify(group: Group, unverified: UnverifiedContent) -> VerifiedContent:
    """Raise `BadSignature` (6.1.7) unless the content's sender signed it, in this group and epoch."""
    authenticated = unverified.authenticated
    tbs = authenticated.tbs(group.state.frame.group_context)
    leaf = _member(group, authenticated.content.sender)
    key = _signature_key(group, authenticated) if leaf is None else leaf.signature_key
    try:
        group.suite.verify(key, labeled_context(SIGNATURE_LABEL, tbs), authenticated.signature)
    except CryptoError as error:
        raise BadSignature("6.1.7", "the content's signature does not verify") from error
    return VerifiedContent(authenticated, tbs, leaf, unverified.secret_tree)


def _member(group: Group, sender: Sender) -> LeafNode | None:
    """The sender's leaf; None for those who send from outside."""
    if sender.sender_type is not SenderType.MEMBER:
        return None
    leaf = group.tree.leaf(LeafIndex(sender.index))
    if leaf is None:
        raise NotAMember("6.1.1", f"leaf {sender.index} is nobody's")
    return leaf


def _signature_key(group: Group, authenticated: AuthenticatedContent) -> bytes:
    """The key of a sender from outside: the group's, or that of the leaf which it brings along."""
    sender, body = authenticated.content.sender, authenticated.content.body
    if sender.sender_type is SenderType.EXTERNAL:
        outsiders = group.extensions.external_senders()
        require(sender.index < len(outsiders), "6.1.1/external", "no such external sender")
        return outsiders[sender.index].signature_key
    if sender.sender_type is SenderType.NEW_MEMBER_COMMIT:
        if not isinstance(body, Commit) or body.path is None:
            raise PeerError("12.4.3.2.1", "an external commit has no path")
        return body.path.leaf_node.signature_key
    if not isinstance(body, Add):
        raise PeerError("6.1.5", "a new member proposes something else than its addition")
    return body.key_package.leaf_node.signature_key
