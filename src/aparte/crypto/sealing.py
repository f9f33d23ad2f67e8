"""Sealed files: ChaCha20-Poly1305 over 64 KiB chunks by the STREAM construction, without a header.

STREAM is of "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance" (Hoang, Reyhanitabar,
Rogaway, Vizár, 2015), here as in age: a chunk's nonce is its index in 11 bytes, big-endian, and one byte that
is 1 for the last chunk. All chunks but the last are full; the last is empty only in an empty file.

A key seals one file. What opens is authentic and in its place; that the file is whole, only its end can tell.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from aparte.crypto.api import AeadCipher, CryptoError, InvalidKey, OpenError

__all__ = [
    "CHUNK_LENGTH",
    "FILE_KEY_LENGTH",
    "ChunkDoesNotOpen",
    "EmptyLastChunk",
    "FileContinues",
    "FileTruncated",
    "InvalidSealedSize",
    "Opener",
    "SealedFile",
    "Sealer",
    "SealingError",
    "new_file_key",
    "plaintext_size",
    "sealed_size",
]

#: Plaintext bytes of a full chunk.
CHUNK_LENGTH: Final = 64 * 1024
FILE_KEY_LENGTH: Final = 32
_TAG_LENGTH: Final = 16
_SEALED_CHUNK_LENGTH: Final = CHUNK_LENGTH + _TAG_LENGTH


class SealingError(CryptoError):
    """A sealed file is not as it was sealed. `chunk` is the index of the first chunk in question."""

    def __init__(self, problem: str, chunk: int) -> None:
        super().__init__(f"{problem} (chunk {chunk})")
        self.chunk = chunk


class ChunkDoesNotOpen(SealingError):
    """A chunk is altered or cut, stands in another's place, or belongs to another file."""


class FileTruncated(SealingError):
    """The file ends where its last chunk has not come yet."""


class FileContinues(SealingError):
    """The last chunk has come, and more follows."""


class EmptyLastChunk(SealingError):
    """The last chunk is empty although others precede it: not what a `Sealer` makes."""


class InvalidSealedSize(CryptoError):
    """No file has that many bytes when sealed."""


def new_file_key(rng: Callable[[int], bytes]) -> bytes:
    """A fresh key, for one file."""
    return rng(FILE_KEY_LENGTH)


def sealed_size(plaintext_length: int) -> int:
    """How many bytes so many bytes have when sealed."""
    return plaintext_length + _TAG_LENGTH * _chunk_count(plaintext_length)


