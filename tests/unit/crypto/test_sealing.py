"""Sealed files: whole, in any portions, by ranges; and everything that can be done to them is seen."""

from __future__ import annotations

import random
from itertools import pairwise

import pytest
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from hypothesis import given
from hypothesis import strategies as st

from aparte.crypto import (
    CHUNK_LENGTH,
    ChunkDoesNotOpen,
    EmptyLastChunk,
    FileContinues,
    FileTruncated,
    InvalidKey,
    InvalidSealedSize,
    Opener,
    SealedFile,
    Sealer,
    SealingError,
    new_file_key,
    plaintext_size,
    sealed_size,
)
from aparte.crypto.native import NativeProvider

AEAD = NativeProvider().chacha20_poly1305
KEY = bytes(range(32))
SEALED_CHUNK = CHUNK_LENGTH + 16
SIZES = [0, 1, 1000, CHUNK_LENGTH - 1, CHUNK_LENGTH, CHUNK_LENGTH + 1, 2 * CHUNK_LENGTH, 3 * CHUNK_LENGTH + 5]

sizes = st.sampled_from(SIZES) | st.integers(0, 4 * CHUNK_LENGTH)


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def seal(plaintext: bytes, key: bytes = KEY) -> bytes:
    sealer = Sealer(AEAD, key)
    return b"".join([*sealer.feed(plaintext), sealer.finish()])


def unseal(sealed: bytes, key: bytes = KEY) -> bytes:
    opener = Opener(AEAD, key)
    return b"".join([*opener.feed(sealed), opener.finish()])


def portions(data: bytes, cuts: list[int]) -> list[bytes]:
    places = sorted({0, len(data), *(cut % (len(data) + 1) for cut in cuts)})
    return [data[start:stop] for start, stop in pairwise(places)]


def chunks(sealed: bytes) -> list[bytes]:
    return [sealed[i : i + SEALED_CHUNK] for i in range(0, len(sealed), SEALED_CHUNK)]


# -- whole files ---------------------------------------------------------------------------------------------


@given(size=sizes, cuts=st.lists(st.integers(min_value=0), max_size=8), data=st.data())
def test_any_portions_give_the_same(size: int, cuts: list[int], data: st.DataObject) -> None:
    plaintext = content(size)
    sealer = Sealer(AEAD, KEY)
    sealed = b"".join(chunk for portion in portions(plaintext, cuts) for chunk in sealer.feed(portion))
    sealed += sealer.finish()
    assert sealed == seal(plaintext)
    assert len(sealed) == sealed_size(size)
    opener = Opener(AEAD, KEY)
    other_cuts = data.draw(st.lists(st.integers(min_value=0), max_size=8))
    opened = b"".join(chunk for portion in portions(sealed, other_cuts) for chunk in opener.feed(portion))
    assert opened + opener.finish() == plaintext


def test_the_format_is_stream() -> None:
    """Written out with the library alone: index in 11 bytes, then the mark of the last chunk."""
    plaintext, cipher = content(2 * CHUNK_LENGTH + 7), ChaCha20Poly1305(KEY)
    first = cipher.encrypt(bytes(11) + b"\0", plaintext[:CHUNK_LENGTH], b"")
    second = cipher.encrypt(bytes(10) + b"\1\0", plaintext[CHUNK_LENGTH : 2 * CHUNK_LENGTH], b"")
    third = cipher.encrypt(bytes(10) + b"\2\1", plaintext[2 * CHUNK_LENGTH :], b"")
    assert seal(plaintext) == first + second + third
    assert seal(b"") == cipher.encrypt(bytes(11) + b"\1", b"", b"")


def test_little_is_held_back() -> None:
    """One chunk, whose being the last is not yet known: also when it is full."""
    sealer, opener = Sealer(AEAD, KEY), Opener(AEAD, KEY)
    given_out = 0
    for i in range(1, 200):
        sealed = b"".join(sealer.feed(bytes(5000)))
        given_out += len(b"".join(opener.feed(sealed)))
        assert 5000 * i - given_out <= 2 * CHUNK_LENGTH
    assert len(sealer.feed(bytes(10 * CHUNK_LENGTH))) >= 9


