"""FramedContent and AuthenticatedContent (RFC 9420 §6, §6.1): who says what, in which group and epoch, signed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from aparte.codec import DecodeError, Reader, encode_u8, encode_u16, encode_u32, encode_u64, encode_vector
from aparte.crypto.labeled import labeled_context
from aparte.mls.capabilities import MLS10
from aparte.mls.commits import Commit
from aparte.mls.proposals import Proposal, encode_proposal, read_proposal
from aparte.mls.tree_math import LeafIndex

__all__ = [
    "SIGNATURE_LABEL",
    "AuthenticatedContent",
    "ContentType",
    "FramedContent",
    "Sender",
    "SenderType",
    "WireFormat",
    "frame",
    "read_body",
]

SIGNATURE_LABEL: Final = b"FramedContentTBS"


class WireFormat(IntEnum):
    """RFC 9420 §17.2."""

    PUBLIC_MESSAGE = 1
    PRIVATE_MESSAGE = 2
    WELCOME = 3
    GROUP_INFO = 4
    KEY_PACKAGE = 5


class ContentType(IntEnum):
    APPLICATION = 1
    PROPOSAL = 2
    COMMIT = 3


class SenderType(IntEnum):
    MEMBER = 1
    EXTERNAL = 2
    NEW_MEMBER_PROPOSAL = 3
    NEW_MEMBER_COMMIT = 4


_MEMBER: Final = encode_u8(SenderType.MEMBER)


@dataclass(frozen=True, slots=True)
class Sender:
    """`index` is a leaf index (member) or a place in external_senders (external); 0 for the others."""

    sender_type: SenderType
    index: int = 0

    @classmethod
    def member(cls, leaf: LeafIndex) -> Sender:
        return cls(SenderType.MEMBER, leaf)

    @classmethod
    def read(cls, reader: Reader) -> Sender:
        at = reader.position
        kind = reader.u8()
        if kind in (SenderType.MEMBER, SenderType.EXTERNAL):
            return cls(SenderType(kind), reader.u32())
        if kind in (SenderType.NEW_MEMBER_PROPOSAL, SenderType.NEW_MEMBER_COMMIT):
            return cls(SenderType(kind))
        raise DecodeError(f"unknown sender type {kind}", at)

    def encode(self) -> bytes:
        if self.sender_type in (SenderType.MEMBER, SenderType.EXTERNAL):
            return encode_u8(self.sender_type) + encode_u32(self.index)
        return encode_u8(self.sender_type)

    @property
    def leaf(self) -> LeafIndex:
        """The member's leaf. Raises `ValueError` for other senders."""
        if self.sender_type is not SenderType.MEMBER:
            raise ValueError("only a member has a leaf")
        return LeafIndex(self.index)

    @property
    def signs_context(self) -> bool:
        """Whether the group context is part of what this sender signs (§6.1)."""
        return self.sender_type in (SenderType.MEMBER, SenderType.NEW_MEMBER_COMMIT)


#: What a message carries: application data, a proposal or a commit, by content type.
Body = bytes | Proposal | Commit


def read_body(reader: Reader, content_type: ContentType) -> Body:
    match content_type:
        case ContentType.APPLICATION:
            return reader.vector()
        case ContentType.PROPOSAL:
            return read_proposal(reader)
        case ContentType.COMMIT:
            return Commit.read(reader)


def encode_body(body: Body) -> bytes:
    if isinstance(body, bytes):
        return encode_vector(body)
    return body.encode() if isinstance(body, Commit) else encode_proposal(body)


def content_type_of(body: Body) -> ContentType:
    if isinstance(body, bytes):
        return ContentType.APPLICATION
    return ContentType.COMMIT if isinstance(body, Commit) else ContentType.PROPOSAL


def read_content_type(reader: Reader) -> ContentType:
    at = reader.position
    code = reader.u8()
    if not 1 <= code <= 3:
        raise DecodeError(f"unknown content type {code}", at)
    return _CONTENT_TYPES[code]


_CONTENT_TYPES: Final[tuple[ContentType, ...]] = (ContentType.APPLICATION, *ContentType)


@dataclass(frozen=True, slots=True, repr=False)
class FramedContent:
    """A message's content with the bytes that are signed, as they came. Plaintext: its repr shows nothing."""

    group_id: bytes
    epoch: int
    sender: Sender
    authenticated_data: bytes
    body: Body
    raw: bytes

    @classmethod
    def read(cls, reader: Reader) -> FramedContent:
        start = reader.position
        group_id, epoch, sender = reader.vector(), reader.u64(), Sender.read(reader)
        authenticated_data, content_type = reader.vector(), read_content_type(reader)
        body = read_body(reader, content_type)
        return cls(group_id, epoch, sender, authenticated_data, body, reader.since(start))

    @property
    def content_type(self) -> ContentType:
        return content_type_of(self.body)


def frame(group_id: bytes, epoch: int, sender: Sender, body: Body, *, authenticated_data: bytes = b"") -> FramedContent:
    """Put a body into its frame, encoded."""
    raw = b"".join(
        (
            encode_vector(group_id),
            encode_u64(epoch),
            sender.encode(),
            encode_vector(authenticated_data),
            encode_u8(content_type_of(body)),
            encode_body(body),
        )
    )
    return FramedContent(group_id, epoch, sender, authenticated_data, body, raw)


#: Version and wire format, as they are signed.
_TBS_HEAD: Final = {wire: encode_u16(MLS10) + encode_u16(wire) for wire in WireFormat}


@dataclass(frozen=True, slots=True, repr=False)
class AuthenticatedContent:
    """Content, how it travelled, and its authentication data. Decoding one proves nothing."""

    wire_format: WireFormat
    content: FramedContent
    signature: bytes
    confirmation_tag: bytes | None

    @classmethod
    def decode(cls, data: bytes) -> AuthenticatedContent:
        reader = Reader(data)
        at = reader.position
        code = reader.u16()
        if code not in (WireFormat.PUBLIC_MESSAGE, WireFormat.PRIVATE_MESSAGE):
            raise DecodeError(f"wire format {code} frames no content", at)
        content = FramedContent.read(reader)
        signature, tag = read_auth(reader, content.content_type)
        reader.finish()
        return cls(WireFormat(code), content, signature, tag)

    def encode(self) -> bytes:
        return encode_u16(self.wire_format) + self.content.raw + self.encode_auth()

    def encode_auth(self) -> bytes:
        """FramedContentAuthData: the signature, and for a commit the confirmation tag."""
        tag = b"" if self.confirmation_tag is None else encode_vector(self.confirmation_tag)
        return encode_vector(self.signature) + tag

    def signed_content(self, group_context: bytes) -> bytes:
        """What the signature covers, with SignWithLabel's framing (FramedContentTBS, §6.1)."""
        return labeled_context(SIGNATURE_LABEL, self.tbs(group_context))

    def tbs(self, group_context: bytes) -> bytes:
        """FramedContentTBS; `group_context` is the encoded GroupContext of the content's epoch."""
        content = self.content
        context = group_context if content.sender.signs_context else b""
        return b"".join((_TBS_HEAD[self.wire_format], content.raw, context))

    def confirmed_input(self) -> bytes:
        """ConfirmedTranscriptHashInput (§8.2): wire format, content and signature."""
        return encode_u16(self.wire_format) + self.content.raw + encode_vector(self.signature)


def read_auth(reader: Reader, content_type: ContentType) -> tuple[bytes, bytes | None]:
    """(signature, confirmation tag): the tag stands there for commits alone."""
    signature = reader.vector()
    return signature, reader.vector() if content_type is ContentType.COMMIT else None
