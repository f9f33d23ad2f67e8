"""The rounds: every contender in turn, again and again, so that a noisy moment hits them all alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from statistics import median
from typing import Literal

from benchmarks.mls.rows import Key, Samples

__all__ = ["Clock", "Results", "interleave"]

Clock = Literal["cpu", "wall"]


class Results:
    """What all rounds measured. Ratios are medians over the rounds' own ratios, times are medians."""

    def __init__(self, rounds: Sequence[Samples]) -> None:
        self._rounds = rounds

    def seconds(self, key: Key, clock: Clock) -> float | None:
        found = [getattr(samples[key], clock) for samples in self._rounds if key in samples]
        return median(found) if found else None

    def ratio(self, key: Key, to: Key, clock: Clock) -> float | None:
        found = [
            getattr(samples[key], clock) / getattr(samples[to], clock)
            for samples in self._rounds
            if key in samples and to in samples
        ]
        return median(found) if found else None

    def joined(self, other: Results) -> Results:
        return Results([*self._rounds, *other._rounds])


def interleave(steps: Sequence[Callable[[], Samples]], rounds: int) -> Results:
    """Each step once a round, the first one shifting by one each time."""
    found = []
    for number in range(rounds):
        samples: Samples = {}
        start = number % len(steps)
        for step in (*steps[start:], *steps[:start]):
            samples.update(step())
        found.append(samples)
    return Results(found)
