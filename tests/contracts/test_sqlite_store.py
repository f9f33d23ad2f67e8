"""The SQLite store keeps the contract; and what is its own: its schema, its plans, what stays in its file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from aparte.server.store import LogKey, Store, StoreError
from aparte.server.store.sqlite import SqliteStore
from aparte.server.store.sqlite.connection import NewerSchema
from aparte.server.store.sqlite.reading import HEAD_COLUMNS
from aparte.wire.ids import EntryKind, Millis, Node, Seq
from tests.contracts.reading_contract import TestReader
from tests.contracts.retention_contract import TestBodies, TestLogs, TestNodes, TestSteps, TestStubs, TestTickets
from tests.contracts.store_contract import (
    TestDurability,
    TestIncarnation,
    TestNothingIsLeft,
    TestPosted,
    TestTidying,
    TestTransaction,
)
from tests.contracts.store_writing import DAY, START, OpenStore, begin, fill, idem, known, log_id, read, sweep, write

__all__ = [
    "TestBodies",
    "TestDurability",
    "TestIncarnation",
    "TestLogs",
    "TestNodes",
    "TestNothingIsLeft",
    "TestPosted",
    "TestReader",
    "TestSteps",
    "TestStubs",
    "TestTickets",
    "TestTidying",
    "TestTransaction",
]

#: Of the logs.
SCHEMA = {
    "entry": "id log seq at node kind idem next_epoch_key chain body_hash body_length body",
    "entry_idem": "log idem entry",
    "entry_place": "log seq entry",
    "host": "name value",
    "log": "id log_id retention_days pruned_seq dropped_seq",
    "node": "log seq at epoch_key chain",
    "spent_ticket": "nonce day",
}
ROW = "SEARCH entry USING INTEGER PRIMARY KEY (rowid=?)"
AMONG = [ROW, "LIST SUBQUERY 1", "SEARCH entry_place USING PRIMARY KEY (log=? AND seq>? AND seq<?)"]
#: The beginning of a statement → how SQLite finds its rows.
PLANS = {
    "SELECT id FROM log": ["SEARCH log USING COVERING INDEX sqlite_autoindex_log_1 (log_id=?)"],
    "WITH wanted (log_id) AS (VALUES (?))": [
        "CO-ROUTINE wanted",
        "SCAN CONSTANT ROW",
        "SCAN wanted",
        "SEARCH log USING COVERING INDEX sqlite_autoindex_log_1 (log_id=?)",
        "SEARCH node USING PRIMARY KEY (log=? AND seq=?)",
        "CORRELATED SCALAR SUBQUERY 2",
        "SEARCH node USING PRIMARY KEY (log=?)",
        "SEARCH last USING INTEGER PRIMARY KEY (rowid=?) LEFT-JOIN",
        "CORRELATED SCALAR SUBQUERY 3",
        "SEARCH entry_place USING PRIMARY KEY (log=?)",
    ],
    "WITH wanted (log, idem) AS (VALUES (?, ?))": [
        "CO-ROUTINE wanted",
        "SCAN CONSTANT ROW",
        "SCAN wanted",
        "SEARCH known USING PRIMARY KEY (log=? AND idem=?)",
        ROW,
    ],
    "SELECT entry FROM entry_place WHERE log = ? ORDER": ["SEARCH entry_place USING PRIMARY KEY (log=?)"],
    "SELECT entry.seq": ["SEARCH place USING PRIMARY KEY (log=? AND seq>? AND seq<?)", ROW],
    f"SELECT {HEAD_COLUMNS}": [ROW],
    "SELECT seq, chain FROM entry": [ROW],
    "SELECT epoch_key FROM node": ["SEARCH node USING PRIMARY KEY (log=? AND seq=?)"],
    "SELECT seq, chain FROM node WHERE log = ? AND seq >": ["SEARCH node USING PRIMARY KEY (log=? AND seq>?)"],
    "SELECT place.seq, entry.at": ["SEARCH place USING PRIMARY KEY (log=? AND seq>?)", ROW],
    "SELECT max(seq) FROM entry_place": ["SEARCH entry_place USING PRIMARY KEY (log=?)"],
    "UPDATE entry SET body": AMONG,
    "SELECT id, idem FROM entry": AMONG,
    "DELETE FROM entry WHERE": [ROW],
    "DELETE FROM entry_idem": ["SEARCH entry_idem USING PRIMARY KEY (log=? AND idem=?)"],
    "DELETE FROM entry_place": ["SEARCH entry_place USING PRIMARY KEY (log=? AND seq>? AND seq<?)"],
    "DELETE FROM log": [
        "SEARCH log USING INTEGER PRIMARY KEY (rowid=?)",
        "SEARCH node USING PRIMARY KEY (log=?)",
    ],
    "DELETE FROM node WHERE log = ? AND": [
        "SEARCH node USING PRIMARY KEY (log=? AND seq<?)",
        "SCALAR SUBQUERY 1",
        "SEARCH node USING PRIMARY KEY (log=? AND seq<?)",
    ],
    "DELETE FROM spent_ticket": ["SEARCH spent_ticket USING COVERING INDEX spent_ticket_day (day<?)"],
}
GROWS = re.compile("SCAN (log|node|place|known|last|entry.*|spent.*)$")


@pytest.fixture(params=[None, 2, 40], ids=["as it is", "indexing 2", "indexing 40"])
def pace_of_indexing(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The contract holds wherever entries are: in memory, in the indices, or some here and some there."""
    if request.param is not None:
        monkeypatch.setattr("aparte.server.store.sqlite.store._MOST_RECENT", request.param)


