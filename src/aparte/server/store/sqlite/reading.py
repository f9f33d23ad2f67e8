"""Reading what is durable, on a connection that cannot write."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

import apsw

from aparte.server.store.api import EntryRow, LogKey, NodeState
from aparte.server.store.sqlite.connection import store_errors
from aparte.wire.ids import Chain, EntryKind, LogId, Node, Seq
from aparte.wire.limits import MAX_BODY

__all__ = ["HEAD_COLUMNS", "SqliteReader", "entry_row", "find_node"]

HEAD_COLUMNS: Final = "seq, at, node, kind, idem, next_epoch_key, chain, body_hash, body_length"
_ENTRY_OVERHEAD: Final = 256
_FIND = "SELECT id FROM log WHERE log_id = ?"
_RANGE = (
    f"SELECT {HEAD_COLUMNS}, CASE WHEN body_length <= {MAX_BODY} THEN body END FROM entry"  # noqa: S608
    " WHERE log = ? AND seq > ? AND seq <= ? ORDER BY seq"
)
_ONE = f"SELECT {HEAD_COLUMNS}, body FROM entry WHERE log = ? AND seq = ?"  # noqa: S608
_NODE = "SELECT epoch_key FROM node WHERE log = ? AND seq = ?"
_CHILD = "SELECT seq, chain FROM node WHERE log = ? AND seq > ? ORDER BY seq LIMIT 1"
_LAST = "SELECT seq, chain FROM entry WHERE log = ? ORDER BY seq DESC LIMIT 1"
_ROOT = "SELECT seq, chain FROM node WHERE log = ? AND seq = 0"


def entry_row(row: tuple[Any, ...]) -> EntryRow:
    """An entry from `HEAD_COLUMNS` and a body."""
    seq, at, node, kind, *rest = row
    return EntryRow(seq, at, node, EntryKind(kind), *rest)


def find_node(connection: apsw.Connection, log: LogKey, *, node: Node) -> NodeState | None:
    """See `Transaction.node`."""
    key: Any = connection.execute(_NODE, (log, node)).fetchone()
    if key is None:
        return None
    child: Any = connection.execute(_CHILD, (log, node)).fetchone()
    if child is not None:
        return NodeState(key[0], Node(child[0]), Seq(child[0]), Chain(child[1]))
    last: Any = connection.execute(_LAST, (log,)).fetchone() or connection.execute(_ROOT, (log,)).fetchone()
    return NodeState(key[0], Node(0), Seq(last[0]), Chain(last[1]))


@contextmanager
def _snapshot(connection: apsw.Connection) -> Iterator[None]:
    """Several statements see one state."""
    with store_errors(), connection:
        yield


class SqliteReader:
    """See `Reader`. Not to be shared among threads."""

    __slots__ = ("_connection",)

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def find_log(self, log_id: LogId) -> LogKey | None:
        with store_errors():
            found: Any = self._connection.execute(_FIND, (log_id,)).fetchone()
        return None if found is None else LogKey(found[0])

    def node(self, log: LogKey, node: Node) -> NodeState | None:
        with _snapshot(self._connection):
            return find_node(self._connection, log, node=node)

    def entries(self, log: LogKey, *, after: Seq, until: Seq, max_bytes: int) -> Sequence[EntryRow]:
        found: list[EntryRow] = []
        size = 0
        with store_errors():
            for row in self._connection.execute(_RANGE, (log, after, until)):
                size += len(row[-1] or b"") + _ENTRY_OVERHEAD
                if found and size > max_bytes:
                    break
                found.append(entry_row(row))
        return found

    def entry(self, log: LogKey, seq: Seq) -> EntryRow | None:
        with store_errors():
            row: Any = self._connection.execute(_ONE, (log, seq)).fetchone()
        return None if row is None else entry_row(row)
