"""Blobs and uploads as files below one folder. Everything here blocks, and runs in a worker thread.

    blobs/3f/3f…   whole blobs, named by id in hex, which survives file systems that fold case
    uploads/…      unfinished ones, named by upload id

A file's times say nothing: they are set to 0 when a blob is whole. (What the file system itself notes, such as the
time of the inode's last change, cannot be set.)
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final

from aparte.server.blobs.errors import DamagedUpload
from aparte.server.blobs.index import BlobId, UploadId
from aparte.server.folders import flush_folder

__all__ = ["BlobFiles", "UploadFile"]

_PRIVATE_FILE: Final = 0o600
_PRIVATE_FOLDER: Final = 0o700
_OPEN: Final = os.O_RDWR | os.O_CREAT | getattr(os, "O_CLOEXEC", 0)

# What `os` offers depends on the platform; plain fsync is always right, only slower.
_flush_data = getattr(os, "fdatasync", os.fsync)


def _start_writing(descriptor: int, *, begin: int, length: int) -> None:
    """Let the disk begin with these bytes, so that the flush at the end has little left to wait for.

    On Linux, DONTNEED starts writing dirty pages and does not wait; as they are dirty, they stay in the cache.
    """
    if hasattr(os, "posix_fadvise"):
        os.posix_fadvise(descriptor, begin, length, os.POSIX_FADV_DONTNEED)


class UploadFile:
    """The file of one unfinished upload, open at its end. Close it."""

    def __init__(self, path: Path, received: int) -> None:
        """`received`: bytes that the index vouches for. Later ones belong to nobody, and are cut off."""
        self._folder = path.parent
        self._descriptor = os.open(path, _OPEN, _PRIVATE_FILE)
        #: Where the next byte goes.
        self.end = received
        # The name itself is durable once any byte was acknowledged.
        self._named = received > 0
        try:
            size = os.fstat(self._descriptor).st_size
            if size < received:
                raise DamagedUpload(f"{received} bytes were acknowledged, {size} are there")
            if size > received:
                os.ftruncate(self._descriptor, received)
        except BaseException:
            self.close()
            raise

    def append(self, pieces: Sequence[bytes]) -> None:
        """At most IOV_MAX (1024) pieces: they are written as they came, without a copy."""
        begin = self.end
        self.end += os.pwritev(self._descriptor, pieces, begin)
        missing = begin + sum(map(len, pieces)) - self.end
        if missing:  # a nearly full disk takes a part, and says why at the next try
            self._append_rest(memoryview(b"".join(pieces))[-missing:])
        _start_writing(self._descriptor, begin=begin, length=self.end - begin)

    def _append_rest(self, left: memoryview) -> None:
        while left:
            written = os.pwrite(self._descriptor, left, self.end)
            self.end += written
            left = left[written:]

    def flush(self) -> None:
        """All bytes before `end` are durable when this returns."""
        _flush_data(self._descriptor)
        if not self._named:
            flush_folder(self._folder)
            self._named = True

    def rewind(self, end: int) -> None:
        """Drop all bytes from `end` on."""
        os.ftruncate(self._descriptor, end)
        self.end = end

    def seal(self) -> None:
        """Flush, and forget when that was."""
        os.utime(self._descriptor, ns=(0, 0))
        os.fsync(self._descriptor)

    def close(self) -> None:
        os.close(self._descriptor)


class BlobFiles:
    """The folder. `prepare` it before anything else."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._blobs = root / "blobs"
        self._uploads = root / "uploads"

    def prepare(self) -> None:
        """Make what is missing of the folders, durably, so that nothing later has to."""
        shelves = [self._blobs / f"{first:02x}" for first in range(256)]
        for folder in (self._blobs, self._uploads, *shelves):
            folder.mkdir(mode=_PRIVATE_FOLDER, parents=True, exist_ok=True)
        for folder in (self._blobs, self.root):
            flush_folder(folder)

    def blob_path(self, blob_id: BlobId) -> Path:
        name = blob_id.hex()
        return self._blobs / name[:2] / name

    def open_upload(self, upload_id: UploadId, received: int) -> UploadFile:
        """Raises `DamagedUpload` if less than `received` is there."""
        return UploadFile(self._upload_path(upload_id), received)

    def publish(self, upload_id: UploadId, blob_id: BlobId) -> None:
        """Move a sealed file to its place, durably."""
        target = self.blob_path(blob_id)
        self._upload_path(upload_id).rename(target)
        flush_folder(target.parent)
        flush_folder(self._uploads)

    def withdraw(self, upload_id: UploadId, blob_id: BlobId) -> None:
        """Undo `publish`, because the index could not follow."""
        self.blob_path(blob_id).rename(self._upload_path(upload_id))

    def drop_upload(self, upload_id: UploadId) -> None:
        self._upload_path(upload_id).unlink(missing_ok=True)

    def drop_blob(self, blob_id: BlobId) -> None:
        self.blob_path(blob_id).unlink(missing_ok=True)

    def upload_size(self, upload_id: UploadId) -> int | None:
        return _size(self._upload_path(upload_id))

    def blob_size(self, blob_id: BlobId) -> int | None:
        return _size(self.blob_path(blob_id))

    def cut_upload(self, upload_id: UploadId, size: int) -> None:
        os.truncate(self._upload_path(upload_id), size)

    def uploads(self) -> Iterator[UploadId]:
        """What lies in the uploads' folder. What is not named by an id is none of ours, and passed over."""
        for name in _names(self._uploads):
            yield UploadId(name)

    def blobs(self) -> Iterator[BlobId]:
        for first in range(256):
            for name in _names(self._blobs / f"{first:02x}"):
                yield BlobId(name)

    def _upload_path(self, upload_id: UploadId) -> Path:
        return self._uploads / upload_id.hex()


def _size(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return None


def _names(folder: Path) -> Iterator[bytes]:
    with os.scandir(folder) as entries:
        for entry in entries:
            with suppress(ValueError):
                name = bytes.fromhex(entry.name)
                if name.hex() == entry.name and entry.is_file(follow_symlinks=False):
                    yield name