def plaintext_size(sealed_length: int) -> int:
    """The inverse of `sealed_size`. Raises `InvalidSealedSize`."""
    plaintext_length = sealed_length - _TAG_LENGTH * max(1, -(-sealed_length // _SEALED_CHUNK_LENGTH))
    if plaintext_length < 0 or sealed_size(plaintext_length) != sealed_length:
        raise InvalidSealedSize(f"no sealed file has {sealed_length} bytes")
    return plaintext_length


def _chunk_count(plaintext_length: int) -> int:
    return max(1, -(-plaintext_length // CHUNK_LENGTH))


class _ChunkCipher:
    """Single chunks of one file. The repr shows nothing of the key."""

    __slots__ = ("_aead", "_key")

    def __init__(self, aead: AeadCipher, key: bytes) -> None:
        if len(key) != FILE_KEY_LENGTH:
            raise InvalidKey(f"a file key has {FILE_KEY_LENGTH} bytes")
        self._aead = aead
        self._key = key

    def seal(self, index: int, plaintext: bytes, *, last: bool) -> bytes:
        return self._aead.seal(self._key, _nonce(index, last), b"", plaintext)

    def open(self, index: int, sealed: bytes, *, last: bool) -> bytes:
        """Raises a `SealingError`; that a chunk would open in the other role tells which."""
        try:
            plaintext = self._aead.open(self._key, _nonce(index, last), b"", sealed)
        except OpenError:
            if not self._opens(index, sealed, last=not last):
                raise ChunkDoesNotOpen("altered, or out of its place", index) from None
            if last:
                raise FileTruncated("the last chunk is missing", index) from None
            raise FileContinues("this is the last chunk, but more follows", index) from None
        if last and not plaintext and index > 0:
            raise EmptyLastChunk("the last chunk is empty", index)
        return plaintext

    def _opens(self, index: int, sealed: bytes, *, last: bool) -> bool:
        try:
            self._aead.open(self._key, _nonce(index, last), b"", sealed)
        except OpenError:
            return False
        return True


def _nonce(index: int, last: bool) -> bytes:
    return index.to_bytes(11) + (b"\x01" if last else b"\x00")


class _Cutter:
    """Cuts a stream into pieces of one length. The last piece stays until it is known to be the last."""

    __slots__ = ("_length", "_pending")

    def __init__(self, length: int) -> None:
        self._length = length
        self._pending: bytearray | None = bytearray()

    def feed(self, data: bytes) -> list[bytes]:
        pending = self._open()
        pending += data
        end = max(0, len(pending) - 1) // self._length * self._length
        with memoryview(pending) as view:
            pieces = [bytes(view[start : start + self._length]) for start in range(0, end, self._length)]
        del pending[:end]
        return pieces

    def finish(self) -> bytes:
        """What is left, and the end: neither method may be called again."""
        rest = bytes(self._open())
        self._pending = None
        return rest

    def _open(self) -> bytearray:
        if self._pending is None:
            raise ValueError("the file is finished")
        return self._pending


class Sealer:
    """Seals a file as it comes. Holds up to one chunk, plus what it is fed."""

    __slots__ = ("_chunk", "_cipher", "_cutter")

    def __init__(self, aead: AeadCipher, key: bytes) -> None:
        self._cipher = _ChunkCipher(aead, key)
        self._cutter = _Cutter(CHUNK_LENGTH)
        self._chunk = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The sealed chunks that are complete with these bytes. Raises `ValueError` when finished."""
        first = self._chunk
        pieces = self._cutter.feed(data)
        self._chunk += len(pieces)
        return [self._cipher.seal(first + i, piece, last=False) for i, piece in enumerate(pieces)]

    def finish(self) -> bytes:
        """The last sealed chunk. Raises `ValueError` when already finished."""
        return self._cipher.seal(self._chunk, self._cutter.finish(), last=True)


class Opener:
    """Opens a sealed file as it comes. Holds up to one chunk, plus what it is fed.

    After an error it is finished: what follows a bad chunk is never given out.
    """

    __slots__ = ("_chunk", "_cipher", "_cutter")

    def __init__(self, aead: AeadCipher, key: bytes) -> None:
        self._cipher = _ChunkCipher(aead, key)
        self._cutter = _Cutter(_SEALED_CHUNK_LENGTH)
        self._chunk = 0

    def feed(self, data: bytes) -> list[bytes]:
        """The plaintext of the chunks that are complete with these bytes.

        Raises `SealingError`, and `ValueError` when finished.
        """
        opened = []
        for piece in self._cutter.feed(data):
            try:
                opened.append(self._cipher.open(self._chunk, piece, last=False))
            except SealingError:
                self._cutter.finish()
                raise
            self._chunk += 1
        return opened

    def finish(self) -> bytes:
        """The plaintext of the last chunk; with it, the file is whole.

        Raises `SealingError`, and `ValueError` when already finished.
        """
        rest = self._cutter.finish()
        if not rest:
            raise FileTruncated("the file is empty, which no sealed file is", self._chunk)
        return self._cipher.open(self._chunk, rest, last=True)


class SealedFile:
    """Opens any chunk of a sealed file, for downloads in ranges.

    `plaintext_length` must come from whoever gave the key, not from whoever stores the file: it tells which
    chunk is the last.
    """

    __slots__ = ("_cipher", "chunks", "plaintext_length")

    def __init__(self, aead: AeadCipher, key: bytes, *, plaintext_length: int) -> None:
        if plaintext_length < 0:
            raise InvalidSealedSize("a file has no negative length")
        self._cipher = _ChunkCipher(aead, key)
        self.plaintext_length = plaintext_length
        self.chunks = _chunk_count(plaintext_length)

    def chunks_of(self, start: int, stop: int) -> range:
        """The indices of the chunks that hold the plaintext bytes from `start` to before `stop`."""
        start, stop = max(start, 0), min(stop, self.plaintext_length)
        if start >= stop:
            return range(0)
        return range(start // CHUNK_LENGTH, (stop - 1) // CHUNK_LENGTH + 1)

    def sealed_range(self, chunk: int) -> range:
        """Where that chunk lies in the sealed file, in bytes. Raises `IndexError`."""
        if not 0 <= chunk < self.chunks:
            raise IndexError(f"the file has {self.chunks} chunks")
        start = chunk * _SEALED_CHUNK_LENGTH
        return range(start, min(start + _SEALED_CHUNK_LENGTH, sealed_size(self.plaintext_length)))

    def open_chunk(self, chunk: int, sealed: bytes) -> bytes:
        """The plaintext of that chunk. Raises `SealingError` and `IndexError`."""
        if len(sealed) != len(self.sealed_range(chunk)):
            raise ChunkDoesNotOpen("the chunk has another length", chunk)
        return self._cipher.open(chunk, sealed, last=chunk == self.chunks - 1)
