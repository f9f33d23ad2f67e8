"""Every kind of field: what it writes, what it refuses to write, and what it refuses to read, with a typed error."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated, Any

import pytest

from aparte.codec import DecodeError, EncodeError
from aparte.wire.layout import (
    U8,
    U16,
    U32,
    U64,
    Choice,
    Field,
    ListOf,
    Maybe,
    Nested,
    Opaque,
    Text,
    Vector,
    encode,
    layout_of,
    structure,
)


class Colour(IntEnum):
    RED = 1
    BLUE = 7


@structure
class Pair:
    left: Annotated[int, U8]
    right: Annotated[int, U16]


@structure
class Fixed:
    """Neighbours of fixed size, which are written together."""

    one: Annotated[int, U8]
    key: Annotated[bytes, Opaque(3)]
    colour: Annotated[Colour, Choice(Colour)]
    flag: Annotated[bool, Choice(bool)]
    last: Annotated[int, U64]


@structure
class Mixed:
    before: Annotated[int, U8]
    text: Annotated[str, Text(8)]
    between: Annotated[int, U8]
    pairs: Annotated[tuple[Pair, ...], ListOf(Pair, 2)]
    after: Annotated[bytes, Opaque(2)]


@structure
class Ruled:
    number: Annotated[int, U8]

    def __post_init__(self) -> None:
        if self.number == 13:
            raise ValueError("not thirteen")


def of(field: Field) -> Any:
    """The layout of a structure that has this one field."""
    made = structure(type("One", (), {"__annotations__": {"value": Annotated[Any, field]}}))
    return layout_of(made), made


#: field, value, its encoding in hex
WRITTEN: tuple[tuple[Field, Any, str], ...] = (
    (U8, 0, "00"),
    (U8, 255, "ff"),
    (U16, 0x0102, "0102"),
    (U32, 0x01020304, "01020304"),
    (U64, 2**63 - 1, "7f" + "ff" * 7),
    (Opaque(3), b"abc", "616263"),
    (Choice(Colour), Colour.BLUE, "07"),
    (Choice(bool), True, "01"),
    (Choice(bool), False, "00"),
    (Vector(4), b"", "00"),
    (Vector(4), b"abcd", "0461626364"),
    (Vector(64), bytes(64), "4040" + "00" * 64),
    (Vector(16_384), bytes(16_384), "80004000" + "00" * 16_384),
    (Text(8), "", "00"),
    (Text(8), "né", "036ec3a9"),
    (Maybe(U16), None, "00"),
    (Maybe(U16), 5, "010005"),
    (Maybe(Opaque(2)), b"ab", "016162"),
    (Maybe(Choice(Colour)), Colour.RED, "0101"),
    (Maybe(Nested(Pair)), Pair(1, 2), "01010002"),
    (Maybe(Vector(4)), b"a", "010161"),
    (Nested(Pair), Pair(1, 2), "010002"),
    (ListOf(Pair, 2), (), "00"),
    (ListOf(Pair, 2), (Pair(1, 2), Pair(3, 4)), "06010002030004"),
)


@pytest.mark.parametrize(("field", "value", "written"), WRITTEN)
def test_what_is_written_is_read(field: Field, value: Any, written: str) -> None:
    layout, made = of(field)
    assert layout.encode(made(value)) == bytes.fromhex(written)
    read = layout.decode(bytes.fromhex(written)).value
    assert read == value
    assert type(read) is type(value)


@pytest.mark.parametrize(("field", "value", "written"), WRITTEN)
def test_less_and_more_are_refused(field: Field, value: Any, written: str) -> None:  # noqa: ARG001
    layout, _ = of(field)
    data = bytes.fromhex(written)
    for stop in {*range(min(len(data), 70)), len(data) - 1}:
        with pytest.raises(DecodeError):
            layout.decode(data[:stop])
    with pytest.raises(DecodeError, match="trailing"):
        layout.decode(data + b"\x00")


#: field, a value that it cannot hold
UNWRITABLE: tuple[tuple[Field, Any], ...] = (
    (U8, 256),
    (U8, -1),
    (U16, 2**16),
    (U32, 2**32),
    (U64, 2**63),
    (U64, 2**64),
    (U64, -1),
    (U8, 1.5),
    (Opaque(3), b"ab"),
    (Opaque(3), b"abcd"),
    (Opaque(3), "abc"),
    (Choice(Colour), 256),
    (Vector(4), b"abcde"),
    (Text(4), "abcde"),
    (Text(4), "éé1"),
    (Text(8), "\ud800"),
    (Text(8), "a\udfffb"),
    (Maybe(U8), 256),
    (Maybe(Opaque(2)), b"abc"),
    (Maybe(Vector(2)), b"abc"),
    (Maybe(Text(2)), "\ud800"),
    (Nested(Pair), Pair(256, 0)),
    (ListOf(Pair, 2), (Pair(1, 2),) * 3),
    (ListOf(Pair, 2), (Pair(0, -1),)),
)


@pytest.mark.parametrize(("field", "value"), UNWRITABLE)
def test_what_does_not_fit_is_not_written(field: Field, value: Any) -> None:
    layout, made = of(field)
    with pytest.raises(EncodeError):
        layout.encode(made(value))
    with pytest.raises(EncodeError):
        encode(made(value))


#: field, hex that is no encoding of it, words of the refusal
UNREADABLE: tuple[tuple[Field, str, str], ...] = (
    (Choice(Colour), "00", "valid Colour"),
    (Choice(Colour), "02", "valid Colour"),
    (Choice(bool), "02", "neither 0 nor 1"),
    (Choice(bool), "ff", "neither 0 nor 1"),
    (Vector(4), "056162636465", "exceeds 4"),
    (Vector(100), "4001" + "61", "not minimal"),
    (Vector(100), "403f" + "00" * 63, "not minimal"),
    (Vector(100), "80000001" + "61", "not minimal"),
    (Vector(20_000), "80003fff" + "00" * 16_383, "not minimal"),
    (Vector(100), "c0" + "00" * 8, "invalid prefix"),
    (Vector(2**30), "bfffffff", "unexpected end"),
    (Text(8), "01ff", "UTF-8"),
    (Text(8), "03eda080", "UTF-8"),
    (Text(8), "02c080", "UTF-8"),
    (Text(2), "03616263", "exceeds 2"),
    (Maybe(U8), "02", "neither 0 nor 1"),
    (Maybe(U8), "0201", "neither 0 nor 1"),
    (Maybe(Choice(Colour)), "0102", "valid Colour"),
    (ListOf(Pair, 2), "09" + "010002" * 3, "more than 2 items"),
    (ListOf(Pair, 2), "04" + "010002" + "01", "unexpected end"),
    (ListOf(Pair, 2), "4003" + "010002", "not minimal"),
    (ListOf(Pair, 2), "06" + "010002", "unexpected end"),
    (Nested(Ruled), "0d", "thirteen"),
    (ListOf(Ruled, 2), "02" + "010d", "thirteen"),
)


@pytest.mark.parametrize(("field", "data", "words"), UNREADABLE)
def test_what_is_no_encoding_is_not_read(field: Field, data: str, words: str) -> None:
    layout, _ = of(field)
    with pytest.raises(DecodeError, match=words):
        layout.decode(bytes.fromhex(data))


def test_neighbours_of_fixed_size() -> None:
    value = Fixed(1, b"abc", Colour.BLUE, True, 2)
    data = bytes.fromhex("01 616263 07 01 0000000000000002")
    assert encode(value) == data
    assert layout_of(Fixed).decode(data) == value
    for place, wrong in ((4, 2), (5, 2)):
        with pytest.raises(DecodeError):
            layout_of(Fixed).decode(data[:place] + bytes([wrong]) + data[place + 1 :])
    for key in (b"ab", b"abcd"):
        with pytest.raises(EncodeError):
            encode(Fixed(1, key, Colour.BLUE, True, 2))


def test_fields_of_both_sorts_in_a_row() -> None:
    value = Mixed(1, "é", 2, (Pair(3, 4),), b"zz")
    data = bytes.fromhex("01 02c3a9 02 03030004 7a7a")
    assert encode(value) == data
    assert layout_of(Mixed).decode(data) == value


def test_the_place_of_a_fault_is_told() -> None:
    with pytest.raises(DecodeError) as caught:
        layout_of(Mixed).decode(bytes.fromhex("01 01ff 02 00 7a7a"))
    assert caught.value.offset == 1


def test_a_structure_is_frozen_and_has_slots() -> None:
    pair = Pair(1, 2)
    with pytest.raises(AttributeError):
        pair.left = 2  # type: ignore[misc]
    assert not hasattr(pair, "__dict__")


def test_every_field_says_how_it_is_written() -> None:
    with pytest.raises(TypeError, match="value does not say"):
        structure(type("Bare", (), {"__annotations__": {"value": int}}))
    with pytest.raises(TypeError, match="value does not say"):
        structure(type("Noted", (), {"__annotations__": {"value": Annotated[int, "eight bits"]}}))


#: field, how it is declared
DECLARED: tuple[tuple[Field, str], ...] = (
    (U32, "uint32 value;"),
    (Opaque(3), "opaque value[3];"),
    (Choice(Colour), "Colour value;"),
    (Choice(bool), "bool value;"),
    (Vector(1024), "opaque value<V>;  /* at most 1,024 bytes */"),
    (Text(8), "opaque value<V>;  /* UTF-8, at most 8 bytes */"),
    (Maybe(Nested(Pair)), "optional<Pair> value;"),
    (Maybe(Opaque(32)), "optional<opaque[32]> value;"),
    (Maybe(Vector(8)), "optional<opaque<V>> value;  /* at most 8 bytes */"),
    (ListOf(Pair, 2), "Pair value<V>;  /* at most 2 items */"),
    (Nested(Pair), "Pair value;"),
)


@pytest.mark.parametrize(("field", "declared"), DECLARED)
def test_declarations(field: Field, declared: str) -> None:
    assert of(field)[0].declare() == f"struct {{\n    {declared}\n}} One;"
