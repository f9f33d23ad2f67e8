"""The floor: what the primitives that an operation used cost as direct calls, timed in the very same rounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import repeat
from statistics import median
from time import perf_counter, process_time

from aparte.crypto.suites import CipherSuite
from benchmarks.mls.counting import Primitive
from benchmarks.mls.primitives import Call, DirectCalls
from benchmarks.mls.rows import Contender, Key, Row, Sample, Samples

__all__ = ["Floor", "FloorLine"]

#: Seconds for which a primitive is repeated in a round, and in the contest that picks its library.
_PER_ROUND = 0.003
_FREE = Sample(0.0, 0.0)


@dataclass(frozen=True, slots=True)
class FloorLine:
    """One line of an operation's list. `seconds` is CPU time for one."""

    primitive: Primitive
    count: int
    library: str
    seconds: float


@dataclass(frozen=True, slots=True)
class _Direct:
    call: Call
    library: str
    repeats: int

    def sample(self) -> Sample:
        call, wall, cpu = self.call, perf_counter(), process_time()
        for _ in repeat(None, self.repeats):
            call()
        return Sample(process_time() - cpu, perf_counter() - wall).per(self.repeats)


class Floor:
    """One suite's operations: `counted` says what each used, once; `round` prices them all."""

    def __init__(self, suite: CipherSuite, counted: dict[Row, Counter[Primitive]]) -> None:
        self.suite = suite
        self.counted = counted
        self._calls = DirectCalls(suite)
        self._direct: dict[Primitive, _Direct] = {}
        self._prepare({primitive for counts in counted.values() for primitive in counts})
        self._prices: list[dict[Primitive, Sample]] = []

    def _prepare(self, primitives: Iterable[Primitive]) -> None:
        """Pick each primitive's fastest library."""
        for primitive in primitives:
            if primitive in self._direct:
                continue
            found = [_rated(call, library) for library, call in self._calls.candidates(primitive).items()]
            if found:
                self._direct[primitive] = min(found, key=lambda rated: rated[0])[1]
            self._prepare(self._calls.parts(primitive))

    def round(self) -> Samples:
        prices = {primitive: direct.sample() for primitive, direct in self._direct.items()}
        self._prices.append(prices)
        return {
            Key(row, self.suite.number, Contender.FLOOR): _sum(
                (self._price(primitive, prices)[0], count) for primitive, count in counts.items()
            )
            for row, counts in self.counted.items()
        }

    def _price(self, primitive: Primitive, prices: dict[Primitive, Sample]) -> tuple[Sample, str]:
        """The cheaper of a direct call and the sum of the parts."""
        offers = []
        if primitive in prices:
            offers.append((prices[primitive], self._direct[primitive].library))
        parts = self._calls.parts(primitive)
        if parts:
            total = _sum((self._price(part, prices)[0], count) for part, count in parts.items())
            offers.append((total, "sum of parts"))
        return min(offers, default=(_FREE, "no C call needed"))

    def lines(self, row: Row) -> list[FloorLine]:
        """The list of an operation, dearest first, with the median prices."""
        prices = {primitive: _median([prices[primitive] for prices in self._prices]) for primitive in self._direct}
        lines = []
        for primitive, count in self.counted[row].items():
            sample, library = self._price(primitive, prices)
            lines.append(FloorLine(primitive, count, library, sample.cpu))
        return sorted(lines, key=lambda line: line.count * line.seconds, reverse=True)


def _median(samples: Sequence[Sample]) -> Sample:
    return Sample(median(sample.cpu for sample in samples), median(sample.wall for sample in samples))


def _sum(items: Iterable[tuple[Sample, int]]) -> Sample:
    cpu = wall = 0.0
    for sample, count in items:
        cpu += sample.cpu * count
        wall += sample.wall * count
    return Sample(cpu, wall)


def _rated(call: Call, library: str) -> tuple[float, _Direct]:
    """(seconds, with as many repeats as fit into a round), by the best of several short trials."""
    first = _Direct(call, library, 1).sample().wall
    trial = _Direct(call, library, max(2, min(50, int(_PER_ROUND / max(first, 1e-8)))))
    best = min(trial.sample().wall for _ in range(7))
    return best, _Direct(call, library, max(3, int(_PER_ROUND / max(best, 1e-8))))
