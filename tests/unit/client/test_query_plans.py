"""Every query of the engine's store finds its rows by an index, however many there are."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest

from aparte.client.store.rows import ConversationKind, ConversationRow, ConversationState, EpochRow
from aparte.client.store.sqlite import SqliteClientStore
from aparte.content import ConversationId, MessageId
from aparte.wire.ids import AccountId, Chain, Idem, LogId, Millis, Node, Seq, TicketKind

#: What a query is called by: the table's name in a transaction, the method, its arguments.
QUERIES: dict[str, tuple[str, tuple[Any, ...], dict[str, Any]]] = {
    "key_packages.find": ("key_packages", (b"r",), {}),
    "key_packages.unpublished": ("key_packages", (), {}),
    "key_packages.expire": ("key_packages", (Millis(1),), {}),
    "peers.get": ("peers", (AccountId(b"a"),), {}),
    "peers.named": ("peers", ("host", "name"), {}),
    "peers.unchecked": ("peers", (), {}),
    "peers.everybody": ("peers", (), {}),
    "conversations.get": ("conversations", (1,), {}),
    "conversations.find": ("conversations", (ConversationId(b"c"),), {}),
    "conversations.of_log": ("conversations", ("host", LogId(b"l")), {}),
    "conversations.directs": ("conversations", (AccountId(b"a"),), {}),
    "conversations.wanted": ("conversations", ("host", "name"), {}),
    "conversations.everything": ("conversations", (), {}),
    "conversations.unfinished": ("conversations", (), {}),
    "conversations.live_on": ("conversations", ("host",), {}),
    "conversations.committing": ("conversations", (), {}),
    "conversations.hosts": ("conversations", (), {}),
    "epochs.get": ("epochs", (1,), {}),
    "own_commits.get": ("own_commits", (1,), {}),
    "pieces.of": ("pieces", (1,), {}),
    "messages.get": ("messages", (1,), {}),
    "messages.posted": ("messages", (1, Idem(b"i")), {}),
    "messages.named": ("messages", (1, MessageId(b"m")), {}),
    "messages.has_others": ("messages", (1,), {}),
    "messages.all_shown_in": ("messages", (1,), {}),
    "messages.page": ("messages", (1,), {"before": (1, Seq(1), 1), "limit": 50}),
    "outbox.first": ("outbox", (1,), {}),
    "outbox.first_shown_in": ("outbox", (1,), {}),
    "outbox.conversations": ("outbox", (), {}),
    "outbox.clear": ("outbox", (1,), {}),
    "drops.everything": ("drops", (), {}),
    "tickets.take": ("tickets", ("host", TicketKind.KNOCK), {"today": 1}),
    "tickets.count": ("tickets", ("host", TicketKind.KNOCK), {"today": 1}),
    "tickets.expire": ("tickets", (1,), {}),
}

#: Those that read a whole table, because all of it is asked for, or because it holds what is on its way and is short.
WHOLE = {
    "peers.everybody",
    "conversations.everything",
    "conversations.committing",
    "conversations.hosts",
    "outbox.conversations",
    "drops.everything",
    "tickets.expire",
}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteClientStore]:
    made = SqliteClientStore(tmp_path / "store.db", bytes(32))
    yield made
    made.close()


def plans(store: SqliteClientStore, name: str) -> list[str]:
    """The steps of the plans of what a query runs."""
    connection: apsw.Connection = store._connection
    table, arguments, words = QUERIES[name]
    seen: list[tuple[str, Any]] = []

    def trace(_: Any, sql: str, bindings: Any) -> bool:
        seen.append((sql, bindings))
        return True

    with store.transaction() as transaction:
        connection.exec_trace = trace
        try:
            getattr(getattr(transaction, table), name.partition(".")[2])(*arguments, **words)
        finally:
            connection.exec_trace = None
        found = [row[3] for sql, bindings in seen for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", bindings)]
    assert seen
    return found


@pytest.mark.parametrize("name", QUERIES)
def test_no_query_reads_a_whole_table(store: SqliteClientStore, name: str) -> None:
    found = plans(store, name)
    scans = [step for step in found if step.startswith("SCAN") and "USING INDEX key_package_unpublished" not in step]
    allowed = name in WHOLE or all("INDEX peer_unchecked" in step or "unfinished" in step for step in scans)
    assert allowed, found
    assert name in WHOLE or not any("TEMP B-TREE" in step for step in found), found


def test_every_query_is_here() -> None:
    """A method that runs SQL and stands in no row above is not looked at."""
    from aparte.client.store.sqlite import account, conversations

    kinds = {
        "key_packages": account.SqliteKeyPackages,
        "peers": conversations.SqlitePeers,
        "conversations": conversations.SqliteConversations,
        "messages": conversations.SqliteMessages,
        "outbox": conversations.SqliteOutbox,
        "drops": conversations.SqliteDrops,
        "tickets": conversations.SqliteTickets,
    }
    writing = {"add", "published", "remove", "put", "select", "change", "direct"}
    methods = {
        f"{table}.{name}"
        for table, kind in kinds.items()
        for name in vars(kind)
        if not name.startswith("_") and name not in writing
    }
    assert methods <= QUERIES.keys()


def test_a_scan_is_noticed(store: SqliteClientStore) -> None:
    store._connection.execute("DROP INDEX message_order")
    assert any(step.startswith("SCAN") for step in plans(store, "messages.page"))


def test_the_tables_are_strict(store: SqliteClientStore) -> None:
    found = store._connection.execute("SELECT name, strict FROM pragma_table_list WHERE schema = 'main'").fetchall()
    loose = {name for name, strict in found if not strict and not name.startswith("sqlite_")}
    assert loose == set()
    assert len(found) > 10


def test_rows_there_and_back(store: SqliteClientStore) -> None:
    """Numbers are given out, types come back as they were."""
    row = ConversationRow(
        0, ConversationId(b"c" * 16), ConversationKind.DIRECT, ConversationState.LIVE, "host", LogId(b"l" * 16)
    )
    with store.transaction() as transaction:
        number = transaction.conversations.put(row)
        found = transaction.conversations.get(number)
        assert found is not None
        assert (found.state, found.kind, found.is_request, found.peer) == (row.state, row.kind, False, None)
        assert isinstance(found.state, ConversationState)
        epoch = EpochRow(number, Node(1), Seq(2), Millis(3), Chain(b"c"), 0, b"", b"k")
        transaction.epochs.put(epoch)
        assert transaction.epochs.get(number) == epoch
        transaction.conversations.remove(number)
        assert transaction.epochs.get(number) is None, "what belongs to it goes with it"
