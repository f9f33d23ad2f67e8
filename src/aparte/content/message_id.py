"""How a message is named: URIs of its sender and its room, and a hash over them and its bytes (draft §2.3).

    hash_output = SHA-256( uint16 length || sender URI || uint16 length || room URI || message || salt )
    messageId   = 1 || hash_output[0..30]

The URIs are `aparte:a/<account id>` and `aparte:c/<conversation id>`, in lower-case hexadecimal: an id has one
spelling, that in which the rest of the program shows it, and names, which may change hands, stand nowhere.
"""

from __future__ import annotations

import hashlib
import re
from typing import Final, NewType

from aparte.codec import EncodeError, encode_u8, encode_u16
from aparte.content.limits import CONVERSATION_ID_LENGTH, HASH_ALG_SHA256, MAX_URI, MESSAGE_ID_LENGTH
from aparte.wire.ids import HASH_LENGTH, AccountId

__all__ = [
    "ConversationId",
    "MessageId",
    "account_of",
    "account_uri",
    "conversation_of",
    "conversation_uri",
    "message_id",
]

#: Names one message of one sender in one conversation; whoever replays it, it is the same.
MessageId = NewType("MessageId", bytes)
#: Names a conversation for good, whatever becomes of its groups and logs.
ConversationId = NewType("ConversationId", bytes)

_ACCOUNT: Final = re.compile(rf"aparte:a/([0-9a-f]{{{2 * HASH_LENGTH}}})")
_CONVERSATION: Final = re.compile(rf"aparte:c/([0-9a-f]{{{2 * CONVERSATION_ID_LENGTH}}})")


def account_uri(account_id: AccountId) -> str:
    """`aparte:a/…`. Raises `EncodeError`."""
    if len(account_id) != HASH_LENGTH:
        raise EncodeError(f"an account id of {len(account_id)} bytes")
    return f"aparte:a/{account_id.hex()}"


def conversation_uri(conversation_id: ConversationId) -> str:
    """`aparte:c/…`. Raises `EncodeError`."""
    if len(conversation_id) != CONVERSATION_ID_LENGTH:
        raise EncodeError(f"a conversation id of {len(conversation_id)} bytes")
    return f"aparte:c/{conversation_id.hex()}"


def account_of(uri: str) -> AccountId | None:
    """The account that a URI names; None if it names none, or spells it otherwise."""
    found = _ACCOUNT.fullmatch(uri)
    return AccountId(bytes.fromhex(found[1])) if found else None


def conversation_of(uri: str) -> ConversationId | None:
    """The conversation that a URI names; None if it names none, or spells it otherwise."""
    found = _CONVERSATION.fullmatch(uri)
    return ConversationId(bytes.fromhex(found[1])) if found else None


def message_id(message: bytes, *, salt: bytes, sender_uri: str, room_uri: str) -> MessageId:
    """The id of an encoded content, whose salt is `salt`. Raises `EncodeError` for URIs that are too long."""
    hashed = hashlib.sha256(_uri(sender_uri) + _uri(room_uri) + message + salt).digest()
    return MessageId(encode_u8(HASH_ALG_SHA256) + hashed[: MESSAGE_ID_LENGTH - 1])


def _uri(uri: str) -> bytes:
    encoded = uri.encode()
    if len(encoded) > MAX_URI:
        raise EncodeError(f"a URI of {len(encoded)} bytes exceeds {MAX_URI}")
    return encode_u16(len(encoded)) + encoded
