"""What is measured, by whom, on which clock: the names that everything else is keyed by."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from time import perf_counter, process_time
from typing import NamedTuple, TypeVar

__all__ = ["BULK_ROWS", "MESSAGE_ROWS", "Contender", "Key", "Row", "Sample", "Samples", "timed"]

T = TypeVar("T")


class Row(Enum):
    """An operation. Messages count 1 KiB in a group of two; the rest happens in a group of `Plan.members`."""

    PROTECT = "protect 1 KiB"
    UNPROTECT = "unprotect 1 KiB"
    ADD = "create, add all in one commit"
    JOIN = "join by Welcome"
    COMMIT = "empty path commit"
    PROCESS = "process that commit"


MESSAGE_ROWS = (Row.PROTECT, Row.UNPROTECT)
BULK_ROWS = (Row.ADD, Row.JOIN, Row.COMMIT, Row.PROCESS)


class Contender(Enum):
    """Who does it. The floor is no library but the sum of the primitives that Aparte used."""

    APARTE = "aparte"
    FLOOR = "floor"
    MLS_RS = "mls-rs"
    TS_MLS = "ts-mls"


class Sample(NamedTuple):
    """Seconds for one operation: CPU of the whole process (all threads), and by the wall clock."""

    cpu: float
    wall: float

    def per(self, count: int) -> Sample:
        return Sample(self.cpu / count, self.wall / count)


@dataclass(frozen=True, slots=True)
class Key:
    """One cell of the table."""

    row: Row
    suite: int
    contender: Contender


#: What one contender measured in one round.
Samples = dict[Key, Sample]


def timed(work: Callable[[], T]) -> tuple[Sample, T]:
    """Run once, and say how long it took."""
    wall, cpu = perf_counter(), process_time()
    result = work()
    return Sample(process_time() - cpu, perf_counter() - wall), result
