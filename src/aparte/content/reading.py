"""What a content means: from parts to the union of `meanings`. The inverse of `writing`."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import Final, assert_never

from aparte.content.errors import ContentRefused
from aparte.content.fields import require
from aparte.content.limits import MAX_REACTION, MAX_REACTIONS
from aparte.content.meanings import (
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
from aparte.content.media_types import is_markdown, is_media, is_plain, is_report
from aparte.content.message_status import StatusReport
from aparte.content.mimi_content import ROOM_URI, SENDER_URI, MimiContent
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
from aparte.content.rules import ContentRule

__all__ = ["Reading", "read_content"]

_KNOWN_EXTENSIONS: Final = {SENDER_URI, ROOM_URI}
#: Dispositions that are about something else than showing the part, or offering it.
_NOT_SHOWN: Final = {
    Disposition.REACTION,
    Disposition.PROFILE,
    Disposition.ICON,
    Disposition.SESSION,
    Disposition.PREVIEW,
}


@dataclass(frozen=True, slots=True)
class Reading:
    """A meaning, and whether there is more in the content than this version knows: the reader is told so."""

    meaning: Meaning
    is_newer: bool


def read_content(content: MimiContent) -> Reading:
    """Raises `ContentRefused` for what has a meaning by its form, and none by its fields."""
    part = content.nested_part
    extra = any(extension.key not in _KNOWN_EXTENSIONS for extension in content.extensions)
    if isinstance(part, NullPart):
        return Reading(_taken_back(content, part), extra)
    if isinstance(part, SinglePart) and is_report(part.content_type):
        return Reading(StatusReport.decode(part.content), extra)
    if part.disposition == Disposition.REACTION:
        meaning = _reaction(content)
        return Reading(meaning, extra or not isinstance(meaning, Reaction))
    found = _find(part)
    body = _body(found)
    return Reading(_placed(body, content), extra or not found.is_understood)


def _taken_back(content: MimiContent, part: NullPart) -> Delete | Unlike:
    if content.replaces is None:
        raise ContentRefused(ContentRule.EMPTY)
    if part.disposition == Disposition.REACTION:
        return Unlike(content.replaces, content.in_reply_to)
    return Delete(content.replaces)


def _placed(body: Body, content: MimiContent) -> Meaning:
    if content.replaces is not None:
        return Edit(content.replaces, body, content.in_reply_to)
    return body if content.in_reply_to is None else Reply(content.in_reply_to, body)


# -- reactions --------------------------------------------------------------------------------------------------------
def _reaction(content: MimiContent) -> Meaning:
    """What is no reaction of ours, or one to nothing, is shown like any message that is not known."""
    emoji = _emoji(content.nested_part)
    if emoji is None or content.in_reply_to is None:
        return _placed(Unknown(_types(content.nested_part)), content)
    good = 0 < len(emoji) <= MAX_REACTIONS and all(0 < len(item.encode()) <= MAX_REACTION for item in emoji)
    require(good, ContentRule.REACTION)
    return Reaction(content.in_reply_to, emoji, content.replaces)


def _emoji(part: NestedPart) -> tuple[str, ...] | None:
    """The reactions in a part; None if it has other parts."""
    if isinstance(part, SinglePart) and is_plain(part.content_type) and part.disposition == Disposition.REACTION:
        return (_text(part),)
    if not isinstance(part, MultiPart):
        return None
    each = [_emoji(inner) for inner in part.parts]
    if part.part_semantics is PartSemantics.CHOOSE_ONE:
        return next((found for found in each if found is not None), None)
    known = [found for found in each if found is not None]
    return sum(known, ()) if len(known) == len(each) else None


# -- texts and attachments --------------------------------------------------------------------------------------------
@dataclass(frozen=True, slots=True)
class _Found:
    """What was found in a part, in its order."""

    texts: tuple[Text, ...] = ()
    attachments: tuple[Attachment, ...] = ()
    unknown: tuple[str, ...] = ()

    def __add__(self, other: _Found) -> _Found:
        attachments = self.attachments + other.attachments
        return _Found(self.texts + other.texts, attachments, self.unknown + other.unknown)

    @property
    def is_understood(self) -> bool:
        """Nothing is left over: one text at most, known parts, files that can be opened."""
        return not self.unknown and len(self.texts) <= 1 and all(item.can_be_opened for item in self.attachments)

    @property
    def is_empty(self) -> bool:
        return not (self.texts or self.attachments or self.unknown)


def _body(found: _Found) -> Body:
    require(not found.is_empty, ContentRule.EMPTY)
    text = found.texts[0] if found.texts else None
    if found.attachments:
        return Attachments(found.attachments, text)
    return text or Unknown(tuple(dict.fromkeys(found.unknown)))


def _find(part: NestedPart) -> _Found:
    if part.disposition in _NOT_SHOWN:
        return _Found(unknown=_types(part))
    match part:
        case NullPart():
            return _Found()
        case SinglePart():
            return _find_single(part)
        case ExternalPart():
            return _Found(attachments=(_attachment(part),))
        case MultiPart():
            return _find_multi(part)
        case _:
            assert_never(part)


def _find_single(part: SinglePart) -> _Found:
    if not is_plain(part.content_type):
        return _Found(unknown=(part.content_type,))
    return _Found(texts=(Text(_text(part), is_markdown(part.content_type), part.language),))


def _find_multi(part: MultiPart) -> _Found:
    with_previews = _attachment_with_previews(part)
    if with_previews is not None:
        return _Found(attachments=(with_previews,))
    each = [_find(inner) for inner in part.parts]
    if part.part_semantics is PartSemantics.CHOOSE_ONE:
        choices = (found for found in each if found.is_understood and not found.is_empty)
        return next(choices, _Found(unknown=_types(part)))
    found = reduce(_Found.__add__, each)
    if part.part_semantics is PartSemantics.SINGLE_UNIT and not found.is_understood:
        return _Found(unknown=_types(part))
    return found


def _attachment_with_previews(part: MultiPart) -> Attachment | None:
    """A file and nothing but previews of it, each of another kind; None if it is anything else."""
    first, *others = part.parts
    is_choice = part.part_semantics is PartSemantics.CHOOSE_ONE
    if is_choice or not isinstance(first, ExternalPart) or first.disposition in _NOT_SHOWN:
        return None
    media: Media | None = None
    thumbnail: Thumbnail | None = None
    for other in others:
        if not isinstance(other, SinglePart) or other.disposition != Disposition.PREVIEW:
            return None
        if is_media(other.content_type) and media is None:
            media = Media.decode(other.content)
        elif other.content_type.lower().startswith("image/") and thumbnail is None:
            thumbnail = Thumbnail(other.content_type, other.content)
        else:
            return None
    return _attachment(first, media=media, thumbnail=thumbnail)


def _attachment(part: ExternalPart, *, media: Media | None = None, thumbnail: Thumbnail | None = None) -> Attachment:
    return Attachment(
        content_type=part.content_type,
        url=part.url,
        key=part.key,
        size=part.size,
        content_hash=part.content_hash,
        description=part.description,
        filename=part.filename,
        expires=part.expires,
        is_inline=part.disposition != Disposition.ATTACHMENT,
        media=media,
        thumbnail=thumbnail,
        enc_alg=part.enc_alg,
        hash_alg=part.hash_alg,
        nonce=part.nonce,
        aad=part.aad,
        language=part.language,
    )


def _text(part: SinglePart) -> str:
    try:
        return part.content.decode()
    except UnicodeDecodeError:
        raise ContentRefused(ContentRule.TEXT) from None


def _types(part: NestedPart) -> tuple[str, ...]:
    """The media types in a part, each once."""
    named = (inner for inner in parts_in_order(part) if isinstance(inner, SinglePart | ExternalPart))
    return tuple(dict.fromkeys(inner.content_type for inner in named))
