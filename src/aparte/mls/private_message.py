"""PrivateMessage (RFC 9420 §6.3): content under a one-time key, sender data under a key drawn from the ciphertext.

The hot path of the whole package: what is constant for an epoch comes in as an `EpochFrame`, built once.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, NamedTuple

from aparte.codec import (
    DecodeError,
    Reader,
    encode_length,
    encode_u8,
    encode_u16,
    encode_u32,
    encode_u64,
    encode_vector,
)
from aparte.crypto import OpenError, Suite
from aparte.crypto.labeled import expand_label_info
from aparte.mls.capabilities import MLS10
from aparte.mls.errors import CallerError, Undecryptable, require
from aparte.mls.framing import (
    AuthenticatedContent,
    Body,
    ContentType,
    FramedContent,
    Sender,
    WireFormat,
    read_auth,
    read_body,
    read_content_type,
)
from aparte.mls.secret_tree import RatchetBounds, SecretTree
from aparte.mls.tree_math import Generation, LeafIndex

__all__ = [
    "MAX_SEALED",
    "EpochFrame",
    "PrivateMessage",
    "SenderData",
    "open_content",
    "open_sender_data",
    "seal",
]

_WIRE: Final = encode_u16(MLS10) + encode_u16(WireFormat.PRIVATE_MESSAGE)
_CONTENT_TYPE_BYTE: Final = tuple(bytes((i,)) for i in range(4))
_MEMBER: Final = b"\x01"

#: Bytes under one key (RFC 9420 §6.3.1 asks to stay inside the AEADs' limits; a vector holds no more anyway).
MAX_SEALED: Final = (1 << 30) - 1


@dataclass(frozen=True, slots=True, repr=False)
class EpochFrame:
    """Constants of one epoch: the encoded group id and epoch, the context that members sign, the sender data key."""

    suite: Suite
    head: bytes
    group_context: bytes
    sender_data_secret: bytes
    sample_length: int
    key_info: bytes
    nonce_info: bytes

    @classmethod
    def create(
        cls, suite: Suite, *, group_id: bytes, epoch: int, group_context: bytes, sender_data: bytes
    ) -> EpochFrame:
        sizes = suite.parameters
        sample = bytes(sizes.hash_length)
        key_info = expand_label_info(b"key", sample, sizes.key_length)[: -len(sample)]
        nonce_info = expand_label_info(b"nonce", sample, sizes.nonce_length)[: -len(sample)]
        head = encode_vector(group_id) + encode_u64(epoch)
        return cls(suite, head, group_context, sender_data, sizes.hash_length, key_info, nonce_info)

    def tbs(self, leaf: LeafIndex, authenticated_data: bytes, content_type: ContentType, body: bytes) -> bytes:
        """FramedContentTBS (§6.1) of a member's private message; `body` is encoded."""
        return b"".join(
            (
                _WIRE, self.head, _MEMBER, encode_u32(leaf), encode_length(len(authenticated_data)), authenticated_data,
                _CONTENT_TYPE_BYTE[content_type], body, self.group_context,
            )
        )  # fmt: skip

    def sender_data_keys(self, ciphertext: bytes) -> tuple[bytes, bytes]:
        """(key, nonce) from the first KDF.Nh bytes of the ciphertext (§6.3.2)."""
        sample = ciphertext[: self.sample_length]
        if len(sample) < self.sample_length:  # Only a malformed message is this short: take the general way.
            return self._short_sample_keys(sample)
        sizes, tail = self.suite.parameters, sample + b"\x01"
        key, nonce = self.suite.macs(self.sender_data_secret, self.key_info + tail, self.nonce_info + tail)
        return key[: sizes.key_length], nonce[: sizes.nonce_length]

    def _short_sample_keys(self, sample: bytes) -> tuple[bytes, bytes]:
        sizes, expand = self.suite.parameters, self.suite.expand
        lengths = ((b"key", sizes.key_length), (b"nonce", sizes.nonce_length))
        key, nonce = (
            expand(self.sender_data_secret, expand_label_info(label, sample, length), length)
            for label, length in lengths
        )
        return key, nonce