def test_finished_is_finished() -> None:
    sealer, opener = Sealer(AEAD, KEY), Opener(AEAD, KEY)
    opener.feed(sealer.finish())
    opener.finish()
    for call in (sealer.finish, opener.finish, lambda: sealer.feed(b""), lambda: opener.feed(b"")):
        with pytest.raises(ValueError, match="finished"):
            call()


@pytest.mark.parametrize("length", [0, 16, 31, 33, 64])
def test_keys(length: int) -> None:
    for maker in (Sealer, Opener, lambda aead, key: SealedFile(aead, key, plaintext_length=1)):
        with pytest.raises(InvalidKey):
            maker(AEAD, bytes(length))
    assert len(new_file_key(random.Random(1).randbytes)) == 32
    key = b"K" * 32
    makers = (Sealer(AEAD, key), Opener(AEAD, key), SealedFile(AEAD, key, plaintext_length=1))
    assert not any("KKK" in repr(m) or key.hex() in repr(m) for m in makers)


# -- what is done to them ------------------------------------------------------------------------------------


@given(size=sizes, data=st.data())
def test_any_changed_byte_is_seen(size: int, data: st.DataObject) -> None:
    sealed = bytearray(seal(content(size)))
    place = data.draw(st.integers(0, len(sealed) - 1))
    sealed[place] ^= data.draw(st.integers(1, 255))
    with pytest.raises(ChunkDoesNotOpen) as failure:
        unseal(bytes(sealed))
    assert failure.value.chunk == place // SEALED_CHUNK


@given(size=sizes, data=st.data())
def test_any_truncation_is_seen(size: int, data: st.DataObject) -> None:
    sealed = seal(content(size))
    length = data.draw(st.integers(0, len(sealed) - 1) | st.sampled_from(range(0, len(sealed), SEALED_CHUNK)))
    with pytest.raises(SealingError):
        unseal(sealed[:length])


@pytest.mark.parametrize("kept", [0, 1, 2, 3])
def test_whole_chunks_cut_off(kept: int) -> None:
    with pytest.raises(FileTruncated) as failure:
        unseal(seal(content(4 * CHUNK_LENGTH))[: kept * SEALED_CHUNK])
    assert failure.value.chunk == max(0, kept - 1)


@pytest.mark.parametrize("size", [CHUNK_LENGTH, 3 * CHUNK_LENGTH])
def test_extension_after_a_full_last_chunk(size: int) -> None:
    sealed = seal(content(size))
    for extension in (b"\0", bytes(15), bytes(16), sealed):
        with pytest.raises(FileContinues) as failure:
            unseal(sealed + extension)
        assert failure.value.chunk == size // CHUNK_LENGTH - 1


@pytest.mark.parametrize("size", [0, 1, 1000, CHUNK_LENGTH + 1])
def test_extension_after_a_short_last_chunk(size: int) -> None:
    sealed = seal(content(size))
    for extension in (b"\0", bytes(16), sealed):
        with pytest.raises(ChunkDoesNotOpen):
            unseal(sealed + extension)


@given(st.permutations(range(5)), st.integers(1, CHUNK_LENGTH))
def test_reordering_is_seen(order: list[int], last: int) -> None:
    pieces = chunks(seal(content(4 * CHUNK_LENGTH + last)))
    moved = b"".join(pieces[i] for i in order)
    if order == sorted(order):
        assert unseal(moved)
        return
    with pytest.raises(SealingError) as failure:
        unseal(moved)
    assert failure.value.chunk <= 4


@pytest.mark.parametrize("i", range(4))
def test_duplicated_and_dropped_chunks(i: int) -> None:
    pieces = chunks(seal(content(4 * CHUNK_LENGTH)))
    for changed in ([*pieces[: i + 1], *pieces[i:]], [*pieces[:i], *pieces[i + 1 :]]):
        with pytest.raises(SealingError):
            unseal(b"".join(changed))


def test_an_empty_last_chunk_is_refused() -> None:
    cipher = ChaCha20Poly1305(KEY)
    first = cipher.encrypt(bytes(12), bytes(CHUNK_LENGTH), b"")
    empty = cipher.encrypt(bytes(10) + b"\1\1", b"", b"")
    with pytest.raises(EmptyLastChunk):
        unseal(first + empty)
    assert unseal(seal(b"")) == b""


