"""What members say to each other: MIMI content (draft-ietf-mimi-content) in CBOR, and message status.

Pure: no I/O, no clock, no randomness of its own. `write_message` makes bytes of a meaning, `read_message` a meaning of
bytes. All that comes from outside is bounded, and refused by a numbered rule or kept byte for byte.
"""

from aparte.content.errors import CborRefused, ContentError, ContentRefused
from aparte.content.limits import CONVERSATION_ID_LENGTH, MAX_CONTENT, MESSAGE_ID_LENGTH, SALT_LENGTH
from aparte.content.meanings import (
    ENC_ALG_SEALED_FILE,
    Attachment,
    Attachments,
    Body,
    Delete,
    Edit,
    Meaning,
    Reaction,
    Reply,
    Text,
    Thumbnail,
    Unknown,
    Unlike,
)
from aparte.content.media import Media
from aparte.content.mentions import mention, mentioned
from aparte.content.message import Message, Origin, read_message, write_message
from aparte.content.message_id import (
    ConversationId,
    MessageId,
    account_of,
    account_uri,
    conversation_of,
    conversation_uri,
    message_id,
)
from aparte.content.message_status import MessageStatus, PerMessageStatus, StatusReport
from aparte.content.mimi_content import ROOM_URI, SENDER_URI, Expiration, Extension, MimiContent
from aparte.content.parts import (
    Disposition,
    ExternalPart,
    MultiPart,
    NestedPart,
    NullPart,
    PartSemantics,
    SinglePart,
    parts_in_order,
)
from aparte.content.reading import Reading, read_content
from aparte.content.rules import CborRule, ContentRule
from aparte.content.writing import write_content

__all__ = [
    "CONVERSATION_ID_LENGTH",
    "ENC_ALG_SEALED_FILE",
    "MAX_CONTENT",
    "MESSAGE_ID_LENGTH",
    "ROOM_URI",
    "SALT_LENGTH",
    "SENDER_URI",
    "Attachment",
    "Attachments",
    "Body",
    "CborRefused",
    "CborRule",
    "ContentError",
    "ContentRefused",
    "ContentRule",
    "ConversationId",
    "Delete",
    "Disposition",
    "Edit",
    "Expiration",
    "Extension",
    "ExternalPart",
    "Meaning",
    "Media",
    "Message",
    "MessageId",
    "MessageStatus",
    "MimiContent",
    "MultiPart",
    "NestedPart",
    "NullPart",
    "Origin",
    "PartSemantics",
    "PerMessageStatus",
    "Reaction",
    "Reading",
    "Reply",
    "SinglePart",
    "StatusReport",
    "Text",
    "Thumbnail",
    "Unknown",
    "Unlike",
    "account_of",
    "account_uri",
    "conversation_of",
    "conversation_uri",
    "mention",
    "mentioned",
    "message_id",
    "parts_in_order",
    "read_content",
    "read_message",
    "write_content",
    "write_message",
]
