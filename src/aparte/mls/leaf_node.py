"""LeafNode (RFC 9420 §7.2): a member's keys, credential and capabilities, signed by the member."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from aparte.codec import DecodeError, Reader, encode_u8, encode_u32, encode_u64, encode_vector
from aparte.crypto import Signer
from aparte.crypto.labeled import labeled_context, sign_with_label
from aparte.mls.capabilities import Capabilities
from aparte.mls.credentials import Credential
from aparte.mls.errors import CallerError
from aparte.mls.extensions import Extensions
from aparte.mls.grease import GREASE_VALUES
from aparte.mls.tree_math import LeafIndex

__all__ = ["LeafNode", "LeafNodeContent", "LeafNodeSource", "Lifetime"]


class LeafNodeSource(IntEnum):
    """Where a leaf came from; it decides what else is signed."""

    KEY_PACKAGE = 1
    UPDATE = 2
    COMMIT = 3


@dataclass(frozen=True, slots=True)
class Lifetime:
    """Seconds since the Unix epoch, both inclusive."""

    not_before: int
    not_after: int

    def covers(self, now: int) -> bool:
        return self.not_before <= now <= self.not_after

    def encode(self) -> bytes:
        return encode_u64(self.not_before) + encode_u64(self.not_after)


@dataclass(frozen=True, slots=True)
class LeafNodeContent:
    """The fields that do not depend on where a leaf is used: what `sign` turns into a `LeafNode`."""

    encryption_key: bytes
    signature_key: bytes
    credential: Credential
    capabilities: Capabilities
    extensions: Extensions = Extensions()

    def sign_for_key_package(self, signer: Signer, lifetime: Lifetime) -> LeafNode:
        return self._sign(signer, encode_u8(LeafNodeSource.KEY_PACKAGE) + lifetime.encode(), b"")

    def sign_for_update(self, signer: Signer, group_id: bytes, leaf: LeafIndex) -> LeafNode:
        return self._sign(signer, encode_u8(LeafNodeSource.UPDATE), _place(group_id, leaf))

    def sign_for_commit(self, signer: Signer, parent_hash: bytes, *, group_id: bytes, leaf: LeafIndex) -> LeafNode:
        source = encode_u8(LeafNodeSource.COMMIT) + encode_vector(parent_hash)
        return self._sign(signer, source, _place(group_id, leaf))

    def _sign(self, signer: Signer, source: bytes, place: bytes) -> LeafNode:
        if signer.public_key != self.signature_key:
            raise CallerError("the signer is not the leaf's signature key")
        self.capabilities.require_listable()
        if self.credential.credential_type in GREASE_VALUES:
            raise CallerError("GREASE is no credential type to use")
        tbs = b"".join(
            (
                encode_vector(self.encryption_key),
                encode_vector(self.signature_key),
                self.credential.encode(),
                self.capabilities.encode(),
                source,
                self.extensions.encode(),
            )
        )
        signature = sign_with_label(signer, b"LeafNodeTBS", tbs + place)
        return LeafNode.decode(tbs + encode_vector(signature))


def _place(group_id: bytes, leaf: LeafIndex) -> bytes:
    return encode_vector(group_id) + encode_u32(leaf)


@dataclass(frozen=True, slots=True, eq=False)
class LeafNode:
    """A decoded leaf with the bytes that it came from. Equal bytes, equal leaf."""

    raw: bytes
    encryption_key: bytes
    signature_key: bytes
    credential: Credential
    capabilities: Capabilities
    source: LeafNodeSource
    lifetime: Lifetime | None
    parent_hash: bytes
    extensions: Extensions
    signature: bytes
    tbs_length: int

    @classmethod
    def read(cls, reader: Reader) -> LeafNode:
        start = reader.position
        encryption_key, signature_key = reader.vector(), reader.vector()
        credential, capabilities = Credential.read(reader), Capabilities.read(reader)
        at = reader.position
        code = reader.u8()
        lifetime, parent_hash = None, b""
        if code == LeafNodeSource.KEY_PACKAGE:
            lifetime = Lifetime(reader.u64(), reader.u64())
        elif code == LeafNodeSource.COMMIT:
            parent_hash = reader.vector()
        elif code != LeafNodeSource.UPDATE:
            raise DecodeError(f"unknown leaf node source {code}", at)
        extensions = Extensions.read(reader)
        tbs_length = reader.position - start
        signature = reader.vector()
        return cls(
            reader.since(start), encryption_key, signature_key, credential, capabilities,
            _SOURCES[code], lifetime, parent_hash, extensions, signature, tbs_length,
        )  # fmt: skip

    @classmethod
    def decode(cls, data: bytes) -> LeafNode:
        reader = Reader(data)
        leaf = cls.read(reader)
        reader.finish()
        return leaf

    def encode(self) -> bytes:
        return self.raw

    @property
    def content(self) -> LeafNodeContent:
        """The fields to start from when the same member makes its next leaf."""
        return LeafNodeContent(
            self.encryption_key, self.signature_key, self.credential, self.capabilities, self.extensions
        )

    def signed_content(self, group_id: bytes, leaf: LeafIndex) -> bytes:
        """What the signature covers, with SignWithLabel's framing (LeafNodeTBS, §7.2).

        A leaf of a key package is signed without a place in a group; the two arguments are then unused.
        """
        tbs = self.raw[: self.tbs_length]
        if self.source is not LeafNodeSource.KEY_PACKAGE:
            tbs += _place(group_id, leaf)
        return labeled_context(b"LeafNodeTBS", tbs)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, LeafNode) and self.raw == other.raw

    def __hash__(self) -> int:
        return hash(self.raw)


_SOURCES = {int(source): source for source in LeafNodeSource}
