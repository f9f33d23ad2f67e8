"""What comes into a device's inbox, sealed for it alone: an invitation into a conversation (docs/design.md §4.4).

    struct {
        uint8 version = 1;
        uint8 kind = 1;
        opaque host<V>;  opaque log_id[16];             the log's address
        uint64 node;  uint64 at;  opaque chain[32];     of the commit that added the device
        opaque conversation_id[16];
        opaque welcome<V>;                              MLSMessage, with one joiner's secrets
        opaque ratchet_tree<V>;  opaque document<V>;
        opaque inviter<V>;                              name@host, as the inviter gives it
        opaque manifest<V>;                             the inviter's newest
        opaque zeros[...];
    } Invitation;

    item = HPKE.Seal(inbox key, "aparte/1 inbox", account_id || device_id, Invitation): kem_output<V> || ciphertext<V>

Nothing in it is believed for standing there: the Welcome's signature, the tree and the log's chain show what is so.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from aparte.codec import DecodeError, EncodeError, Reader, encode_u8, encode_u64, encode_vector
from aparte.content import CONVERSATION_ID_LENGTH, ConversationId
from aparte.crypto import CryptoError, KemPrivateKey, Suite
from aparte.mls import padme
from aparte.wire.ids import HASH_LENGTH, ID_LENGTH, MAX_NUMBER, AccountId, Chain, DeviceId, LogId, Millis, Node
from aparte.wire.limits import MAX_HOST_NAME, MAX_INBOX_ITEM, MAX_MANIFEST, MAX_NAME

__all__ = ["Invitation", "ItemRefused", "open_item", "seal_item"]

_VERSION: Final = 1
_INVITATION: Final = 1
_LABEL: Final = encode_vector(b"aparte/1 inbox")
#: Invitations to two and to four devices look alike.
_SMALLEST: Final = 8 * 1024
_MAX_KEM_OUTPUT: Final = 2_048
_MAX_ADDRESS: Final = MAX_NAME + 1 + MAX_HOST_NAME


class ItemRefused(Exception):
    """An item that nobody has sealed for this device, or not as this version does. Says why, to people."""


@dataclass(frozen=True, slots=True)
class Invitation:
    """What a joiner needs, besides its key package."""

    host: str
    log_id: LogId
    #: The commit that added the device: its seq names the node.
    node: Node
    at: Millis
    chain: Chain
    conversation_id: ConversationId
    welcome: bytes
    ratchet_tree: bytes
    document: bytes
    inviter: str
    manifest: bytes

    @classmethod
    def read(cls, reader: Reader) -> Invitation:
        """After version and kind. Raises `DecodeError`."""
        host = _text(reader, MAX_HOST_NAME)
        log_id, node, at = LogId(reader.take(ID_LENGTH)), Node(_number(reader)), Millis(_number(reader))
        chain, conversation_id = Chain(reader.take(HASH_LENGTH)), ConversationId(reader.take(CONVERSATION_ID_LENGTH))
        welcome, tree, document = (reader.vector(MAX_INBOX_ITEM) for _ in range(3))
        inviter, manifest = _text(reader, _MAX_ADDRESS), reader.vector(MAX_MANIFEST)
        if reader.rest().strip(b"\x00"):
            raise DecodeError("the padding is not empty")
        return cls(host, log_id, node, at, chain, conversation_id, welcome, tree, document, inviter, manifest)

    def encode(self) -> bytes:
        """Without padding."""
        place = self.log_id + encode_u64(self.node) + encode_u64(self.at) + self.chain + self.conversation_id
        end = (self.welcome, self.ratchet_tree, self.document, self.inviter.encode(), self.manifest)
        start = encode_u8(_VERSION) + encode_u8(_INVITATION) + encode_vector(self.host.encode())
        return start + place + b"".join(map(encode_vector, end))


def seal_item(invitation: Invitation, inbox_key: bytes, *, to: tuple[AccountId, DeviceId], suite: Suite) -> bytes:
    """For one device. Raises `EncodeError` if it is too long for an inbox, `CryptoError` for a malformed key."""
    plain = invitation.encode()
    size = min(max(_SMALLEST, padme(len(plain))), max(len(plain), _MOST))
    kem_output, ciphertext = suite.hpke_seal(inbox_key, _LABEL, b"".join(to), plain.ljust(size, b"\x00"))
    item = encode_vector(kem_output) + encode_vector(ciphertext)
    if len(item) > MAX_INBOX_ITEM:
        raise EncodeError(f"an item of {len(item)} bytes; {MAX_INBOX_ITEM} are the most")
    return item


def open_item(item: bytes, inbox_key: KemPrivateKey, *, to: tuple[AccountId, DeviceId], suite: Suite) -> Invitation:
    """Raises `ItemRefused`."""
    try:
        outer = Reader(item)
        kem_output, ciphertext = outer.vector(_MAX_KEM_OUTPUT), outer.vector(MAX_INBOX_ITEM)
        outer.finish()
        reader = Reader(suite.hpke_open(inbox_key, kem_output, _LABEL, b"".join(to), ciphertext))
        version, kind = reader.u8(), reader.u8()
        if (version, kind) != (_VERSION, _INVITATION):
            raise ItemRefused(f"a newer version of Aparte has sealed it ({version}.{kind})")
        return Invitation.read(reader)
    except DecodeError as error:
        raise ItemRefused(f"it is damaged: {error}") from None
    except CryptoError:
        raise ItemRefused("it was not sealed for this device") from None


#: With X-Wing's key and the tag beside it, an item is then just not too long.
_MOST: Final = MAX_INBOX_ITEM - 1_120 - 64


def _number(reader: Reader) -> int:
    start, number = reader.position, reader.u64()
    if number > MAX_NUMBER:
        raise DecodeError(f"{number} is more than databases count", start)
    return number


def _text(reader: Reader, most: int) -> str:
    start = reader.position
    try:
        return reader.vector(most).decode()
    except UnicodeDecodeError:
        raise DecodeError("no text", start) from None