class PrivateMessage(NamedTuple):
    """Decoded, not yet opened. `head` is the encoded group id, epoch and content type, as it came.

    A tuple, because one is made for each message: a frozen dataclass takes twice as long.
    """

    group_id: bytes
    epoch: int
    content_type: ContentType
    authenticated_data: bytes
    encrypted_sender_data: bytes
    ciphertext: bytes
    head: bytes

    @classmethod
    def read(cls, reader: Reader) -> PrivateMessage:
        start = reader.position
        group_id, epoch, content_type = reader.vector(), reader.u64(), read_content_type(reader)
        head = reader.since(start)
        return cls(group_id, epoch, content_type, reader.vector(), reader.vector(), reader.vector(), head)

    def encode(self) -> bytes:
        fields = (self.authenticated_data, self.encrypted_sender_data, self.ciphertext)
        return self.head + b"".join([encode_vector(data) for data in fields])


class SenderData(NamedTuple):
    """SenderData (§6.3.2)."""

    leaf: LeafIndex
    generation: Generation
    reuse_guard: bytes


def seal(
    frame: EpochFrame,
    tree: SecretTree,
    leaf: LeafIndex,
    *,
    content_type: ContentType,
    authenticated_data: bytes,
    plaintext: bytes,
) -> tuple[bytes, SecretTree]:
    """(encoded MLSMessage, tree without the key) for a PrivateMessageContent: body, auth data and padding."""
    suite = frame.suite
    application = content_type is ContentType.APPLICATION
    generation, (key, nonce), after = tree.next_key(suite, leaf, application=application)
    guard = suite.random(4)
    head = frame.head + _CONTENT_TYPE_BYTE[content_type]
    data = encode_length(len(authenticated_data)) + authenticated_data
    if len(plaintext) + len(data) > MAX_SEALED:
        raise CallerError("the message is too long for one AEAD key")
    ciphertext = suite.seal(key, _guarded(nonce, guard), head + data, plaintext)
    key, nonce = frame.sender_data_keys(ciphertext)
    sender_data = encode_u32(leaf) + encode_u32(generation) + guard
    sealed = suite.seal(key, nonce, head, sender_data)
    parts = (
        _WIRE,
        head,
        data,
        encode_length(len(sealed)),
        sealed,
        encode_length(len(ciphertext)),
        ciphertext,
    )
    return b"".join(parts), after


def open_sender_data(frame: EpochFrame, message: PrivateMessage) -> SenderData:
    """Raises `Undecryptable` (6.3.2/open) or `DecodeError`."""
    key, nonce = frame.sender_data_keys(message.ciphertext)
    try:
        plaintext = frame.suite.open(key, nonce, message.head, message.encrypted_sender_data)
    except OpenError as error:
        raise Undecryptable("6.3.2/open", "the sender data does not open") from error
    if len(plaintext) != 12:
        raise DecodeError("sender data is not 12 bytes long")
    numbers = int.from_bytes(plaintext[:8])
    return SenderData(LeafIndex(numbers >> 32), Generation(numbers & 0xFFFFFFFF), plaintext[8:])


def open_content(
    frame: EpochFrame, tree: SecretTree, message: PrivateMessage, sender: SenderData, bounds: RatchetBounds
) -> tuple[AuthenticatedContent, SecretTree]:
    """The content, its signature unchecked, and the tree without the key.

    Raises `GenerationGone`, `GenerationTooFar`, `Undecryptable`, `PeerError` 6.3.1.2 or `DecodeError`.
    """
    application = message.content_type is ContentType.APPLICATION
    (key, nonce), after = tree.key_at(
        frame.suite, sender.leaf, sender.generation, application=application, bounds=bounds
    )
    data = encode_vector(message.authenticated_data)
    try:
        plaintext = frame.suite.open(key, _guarded(nonce, sender.reuse_guard), message.head + data, message.ciphertext)
    except OpenError as error:
        raise Undecryptable("6.3.1/open", "the content does not open") from error
    reader = Reader(plaintext)
    body: Body = read_body(reader, message.content_type)
    raw_body = reader.since(0)
    signature, confirmation = read_auth(reader, message.content_type)
    padding = reader.rest()
    require(padding.count(0) == len(padding), "6.3.1.2", "the padding is not all zeros")
    raw = b"".join((frame.head, _MEMBER, encode_u32(sender.leaf), data, encode_u8(message.content_type), raw_body))
    content = FramedContent(
        message.group_id, message.epoch, Sender.member(sender.leaf), message.authenticated_data, body, raw
    )
    return AuthenticatedContent(WireFormat.PRIVATE_MESSAGE, content, signature, confirmation), after


def _guarded(nonce: bytes, guard: bytes) -> bytes:
    """The nonce with its first four bytes XORed with the reuse guard (§6.3.1)."""
    return (int.from_bytes(nonce[:4]) ^ int.from_bytes(guard)).to_bytes(4) + nonce[4:]
