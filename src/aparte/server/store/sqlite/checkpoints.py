"""Moving what is in the write-ahead log into the database, beside the writer rather than in the midst of a COMMIT.

A COMMIT that checkpoints makes somebody wait for it, and may fail after its own rows are durable. So none does. A
second connection copies while the writer writes; since new pages come meanwhile it never gets to the end, and when
the log is long the writer itself copies the few pages that are left, after which the log begins anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

import apsw

from aparte.server.store.sqlite.connection import connect, store_errors

__all__ = ["Checkpoints"]

#: Pages in the log before it is worth copying, and before the writer finishes the copying itself. The log then begins
#: anew in the same place, and to flush what overwrites a file takes half of the time of what lengthens it.
_SOME: Final = 1_000
_MANY: Final = 4_096


class Checkpoints:
    """Counts the pages in the log of the writer's connection, and copies them."""

    def __init__(self, writer: apsw.Connection, path: Path, *, vfs: str | None) -> None:
        self._writer = writer
        self._path = path
        self._vfs = vfs
        self._beside: apsw.Connection | None = None
        self._pages = 0
        self._copied_at = 0
        writer.set_wal_hook(lambda _connection, _database, pages: self._note(pages))

    def _note(self, pages: int) -> int:
        if pages < self._pages:
            self._copied_at = 0
        self._pages = pages
        return 0

    @property
    def is_due(self) -> bool:
        """Whether there is something to copy."""
        return self._pages - self._copied_at >= _SOME

    def copy_beside(self) -> None:
        """Copy what is there now, on a connection of its own; for a thread other than the writer's.

        Raises `StoreError`; the log then only grows, and nothing is lost.
        """
        with store_errors():
            if self._beside is None:
                # It copies all the same; and to be opened it needs no lock that the writer may have.
                self._beside = connect(self._path, vfs=self._vfs, read_only=True)
            pages = self._pages
            if _copy(self._beside):
                self._copied_at = pages

    def finish_if_long(self) -> None:
        """Copy the rest if the log is long; for the writer's thread, between two transactions."""
        if self._pages >= _MANY:
            self._pages = self._copied_at = 0  # even if that fails: not at every transaction again
            with store_errors():
                _copy(self._writer)

    def truncate(self) -> None:
        """Empty the log, as far as nobody reads from it: what was forgotten shall not stand there any longer."""
        with store_errors():
            self._writer.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)

    def close(self) -> None:
        if self._beside is not None:
            self._beside.close()


def _copy(connection: apsw.Connection) -> bool:
    """Copy what can be copied without waiting; False if another connection is at it."""
    try:
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
    except apsw.BusyError:
        return False
    return True
