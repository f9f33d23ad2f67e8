"""Bringing recent entries into the indices, and finding them again after a start."""

from __future__ import annotations

from typing import Any, Final

import apsw

from aparte.server.store.sqlite.recent import EntryId, Recent

__all__ = ["index_until", "read_recent"]

_INDEXED: Final = "SELECT value FROM host WHERE name = 'indexed'"
_RANGE: Final = "FROM entry WHERE id > ? AND id <= ? ORDER BY log"


def _indexed(connection: apsw.Connection) -> int:
    found: Any = connection.execute(_INDEXED).fetchone()
    return 0 if found is None else found[0]


def read_recent(connection: apsw.Connection) -> Recent:
    """The entries that are not in the indices yet."""
    indexed = _indexed(connection)
    recent = Recent(indexed)
    rows = connection.execute("SELECT log, idem, seq FROM entry WHERE id > ? ORDER BY id", (indexed,))
    recent.add(((log, idem), seq) for log, idem, seq in rows)
    return recent


def index_until(connection: apsw.Connection, until: EntryId) -> None:
    """Index what is not yet, up to this row. Inside a transaction; afterwards `Recent.indexed` is told."""
    after = _indexed(connection)
    for table, column in (("entry_place", "seq"), ("entry_idem", "idem")):
        connection.execute(
            f"INSERT INTO {table} (log, {column}, entry) SELECT log, {column}, id {_RANGE}, {column}",
            (after, until),
        )
    connection.execute("INSERT OR REPLACE INTO host (name, value) VALUES ('indexed', ?)", (until,))
