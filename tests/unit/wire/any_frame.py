"""Hypothesis strategies for any valid value of any structure, derived from the layouts alone."""

from __future__ import annotations

from functools import cache
from typing import Any

from hypothesis import strategies as st

from aparte.wire import FRAMES, layout_of
from aparte.wire.entries import NO_KEY
from aparte.wire.ids import EntryKind
from aparte.wire.layout import Choice, Field, ListOf, Maybe, Nested, Opaque, Text, Vector
from aparte.wire.limits import MAX_RETENTION_DAYS
from aparte.wire.log_frames import Create, OpenItem, Post

#: Lengths of vectors beside which the header changes its size.
AT_THE_EDGES = (0, 63, 64, 16_383, 16_384)


def values(field: Field) -> st.SearchStrategy[Any]:
    """Whatever the field can hold."""
    match field:
        case Opaque(length):
            return st.binary(min_size=length, max_size=length)
        case Choice(kinds):
            return st.sampled_from((False, True) if kinds is bool else tuple(kinds))
        case Text(limit):
            return st.text(max_size=limit).filter(lambda text: len(text.encode()) <= limit)
        case Vector(limit):
            edges = st.sampled_from([length for length in AT_THE_EDGES if length <= limit])
            return st.one_of(st.binary(max_size=min(limit, 100)), edges.map(lambda length: b"\x5a" * length))
        case Maybe(inner):
            return st.none() | values(inner)
        case ListOf(inner, limit):
            return st.lists(any_value(inner), max_size=min(limit, 3)).map(tuple)
        case Nested(inner):
            return any_value(inner)
        case _:
            bits = {"B": 8, "H": 16, "I": 32, "Q": 63}[field.format]
            return st.integers(0, 2**bits - 1)


@cache
def any_value(cls: type) -> st.SearchStrategy[Any]:
    """Any value of a structure that its own rules allow."""
    fields = {name: values(field) for name, field in layout_of(cls).fields}
    if cls is Create:
        fields["retention_days"] = st.integers(1, MAX_RETENTION_DAYS)
    if cls is OpenItem:
        by_pass, by_proof = {"proof": st.none()}, {"pass_": st.none()}
        fields["pass_"], fields["proof"] = (fields[name].filter(_is_there) for name in ("pass_", "proof"))
        return st.builds(cls, **fields | by_pass) | st.builds(cls, **fields | by_proof)
    if cls is Post:
        commit = {"kind": st.just(EntryKind.COMMIT), "next_epoch_key": fields["next_epoch_key"].filter(_is_key)}
        other = {"kind": st.sampled_from((EntryKind.APP, EntryKind.EPHEMERAL)), "next_epoch_key": st.just(NO_KEY)}
        return st.builds(cls, **fields | commit) | st.builds(cls, **fields | other)
    return st.builds(cls, **fields)


def any_frame() -> st.SearchStrategy[Any]:
    """Any frame of any class in `FRAMES`."""
    return st.sampled_from(sorted(FRAMES)).flatmap(lambda number: any_value(FRAMES[number]))


def _is_there(value: object) -> bool:
    return value is not None


def _is_key(value: bytes) -> bool:
    return value != NO_KEY
