"""From a meaning to a content: one way for each. The inverse of `reading`."""

from __future__ import annotations

from typing import assert_never

from aparte.codec import EncodeError
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
    Unknown,
    Unlike,
)
from aparte.content.media_types import MARKDOWN, MEDIA, PLAIN, REPORT
from aparte.content.message_status import StatusReport
from aparte.content.mimi_content import Expiration, MimiContent
from aparte.content.parts import (
    Disposition,
    ExternalPart,
    MultiPart,
    NestedPart,
    NullPart,
    PartSemantics,
    SinglePart,
)

__all__ = ["write_content"]


def write_content(meaning: Meaning, *, salt: bytes, expires: Expiration | None = None) -> MimiContent:
    """A content with that meaning. `salt` is 16 random bytes. Raises `EncodeError`: nobody writes an `Unknown`."""
    match meaning:
        case Text() | Attachments() | Unknown():
            return MimiContent(salt, _body(meaning), expires=expires)
        case Reply(to, body):
            return MimiContent(salt, _body(body), in_reply_to=to, expires=expires)
        case Edit(of, body, in_reply_to):
            return MimiContent(salt, _body(body), replaces=of, in_reply_to=in_reply_to, expires=expires)
        case Delete(of):
            return MimiContent(salt, NullPart(), replaces=of, expires=expires)
        case Reaction(to, emoji, replaces):
            return MimiContent(salt, _reaction(emoji), replaces=replaces, in_reply_to=to, expires=expires)
        case Unlike(reaction, to):
            nothing = NullPart(Disposition.REACTION)
            return MimiContent(salt, nothing, replaces=reaction, in_reply_to=to, expires=expires)
        case StatusReport():
            report = SinglePart(REPORT, meaning.encode(), Disposition.UNSPECIFIED)
            return MimiContent(salt, report, expires=expires)
        case _:
            assert_never(meaning)


def _together(*parts: NestedPart, disposition: Disposition = Disposition.RENDER) -> NestedPart:
    """One part as it is; more as a `MultiPart` of which each is processed."""
    return parts[0] if len(parts) == 1 else MultiPart(PartSemantics.PROCESS_ALL, parts, disposition)


def _reaction(emoji: tuple[str, ...]) -> NestedPart:
    if not emoji:
        raise EncodeError("a reaction with nothing in it")
    parts = [SinglePart(PLAIN, _utf_8(item), Disposition.REACTION) for item in emoji]
    return _together(*parts, disposition=Disposition.REACTION)


def _body(body: Body) -> NestedPart:
    match body:
        case Text():
            return _text(body)
        case Attachments(items, caption):
            if not items:
                raise EncodeError("attachments, and none of them")
            return _together(*([] if caption is None else [_text(caption)]), *map(_attachment, items))
        case Unknown():
            raise EncodeError("what is not known is not written")
        case _:
            assert_never(body)


def _text(text: Text) -> SinglePart:
    kind = MARKDOWN if text.is_markdown else PLAIN
    return SinglePart(kind, _utf_8(text.text), Disposition.RENDER, text.language)


def _utf_8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError as error:
        raise EncodeError(f"no text: {error.reason}") from None


def _attachment(item: Attachment) -> NestedPart:
    previews: list[NestedPart] = []
    if item.thumbnail is not None:
        previews.append(SinglePart(item.thumbnail.content_type, item.thumbnail.data, Disposition.PREVIEW))
    if item.media is not None:
        previews.append(SinglePart(MEDIA, item.media.encode(), Disposition.PREVIEW))
    return _together(_external(item), *previews)


def _external(item: Attachment) -> ExternalPart:
    return ExternalPart(
        content_type=item.content_type,
        url=item.url,
        expires=item.expires,
        size=item.size,
        enc_alg=item.enc_alg,
        key=item.key,
        nonce=item.nonce,
        aad=item.aad,
        hash_alg=item.hash_alg,
        content_hash=item.content_hash,
        description=item.description,
        filename=item.filename,
        disposition=Disposition.INLINE if item.is_inline else Disposition.ATTACHMENT,
        language=item.language,
    )
