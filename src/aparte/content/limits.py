"""Named limits of a content. Whatever exceeds one is refused, and never written."""

from __future__ import annotations

from typing import Final

__all__ = [
    "CONVERSATION_ID_LENGTH",
    "HASH_ALG_SHA256",
    "MAX_CONTENT",
    "MAX_CONTENT_TYPE",
    "MAX_DESCRIPTION",
    "MAX_EXTENSIONS",
    "MAX_EXTENSION_DEPTH",
    "MAX_EXTENSION_KEY",
    "MAX_EXTENSION_VALUE",
    "MAX_FILENAME",
    "MAX_ITEMS",
    "MAX_KEY_NUMBER",
    "MAX_LANGUAGE",
    "MAX_NESTING",
    "MAX_PARTS",
    "MAX_PLACEHOLDER",
    "MAX_REACTION",
    "MAX_REACTIONS",
    "MAX_RELATIVE_EXPIRY",
    "MAX_SECRET",
    "MAX_STATUSES",
    "MAX_TOPIC_ID",
    "MAX_URI",
    "MAX_WAVEFORM",
    "MESSAGE_ID_LENGTH",
    "SALT_LENGTH",
]

SALT_LENGTH: Final = 16
MESSAGE_ID_LENGTH: Final = 32
CONVERSATION_ID_LENGTH: Final = 16
#: IANA "Named Information Hash Algorithm": the only one that names messages and files.
HASH_ALG_SHA256: Final = 1

#: Bytes of a whole content. A body of 64 KiB holds it with its frame, signature, seal and padding.
MAX_CONTENT: Final = 48 * 1024
#: CBOR data items in it, so that many small ones cost no more than a few large ones.
MAX_ITEMS: Final = 4096
#: 2^53 - 1: a map key is a number that JavaScript has, too (the draft).
MAX_KEY_NUMBER: Final = (1 << 53) - 1

#: The draft's.
MAX_TOPIC_ID: Final = 4096
#: Levels of parts, the outermost being the first (the draft's).
MAX_NESTING: Final = 4
#: Parts in all; the draft calls 1,024 nonsense.
MAX_PARTS: Final = 128

MAX_EXTENSIONS: Final = 16
#: Bytes of an extension's key, if it is text (the draft's), and of its value, encoded.
MAX_EXTENSION_KEY: Final = 255
MAX_EXTENSION_VALUE: Final = 4096
#: Levels of arrays and maps, the map of all extensions being the first (the draft's).
MAX_EXTENSION_DEPTH: Final = 4

#: Bytes of UTF-8.
MAX_CONTENT_TYPE: Final = 255
MAX_LANGUAGE: Final = 255
MAX_URI: Final = 2048
MAX_DESCRIPTION: Final = 4096
MAX_FILENAME: Final = 255
#: Bytes of a file's key, nonce, aad and hash each.
MAX_SECRET: Final = 64

#: Seconds; the draft calls more than a year nonsense.
MAX_RELATIVE_EXPIRY: Final = 366 * 24 * 60 * 60

#: Bytes of one reaction: the longest emoji have about 40. And how many one message may bring.
MAX_REACTION: Final = 64
MAX_REACTIONS: Final = 16
#: Entries of one report.
MAX_STATUSES: Final = 256
#: Bars of a voice message, and bytes of what is shown until a picture has come.
MAX_WAVEFORM: Final = 256
MAX_PLACEHOLDER: Final = 64
