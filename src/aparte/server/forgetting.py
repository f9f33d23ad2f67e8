"""Whether the clock may be believed when it says that something is to be forgotten: what is erased does not come back.

A clock that is a year ahead for a minute must not cost a year's messages. So a sweep that finds the time far from
the last sweep's, or before it, waits until the host has run for a day and the clock has gone on evenly all the while.
"""

from __future__ import annotations

from typing import Final

from aparte.wire.ids import Millis

__all__ = ["ForgettingClock"]

_HOUR: Final = 3_600_000
#: A host that is off for longer than this waits a day before it forgets. Sweeps are an hour apart.
_LEAP: Final = 48 * _HOUR
_PROBATION: Final = 24 * _HOUR
#: What clocks may differ by in that day, as they are set right by the network.
_SLACK: Final = _HOUR // 6


class ForgettingClock:
    """Compares the time of day with a clock that only counts (`steady`, milliseconds from any beginning)."""

    def __init__(self) -> None:
        self._on_probation: tuple[int, int] | None = None

    def may_forget(self, now: Millis, *, swept: Millis | None, steady: int) -> bool:
        """Whether a sweep may go by `now`. `swept` is when the last one did, None if there was none."""
        if swept is None or 0 <= now - swept <= _LEAP:
            self._on_probation = None
            return swept is not None
        since, steady_since = self._on_probation or (now, steady)
        if abs((now - since) - (steady - steady_since)) > _SLACK:
            since, steady_since = now, steady
        self._on_probation = (since, steady_since)
        return steady - steady_since >= _PROBATION