@pytest.fixture
def open_store(tmp_path: Path, pace_of_indexing: None) -> Iterator[OpenStore]:  # noqa: ARG001
    opened: list[SqliteStore] = []

    def open_one() -> Store:
        opened.append(SqliteStore(tmp_path / "host.db"))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()


def connections(store: Store) -> list[apsw.Connection]:
    """The connection that writes, and this thread's that reads."""
    return [store._connection, store.reader()._connection]  # type: ignore[attr-defined]


def schema(store: Store) -> dict[str, str]:
    writing = connections(store)[0]
    tables = [name for (name,) in writing.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    columns = {name: [column[1] for column in writing.pragma("table_info", name)] for name in tables}
    return {name: " ".join(names) for name, names in sorted(columns.items())}


def live(store: Store) -> None:
    """Everything that a store ever does."""
    for name in "ab":
        fill(store, name, *[b"body"] * 200, days=1)
    with store.transaction() as transaction:
        head = write(transaction, "a", b"commit", kind=EntryKind.COMMIT)
        transaction.prefetch([(log_id("a"), idem(number)) for number in range(300)])
        transaction.posted(head.key, idem("?"))
        transaction.node(head.key, Node(0))
        transaction.node(head.key, head.node)
        transaction.spend(b"n" * 16, 1)
    fill(store, "empty")
    with store.transaction() as transaction:
        transaction.node(known(transaction, "empty").key, Node(0))
        transaction.head(log_id("unknown"))
    read(store, "b")
    store.reader().entry(head.key, Seq(1))
    sweep(store, START + 2 * DAY)
    sweep(store, START + 200 * DAY)
    sweep(store, START + 400 * DAY)
    assert store.reader().find_log(log_id("a")) is None


def statements(store: Store) -> set[str]:
    """The statements by which a store lives."""
    seen: set[str] = set()

    def note(_: object, sql: str, __: object) -> bool:
        seen.add(" ".join(sql.split()))
        return True

    for connection in connections(store):
        connection.exec_trace = note
    live(store)
    for connection in connections(store):
        connection.exec_trace = None
    return {sql for sql in seen if re.match("SELECT|WITH|INSERT|UPDATE|DELETE", sql)}


def plan(store: Store, sql: str) -> list[str]:
    """How SQLite finds the rows of a statement."""
    explained = connections(store)[0].execute(f"EXPLAIN QUERY PLAN {sql}", (0,) * sql.count("?"))
    return [row[3] for row in explained]


class TestSchema:
    def test_tables_and_columns(self, store: Store) -> None:
        assert schema(store).items() >= SCHEMA.items()

    def test_a_newer_one_is_refused_and_left_alone(self, open_store: OpenStore, tmp_path: Path) -> None:
        first = open_store()
        version = connections(first)[0].pragma("user_version")
        connections(first)[0].pragma("user_version", version + 1)
        first.close()
        with pytest.raises(NewerSchema, match=f"{version + 1}"):
            SqliteStore(tmp_path / "host.db")
        with apsw.Connection(str(tmp_path / "host.db")) as connection:
            assert connection.pragma("user_version") == version + 1
        connection.close()

    def test_opening_again_changes_nothing(self, open_store: OpenStore) -> None:
        first = open_store()
        fill(first, "a", b"one")
        first.close()
        second = open_store()
        assert schema(second).items() >= SCHEMA.items()
        assert len(read(second, "a")) == 1

    @pytest.mark.parametrize(
        ("pragma", "value"),
        [("journal_mode", "wal"), ("synchronous", 2), ("secure_delete", 1), ("foreign_keys", 1), ("auto_vacuum", 2)],
    )
    def test_settings(self, store: Store, pragma: str, value: Any) -> None:
        assert connections(store)[0].pragma(pragma) == value

    def test_a_reader_cannot_write(self, store: Store) -> None:
        with pytest.raises(apsw.ReadOnlyError):
            connections(store)[1].execute("DELETE FROM log")


class TestPlans:
    def test_no_table_that_grows_is_scanned(self, store: Store) -> None:
        """Nor is anything sorted but what goes into an index. (A plan shows what foreign keys cost, too.)"""
        plans = {sql: plan(store, sql) for sql in statements(store)}
        scans = {sql: steps for sql, steps in plans.items() if any(map(GROWS.match, steps))}
        assert not scans, scans
        sorts = [sql for sql, steps in plans.items() if "SELECT" in sql and any("TEMP B-TREE" in x for x in steps)]
        assert [sql.split("(")[0] for sql in sorted(sorts)] == ["INSERT INTO entry_idem ", "INSERT INTO entry_place "]

    def test_golden(self, store: Store) -> None:
        found = statements(store)
        for beginning, golden in PLANS.items():
            matching = [sql for sql in found if sql.startswith(beginning) and sql.count("?") < 12]
            assert matching, beginning
            for sql in matching:
                assert plan(store, sql) == golden, sql

    def test_control(self, store: Store) -> None:
        steps = plan(store, "SELECT seq FROM entry WHERE body_length = ?")
        assert steps == ["SCAN entry"]
        assert any(map(GROWS.match, steps))


class TestIndexing:
    def count(self, store: Store) -> tuple[int, int]:
        """Entries, and those that are in the indices."""
        execute = connections(store)[0].execute
        tables = ("entry", "entry_place", "entry_idem")
        entries, places, idems = (execute(f"SELECT count(*) FROM {table}").get for table in tables)
        assert places == idems
        return entries, places

    def test_waits_until_there_is_time(self, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("aparte.server.store.sqlite.store._INDEX_AT", 10)
        monkeypatch.setattr("aparte.server.store.sqlite.store._MOST_RECENT", 1000)
        store = open_store()
        fill(store, "a", *[b"body"] * 9)
        store.tidy()
        assert self.count(store) == (9, 0)
        fill(store, "b", b"body")
        store.tidy()
        assert self.count(store) == (10, 5)
        assert [len(read(store, name)) for name in "ab"] == [9, 1]

    def test_does_not_wait_for_ever(self, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("aparte.server.store.sqlite.store._MOST_RECENT", 10)
        store = open_store()
        for number in range(30):
            fill(store, f"{number}", b"body")
        entries, indexed = self.count(store)
        assert entries == 30
        assert indexed >= 20

    def test_that_fails_is_done_later(self, open_store: OpenStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("aparte.server.store.sqlite.store._INDEX_AT", 10)
        monkeypatch.setattr("aparte.server.store.sqlite.store._MOST_RECENT", 1000)
        store = open_store()
        fill(store, "a", *[b"body"] * 10)
        connections(store)[0].set_authorizer(lambda *what: apsw.SQLITE_DENY if "entry_idem" in what else apsw.SQLITE_OK)
        with pytest.raises(StoreError):
            store.tidy()
        connections(store)[0].set_authorizer(None)
        assert self.count(store) == (10, 0)
        with store.transaction() as transaction:
            assert write(transaction, "a", b"eleven").seq == 11
        store.tidy()
        assert self.count(store) == (11, 5)
        assert len(read(store, "a")) == 11


class TestForgetting:
    def in_files(self, store: Store, folder: Path, needle: bytes) -> bool:
        assert connections(store)[0].execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall() == [(0, 0, 0)]
        return any(needle in file.read_bytes() for file in folder.glob("host.db*"))

    def test_control(self, store: Store, tmp_path: Path) -> None:
        """Without secure deletion, what was pruned stays where it was."""
        connections(store)[0].pragma("secure_delete", "OFF")
        fill(store, "a", b"before", b"the body of the message " * 1000, b"after", days=1)
        sweep(store, START + 2 * DAY)
        assert self.in_files(store, tmp_path, b"the body of the message ")

    @pytest.mark.parametrize("size", [64, 3000, 60_000])
    def test_pruned_bodies_are_not_in_the_file(self, store: Store, tmp_path: Path, size: int) -> None:
        needle = b"the body of the message %d " % size
        fill(store, "a", b"before", (needle * 2000)[:size], b"after", days=1)
        assert self.in_files(store, tmp_path, needle), "the control"
        sweep(store, START + 2 * DAY)
        assert not self.in_files(store, tmp_path, needle)

    def test_dropped_stubs_are_not_in_the_file(self, store: Store, tmp_path: Path) -> None:
        head = fill(store, "a", b"one", b"two")
        hashes = [entry.body_hash for entry in read(store, "a")]
        assert all(self.in_files(store, tmp_path, needle) for needle in hashes), "the control"
        sweep(store, START + 200 * DAY)
        assert [self.in_files(store, tmp_path, needle) for needle in hashes] == [False, True]
        assert self.in_files(store, tmp_path, head.chain)

    def test_a_step_looks_at_no_more_than_it_touches(self, store: Store) -> None:
        """Young logs cost a step one entry each, not as many as the step might touch."""
        with store.transaction() as transaction:
            for number in range(200):
                begin(transaction, f"{number}", days=90)
                write(transaction, f"{number}", *[b"body"] * 100)
        assert store.prune(START, after=LogKey(0), limit=200).touched == 0
        ticks = 0

        def tick() -> bool:
            nonlocal ticks
            ticks += 1
            return False

        connections(store)[0].set_progress_handler(tick, 100)
        assert store.prune(Millis(START + DAY), after=LogKey(0), limit=200).touched == 0
        assert 100 * ticks < 200 * 200