def test_chunks_of_another_file() -> None:
    one, other = chunks(seal(bytes(3 * CHUNK_LENGTH))), chunks(seal(bytes(3 * CHUNK_LENGTH), b"k" * 32))
    with pytest.raises(ChunkDoesNotOpen) as failure:
        unseal(one[0] + other[1] + one[2])
    assert failure.value.chunk == 1
    with pytest.raises(ChunkDoesNotOpen):
        unseal(b"".join(one), b"k" * 32)


def test_after_an_error_nothing_comes() -> None:
    pieces = chunks(seal(content(3 * CHUNK_LENGTH)))
    opener = Opener(AEAD, KEY)
    with pytest.raises(ChunkDoesNotOpen):
        opener.feed(bytes(SEALED_CHUNK) + pieces[1] + pieces[2])
    for call in (opener.finish, lambda: opener.feed(pieces[1])):
        with pytest.raises(ValueError, match="finished"):
            call()


# -- sizes and ranges ----------------------------------------------------------------------------------------


@given(st.integers(0, 1 << 45) | sizes)
def test_sizes_are_inverse(size: int) -> None:
    assert plaintext_size(sealed_size(size)) == size


@pytest.mark.parametrize("size", [-1, 0, 15, SEALED_CHUNK + 1, SEALED_CHUNK + 16, 3 * SEALED_CHUNK + 9])
def test_sizes_that_no_file_has(size: int) -> None:
    with pytest.raises(InvalidSealedSize):
        plaintext_size(size)


def test_every_sealed_size_belongs_to_one_size() -> None:
    sealed = {sealed_size(size) for size in range(2 * CHUNK_LENGTH + 100)}
    assert len(sealed) == 2 * CHUNK_LENGTH + 100
    for size in range(max(sealed) + 1):
        if size in sealed:
            assert sealed_size(plaintext_size(size)) == size
        else:
            with pytest.raises(InvalidSealedSize):
                plaintext_size(size)


@given(size=sizes, data=st.data())
def test_ranges(size: int, data: st.DataObject) -> None:
    plaintext, sealed = content(size), seal(content(size))
    file = SealedFile(AEAD, KEY, plaintext_length=size)
    start, stop = sorted(data.draw(st.lists(st.integers(0, size), min_size=2, max_size=2)))
    wanted = file.chunks_of(start, stop)
    opened = b""
    for chunk in wanted:
        place = file.sealed_range(chunk)
        opened += file.open_chunk(chunk, sealed[place.start : place.stop])
    offset = wanted.start * CHUNK_LENGTH if wanted else 0
    assert opened[start - offset : stop - offset] == plaintext[start:stop]
    assert len(wanted) <= (stop - start + CHUNK_LENGTH - 2) // CHUNK_LENGTH + 1
    assert [file.sealed_range(chunk).stop for chunk in range(file.chunks)][-1] == len(sealed)


def test_chunks_in_another_place_or_length() -> None:
    pieces = chunks(seal(content(3 * CHUNK_LENGTH)))
    file = SealedFile(AEAD, KEY, plaintext_length=3 * CHUNK_LENGTH)
    for chunk, sealed in ((0, pieces[1]), (1, pieces[0]), (1, pieces[1][:-1]), (1, pieces[1] + b"\0"), (1, b"")):
        with pytest.raises(ChunkDoesNotOpen):
            file.open_chunk(chunk, sealed)
    for wrong in (-1, 3):
        with pytest.raises(IndexError):
            file.open_chunk(wrong, pieces[0])
    shorter = SealedFile(AEAD, KEY, plaintext_length=2 * CHUNK_LENGTH)
    with pytest.raises(FileTruncated):
        shorter.open_chunk(1, pieces[1])
    longer = SealedFile(AEAD, KEY, plaintext_length=4 * CHUNK_LENGTH)
    with pytest.raises(FileContinues):
        longer.open_chunk(2, pieces[2])
    with pytest.raises(InvalidSealedSize):
        SealedFile(AEAD, KEY, plaintext_length=-1)


def test_an_empty_file_has_one_chunk_and_no_range() -> None:
    file = SealedFile(AEAD, KEY, plaintext_length=0)
    assert file.chunks == 1
    assert len(file.chunks_of(0, 10)) == 0
    assert file.open_chunk(0, seal(b"")) == b""
