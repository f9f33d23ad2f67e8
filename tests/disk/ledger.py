"""A toy store with a promise: what it acknowledged survives. Sessions on a lossy disk put the promise to the test."""

from __future__ import annotations

from contextlib import closing, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final, cast

import apsw

from tests.disk import AfterFailedSync, Losses, LossyDisk, Operation

TRANSACTIONS: Final = 40  # in one schedule, over all its sessions
ROW: Final = 1024
OPERATIONS: Final = 28  # of the disk, about, for one transaction: a cut may fall anywhere in a session, or behind it

SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS ledger (txn INTEGER, n INTEGER, of INTEGER, body BLOB, PRIMARY KEY (txn, n))"
)


@dataclass(frozen=True, slots=True)
class Promise:
    """How the toy is run: as it should be by default."""

    journal_mode: str = "WAL"
    synchronous: str = "FULL"
    syncs_lie: bool = False
    acknowledges_early: bool = False


@dataclass(slots=True)
class Outcome:
    """What one schedule showed. A store that keeps its promise has nothing in `lost` and `corrupt`."""

    acknowledged: int = 0
    failed: int = 0  # transactions that an error ended while the power was on
    lost: set[int] = field(default_factory=set)
    corrupt: list[str] = field(default_factory=list)
    cuts: list[Losses] = field(default_factory=list)
    losses: Losses = field(default_factory=Losses)


def body(txn: int, n: int) -> bytes:
    return Random(txn * 1_000 + n).randbytes(ROW)


class Session:
    """One opening of the ledger, from the mount to the cut."""

    def __init__(self, disk: LossyDisk, rng: Random, *, promise: Promise) -> None:
        self.disk = disk
        self.rng = rng
        self.promise = promise
        self.acknowledged: set[int] = set()
        self.failed = 0
        self._connection: apsw.Connection | None = None

    def run(self, first: int, last: int) -> None:
        """Write transactions first..last, as far as the power lasts; then close or, as often, be killed."""
        with suppress(apsw.Error):
            self._connection = apsw.Connection(str(self.disk.folder / "ledger.db"), vfs=self.disk.name)
            self._prepare(self._connection)
            for txn in range(first, last + 1):
                self._write(self._connection, txn)
        if self.rng.random() < 0.5:
            self.close()

    def close(self) -> None:
        """Let go of the connection, dead or alive."""
        if self._connection is not None:
            with suppress(apsw.Error):
                self._connection.close()

    def _prepare(self, connection: apsw.Connection) -> None:
        connection.pragma("page_size", self.rng.choice([512, 1024, 4096]))
        connection.pragma("synchronous", self.promise.synchronous)
        connection.pragma("journal_mode", self.promise.journal_mode)
        connection.wal_autocheckpoint(self.rng.choice([4, 16, 64, 1000]))
        connection.execute(SCHEMA)

    def _write(self, connection: apsw.Connection, txn: int) -> None:
        """Write and acknowledge one transaction; after an error it is not acknowledged, and the next one's turn."""
        try:
            rows = self.rng.randint(1, 5)
            connection.execute("BEGIN IMMEDIATE")
            for n in range(rows):
                connection.execute("INSERT INTO ledger VALUES (?, ?, ?, ?)", (txn, n, rows, body(txn, n)))
            if self.promise.acknowledges_early:
                self.acknowledged.add(txn)
            connection.execute("COMMIT")
            self.acknowledged.add(txn)
        except apsw.Error:
            if not self.disk.is_on:
                raise
            self.failed += 1
            if connection.in_transaction:
                connection.execute("ROLLBACK")


def check(disk: LossyDisk, acknowledged: set[int], *, outcome: Outcome) -> int:
    """Open what survived and hold it against the promise. The last transaction that is there."""
    try:
        rows = read(disk)
    except (apsw.Error, AssertionError) as error:
        outcome.corrupt.append(repr(error))
        return 0
    found: dict[int, set[int]] = {}
    for txn, n, of, content in rows:
        found.setdefault(txn, set(range(of))).discard(n)
        if content != body(txn, n):
            outcome.corrupt.append(f"row {txn}.{n} is not what was written")
    outcome.corrupt += [f"transaction {txn} is there in part" for txn, missing in found.items() if missing]
    outcome.lost |= acknowledged - found.keys()
    return max(found, default=0)


def read(disk: LossyDisk) -> list[tuple[int, int, int, bytes]]:
    """All rows of a database that SQLite finds sound. Raises AssertionError or apsw.Error if it does not."""
    with closing(apsw.Connection(str(disk.folder / "ledger.db"), vfs=disk.name)) as connection:
        verdict = connection.pragma("integrity_check")
        assert verdict == "ok", verdict
        has_table = connection.execute("SELECT count(*) FROM sqlite_schema WHERE name = 'ledger'").get
        rows = connection.execute("SELECT txn, n, of, body FROM ledger").fetchall() if has_table else []
        return cast("list[tuple[int, int, int, bytes]]", rows)


def schedule(seed: int, *, promise: Promise, failed_syncs: AfterFailedSync | None = None) -> Outcome:
    """Up to three sessions on one disk, each cut somewhere, perhaps while it recovers, and the check at the end.

    With *failed_syncs* a sync or a write fails now and then before the cut, and the store simply carries on.
    """
    rng = Random(f"schedule {seed}")
    outcome = Outcome()
    acknowledged: set[int] = set()
    with LossyDisk(seed, syncs_lie=promise.syncs_lie) as disk:
        sessions = rng.randint(1, 3)
        last = 0
        for _ in range(sessions):
            share = TRANSACTIONS // sessions
            disk.cut_at(disk.operations + rng.randint(1, share * OPERATIONS))
            if failed_syncs is not None:
                disk.fail(rng.randint(1, share), Operation.SYNC, cache=failed_syncs)
                disk.fail(rng.randint(1, share * 8), Operation.WRITE, error=apsw.SQLITE_FULL)
            session = Session(disk, rng, promise=promise)
            session.run(last + 1, last + share)
            acknowledged |= session.acknowledged
            outcome.failed += session.failed
            outcome.cuts.append(disk.power_loss())
            session.close()
            last = check(disk, acknowledged, outcome=outcome)
            if outcome.lost or outcome.corrupt:
                break
        outcome.acknowledged = len(acknowledged)
        outcome.losses = disk.losses
    return outcome
