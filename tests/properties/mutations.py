"""How valid bytes are bent: flipped, cut, spliced, and with lengths that lie."""

from __future__ import annotations

from collections.abc import Sequence

from hypothesis import strategies as st

from aparte.codec import encode_length

#: Headers that a decoder may stumble over: boundaries, lengths that are not minimal, the longest claim.
LYING_HEADERS = (
    *(encode_length(length) for length in (0, 1, 63, 64, 16383, 16384, (1 << 30) - 1)),
    b"\x40\x00",
    b"\x80\x00\x00\x00",
    b"\xc0",
    b"\xff" * 8,
)


@st.composite
def bent(draw: st.DrawFn, bases: Sequence[bytes], others: Sequence[bytes]) -> bytes:
    """One of `bases` after one to four changes; pieces of `others` may come in."""
    data = draw(st.sampled_from(bases))
    for _ in range(draw(st.integers(1, 4))):
        data = draw(st.sampled_from(_CHANGES))(draw, data, others)
    return data


def _flip(draw: st.DrawFn, data: bytes, _others: Sequence[bytes]) -> bytes:
    if not data:
        return data
    place = draw(st.integers(0, len(data) - 1))
    return data[:place] + bytes([data[place] ^ 1 << draw(st.integers(0, 7))]) + data[place + 1 :]


def _overwrite(draw: st.DrawFn, data: bytes, _others: Sequence[bytes]) -> bytes:
    place, new = draw(st.integers(0, len(data))), draw(st.binary(min_size=1, max_size=4))
    return data[:place] + new + data[place + len(new) :]


def _cut(draw: st.DrawFn, data: bytes, _others: Sequence[bytes]) -> bytes:
    return data[: draw(st.integers(0, len(data)))]


def _drop(draw: st.DrawFn, data: bytes, _others: Sequence[bytes]) -> bytes:
    place = draw(st.integers(0, len(data)))
    return data[:place] + data[place + draw(st.integers(1, 40)) :]


def _insert(draw: st.DrawFn, data: bytes, _others: Sequence[bytes]) -> bytes:
    place = draw(st.integers(0, len(data)))
    return data[:place] + draw(st.binary(min_size=1, max_size=20)) + data[place:]


def _lie(draw: st.DrawFn, data: bytes, _others: Sequence[bytes]) -> bytes:
    place, header = draw(st.integers(0, len(data))), draw(st.sampled_from(LYING_HEADERS))
    return data[:place] + header + data[place + draw(st.integers(0, 4)) :]


def _splice(draw: st.DrawFn, data: bytes, others: Sequence[bytes]) -> bytes:
    other = draw(st.sampled_from(others))
    start = draw(st.integers(0, len(other)))
    piece = other[start : start + draw(st.integers(0, 200))]
    place = draw(st.integers(0, len(data)))
    return data[:place] + piece + data[place + draw(st.integers(0, len(piece))) :]


_CHANGES = (_flip, _overwrite, _cut, _drop, _insert, _lie, _splice)
