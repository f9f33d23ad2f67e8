"""When the write-ahead log is copied: beside the writer nearly all of it, by the writer what is left."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import apsw
import pytest

from aparte.server.store.sqlite import SqliteStore, checkpoints
from tests.contracts.store_writing import fill, write

SOME, MANY = 20, 100


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(checkpoints, "_SOME", SOME)
    monkeypatch.setattr(checkpoints, "_MANY", MANY)
    store = SqliteStore(tmp_path / "host.db")
    yield store
    store.close()


def copied(store: SqliteStore, posts: int) -> list[str]:
    """What was copied, while posts come and somebody copies beside the writer, by whom and when."""
    seen: list[str] = []
    of = store._checkpoints
    beside, finish = of.copy_beside, of.finish_if_long

    def by_the_writer() -> None:
        if of._pages >= MANY:
            seen.append("writer")
        finish()

    of.finish_if_long = by_the_writer  # type: ignore[method-assign]
    of.copy_beside = lambda: (seen.append("beside"), beside())[1]  # type: ignore[method-assign,func-returns-value]
    for _ in range(posts):
        with store.transaction() as transaction:
            write(transaction, "a", bytes(2_000))
            transaction.write()
            store.checkpoint()  # the writer is at work meanwhile, so there is always something left
    return seen


def test_the_writer_has_little_left_each_time(store: SqliteStore) -> None:
    fill(store, "a")
    rounds = "".join("w" if who == "writer" else "b" for who in copied(store, 400)).split("w")[:-1]
    assert len(rounds) >= 4
    assert all(len(copies) >= MANY // SOME - 2 for copies in rounds), rounds


def test_the_log_begins_anew(store: SqliteStore, tmp_path: Path) -> None:
    fill(store, "a")
    copied(store, 400)
    pages = (tmp_path / "host.db-wal").stat().st_size // 4096
    assert pages < 2 * MANY
    with apsw.Connection(str(tmp_path / "host.db"), flags=apsw.SQLITE_OPEN_READONLY) as reader:
        assert reader.pragma("integrity_check") == "ok"
    reader.close()


class Busy:
    """Another connection is just copying."""

    def wal_checkpoint(self, *, mode: int) -> None:
        raise apsw.BusyError(f"database is locked ({mode})")

    def close(self) -> None:
        pass


def test_whoever_comes_second_leaves_it_to_the_first(store: SqliteStore) -> None:
    of = store._checkpoints
    fill(store, "a", *[bytes(2_000)] * MANY)
    of._beside = cast("apsw.Connection", Busy())
    of.copy_beside()
    assert of.is_due, "what was not copied is still to be copied"
    of._beside = None
    of.copy_beside()
    assert not of.is_due


def test_a_copier_is_opened_while_the_writer_writes(store: SqliteStore) -> None:
    fill(store, "a", *[bytes(2_000)] * MANY)
    with store.transaction() as transaction:
        write(transaction, "a", b"body")
        store.checkpoint()
