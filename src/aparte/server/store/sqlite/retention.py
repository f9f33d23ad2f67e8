"""Forgetting in time: bodies of messages after their log's days, commits and stubs after 180, quiet logs after 365.

Entries of a log grow old in order, so each log remembers how far the sweep has come and nothing is looked at twice.
The last entry of a log stays as long as the log, or that would forget where it was. The log made last stays whatever
its age: SQLite would give its number to the next, and links know logs by their numbers.
"""

from __future__ import annotations

from collections.abc import Callable
from itertools import takewhile
from typing import Any, Final

import apsw

from aparte.server.store.api import LogKey, Pruned
from aparte.wire.ids import EntryKind, LogId, Millis

__all__ = ["LOG_DAYS", "STUB_DAYS", "prune"]

STUB_DAYS: Final = 180
#: After the last entry, or the beginning if there was none.
LOG_DAYS: Final = 365
_DAY: Final = 86_400_000

_LOGS = "SELECT id, log_id, retention_days, pruned_seq, dropped_seq FROM log WHERE id > ? ORDER BY id LIMIT ?"
_RIPE = """
    SELECT place.seq, entry.at FROM entry_place AS place JOIN entry ON entry.id = place.entry
    WHERE place.log = ? AND place.seq > ? ORDER BY place.seq LIMIT ?
"""
_AMONG = "id IN (SELECT entry FROM entry_place WHERE log = ? AND seq BETWEEN ? AND ?)"
_LAST = "SELECT max(seq) FROM entry_place WHERE log = ?"
_LAST_USE = """
    SELECT coalesce(
        (SELECT entry.at FROM entry_place AS place JOIN entry ON entry.id = place.entry
         WHERE place.log = ? ORDER BY place.seq DESC LIMIT 1),
        (SELECT max(at) FROM node WHERE log = ?)
    )
"""
_NEWEST = "SELECT max(id) FROM log"
# A node goes with the commit that ended it: until then somebody may have to read how it ended.
_ENDED = "DELETE FROM node WHERE log = ? AND seq < (SELECT max(seq) FROM node WHERE log = ? AND seq <= ?)"


def prune(
    connection: apsw.Connection, now: Millis, *, after: LogKey, limit: int, forget: Callable[[LogId], object]
) -> Pruned:
    """One step of a sweep, inside a transaction: see `Store.prune`. `forget` is told of logs that are gone."""
    touched = 0
    logs: list[Any] = connection.execute(_LOGS, (after, limit)).fetchall()
    for log, log_id, days, pruned, dropped in logs:
        left = limit - touched
        over = _over(connection, log, after=pruned, before=now - days * _DAY, limit=left)
        if over:
            _prune_bodies(connection, log, over=over)
        gone = _over(connection, log, after=dropped, before=now - STUB_DAYS * _DAY, limit=left)
        if gone and (gone[-1],) == connection.execute(_LAST, (log,)).fetchone():
            gone.pop()
        if gone:
            _drop_stubs(connection, log, gone=gone)
        elif _is_at_rest(connection, log, before=now - LOG_DAYS * _DAY):
            _drop_log(connection, log)
            forget(log_id)
            touched += 1
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


def _is_at_rest(connection: apsw.Connection, log: int, *, before: int) -> bool:
    """Whether nobody has posted since, and another log was begun later."""
    last_use: Any = connection.execute(_LAST_USE, (log, log)).get
    return bool(last_use < before) and connection.execute(_NEWEST).get != log


def _drop_log(connection: apsw.Connection, log: int) -> None:
    """All that is left: the log, its last entry, its live node."""
    last: Any = connection.execute(_LAST, (log,)).get
    if last is not None:
        _drop_stubs(connection, log, gone=[last])
    connection.execute("DELETE FROM node WHERE log = ?", (log,))
    connection.execute("DELETE FROM log WHERE id = ?", (log,))
