"""Within one transaction of the SQLite store: its own entries are seen whatever is forgotten, and found at a glance."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aparte.server.store import NodeState
from aparte.server.store.sqlite import SqliteStore
from aparte.wire.ids import EntryKind, Node, Seq
from tests.contracts.store_writing import fill, known, log_id, node_key, read, write


@pytest.fixture
def store(tmp_path: Path) -> Iterator[SqliteStore]:
    opened = SqliteStore(tmp_path / "host.db")
    yield opened
    opened.close()


class Looked(list[Any]):
    """Counts how many of its items somebody looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = 0

    def __iter__(self) -> Iterator[Any]:
        for item in super().__iter__():
            self.looks += 1
            yield item

    def __getitem__(self, at: Any) -> Any:
        found = super().__getitem__(at)
        self.looks += len(found) if isinstance(at, slice) else 1
        return found


def test_a_look_at_a_node_does_not_look_through_the_batch(store: SqliteStore) -> None:
    fill(store, "a")
    fill(store, "b", b"one", b"two")
    with store.transaction() as transaction:
        transaction.added = looked = Looked()
        before = known(transaction, "b")
        for number in range(256):
            write(transaction, "a", b"%d" % number)
            found = transaction.node(before.key, Node(0))
            assert found == NodeState(node_key("b"), Node(0), Seq(2), before.chain)
        assert looked.looks <= 2 * 256


@pytest.mark.parametrize("kind", [EntryKind.APP, EntryKind.COMMIT])
def test_a_head_that_was_forgotten_meanwhile(
    store: SqliteStore, monkeypatch: pytest.MonkeyPatch, kind: EntryKind
) -> None:
    """More logs are in use than heads are kept: a log that this transaction wrote to is loaded as it left it."""
    monkeypatch.setattr("aparte.server.store.sqlite.heads._CAPACITY", 2)
    for name in "abc":
        fill(store, name, b"before")
    with store.transaction() as transaction:
        written = write(transaction, "a", b"one", kind=kind)
        for name in "bc":
            known(transaction, name)
        assert transaction.head(log_id("a")) == written
        assert write(transaction, "a", b"two").seq == 3
    assert [entry.seq for entry in read(store, "a")] == [1, 2, 3]
    with store.transaction() as transaction:
        for name in "bc":
            known(transaction, name)
        assert known(transaction, "a").seq == 3
