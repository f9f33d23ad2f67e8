"""The parts of a content (draft §4.4): what is said, in one piece, in several, or elsewhere.

    NestedPart = [ disposition, language, ( NullPart // SinglePart // ExternalPart // MultiPart ) ]

Media types, dispositions and languages that nobody here knows are kept as they are.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TypeAlias, assert_never

from aparte.content.errors import ContentRefused
from aparte.content.fields import require, take_array, take_bytes, take_number, take_text
from aparte.content.limits import (
    MAX_CONTENT,
    MAX_CONTENT_TYPE,
    MAX_DESCRIPTION,
    MAX_FILENAME,
    MAX_LANGUAGE,
    MAX_NESTING,
    MAX_PARTS,
    MAX_SECRET,
    MAX_URI,
)
from aparte.content.rules import ContentRule

__all__ = [
    "Disposition",
    "ExternalPart",
    "MultiPart",
    "NestedPart",
    "NullPart",
    "PartSemantics",
    "SinglePart",
    "part_to_value",
    "parts_in_order",
    "take_part",
]

_NULLPART, _SINGLE, _EXTERNAL, _MULTI = range(4)


class Disposition(IntEnum):
    """What a part is meant as. Other numbers up to 255 are treated as `RENDER`."""

    UNSPECIFIED = 0
    RENDER = 1
    REACTION = 2
    PROFILE = 3
    INLINE = 4
    ICON = 5
    ATTACHMENT = 6
    SESSION = 7
    PREVIEW = 8


class PartSemantics(IntEnum):
    """How the parts of a `MultiPart` belong together."""

    CHOOSE_ONE = 0
    SINGLE_UNIT = 1
    PROCESS_ALL = 2


@dataclass(frozen=True, slots=True)
class NullPart:
    """Nothing: the body of what takes something back."""

    disposition: int = Disposition.RENDER
    language: str = ""


@dataclass(frozen=True, slots=True)
class SinglePart:
    """A part that stands in the message itself."""

    content_type: str
    content: bytes
    disposition: int = Disposition.RENDER
    language: str = ""


@dataclass(frozen=True, slots=True)
class ExternalPart:
    """A part that lies elsewhere, encrypted. `expires` is in seconds since 1970, 0 for never; `size` 0 if not told."""

    content_type: str
    url: str
    expires: int = 0
    size: int = 0
    enc_alg: int = 0
    key: bytes = field(default=b"", repr=False)
    nonce: bytes = b""
    aad: bytes = b""
    hash_alg: int = 0
    content_hash: bytes = b""
    description: str = ""
    filename: str = ""
    disposition: int = Disposition.ATTACHMENT
    language: str = ""


@dataclass(frozen=True, slots=True)
class MultiPart:
    """At least two parts, and how they belong together."""

    part_semantics: PartSemantics
    parts: tuple[NestedPart, ...]
    disposition: int = Disposition.RENDER
    language: str = ""


NestedPart: TypeAlias = NullPart | SinglePart | ExternalPart | MultiPart


def parts_in_order(part: NestedPart) -> Iterator[NestedPart]:
    """A part and all within it, depth first: a part's place among them is the draft's part index."""
    yield part
    if isinstance(part, MultiPart):
        for inner in part.parts:
            yield from parts_in_order(inner)


def part_to_value(part: NestedPart) -> list[object]:
    """The data item of a part."""
    head: list[object] = [int(part.disposition), part.language]
    match part:
        case NullPart():
            return [*head, _NULLPART]
        case SinglePart():
            return [*head, _SINGLE, part.content_type, part.content]
        case ExternalPart():
            where = [part.content_type, part.url, part.expires, part.size]
            how = [part.enc_alg, part.key, part.nonce, part.aad, part.hash_alg, part.content_hash]
            return [*head, _EXTERNAL, *where, *how, part.description, part.filename]
        case MultiPart():
            return [*head, _MULTI, int(part.part_semantics), [part_to_value(inner) for inner in part.parts]]
        case _:
            assert_never(part)


def take_part(value: object) -> NestedPart:
    """The part of a data item. Raises `ContentRefused`."""
    part = _take(value, MAX_NESTING)
    require(sum(1 for _ in parts_in_order(part)) <= MAX_PARTS, ContentRule.PARTS)
    return part


def _take(value: object, levels: int) -> NestedPart:
    require(levels > 0, ContentRule.NESTING)
    fields = take_array(value, "a part")
    require(len(fields) >= 3, ContentRule.SHAPE, detail="a part")
    disposition = take_number(fields[0], "disposition", bits=8)
    language = take_text(fields[1], "language", most=MAX_LANGUAGE)
    cardinality, own = take_number(fields[2], "cardinality", bits=8), fields[3:]
    if cardinality == _NULLPART:
        take_array(own, "NullPart", length=0)
        return NullPart(disposition, language)
    if cardinality == _SINGLE:
        return _take_single(own, disposition, language=language)
    if cardinality == _EXTERNAL:
        return _take_external(own, disposition, language=language)
    require(cardinality == _MULTI, ContentRule.CARDINALITY, detail=str(cardinality))
    semantics, inner = take_array(own, "MultiPart", length=2)
    items = take_array(inner, "parts")
    require(len(items) >= 2, ContentRule.FEW_PARTS)
    require(len(items) <= MAX_PARTS, ContentRule.PARTS)
    parts = tuple(_take(item, levels - 1) for item in items)
    return MultiPart(_take_semantics(semantics), parts, disposition, language)


def _take_semantics(value: object) -> PartSemantics:
    number = take_number(value, "partSemantics", bits=8)
    try:
        return PartSemantics(number)
    except ValueError:
        raise ContentRefused(ContentRule.SEMANTICS, str(number)) from None


def _take_single(own: list[object], disposition: int, *, language: str) -> SinglePart:
    content_type, content = take_array(own, "SinglePart", length=2)
    return SinglePart(
        take_text(content_type, "contentType", most=MAX_CONTENT_TYPE),
        take_bytes(content, "content", most=MAX_CONTENT),
        disposition,
        language,
    )


def _take_external(own: list[object], disposition: int, *, language: str) -> ExternalPart:
    values = iter(take_array(own, "ExternalPart", length=12))
    return ExternalPart(
        content_type=take_text(next(values), "contentType", most=MAX_CONTENT_TYPE),
        url=take_text(next(values), "url", most=MAX_URI),
        expires=take_number(next(values), "expires", bits=32),
        size=take_number(next(values), "size", bits=64),
        enc_alg=take_number(next(values), "encAlg", bits=16),
        key=take_bytes(next(values), "key", most=MAX_SECRET),
        nonce=take_bytes(next(values), "nonce", most=MAX_SECRET),
        aad=take_bytes(next(values), "aad", most=MAX_SECRET),
        hash_alg=take_number(next(values), "hashAlg", bits=8),
        content_hash=take_bytes(next(values), "contentHash", most=MAX_SECRET),
        description=take_text(next(values), "description", most=MAX_DESCRIPTION),
        filename=take_text(next(values), "filename", most=MAX_FILENAME),
        disposition=disposition,
        language=language,
    )
