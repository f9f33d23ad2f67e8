"""The connections by which threads read a SQLite store: one each, for as long as the thread lives."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import apsw
import pytest

from aparte.server.store.sqlite import SqliteStore
from tests.contracts.store_writing import fill, read


def in_a_thread(work: Callable[[], object]) -> None:
    failed: list[BaseException] = []

    def run() -> None:
        try:
            work()
        except BaseException as error:  # noqa: BLE001 - told to the test
            failed.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert not failed, failed


def opened(path: Path) -> int:
    """How many connections of this process have the file open."""
    return sum(connection.filename == str(path) for connection in apsw.connections())


def test_a_thread_that_ended_leaves_no_connection(tmp_path: Path) -> None:
    path = tmp_path / "host.db"
    store = SqliteStore(path)
    fill(store, "a", b"one")
    read(store, "a")
    before = opened(path)
    for _ in range(20):
        in_a_thread(lambda: read(store, "a"))
    assert opened(path) == before
    assert [entry.body for entry in read(store, "a")] == [b"one"]
    store.close()
    assert opened(path) == 0


def test_a_thread_that_lives_keeps_its_own_until_the_end(tmp_path: Path) -> None:
    path = tmp_path / "host.db"
    store = SqliteStore(path)
    fill(store, "a", b"one")
    before, has_read, may_end = opened(path), threading.Event(), threading.Event()

    def work() -> None:
        assert store.reader() is store.reader()
        read(store, "a")
        has_read.set()
        may_end.wait(60)

    thread = threading.Thread(target=work)
    thread.start()
    try:
        assert has_read.wait(60)
        assert opened(path) == before + 1
        store.close()
        assert opened(path) == 0
    finally:
        may_end.set()
        thread.join()


def test_a_reader_that_somebody_holds_outlives_its_thread(tmp_path: Path) -> None:
    store = SqliteStore(tmp_path / "host.db")
    fill(store, "a", b"one")
    held = []
    in_a_thread(lambda: held.append(store.reader()))
    assert held[0].find_log(b"?" * 16) is None
    store.close()
    with pytest.raises(apsw.ConnectionClosedError):
        held[0]._connection.execute("SELECT 1")
