"""A message whole: its bytes, its id, its content and what it means. What an engine sends and receives."""

from __future__ import annotations

from dataclasses import dataclass

from aparte.codec import DecodeError, EncodeError
from aparte.content.cbor import loads
from aparte.content.errors import ContentError
from aparte.content.fields import require
from aparte.content.meanings import Meaning
from aparte.content.message_id import ConversationId, MessageId, account_uri, conversation_uri, message_id
from aparte.content.mimi_content import ROOM_URI, SENDER_URI, Expiration, MimiContent
from aparte.content.reading import read_content
from aparte.content.rules import ContentRule
from aparte.content.writing import write_content
from aparte.wire.ids import AccountId

__all__ = ["Message", "Origin", "read_message", "write_message"]


@dataclass(frozen=True, slots=True)
class Origin:
    """Who sends, and where: from MLS and the conversation, never from the message."""

    sender: AccountId
    conversation: ConversationId


@dataclass(frozen=True, slots=True)
class Message:
    """One message. If it `is_newer`, the reader is told that a newer version shows more of it."""

    message_id: MessageId
    meaning: Meaning
    is_newer: bool
    content: MimiContent
    data: bytes


def read_message(data: bytes, origin: Origin) -> Message:
    """What was received, decoded and understood. Raises `DecodeError` and `ContentRefused`."""
    content = MimiContent.decode(data)
    sender_uri, room_uri = account_uri(origin.sender), conversation_uri(origin.conversation)
    for key, uri in ((SENDER_URI, sender_uri), (ROOM_URI, room_uri)):
        said = content.extension(key)
        require(said is None or loads(said) == uri, ContentRule.ORIGIN)
    reading = read_content(content)
    named = message_id(data, salt=content.salt, sender_uri=sender_uri, room_uri=room_uri)
    return Message(named, reading.meaning, reading.is_newer, content, data)


def write_message(meaning: Meaning, origin: Origin, *, salt: bytes, expires: Expiration | None = None) -> Message:
    """What is to be sent, as everybody will read it. `salt` is 16 random bytes. Raises `EncodeError`."""
    data = write_content(meaning, salt=salt, expires=expires).encode()
    try:
        message = read_message(data, origin)
    except (DecodeError, ContentError) as error:
        raise EncodeError(f"it would be refused: {error}") from None
    if message.meaning != meaning:
        raise EncodeError("it would be read otherwise than it is meant")
    return message
