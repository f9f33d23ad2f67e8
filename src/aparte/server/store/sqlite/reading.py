"""Reading what is durable, on a connection that cannot write."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import apsw

from aparte.server.store.api import EntryRow, LogKey, NodeState
from aparte.server.store.sqlite.accounts_reading import SqliteAccountsReader
from aparte.server.store.sqlite.connection import store_errors
from aparte.server.store.sqlite.recent import EntryId, Recent
from aparte.wire.ids import Chain, EntryKind, LogId, Node, Seq
from aparte.wire.limits import MAX_BODY

__all__ = ["HEAD_COLUMNS", "SqliteReader", "entry_row", "find_node"]

HEAD_COLUMNS: Final = "seq, at, node, kind, idem, next_epoch_key, chain, body_hash, body_length"
_ENTRY_OVERHEAD: Final = 256
_FIND = "SELECT id FROM log WHERE log_id = ?"
_SHORT = f"{HEAD_COLUMNS}, CASE WHEN body_length <= {MAX_BODY} THEN body END"
_INDEXED = (
    f"SELECT entry.{_SHORT.replace(', ', ', entry.', HEAD_COLUMNS.count(', '))}"  # noqa: S608
    " FROM entry_place AS place JOIN entry ON entry.id = place.entry"
    " WHERE place.log = ? AND place.seq > ? AND place.seq <= ? ORDER BY place.seq"
)
_BY_ID = f"SELECT {_SHORT} FROM entry WHERE id = ?"  # noqa: S608
_WHOLE = f"SELECT {HEAD_COLUMNS}, body FROM entry WHERE id = ?"  # noqa: S608
_PLACE = "SELECT entry FROM entry_place WHERE log = ? AND seq = ?"
_NODE = "SELECT epoch_key FROM node WHERE log = ? AND seq = ?"
_CHILD = "SELECT seq, chain FROM node WHERE log = ? AND seq > ? ORDER BY seq LIMIT 1"
_LAST_PLACE = "SELECT entry FROM entry_place WHERE log = ? ORDER BY seq DESC LIMIT 1"
_END = "SELECT seq, chain FROM entry WHERE id = ?"
_ROOT = "SELECT seq, chain FROM node WHERE log = ? AND seq = 0"


def entry_row(row: tuple[Any, ...]) -> EntryRow:
    """An entry from `HEAD_COLUMNS` and a body."""
    seq, at, node, kind, *rest = row
    return EntryRow(seq, at, node, EntryKind(kind), *rest)


def find_node(connection: apsw.Connection, log: LogKey, *, node: Node, last: EntryId | None) -> NodeState | None:
    """See `Transaction.node`. `last` is the log's last entry, if that is not indexed yet."""
    key: Any = connection.execute(_NODE, (log, node)).fetchone()
    if key is None:
        return None
    child: Any = connection.execute(_CHILD, (log, node)).fetchone()
    if child is not None:
        return NodeState(key[0], Node(child[0]), Seq(child[0]), Chain(child[1]))
    place: Any = (last,) if last is not None else connection.execute(_LAST_PLACE, (log,)).fetchone()
    end: Any = connection.execute(*((_ROOT, (log,)) if place is None else (_END, place))).fetchone()
    return NodeState(key[0], Node(0), Seq(end[0]), Chain(end[1]))


@contextmanager
def _snapshot(connection: apsw.Connection) -> Iterator[None]:
    """Several statements see one state."""
    with store_errors(), connection:
        yield


class SqliteReader:
    """See `Reader`. Not to be shared among threads."""

    __slots__ = ("_connection", "_recent")

    def __init__(self, connection: apsw.Connection, *, recent: Callable[[], Recent]) -> None:
        self._connection = connection
        self._recent = recent

    def accounts(self) -> SqliteAccountsReader:
        return SqliteAccountsReader(self._connection)

    def find_log(self, log_id: LogId) -> LogKey | None:
        with store_errors():
            found: Any = self._connection.execute(_FIND, (log_id,)).fetchone()
        return None if found is None else LogKey(found[0])

    def node(self, log: LogKey, node: Node) -> NodeState | None:
        last = self._recent().last(log)  # looked at first: what leaves this memory meanwhile is in the index by then
        with _snapshot(self._connection):
            return find_node(self._connection, log, node=node, last=last)

    def entries(self, log: LogKey, *, after: Seq, until: Seq, max_bytes: int) -> Sequence[EntryRow]:
        found: list[EntryRow] = []
        size = 0
        with store_errors():
            for row in self._rows(log, after, until=until):
                size += len(row[-1] or b"") + _ENTRY_OVERHEAD
                if found and size > max_bytes:
                    break
                found.append(entry_row(row))
        return found

    def _rows(self, log: LogKey, after: Seq, *, until: Seq) -> Iterator[tuple[Any, ...]]:
        tail = self._recent().tail(log)
        indexed = until if tail is None else min(until, tail.first - 1)
        yield from self._connection.execute(_INDEXED, (log, after, indexed))
        for entry in tail.between(after, until) if tail is not None else ():
            yield from self._connection.execute(_BY_ID, (entry,))

    def entry(self, log: LogKey, seq: Seq) -> EntryRow | None:
        tail = self._recent().tail(log)
        with store_errors():
            recent = [] if tail is None else tail.between(Seq(seq - 1), seq)
            place: Any = (recent[0],) if recent else self._connection.execute(_PLACE, (log, seq)).fetchone()
            row: Any = None if place is None else self._connection.execute(_WHOLE, place).fetchone()
        return None if row is None else entry_row(row)
