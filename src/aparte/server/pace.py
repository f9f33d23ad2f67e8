"""How often something may happen: a burst, then a steady rate. One number of state for each subject.

The generic cell rate algorithm (ITU-T I.371): the state is the time at which all that was taken would be paid back
at the steady rate. It bears a clock that steps: when it is set back, no time has passed, and from there it goes on.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from math import ceil
from typing import Final, Generic, Self, TypeVar

from aparte.wire.ids import Millis

__all__ = ["Pace", "Paces", "SteadyTime"]

Subject = TypeVar("Subject", bound=Hashable)

#: Subjects that owe nothing are forgotten when there are this many more.
_SWEEP: Final = 16_384


@dataclass(frozen=True, slots=True)
class Pace:
    """`burst` at once, then one every `interval` milliseconds, which need not be whole."""

    interval: float
    burst: int

    @classmethod
    def per_second(cls, rate: int, *, burst: int) -> Self:
        """So many a second."""
        return cls(1000 / rate, burst)

    @property
    def slack(self) -> float:
        """How many milliseconds may be owed when one more is taken."""
        return (self.burst - 1) * self.interval

    def wait(self, owed: float) -> int:
        """Milliseconds until one more may be taken, if so many milliseconds are owed; 0 or less if now."""
        return ceil(owed - self.slack)


class SteadyTime:
    """A clock that never goes back: milliseconds since it was first looked at, and all that it was ever set back by.

    Small numbers, so that fractions of them are exact enough.
    """

    __slots__ = ("_latest", "_start")

    def __init__(self) -> None:
        self._latest: int | None = None
        self._start = 0

    def at(self, now: Millis) -> int:
        """The steady time at `now`."""
        if self._latest is None:
            self._start = now
        elif now < self._latest:
            self._start -= self._latest - now
        self._latest = now
        return now - self._start


class Paces(Generic[Subject]):
    """Keeps many subjects to one pace. Nothing is taken unless it may be."""

    __slots__ = ("_owed_until", "_pace", "_sweep_at", "_time")

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._owed_until: dict[Subject, float] = {}
        self._sweep_at = _SWEEP
        self._time = SteadyTime()

    def wait(self, subject: Subject, now: Millis) -> int:
        """Milliseconds until `take` may be called; 0 if now."""
        return max(0, self._pace.wait(self._owed_until.get(subject, 0) - self._time.at(now)))

    def take(self, subject: Subject, now: Millis, *, count: int = 1) -> None:
        """Take `count` now."""
        time = self._time.at(now)
        self._owed_until[subject] = max(time, self._owed_until.get(subject, 0)) + count * self._pace.interval
        if len(self._owed_until) > self._sweep_at:
            self._sweep(time)

    def admit(self, subject: Subject, now: Millis) -> int:
        """Take one now if that may be: 0. Otherwise take nothing: milliseconds until it may."""
        wait = self.wait(subject, now)
        if not wait:
            self.take(subject, now)
        return wait

    def _sweep(self, time: int) -> None:
        self._owed_until = {subject: until for subject, until in self._owed_until.items() if until > time}
        self._sweep_at = len(self._owed_until) + _SWEEP
