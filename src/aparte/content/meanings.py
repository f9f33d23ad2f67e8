"""What a message means: the small closed union on which an engine acts, so that nobody above looks into parts."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

from aparte.content.limits import HASH_ALG_SHA256
from aparte.content.media import Media
from aparte.content.media_types import is_audio
from aparte.content.message_id import MessageId
from aparte.content.message_status import StatusReport
from aparte.crypto.sealing import FILE_KEY_LENGTH
from aparte.wire.ids import HASH_LENGTH

__all__ = [
    "ENC_ALG_SEALED_FILE",
    "Attachment",
    "Attachments",
    "Body",
    "Delete",
    "Edit",
    "Meaning",
    "Reaction",
    "Reply",
    "Text",
    "Thumbnail",
    "Unknown",
    "Unlike",
]

#: A sealed file (aparte.crypto.sealing) among the AEAD numbers that RFC 5116 keeps for private use: it is no single
#: AEAD, and so has none of IANA's.
ENC_ALG_SEALED_FILE: Final = 0xF0A2


@dataclass(frozen=True, slots=True)
class Text:
    """What somebody writes: Markdown of the draft's variant, or plain."""

    text: str
    is_markdown: bool = True
    language: str = ""


@dataclass(frozen=True, slots=True)
class Thumbnail:
    """A small picture that stands in the message itself."""

    content_type: str
    data: bytes


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file that lies elsewhere, encrypted. `size` and `content_hash` are the file's own, as it was before.

    `expires` is in seconds since 1970, 0 for never. `is_inline` asks for it to be shown, not only offered.
    """

    content_type: str
    url: str
    key: bytes = field(repr=False)
    size: int
    content_hash: bytes
    description: str = ""
    filename: str = ""
    expires: int = 0
    is_inline: bool = False
    media: Media | None = None
    thumbnail: Thumbnail | None = None
    enc_alg: int = ENC_ALG_SEALED_FILE
    hash_alg: int = HASH_ALG_SHA256
    nonce: bytes = b""
    aad: bytes = b""
    language: str = ""

    @property
    def can_be_opened(self) -> bool:
        """Whether it is sealed as this version seals files. If not, it is from a newer version, or another program."""
        sealed = self.enc_alg == ENC_ALG_SEALED_FILE and len(self.key) == FILE_KEY_LENGTH
        hashed = self.hash_alg == HASH_ALG_SHA256 and len(self.content_hash) == HASH_LENGTH
        return sealed and hashed and not self.nonce and not self.aad and self.url.startswith("https://")

    @property
    def is_voice_message(self) -> bool:
        """Spoken, not a piece of music: sound that comes with its waveform."""
        return is_audio(self.content_type) and self.media is not None and self.media.waveform is not None


@dataclass(frozen=True, slots=True)
class Attachments:
    """One or more files, and what is written to them."""

    items: tuple[Attachment, ...]
    caption: Text | None = None


@dataclass(frozen=True, slots=True)
class Unknown:
    """Shown as "from a newer version". The content stays as it came, for a version that knows these media types."""

    content_types: tuple[str, ...]


#: What a message says by itself.
Body: TypeAlias = Text | Attachments | Unknown


@dataclass(frozen=True, slots=True)
class Reply:
    """A message that answers another."""

    to: MessageId
    body: Body


@dataclass(frozen=True, slots=True)
class Edit:
    """A new wording of the message that was first sent as `of`, which its own sender alone may give.

    Only the body changes. `in_reply_to` repeats what the first one answered, for whoever does not have it.
    """

    of: MessageId
    body: Body
    in_reply_to: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Delete:
    """The message that was first sent as `of` is taken back, by its own sender or by whom the conversation lets."""

    of: MessageId


@dataclass(frozen=True, slots=True)
class Reaction:
    """One or more emoji to a message, each by itself; in the place of an earlier reaction, if `replaces` names it."""

    to: MessageId
    emoji: tuple[str, ...]
    replaces: MessageId | None = None


@dataclass(frozen=True, slots=True)
class Unlike:
    """The message that was the reaction is taken back. `to` repeats what it was to, if that is said."""

    reaction: MessageId
    to: MessageId | None = None


Meaning: TypeAlias = Body | Reply | Edit | Delete | Reaction | Unlike | StatusReport
