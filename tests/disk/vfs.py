"""SQLite's way to a volume: the system's own files as cache, locks and shared memory, with every change reported.

No sync ever reaches the real disk. Temporary files, which nobody expects after a loss of power, pass by.
"""

from __future__ import annotations

import os
from typing import Final

import apsw

from tests.disk.faults import AfterFailedSync, Operation, error_for
from tests.disk.medium import Medium, Truncate, Write
from tests.disk.volume import Volume

SYSTEM: Final = "unix"
CHUNK: Final = 65_536  # the largest page; from 128 KiB on the system's own xWrite reports a full disk
JOURNALS: Final = apsw.SQLITE_OPEN_MAIN_JOURNAL | apsw.SQLITE_OPEN_SUPER_JOURNAL | apsw.SQLITE_OPEN_WAL


class LossyFile(apsw.VFSFile):
    """An open file of one volume. When that is off, every read and change raises apsw.IOError."""

    def __init__(self, name: str | apsw.URIFilename, flags: list[int], *, volume: Volume) -> None:
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        existed = os.path.exists(path)  # noqa: PTH110 - a str, and often
        super().__init__(SYSTEM, name, flags)
        self._volume = volume
        self._medium: Medium = volume.opened(path, existed=existed)
        self._syncs_folder = bool(flags[0] & JOURNALS and flags[0] & apsw.SQLITE_OPEN_CREATE)

    def xRead(self, amount: int, offset: int) -> bytes:
        if not self._volume.is_on:
            raise apsw.exception_for(apsw.SQLITE_IOERR_READ)
        return super().xRead(amount, offset)

    def xFileSize(self) -> int:
        if not self._volume.is_on:
            raise apsw.exception_for(apsw.SQLITE_IOERR_FSTAT)
        return super().xFileSize()

    def xWrite(self, data: bytes, offset: int) -> None:
        with self._volume.lock:
            error, _ = self._volume.begin(Operation.WRITE)
            landed = data if error is None else self._volume.landed(data)
            if landed:
                self._medium.waiting.append(Write(offset, landed))
                super().xWrite(landed, offset)
            if error is not None:
                raise error

    def xTruncate(self, newsize: int) -> None:
        with self._volume.lock:
            error, failure = self._volume.begin(Operation.TRUNCATE)
            if failure is None:
                self._medium.waiting.append(Truncate(newsize))
                super().xTruncate(newsize)
            if error is not None:
                raise error

    def xSync(self, flags: int) -> None:  # noqa: ARG002 - data alone or not is all one here
        with self._volume.lock:
            error, failure = self._volume.begin(Operation.SYNC)
            if error is None:
                self._volume.sync(self._medium, with_folder=self._syncs_folder)
                self._syncs_folder = False
                return
            if failure is not None:
                self._volume.fail_sync(self._medium, failure.cache)
                if failure.cache is AfterFailedSync.DROPPED:
                    self._drop_cache()
            raise error

    def _drop_cache(self) -> None:
        """Show what the medium holds."""
        super().xTruncate(0)
        durable = bytes(self._medium.durable)
        for start in range(0, len(durable), CHUNK):
            super().xWrite(durable[start : start + CHUNK], start)


class LossyVFS(apsw.VFS):
    """Registers itself under *name*; opens files of the volume that is mounted at that moment, and no others."""

    def __init__(self, name: str, *, volume: Volume) -> None:
        self.volume = volume
        super().__init__(name, base=SYSTEM)

    def xFullPathname(self, name: str) -> str:
        return os.path.realpath(name)

    def xAccess(self, pathname: str, flags: int) -> bool:
        if not self.volume.is_on or not self.volume.holds(pathname):
            raise apsw.exception_for(apsw.SQLITE_IOERR_ACCESS)
        return super().xAccess(pathname, flags)

    def xOpen(self, name: str | apsw.URIFilename | None, flags: list[int]) -> apsw.VFSFile:
        if name is None or flags[0] & apsw.SQLITE_OPEN_DELETEONCLOSE:
            return super().xOpen(name, flags)
        path = name.filename() if isinstance(name, apsw.URIFilename) else name
        volume = self.volume
        with volume.lock:
            if not volume.is_on or not volume.holds(path):
                raise apsw.CantOpenError(f"not on this disk, or its power is off: {path}")
            return LossyFile(name, flags, volume=volume)

    def xDelete(self, filename: str, syncdir: bool) -> None:
        volume = self.volume
        with volume.lock:
            if not volume.holds(filename):
                raise error_for(Operation.DELETE)
            error, _ = volume.begin(Operation.DELETE)
            super().xDelete(filename, False)
            volume.deleted(filename)
            if error is not None:
                raise error
            if syncdir:
                volume.sync_folder()
