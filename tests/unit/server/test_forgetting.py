"""A clock that leaps is not believed at once."""

from __future__ import annotations

from aparte.server.forgetting import ForgettingClock
from aparte.wire.ids import Millis

HOUR = 3_600_000
DAY = 24 * HOUR
NOON = 1_800_000_000_000


def may(clock: ForgettingClock, now: int, *, swept: int | None, steady: int) -> bool:
    return clock.may_forget(Millis(now), swept=None if swept is None else Millis(swept), steady=steady)


def test_the_first_sweep_only_notes_the_time() -> None:
    assert not may(ForgettingClock(), NOON, swept=None, steady=0)


def test_an_hour_later_all_is_well() -> None:
    assert may(ForgettingClock(), NOON + HOUR, swept=NOON, steady=HOUR)


def test_two_days_off_are_well_too() -> None:
    assert may(ForgettingClock(), NOON + 2 * DAY, swept=NOON, steady=0)
    assert not may(ForgettingClock(), NOON + 2 * DAY + 1, swept=NOON, steady=0)


def test_a_clock_that_was_set_back_forgets_nothing() -> None:
    assert not may(ForgettingClock(), NOON - 1, swept=NOON, steady=0)


def test_a_leap_is_believed_after_a_day_of_even_time() -> None:
    clock = ForgettingClock()
    later = NOON + 365 * DAY
    answers = [may(clock, later + hour * HOUR, swept=NOON, steady=hour * HOUR) for hour in range(26)]
    assert answers == [False] * 24 + [True] * 2


def test_a_leap_and_back_is_never_believed() -> None:
    clock = ForgettingClock()
    assert not may(clock, NOON + 365 * DAY, swept=NOON, steady=0)
    assert may(clock, NOON + HOUR, swept=NOON, steady=HOUR)
    assert not may(clock, NOON + 365 * DAY, swept=NOON, steady=30 * HOUR)


def test_a_clock_that_leaps_again_and_again_begins_anew() -> None:
    clock = ForgettingClock()
    for hour in range(48):
        assert not may(clock, NOON + 10 * DAY + hour * 2 * HOUR, swept=NOON, steady=hour * HOUR)
