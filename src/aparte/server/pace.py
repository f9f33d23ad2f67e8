"""How often something may happen: a burst, then a steady rate. One number of state for each subject.

The generic cell rate algorithm (ITU-T I.371): the state is the time at which all that was taken would be paid back
at the steady rate. It bears a clock that steps: backwards, what is owed is at most one full burst.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from aparte.wire.ids import Millis

__all__ = ["Pace", "Paces"]

Subject = TypeVar("Subject", bound=Hashable)

#: Subjects that owe nothing are forgotten when there are this many more.
_SWEEP: Final = 16_384


@dataclass(frozen=True, slots=True)
class Pace:
    """`burst` at once, then one every `interval` milliseconds."""

    interval: int
    burst: int


class Paces(Generic[Subject]):
    """Keeps many subjects to one pace. Nothing is taken unless it may be."""

    __slots__ = ("_owed_until", "_pace", "_sweep_at")

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._owed_until: dict[Subject, int] = {}
        self._sweep_at = _SWEEP

    def wait(self, subject: Subject, now: Millis) -> int:
        """Milliseconds until `take` may be called; 0 if now."""
        return max(0, self._owed(subject, now) - (self._pace.burst - 1) * self._pace.interval)

    def take(self, subject: Subject, now: Millis, *, count: int = 1) -> None:
        """Take `count` now."""
        self._owed_until[subject] = now + self._owed(subject, now) + count * self._pace.interval
        if len(self._owed_until) > self._sweep_at:
            self._sweep(now)

    def admit(self, subject: Subject, now: Millis) -> int:
        """Take one now if that may be: 0. Otherwise take nothing: milliseconds until it may."""
        pace = self._pace
        owed = self._owed_until.get(subject, 0) - now
        if owed <= 0:
            self._owed_until[subject] = now + pace.interval
            if len(self._owed_until) > self._sweep_at:
                self._sweep(now)
            return 0
        wait = self.wait(subject, now)
        if not wait:
            self.take(subject, now)
        return wait

    def _owed(self, subject: Subject, now: Millis) -> int:
        owed = self._owed_until.get(subject, 0) - now
        return max(0, min(owed, self._pace.burst * self._pace.interval))

    def _sweep(self, now: Millis) -> None:
        self._owed_until = {subject: until for subject, until in self._owed_until.items() if until > now}
        self._sweep_at = len(self._owed_until) + _SWEEP
