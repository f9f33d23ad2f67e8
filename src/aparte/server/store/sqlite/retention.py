"""Forgetting in time: bodies of messages after their log's days, commits and stubs after 180.

Entries of a log grow old in order, so each log remembers how far the sweep has come and nothing is looked at twice.
The last entry of a log stays, or the log would forget where it was.
"""

from __future__ import annotations

from itertools import takewhile
from typing import Any, Final

import apsw

from aparte.server.store.api import LogKey, Pruned
from aparte.wire.ids import EntryKind, Millis

__all__ = ["STUB_DAYS", "prune"]

STUB_DAYS: Final = 180
_DAY: Final = 86_400_000

_LOGS = "SELECT id, retention_days, pruned_seq, dropped_seq FROM log WHERE id > ? ORDER BY id LIMIT ?"
_RIPE = """
    SELECT place.seq, entry.at FROM entry_place AS place JOIN entry ON entry.id = place.entry
    WHERE place.log = ? AND place.seq > ? ORDER BY place.seq LIMIT ?
"""
_AMONG = "id IN (SELECT entry FROM entry_place WHERE log = ? AND seq BETWEEN ? AND ?)"
_LAST = "SELECT max(seq) FROM entry_place WHERE log = ?"
# A node goes with the commit that ended it: until then somebody may have to read how it ended.
_ENDED = "DELETE FROM node WHERE log = ? AND seq < (SELECT max(seq) FROM node WHERE log = ? AND seq <= ?)"


def prune(connection: apsw.Connection, now: Millis, *, after: LogKey, limit: int) -> Pruned:
    """One step of a sweep, inside a transaction: see `Store.prune`."""
    touched = 0
    logs: list[Any] = connection.execute(_LOGS, (after, limit)).fetchall()
    for log, days, pruned, dropped in logs:
        left = limit - touched
        over = _over(connection, log, after=pruned, before=now - days * _DAY, limit=left)
        if over:
            _prune_bodies(connection, log, over=over)
        gone = _over(connection, log, after=dropped, before=now - STUB_DAYS * _DAY, limit=left)
        if gone and (gone[-1],) == connection.execute(_LAST, (log,)).fetchone():
            gone.pop()
        if gone:
            _drop_stubs(connection, log, gone=gone)
        touched += len(over) + len(gone)
        if touched >= limit:
            return Pruned(touched, after)  # this log may have more: begin with it next time
        after = log
    if not logs:
        connection.execute("DELETE FROM spent_ticket WHERE day < ?", (now // _DAY,))
    return Pruned(touched, after if logs else None)


def _over(connection: apsw.Connection, log: int, *, after: int, before: int, limit: int) -> list[int]:
    """The seqs of a log's entries beyond `after` that are older than `before`. Looks at one more at most."""
    rows: Any = connection.execute(_RIPE, (log, after, limit))
    try:
        return [seq for seq, at in takewhile(lambda row: row[1] < before, rows)]
    finally:
        rows.close()


def _prune_bodies(connection: apsw.Connection, log: int, *, over: list[int]) -> None:
    connection.execute(
        f"UPDATE entry SET body = NULL WHERE {_AMONG} AND kind = ?",  # noqa: S608
        (log, over[0], over[-1], EntryKind.APP),
    )
    connection.execute("UPDATE log SET pruned_seq = ? WHERE id = ?", (over[-1], log))


def _drop_stubs(connection: apsw.Connection, log: int, *, gone: list[int]) -> None:
    among = (log, gone[0], gone[-1])
    rows: list[Any] = connection.execute(f"SELECT id, idem FROM entry WHERE {_AMONG}", among).fetchall()  # noqa: S608
    connection.execute("DELETE FROM entry_place WHERE log = ? AND seq BETWEEN ? AND ?", among)
    connection.executemany("DELETE FROM entry_idem WHERE log = ? AND idem = ?", [(log, idem) for _, idem in rows])
    connection.executemany("DELETE FROM entry WHERE id = ?", [(entry,) for entry, _ in rows])
    connection.execute(_ENDED, (log, log, gone[-1]))
    connection.execute("UPDATE log SET dropped_seq = ? WHERE id = ?", (gone[-1], log))
