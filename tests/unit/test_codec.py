"""The presentation language, byte by byte: what is written, what is read, and every way of being wrong."""

from __future__ import annotations

import pytest

from aparte.codec import (
    MAX_VECTOR,
    DecodeError,
    EncodeError,
    Reader,
    Writer,
    decode_length,
    encode_length,
    encode_optional,
    encode_u8,
    encode_u16,
    encode_u32,
    encode_u64,
    encode_vector,
)

BOUNDARIES = [
    (0, "00"),
    (1, "01"),
    (63, "3f"),
    (64, "4040"),
    (16383, "7fff"),
    (16384, "80004000"),
    (MAX_VECTOR, "bfffffff"),
]


@pytest.mark.parametrize(("length", "header"), BOUNDARIES)
def test_lengths_take_the_shortest_header(length: int, header: str) -> None:
    assert encode_length(length).hex() == header
    assert decode_length(bytes.fromhex(header)) == length


@pytest.mark.parametrize(
    ("header", "why"),
    [
        ("4000", "not minimal"),
        ("403f", "not minimal"),
        ("80000000", "not minimal"),
        ("8000003f", "not minimal"),
        ("80003fff", "not minimal"),
        ("c0", "invalid prefix"),
        ("ffffffffffffffff", "invalid prefix"),
        ("", "unexpected end"),
        ("40", "unexpected end"),
        ("800040", "unexpected end"),
        ("0000", "trailing"),
        ("404000", "trailing"),
    ],
)
def test_other_headers_are_refused(header: str, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        decode_length(bytes.fromhex(header))


def test_what_is_too_long_is_not_written() -> None:
    with pytest.raises(EncodeError):
        encode_length(MAX_VECTOR + 1)


@pytest.mark.parametrize("length", [0, 1, 63, 64, 16383, 16384])
def test_vectors_come_back(length: int) -> None:
    encoded = encode_vector(bytes(length))
    reader = Reader(encoded)
    assert reader.vector() == bytes(length)
    reader.finish()
    for cut in {0, len(encoded) - 1, len(encoded) - length}:
        if cut < len(encoded):
            with pytest.raises(DecodeError, match="unexpected end"):
                Reader(encoded[:cut]).vector()


def test_integers_are_big_endian_and_exactly_as_wide() -> None:
    reader = Reader(encode_u8(1) + encode_u16(2) + encode_u32(3) + encode_u64(4))
    assert (reader.u8(), reader.u16(), reader.u32(), reader.u64()) == (1, 2, 3, 4)
    assert encode_u64(0x0102030405060708).hex() == "0102030405060708"
    for read, width in ((Reader.u8, 1), (Reader.u16, 2), (Reader.u32, 4), (Reader.u64, 8)):
        assert read(Reader(b"\xff" * width)) == 256**width - 1
        with pytest.raises(DecodeError, match="unexpected end"):
            read(Reader(b"\xff" * (width - 1)))


def test_a_byte_holds_a_byte() -> None:
    for value in (-1, 256):
        with pytest.raises(ValueError, match="range"):
            encode_u8(value)


def test_limits_are_checked_before_the_contents() -> None:
    claim = encode_length(MAX_VECTOR)
    for read in (Reader.vector, Reader.nested):
        with pytest.raises(DecodeError, match="exceeds 100"):
            read(Reader(claim), 100)
        with pytest.raises(DecodeError, match="unexpected end"):
            read(Reader(claim))


def test_nested_readers_stay_inside() -> None:
    outer = Reader(encode_vector(b"\x01\x02") + b"\x03\x04")
    inner = outer.nested()
    assert inner.remaining == 2
    assert inner.u8() == 1
    with pytest.raises(DecodeError, match="unexpected end"):
        inner.u16()
    assert inner.u8() == 2
    assert not inner
    with pytest.raises(DecodeError, match="unexpected end"):
        inner.u8()
    assert outer.rest() == b"\x03\x04"


def test_a_vector_inside_cannot_reach_beyond_its_nest() -> None:
    outer = Reader(encode_vector(b"\x05ab") + b"cde")
    with pytest.raises(DecodeError, match="unexpected end"):
        outer.nested().vector()


def test_offsets_count_from_the_start_of_everything() -> None:
    outer = Reader(b"\x00" + encode_vector(b"\x01\x02\xff"))
    outer.u8()
    inner = outer.nested()
    inner.u16()
    assert inner.position == 4
    with pytest.raises(DecodeError, match="at byte 4") as caught:
        inner.length()
    assert caught.value.offset == 4
    assert caught.value.problem == "vector length has an invalid prefix"


def test_trailing_bytes_are_refused() -> None:
    reader = Reader(b"\x00\x00")
    reader.u8()
    with pytest.raises(DecodeError, match="1 trailing bytes"):
        reader.finish()
    assert reader.rest() == b"\x00"
    reader.finish()


def test_optional() -> None:
    assert encode_optional(None) == b"\x00"
    assert encode_optional(b"x") == b"\x01x"
    assert encode_optional(b"") == b"\x01"
    assert not Reader(b"\x00").optional()
    assert Reader(b"\x01").optional()
    for bad in (b"\x02", b"\xff", b""):
        with pytest.raises(DecodeError):
            Reader(bad).optional()


def test_since_gives_back_what_was_read() -> None:
    reader = Reader(b"abcdef", 1, 5)
    assert reader.take(1) == b"b"
    start = reader.position
    reader.take(2)
    assert reader.since(start) == b"cd"
    with pytest.raises(DecodeError):
        reader.take(2)


def test_writer_writes_what_the_functions_write() -> None:
    written = Writer().u8(1).u16(2).u32(3).u64(4).raw(b"raw").vector(b"v" * 70)
    fields = encode_u8(1) + encode_u16(2) + encode_u32(3) + encode_u64(4) + b"raw" + encode_vector(b"v" * 70)
    assert bytes(written) == fields
