"""The bytes of one file: what lies on the medium, what waits in the cache, and what a loss of power leaves of both.

Each waiting write is kept, dropped, or torn at sector boundaries, whatever befalls the others; so a later write may
survive an earlier one. Sectors are atomic, and bytes beside a write are never harmed (SQLite's "powersafe
overwrite"). What survives is laid down in the cache's order: had a device taken two writes to one sector the other
way round, it would hold what dropping the later one leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from random import Random
from typing import Final, assert_never

SECTOR: Final = 512
LATE_SIZE: Final = 0.25  # how often a file has grown to its new size, as zeros, though its last bytes were lost


@dataclass(frozen=True, slots=True)
class Write:
    """*data* at *offset*; a gap before it reads as zeros."""

    offset: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Truncate:
    """The file is *size* bytes long from now on."""

    size: int


Change = Write | Truncate


@dataclass(slots=True)
class Losses:
    """What became of changes that were in flight. A truncation is kept or dropped; only writes are torn."""

    kept: int = 0
    dropped: int = 0
    torn: int = 0

    @property
    def in_flight(self) -> int:
        return self.kept + self.dropped + self.torn

    def add(self, other: Losses) -> None:
        self.kept += other.kept
        self.dropped += other.dropped
        self.torn += other.torn


class Medium:
    """One file. `durable` survives a loss of power; `waiting` may not, and is what a sync makes durable."""

    def __init__(self, durable: bytes = b"") -> None:
        self.durable = bytearray(durable)
        self.waiting: list[Change] = []

    def settle(self) -> None:
        """All that waits is durable now: a sync."""
        for change in self.waiting:
            self._apply(change)
        self.waiting.clear()

    def scatter(self, rng: Random) -> Losses:
        """Chance decides what becomes of all that waits: a loss of power, or a sync that fails."""
        losses = Losses()
        size = self._size_in_cache()
        calm = rng.random()  # per file, so that a log may survive whole beside a shredded database, and vice versa
        for change in self.waiting:
            self._befall(change, losses, rng=rng, calm=calm)
        if self.waiting and len(self.durable) < size and rng.random() < LATE_SIZE:
            self._apply(Truncate(size))
        self.waiting.clear()
        return losses

    def _befall(self, change: Change, losses: Losses, *, rng: Random, calm: float) -> None:
        sectors = list(cut_at_sectors(change)) if isinstance(change, Write) else []
        if rng.random() < calm:
            self._apply(change)
            losses.kept += 1
        elif len(sectors) < 2 or rng.random() < 0.5:
            losses.dropped += 1
        else:
            for sector in rng.sample(sectors, rng.randrange(1, len(sectors))):
                self._apply(sector)
            losses.torn += 1

    def _apply(self, change: Change) -> None:
        match change:
            case Write(offset, data):
                self._grow(offset)
                self.durable[offset : offset + len(data)] = data
            case Truncate(size):
                del self.durable[size:]
                self._grow(size)
            case _:
                assert_never(change)

    def _grow(self, size: int) -> None:
        self.durable.extend(bytes(max(0, size - len(self.durable))))

    def _size_in_cache(self) -> int:
        size = len(self.durable)
        for change in self.waiting:
            size = change.size if isinstance(change, Truncate) else max(size, change.offset + len(change.data))
        return size


def cut_at_sectors(write: Write) -> Iterator[Write]:
    """The parts of a write, each within one sector of the medium."""
    start, end = write.offset, write.offset + len(write.data)
    while start < end:
        stop = min(end, (start // SECTOR + 1) * SECTOR)
        yield Write(start, write.data[start - write.offset : stop - write.offset])
        start = stop
