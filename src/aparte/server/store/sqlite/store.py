"""`SqliteStore`: one file, one writing connection, one more for each thread that reads."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, Final
from weakref import WeakSet

import apsw

from aparte.server.store.api import LogKey, Pruned, StoreError
from aparte.server.store.sqlite.checkpoints import Checkpoints
from aparte.server.store.sqlite.connection import connect, migrate, store_errors
from aparte.server.store.sqlite.heads import HeadCache
from aparte.server.store.sqlite.indexing import index_until, read_recent
from aparte.server.store.sqlite.reading import SqliteReader
from aparte.server.store.sqlite.recent import Recent
from aparte.server.store.sqlite.retention import prune
from aparte.server.store.sqlite.schema import migrations
from aparte.server.store.sqlite.writing import SqliteTransaction
from aparte.wire.ids import ID_LENGTH, Incarnation, Millis

__all__ = ["SqliteStore"]

#: From so many recent entries on some go into the indices when there is time; and when it must be.
_INDEX_AT: Final = 4_096
_MOST_RECENT: Final = 16_384
#: So many at once, that no post waits long for it; and when it must be.
_PORTION: Final = 512
_LARGE_PORTION: Final = 1_024
#: Pages to a step.
_VACUUM_PAGES: Final = 256


class SqliteStore:
    """The store of a host that is one process. Whoever opens it has made sure that nobody else has it open."""

    def __init__(self, path: Path, *, vfs: str | None = None, synchronous: str = "FULL") -> None:
        self._path = path
        self._vfs = vfs
        self._synchronous = synchronous
        self._connection = connect(path, vfs=vfs, synchronous=synchronous)
        self._checkpoints = Checkpoints(self._connection, path, vfs=vfs)
        self._heads = HeadCache()
        self._recent = Recent(0)
        self._is_current = False
        self._readers = threading.local()
        # Only looked after: a thread that ends lets go of its reader, and that closes the connection.
        self._opened: WeakSet[apsw.Connection] = WeakSet()
        try:
            migrate(self._connection, migrations())
            self._refresh()
        except BaseException:
            with suppress(apsw.Error):  # the disk that failed may fail this, too
                self._connection.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """See `Store.transaction`."""
        with suppress(StoreError):  # it can wait for another time, the transaction cannot
            self._checkpoints.finish_if_long()
        if len(self._recent) >= _MOST_RECENT:
            self._index(min(_MOST_RECENT // 2, _LARGE_PORTION))
        self._refresh()
        transaction = SqliteTransaction(self._connection, self._heads, recent=self._recent)
        with self._writing():
            yield transaction
            transaction.write()
        self._recent.add(transaction.added)

    def tidy(self) -> None:
        """See `Store.tidy`."""
        if len(self._recent) >= _INDEX_AT:
            self._index(min(_INDEX_AT // 2, _PORTION))

    def checkpoint(self) -> None:
        """See `Store.checkpoint`."""
        if self._checkpoints.is_due:
            self._checkpoints.copy_beside()

    def _index(self, count: int) -> None:
        self._refresh()
        if count:
            with self._writing():
                index_until(self._connection, self._recent.nth(count))
            self._recent.indexed(count)

    def _refresh(self) -> None:
        """Read back from the disk what this memory holds, if it may be wrong."""
        if not self._is_current:
            with store_errors():
                self._recent = read_recent(self._connection)
            self._is_current = True

    @contextmanager
    def _writing(self) -> Iterator[None]:
        try:
            with store_errors():
                self._connection.execute("BEGIN IMMEDIATE")
                yield
                self._connection.execute("COMMIT")
        except BaseException:
            # Memory must not be ahead of the disk; a failed COMMIT may leave the transaction open, or end it.
            self._heads.clear()
            self._is_current = False
            self._abandon()
            raise

    def _abandon(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            raise StoreError(f"cannot roll back: {error}") from error

    def reader(self) -> SqliteReader:
        """See `Store.reader`."""
        found: SqliteReader | None = getattr(self._readers, "reader", None)
        if found is None:
            connection = connect(self._path, vfs=self._vfs, synchronous=self._synchronous, read_only=True)
            self._opened.add(connection)
            found = self._readers.reader = SqliteReader(connection, recent=lambda: self._recent)
        return found

    def incarnation(self, rng: Callable[[int], bytes]) -> Incarnation:
        """See `Store.incarnation`."""
        found = self._value("incarnation")
        if found is None:
            found = rng(ID_LENGTH)
            self._note(incarnation=found)
        return Incarnation(found)

    def swept(self) -> Millis | None:
        """See `Store.swept`."""
        found = self._value("swept")
        return None if found is None else Millis(found)

    def believed(self) -> Millis | None:
        """See `Store.believed`."""
        found = self._value("believed")
        return None if found is None else Millis(found)

    def note_sweep(self, now: Millis, *, is_believed: bool = True) -> None:
        """See `Store.note_sweep`."""
        self._note(swept=now, **({"believed": now} if is_believed else {}))

    def _value(self, name: str) -> Any:
        with store_errors():
            row: Any = self._connection.execute("SELECT value FROM host WHERE name = ?", (name,)).fetchone()
        return None if row is None else row[0]

    def _note(self, **values: bytes | int) -> None:
        with self._writing():
            self._connection.executemany("INSERT OR REPLACE INTO host (name, value) VALUES (?, ?)", values.items())

    def prune(self, now: Millis, *, after: LogKey, limit: int) -> Pruned:
        """See `Store.prune`."""
        self._refresh()
        self._index(len(self._recent))
        with self._writing():
            pruned = prune(self._connection, now, after=after, limit=limit, forget=self._heads.forget)
        with suppress(StoreError):  # giving space back may fail without harm
            self._give_back(is_last=pruned.after is None)
        return pruned

    def _give_back(self, *, is_last: bool) -> None:
        """Return freed pages to the disk, a few at a time; at the end of a sweep empty the write-ahead log."""
        with store_errors():
            self._connection.execute(f"PRAGMA incremental_vacuum({_VACUUM_PAGES})").fetchall()
        if is_last:
            self._checkpoints.truncate()

    def close(self) -> None:
        """See `Store.close`. Whoever reads must have stopped."""
        with store_errors(), ExitStack() as closing:  # each of them, even if one fails
            for connection in (self._connection, *self._opened):
                closing.callback(connection.close)
            closing.callback(self._checkpoints.close)
