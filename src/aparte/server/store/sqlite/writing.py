"""A writing transaction. Entries are collected and written at its end, many to a statement.

Each statement hands Python's global lock over and back, and under load every hand-over may wait: so there are few.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain as chained
from typing import Any, Final

import apsw

from aparte.server.store.accounts import AccountStore
from aparte.server.store.api import EntryRow, LogHead, LogKey, NodeState, StoreRefused
from aparte.server.store.sqlite.accounts import sqlite_accounts
from aparte.server.store.sqlite.connection import store_errors
from aparte.server.store.sqlite.heads import HeadCache
from aparte.server.store.sqlite.reading import HEAD_COLUMNS, entry_row, find_node
from aparte.server.store.sqlite.recent import EntryId, EntryKey, Recent
from aparte.wire.entries import first_chain
from aparte.wire.ids import Chain, EntryKind, Idem, LogId, Millis, Node, Seq

__all__ = ["SqliteTransaction"]

#: Rows to a statement: a few sizes, so that statements stay prepared.
_SIZES: Final = (128, 32, 8, 1)
#: Heads that are fetched beforehand: fewer than memory holds.
_MOST_HEADS: Final = 16_384
_COMMIT: Final = EntryKind.COMMIT
_BY_ID = f"SELECT {HEAD_COLUMNS} FROM entry WHERE id = ?"  # noqa: S608
_COLUMNS: Final = f"id, log, {HEAD_COLUMNS}, body"


def _rows_of(values: int) -> str:
    return f"({', '.join('?' * values)})"


def _insert(count: int) -> str:
    rows = ", ".join([_rows_of(len(_COLUMNS.split(", ")))] * count)
    return f"INSERT INTO entry ({_COLUMNS}) VALUES {rows}"  # noqa: S608


def _select(count: int) -> str:
    wanted = ", ".join([_rows_of(2)] * count)
    columns = ", ".join(f"entry.{name}" for name in HEAD_COLUMNS.split(", "))
    return (
        f"WITH wanted (log, idem) AS (VALUES {wanted}) SELECT entry.log, {columns} FROM wanted"  # noqa: S608
        " JOIN entry_idem AS known ON known.log = wanted.log AND known.idem = wanted.idem"
        " JOIN entry ON entry.id = known.entry"
    )


def _heads(count: int) -> str:
    wanted = ", ".join([_rows_of(1)] * count)
    return (
        f"WITH wanted (log_id) AS (VALUES {wanted})"  # noqa: S608
        " SELECT log.log_id, log.id, node.seq, node.at, node.epoch_key, node.chain, last.seq, last.at, last.chain"
        " FROM wanted CROSS JOIN log ON log.log_id = wanted.log_id"
        " JOIN node ON node.log = log.id AND node.seq = (SELECT max(seq) FROM node WHERE log = log.id)"
        " LEFT JOIN entry AS last ON last.id ="
        " (SELECT entry FROM entry_place WHERE log = log.id ORDER BY seq DESC LIMIT 1)"
    )


_HEADS: Final = {count: _heads(count) for count in _SIZES}
_INSERTS: Final = {count: _insert(count) for count in _SIZES}
_SELECTS: Final = {count: _select(count) for count in _SIZES}


def _portions(items: Sequence[Any]) -> Iterator[Sequence[Any]]:
    start = 0
    for size in _SIZES:
        while len(items) - start >= size:
            yield items[start : start + size]
            start += size


class SqliteTransaction:
    """See `Transaction`."""

    __slots__ = ("_connection", "_heads", "_noted", "_own", "_posted", "_recent", "_rows", "added")

    def __init__(self, connection: apsw.Connection, heads: HeadCache, *, recent: Recent) -> None:
        self._connection = connection
        self._heads = heads
        self._recent = recent
        self._rows: list[tuple[Any, ...]] = []
        #: The entries of this transaction.
        self.added: list[tuple[EntryKey, Seq]] = []
        # Where in them each log's last one is, as far as was noted: `append` has no time for it.
        self._own: dict[LogKey, int] = {}
        self._noted = 0
        # What is known of idempotency ids: rows of this transaction, and what was prefetched (None: not there).
        self._posted: dict[EntryKey, EntryRow | None] = {}

    def prefetch(self, posts: Iterable[tuple[LogId, Idem]], *, logs: Iterable[LogId] = ()) -> None:
        posts = list(posts)
        heads = self._heads
        missing = {log_id: None for log_id in chained((log_id for log_id, _ in posts), logs) if log_id not in heads}
        self._load(list(missing)[:_MOST_HEADS])
        keys = [(head.key, idem) for log_id, idem in posts if (head := heads.get(log_id)) is not None]
        posted, find = self._posted, self._recent.find
        wanted = [key for key in keys if key not in posted and find(key) is None]
        posted |= dict.fromkeys(wanted)
        for portion in _portions(wanted):
            for key, *row in self._execute(_SELECTS[len(portion)], tuple(chained.from_iterable(portion))):
                found = entry_row((*row, None))
                self._posted[LogKey(key), found.idem] = found

    def head(self, log_id: LogId) -> LogHead | None:
        found = self._heads.get(log_id)
        if found is None:
            self._load([log_id])
            found = self._heads.get(log_id)
        return found

    def _load(self, log_ids: Sequence[LogId]) -> None:
        """Put the heads of these logs, as far as they exist, into memory."""
        for portion in _portions(log_ids):
            found: list[Any] = self._execute(_HEADS[len(portion)], portion).fetchall()
            for log_id, log, node, node_at, epoch_key, chain, *last in found:
                seq, at, end = self._newest_place(log) or (last if last[0] else (Seq(0), node_at, chain))
                self._heads.put(LogHead(log, log_id, seq, at, end, node, node_at, epoch_key))

    def _newest_place(self, log: LogKey) -> tuple[Seq, Millis, Chain] | None:
        """Of the log's last entry, if that is not indexed yet."""
        newest = self._newest(log)
        if newest is None:
            return None
        entry = self._by_id(newest)
        return entry.seq, entry.at, entry.chain

    def _by_id(self, entry: EntryId) -> EntryRow:
        row: Any = self._execute(_BY_ID, (entry,)).fetchone()
        return entry_row((*row, None))

    def posted(self, log: LogKey, idem: Idem) -> EntryRow | None:
        key = (log, idem)
        try:
            return self._posted[key]
        except KeyError:
            return self._find_posted(key)

    def _find_posted(self, key: EntryKey) -> EntryRow | None:
        recent = self._recent.find(key)
        if recent is not None:
            found: EntryRow | None = self._by_id(recent)
        else:
            row: Any = self._execute(_SELECTS[1], key).fetchone()
            found = None if row is None else entry_row((*row[1:], None))
        self._posted[key] = found
        return found

    def node(self, log: LogKey, node: Node) -> NodeState | None:
        last = self._newest(log)
        with store_errors():
            return find_node(self._connection, log, node=node, last=last)

    def _newest(self, log: LogKey) -> EntryId | None:
        """The log's last entry, if that is not indexed yet. One of this transaction's is written first."""
        for at in range(self._noted, len(self.added)):
            self._own[self.added[at][0][0]] = at
        self._noted = len(self.added)
        own = self._own.get(log)
        if own is None:
            return self._recent.last(log)
        self.write()
        return EntryId(self._recent.last_id + 1 + own)

    def add_log(self, log_id: LogId, *, epoch_key: bytes, retention_days: int, now: Millis) -> LogHead:
        self._execute(
            "INSERT INTO log (log_id, retention_days, pruned_seq, dropped_seq) VALUES (?, ?, 0, 0)",
            (log_id, retention_days),
        )
        head = LogHead(
            key=LogKey(self._connection.last_insert_rowid()),
            log_id=log_id,
            seq=Seq(0),
            at=now,
            chain=first_chain(log_id, epoch_key),
            node=Node(0),
            node_at=now,
            epoch_key=epoch_key,
        )
        self._add_node(head)
        return head

    def append(self, head: LogHead, entry: EntryRow) -> LogHead:
        log, log_id, last, _, _, node, node_at, epoch_key = head
        seq, at, _, kind, idem, next_epoch_key, chain, *_ = entry
        if self._heads.get(log_id) is not head or seq != last + 1 or self.posted(log, idem) is not None:
            raise StoreRefused(f"entry {seq} does not follow the log's last, or its idem is known")
        key = (log, idem)
        self.added.append((key, seq))
        self._rows.append((self._recent.last_id + len(self.added), log, *entry))
        self._posted[key] = entry
        if kind is _COMMIT:
            after = LogHead(log, log_id, seq, at, chain, Node(seq), at, next_epoch_key)
            self._add_node(after)
        else:
            after = self._heads[log_id] = LogHead(log, log_id, seq, at, chain, node, node_at, epoch_key)
        return after

    def _add_node(self, head: LogHead) -> None:
        self._execute(
            "INSERT INTO node (log, seq, at, epoch_key, chain) VALUES (?, ?, ?, ?, ?)",
            (head.key, head.node, head.node_at, head.epoch_key, head.chain),
        )
        self._heads.put(head)

    def spend(self, nonce: bytes, day: int) -> bool:
        self._execute("INSERT OR IGNORE INTO spent_ticket (nonce, day) VALUES (?, ?)", (nonce, day))
        return self._connection.changes() == 1

    def accounts(self) -> AccountStore:
        return sqlite_accounts(self._connection)

    def write(self) -> None:
        """Write the entries that were collected."""
        for portion in _portions(self._rows):
            self._execute(_INSERTS[len(portion)], tuple(chained.from_iterable(portion)))
        self._rows = []

    def _execute(self, sql: str, values: Sequence[Any]) -> apsw.Cursor:
        """What SQLite complains about is a `StoreError` for whoever decides, too, and no fault of theirs."""
        with store_errors():
            return self._connection.execute(sql, values)
