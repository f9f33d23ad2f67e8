"""PublicMessage (RFC 9420 §6.2): signed, and for members authenticated by the membership tag; not encrypted."""

from __future__ import annotations

from dataclasses import dataclass
from hmac import compare_digest

from aparte.codec import Reader, encode_vector
from aparte.crypto import Suite
from aparte.mls.errors import CallerError, require
from aparte.mls.framing import (
    AuthenticatedContent,
    ContentType,
    FramedContent,
    SenderType,
    WireFormat,
    read_auth,
)

__all__ = ["PublicMessage", "membership_tag", "to_public_message"]


@dataclass(frozen=True, slots=True)
class PublicMessage:
    """Decoded; neither tag nor signature has been checked."""

    authenticated: AuthenticatedContent
    membership_tag: bytes | None

    @classmethod
    def read(cls, reader: Reader) -> PublicMessage:
        content = FramedContent.read(reader)
        signature, confirmation = read_auth(reader, content.content_type)
        tag = reader.vector() if content.sender.sender_type is SenderType.MEMBER else None
        return cls(AuthenticatedContent(WireFormat.PUBLIC_MESSAGE, content, signature, confirmation), tag)

    def encode(self) -> bytes:
        tag = b"" if self.membership_tag is None else encode_vector(self.membership_tag)
        return self.authenticated.content.raw + self.authenticated.encode_auth() + tag

    def check_membership(self, suite: Suite, membership_key: bytes, group_context: bytes) -> None:
        """Raises `PeerError` 6.2.2 unless the tag is the one that a member would have made."""
        if self.membership_tag is not None:
            expected = membership_tag(suite, membership_key, self.authenticated, group_context)
            require(compare_digest(expected, self.membership_tag), "6.2.2", "the membership tag is wrong")


def membership_tag(
    suite: Suite, membership_key: bytes, authenticated: AuthenticatedContent, group_context: bytes
) -> bytes:
    """§6.2: the MAC over AuthenticatedContentTBM; `group_context` is the encoded GroupContext."""
    return suite.mac(membership_key, authenticated.tbs(group_context) + authenticated.encode_auth())


def to_public_message(
    suite: Suite, authenticated: AuthenticatedContent, *, membership_key: bytes, group_context: bytes
) -> PublicMessage:
    """Frame signed content for the open. Application data may not travel like this (§6, rule 6.1)."""
    content = authenticated.content
    if content.content_type is ContentType.APPLICATION:
        raise CallerError("application data is never sent as a PublicMessage")
    if content.sender.sender_type is not SenderType.MEMBER:
        return PublicMessage(authenticated, None)
    return PublicMessage(authenticated, membership_tag(suite, membership_key, authenticated, group_context))
