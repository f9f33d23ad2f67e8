"""GroupInfo (RFC 9420 §12.4.3): an epoch, described and signed by a member for those who wish to join."""

from __future__ import annotations

from dataclasses import dataclass

from aparte.codec import Reader, encode_u32, encode_vector
from aparte.crypto import Signer
from aparte.crypto.labeled import labeled_context, sign_with_label
from aparte.mls.extensions import Extensions
from aparte.mls.group_context import GroupContext
from aparte.mls.tree_math import LeafIndex

__all__ = ["GroupInfo", "sign_group_info"]


@dataclass(frozen=True, slots=True)
class GroupInfo:
    """Decoded; the signature has not been checked."""

    raw: bytes
    group_context: GroupContext
    extensions: Extensions
    confirmation_tag: bytes
    signer: LeafIndex
    signature: bytes
    tbs_length: int

    @classmethod
    def read(cls, reader: Reader) -> GroupInfo:
        start = reader.position
        context, extensions = GroupContext.read(reader), Extensions.read(reader)
        tag, signer = reader.vector(), LeafIndex(reader.u32())
        tbs_length = reader.position - start
        signature = reader.vector()
        return cls(reader.since(start), context, extensions, tag, signer, signature, tbs_length)

    @classmethod
    def decode(cls, data: bytes) -> GroupInfo:
        reader = Reader(data)
        info = cls.read(reader)
        reader.finish()
        return info

    def encode(self) -> bytes:
        return self.raw

    def signed_content(self) -> bytes:
        """What the signature covers, with SignWithLabel's framing."""
        return labeled_context(b"GroupInfoTBS", self.raw[: self.tbs_length])


def sign_group_info(
    signer: Signer,
    leaf: LeafIndex,
    *,
    group_context: GroupContext,
    extensions: Extensions,
    confirmation_tag: bytes,
) -> GroupInfo:
    """Describe the epoch as the member at `leaf`."""
    tbs = b"".join((group_context.encode(), extensions.encode(), encode_vector(confirmation_tag), encode_u32(leaf)))
    return GroupInfo.decode(tbs + encode_vector(sign_with_label(signer, b"GroupInfoTBS", tbs)))
