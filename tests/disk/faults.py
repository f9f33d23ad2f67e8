"""What is planned to go wrong on a disk, and the count of operations by which it is planned."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

import apsw


class Operation(StrEnum):
    """What is counted. Reading, opening and locking are not."""

    WRITE = "write"
    SYNC = "sync"
    TRUNCATE = "truncate"
    DELETE = "delete"


class AfterFailedSync(StrEnum):
    """What becomes of the writes that a failed sync should have made durable. All stay in the cache but *dropped*."""

    DIRTY = "dirty"  # they wait on, and the next sync writes them
    FORGOTTEN = "forgotten"  # Linux: chance decides which are durable, and no later sync writes the others
    DROPPED = "dropped"  # the same, and the cache shows what the medium holds


CODES: Final = {
    Operation.WRITE: apsw.SQLITE_IOERR_WRITE,
    Operation.SYNC: apsw.SQLITE_IOERR_FSYNC,
    Operation.TRUNCATE: apsw.SQLITE_IOERR_TRUNCATE,
    Operation.DELETE: apsw.SQLITE_IOERR_DELETE,
}


@dataclass(frozen=True, slots=True)
class Failure:
    """The *at*-th operation of a kind fails; all from there on if it is *lasting*."""

    at: int
    error: int
    lasting: bool
    cache: AfterFailedSync

    def strikes(self, count: int) -> bool:
        return count >= self.at if self.lasting else count == self.at


class Faults:
    """Counts operations and answers how each one fares. Holds no lock: its disk does."""

    def __init__(self) -> None:
        self.counts: Counter[Operation] = Counter()
        self.failures: dict[Operation, Failure] = {}
        self.cut: int | None = None

    @property
    def operations(self) -> int:
        return self.counts.total()

    def count(self, operation: Operation) -> Failure | None:
        """One more operation: the failure that strikes it, if any."""
        self.counts[operation] += 1
        failure = self.failures.get(operation)
        return failure if failure is not None and failure.strikes(self.counts[operation]) else None

    def cuts_now(self) -> bool:
        return self.cut is not None and self.operations >= self.cut


def error_for(operation: Operation, code: int = apsw.SQLITE_IOERR) -> apsw.Error:
    """What SQLite is told: the disk is full, or the operation's own kind of I/O error."""
    error = apsw.exception_for(apsw.SQLITE_FULL if code == apsw.SQLITE_FULL else CODES[operation])
    assert isinstance(error, apsw.Error)
    return error
