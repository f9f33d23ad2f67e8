"""The layer itself: what a loss of power may take, what it may not, and failures where they were asked for."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, suppress
from itertools import pairwise
from random import Random

import apsw
import pytest

from tests.disk import SECTOR, AfterFailedSync, LossyDisk, Operation
from tests.disk.medium import Medium, Truncate, Write, cut_at_sectors

FLAGS = apsw.SQLITE_OPEN_MAIN_DB | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_READWRITE
LOG_FLAGS = apsw.SQLITE_OPEN_WAL | apsw.SQLITE_OPEN_CREATE | apsw.SQLITE_OPEN_READWRITE
OLD, NEW = b"o" * SECTOR, b"n" * SECTOR
SEEDS = range(60)


@pytest.fixture
def disk() -> Iterator[LossyDisk]:
    with LossyDisk(0) as disk:
        yield disk


def opened(disk: LossyDisk, name: str = "plain", *, kind: int = FLAGS) -> apsw.VFSFile:
    """A file of the disk, without SQLite above it."""
    return apsw.VFSFile(disk.name, str(disk.folder.resolve() / name), [kind, 0])


def store(disk: LossyDisk, *, autocheckpoint: int = 1_000) -> apsw.Connection:
    connection = apsw.Connection(str(disk.folder / "store.db"), vfs=disk.name)
    assert connection.pragma("journal_mode", "wal") == "wal"
    connection.pragma("synchronous", "FULL")
    connection.wal_autocheckpoint(autocheckpoint)
    connection.execute("CREATE TABLE IF NOT EXISTS t (x INTEGER)")
    return connection


def rows(disk: LossyDisk) -> list[int]:
    with closing(store(disk)) as connection:
        return [int(x) for (x,) in connection.execute("SELECT x FROM t ORDER BY x")]


def after_loss(act: Callable[[apsw.VFSFile], object]) -> set[bytes | None]:
    """What the file holds after `act` on a synced file of four old sectors and a loss of power, over many seeds."""
    states: set[bytes | None] = set()
    for seed in SEEDS:
        with LossyDisk(seed) as disk:
            file = opened(disk)
            file.xWrite(OLD * 4, 0)
            file.xSync(apsw.SQLITE_SYNC_NORMAL)
            act(file)
            disk.power_loss()
            file.xClose()
            path = disk.folder / "plain"
            states.add(path.read_bytes() if path.exists() else None)
    return states


# ------------------------------------------------------------------------------------------ losses of power
def test_reads_see_unsynced_writes_and_a_loss_may_take_them() -> None:
    def act(file: apsw.VFSFile) -> None:
        file.xWrite(NEW, SECTOR)
        assert file.xRead(SECTOR, SECTOR) == NEW

    assert after_loss(act) == {OLD * 4, OLD + NEW + OLD * 2}


def test_a_synced_write_is_never_lost() -> None:
    def act(file: apsw.VFSFile) -> None:
        file.xWrite(NEW * 2, 0)
        file.xSync(apsw.SQLITE_SYNC_NORMAL)

    assert after_loss(act) == {NEW * 2 + OLD * 2}


def test_writes_tear_at_sector_boundaries_and_nowhere_else() -> None:
    states = after_loss(lambda file: file.xWrite(NEW * 3, SECTOR // 2))
    borders = {border for state in states if state for border, (a, b) in enumerate(pairwise(state), 1) if a != b}
    assert len(states) > 8
    assert borders == {SECTOR // 2, SECTOR, 2 * SECTOR, 3 * SECTOR, 3 * SECTOR + SECTOR // 2}


def test_a_later_write_may_survive_an_earlier_one() -> None:
    def act(file: apsw.VFSFile) -> None:
        file.xWrite(NEW, 0)
        file.xWrite(NEW, SECTOR)

    assert after_loss(act) == {a + b + OLD * 2 for a in (OLD, NEW) for b in (OLD, NEW)}


def test_a_truncation_may_be_undone_and_growth_may_be_zeros() -> None:
    assert after_loss(lambda file: file.xTruncate(SECTOR)) == {OLD, OLD * 4}
    grown = after_loss(lambda file: file.xWrite(NEW, 4 * SECTOR))
    assert grown == {OLD * 4, OLD * 4 + NEW, OLD * 4 + bytes(SECTOR)}


def test_medium_alone() -> None:
    medium = Medium(b"abc")
    medium.waiting += [Write(5, b"f"), Truncate(6), Truncate(2), Truncate(3)]
    assert medium.durable == b"abc"
    medium.settle()
    assert medium.durable == b"ab\0"
    assert not medium.waiting
    assert medium.scatter(Random(0)).in_flight == 0
    assert [len(part.data) for part in cut_at_sectors(Write(500, bytes(600)))] == [12, 512, 76]


def test_a_new_name_is_durable_with_the_first_sync_of_its_file() -> None:
    there = set()
    for seed in SEEDS:
        with LossyDisk(seed) as disk:
            synced, unsynced = opened(disk, "synced"), opened(disk, "unsynced")
            synced.xSync(apsw.SQLITE_SYNC_NORMAL)
            disk.power_loss()
            synced.xClose()
            unsynced.xClose()
            assert (disk.folder / "synced").exists()
            there.add((disk.folder / "unsynced").exists())
    assert there == {True, False}


@pytest.mark.parametrize("synced_by", ["nothing", "the delete", "a new log"])
def test_a_deletion_is_durable_once_the_folder_is_synced(synced_by: str) -> None:
    there = set()
    for seed in SEEDS:
        with LossyDisk(seed) as disk:
            for name in ("plain", "other"):
                file = opened(disk, name)
                file.xSync(apsw.SQLITE_SYNC_NORMAL)
                file.xClose()
            above = apsw.VFS(f"above-{disk.name}", base=disk.name)
            above.xDelete(str(disk.folder.resolve() / "plain"), synced_by == "the delete")
            above.unregister()
            if synced_by == "a new log":
                log = opened(disk, "other-wal", kind=LOG_FLAGS)
                log.xSync(apsw.SQLITE_SYNC_NORMAL)
                log.xClose()
            disk.power_loss()
            there.add((disk.folder / "plain").exists())
    assert there == ({True, False} if synced_by == "nothing" else {False})


def test_files_beside_the_database_survive_as_they_are(disk: LossyDisk) -> None:
    (disk.folder / "blobs").mkdir()
    (disk.folder / "blobs" / "one").write_bytes(b"1")
    store(disk).close()
    disk.power_loss()
    assert (disk.folder / "blobs" / "one").read_bytes() == b"1"
    assert rows(disk) == []


def test_a_database_elsewhere_is_refused(disk: LossyDisk) -> None:
    elsewhere = disk.folder.parent / "elsewhere.db"
    with pytest.raises(apsw.CantOpenError, match="not on this disk"):
        apsw.Connection(str(elsewhere), vfs=disk.name)
    assert not elsewhere.exists()


# -------------------------------------------------------------------------------------------------- the cut
def test_a_cut_disk_accepts_nothing_from_anyone(disk: LossyDisk) -> None:
    connection = store(disk)
    idle = store(disk)
    disk.cut_at(disk.operations + 1)
    with pytest.raises(apsw.IOError):
        connection.execute("INSERT INTO t VALUES (1)")
    done, held = disk.operations, (disk.folder / "store.db-wal").read_bytes()
    for statement in ("INSERT INTO t VALUES (2)", "PRAGMA wal_checkpoint"):
        with pytest.raises(apsw.Error):
            idle.execute(statement)
    with pytest.raises(apsw.Error):
        store(disk)
    for dead in (connection, idle):
        with suppress(apsw.Error):
            dead.close()
    assert not disk.is_on
    assert (disk.operations, (disk.folder / "store.db-wal").read_bytes()) == (done, held)
    disk.power_loss()
    assert set(rows(disk)) <= {1}


def test_connections_from_before_the_loss_stay_dead_and_harm_nothing(disk: LossyDisk) -> None:
    before = store(disk)
    before.execute("INSERT INTO t VALUES (1)")
    disk.power_loss()
    after = store(disk)
    after.execute("INSERT INTO t VALUES (2)")
    with pytest.raises(apsw.IOError):
        before.execute("INSERT INTO t VALUES (3)")
    with suppress(apsw.Error):
        before.close()
    assert (disk.folder / "store.db-shm").exists()
    after.close()
    assert rows(disk) == [1, 2]


def test_a_cut_in_the_past_is_a_mistake(disk: LossyDisk) -> None:
    store(disk).close()
    with pytest.raises(ValueError, match="is over"):
        disk.cut_at(disk.operations)


# ------------------------------------------------------------------------------------------------- failures
@pytest.mark.parametrize("operation", [Operation.WRITE, Operation.SYNC])
@pytest.mark.parametrize("error", [apsw.SQLITE_FULL, apsw.SQLITE_IOERR])
def test_a_failure_comes_where_it_was_asked_for(operation: Operation, error: int, disk: LossyDisk) -> None:
    def act(file: apsw.VFSFile) -> None:
        if operation is Operation.WRITE:
            file.xWrite(b"x", 0)
        else:
            file.xSync(apsw.SQLITE_SYNC_NORMAL)

    file = opened(disk)
    disk.fail(3, operation, error=error)
    act(file)
    act(file)
    with pytest.raises(apsw.FullError if error == apsw.SQLITE_FULL else apsw.IOError):
        act(file)
    act(file)
    disk.fail(2, operation, error=error, lasting=True)
    act(file)
    for _ in range(3):
        with pytest.raises(apsw.Error):
            act(file)
    disk.heal()
    act(file)
    file.xClose()


def test_only_writes_and_syncs_can_be_told_to_fail(disk: LossyDisk) -> None:
    for nth, operation in ((1, Operation.DELETE), (0, Operation.WRITE)):
        with pytest.raises(ValueError, match="only writes and syncs"):
            disk.fail(nth, operation)
    with pytest.raises(ValueError, match="SQLITE_FULL"):
        disk.fail(1, Operation.WRITE, error=apsw.SQLITE_BUSY)


@pytest.mark.parametrize("cache", AfterFailedSync)
def test_after_a_failed_sync(cache: AfterFailedSync) -> None:
    """Durable by the next sync, or by chance only; and in sight, unless the cache dropped it."""
    survived, seen = set(), set()
    for seed in SEEDS:
        with LossyDisk(seed) as disk:
            file = opened(disk)
            file.xWrite(OLD, 0)
            file.xSync(apsw.SQLITE_SYNC_NORMAL)
            file.xWrite(NEW, 0)
            disk.fail(1, Operation.SYNC, cache=cache)
            with pytest.raises(apsw.IOError):
                file.xSync(apsw.SQLITE_SYNC_NORMAL)
            seen.add(file.xRead(SECTOR, 0))
            file.xSync(apsw.SQLITE_SYNC_NORMAL)
            disk.power_loss()
            file.xClose()
            survived.add((disk.folder / "plain").read_bytes())
    assert survived == ({NEW} if cache is AfterFailedSync.DIRTY else {OLD, NEW})
    assert seen == ({OLD, NEW} if cache is AfterFailedSync.DROPPED else {NEW})


def test_a_full_disk_refuses_a_commit_and_takes_it_when_healed(disk: LossyDisk) -> None:
    connection = store(disk)
    disk.fail(1, Operation.WRITE, error=apsw.SQLITE_FULL, lasting=True)
    with pytest.raises(apsw.FullError):
        connection.execute("INSERT INTO t VALUES (1)")
    disk.heal()
    connection.execute("INSERT INTO t VALUES (2)")
    disk.power_loss()
    with suppress(apsw.Error):
        connection.close()
    assert rows(disk) == [2]


# ------------------------------------------------------------------------------------------- under SQLite
def test_every_transaction_is_synced(disk: LossyDisk) -> None:
    with closing(store(disk)) as connection:
        for x in range(20):
            before = disk.syncs
            connection.execute("INSERT INTO t VALUES (?)", (x,))
            assert disk.syncs > before
    assert disk.operations == disk.counts.total()


def test_a_writer_and_a_reader_on_another_thread(disk: LossyDisk) -> None:
    heads: list[int] = []
    done = threading.Event()

    def read() -> None:
        with closing(apsw.Connection(str(disk.folder / "store.db"), vfs=disk.name)) as reader:
            while not done.is_set() or heads[-1:] != [300]:
                heads.append(reader.execute("SELECT count(*) FROM t").get)

    with closing(store(disk, autocheckpoint=20)) as writer:
        thread = threading.Thread(target=read, daemon=True)
        thread.start()
        for x in range(300):
            writer.execute("INSERT INTO t VALUES (?)", (x,))
            until = time.monotonic() + 10
            while x % 100 == 50 and heads[-1:] < [x] and time.monotonic() < until:
                time.sleep(0.001)  # until it has been looked at: who runs when is for the machine to say
        done.set()
        thread.join(timeout=10)
        assert not thread.is_alive()
    assert heads == sorted(heads)
    assert len(set(heads)) > 2
    assert rows(disk) == list(range(300))


def test_a_reader_keeps_its_snapshot_while_the_writer_commits(disk: LossyDisk) -> None:
    with closing(store(disk)) as writer, closing(store(disk)) as reader:
        reader.execute("BEGIN")
        assert reader.execute("SELECT count(*) FROM t").get == 0
        writer.execute("INSERT INTO t VALUES (1)")
        assert reader.execute("SELECT count(*) FROM t").get == 0
        reader.execute("COMMIT")
        assert reader.execute("SELECT count(*) FROM t").get == 1


def test_encrypted_databases_lie_on_it_too(disk: LossyDisk) -> None:
    def encrypted() -> apsw.Connection:
        connection = apsw.Connection(f"file:{disk.folder}/store.db?vfs=multipleciphers-{disk.name}", flags=flags)
        connection.pragma("key", "secret")
        connection.pragma("journal_mode", "wal")
        connection.pragma("synchronous", "FULL")
        return connection

    flags = apsw.SQLITE_OPEN_URI | apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    before = encrypted()
    before.execute("CREATE TABLE t (x TEXT)")
    before.execute("INSERT INTO t VALUES ('planted')")
    disk.power_loss()
    with suppress(apsw.Error):
        before.close()
    with closing(encrypted()) as after:
        assert after.execute("SELECT x FROM t").get == "planted"
    assert b"planted" not in (disk.folder / "store.db").read_bytes()
