"""When a CA is asked again."""

from __future__ import annotations

import math
from datetime import UTC, datetime
from typing import Any

import pytest

from aparte.server.shell.acme.pace import Failures, Validity

HOUR, DAY = 3600.0, 86_400.0
NOW = 1_800_000_000.0


def failed(*hours_ago: float, heard: bool = True, pause: float = 0.0) -> Failures:
    found = Failures()
    for hours in sorted(hours_ago, reverse=True):
        found = found.with_another("no", at=NOW - hours * HOUR, heard=heard, pause=pause)
    return found


def test_who_waits_for_it_may_try_four_times_an_hour() -> None:
    assert Failures().next_start(NOW) <= NOW
    assert failed(0.1, 0.2, 0.3).next_start(NOW) <= NOW
    assert failed(0.1, 0.2, 0.3, 0.75).next_start(NOW) == NOW + 0.25 * HOUR
    assert failed(0.1, 0.2, 0.3, 1.01, 1.02).next_start(NOW) <= NOW
    assert failed(*[n / 100 for n in range(40)]).next_start(NOW) > NOW


def test_a_ca_that_was_not_reached_does_not_count() -> None:
    assert failed(0.1, 0.2, 0.3, 0.4, 0.5, heard=False).next_start(NOW) <= NOW
    assert failed(0.1, 0.2, 0.3, heard=False).next_try(NOW, jitter=0.0) == NOW + 0.9 * HOUR


def test_back_off() -> None:
    pauses = [(failed(*[0.0] * n).next_try(NOW, jitter=0.0) - NOW) / HOUR for n in range(8)]
    assert pauses[1:] == [1, 2, 4, 8, 16, 24, 24]
    assert Failures().next_try(NOW, jitter=1.0) <= NOW
    assert failed(0.0).next_try(NOW, jitter=1.0) == NOW + 1.5 * HOUR, "jitter makes it later, never sooner"


@pytest.mark.parametrize("asked", [Failures.next_start, lambda f, now: f.next_try(now, jitter=0.0)])
def test_what_the_ca_asks_for_is_kept_within_reason(asked: Any) -> None:
    assert asked(failed(0.0, pause=30 * HOUR), NOW) == NOW + 30 * HOUR
    assert asked(failed(0.0, pause=1e9), NOW) == NOW + 7 * DAY
    assert asked(failed(2.0, pause=-1e9), NOW) <= NOW


def test_a_clock_that_went_back_holds_nobody_up() -> None:
    before = failed(0.0, 0.1, 0.2, 0.3, 0.4, pause=DAY)
    assert before.next_start(NOW - 365 * DAY) <= NOW - 365 * DAY
    assert before.next_try(NOW - 365 * DAY, jitter=1.0) <= NOW - 365 * DAY


def test_it_notes_so_much_and_no_more() -> None:
    assert len(failed(*[n / 100 for n in range(100)]).heard) == 16


@pytest.mark.parametrize(
    "found",
    [
        None, [], {}, {"heard": 1, "at": 0, "silent_until": 0, "said": ""},
        {"heard": [], "at": "x", "silent_until": 0, "said": ""}, {"heard": [], "at": 0, "silent_until": 0},
        {"heard": [math.nan], "at": 0, "silent_until": 0, "said": ""},
        {"heard": [], "at": 0, "silent_until": math.inf, "said": ""},
        {"heard": [], "at": 10**400, "silent_until": 0, "said": ""},
    ],
)  # fmt: skip
def test_no_record(found: Any) -> None:
    with pytest.raises(ValueError, match="no"):
        Failures.from_json(found)


def at(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def test_a_third_is_left() -> None:
    ninety = Validity(NOW, NOW + 90 * DAY, obtained=NOW)
    assert ninety.due(None) == NOW + 60 * DAY
    six = Validity(NOW, NOW + 6 * DAY, obtained=NOW)
    assert six.due(None) == NOW + 4 * DAY


def test_a_ca_may_suggest_an_earlier_time() -> None:
    ninety = Validity(NOW, NOW + 90 * DAY, obtained=NOW)
    assert ninety.due(at(NOW + 10 * DAY)) == NOW + 10 * DAY
    assert ninety.due(at(NOW + 80 * DAY)) == NOW + 60 * DAY
    assert ninety.due(at(NOW - 80 * DAY)) == NOW + 2 * DAY == ninety.earliest


def test_what_is_short_is_not_renewed_without_end() -> None:
    late = Validity(NOW - 80 * DAY, NOW + 9 * DAY, obtained=NOW)
    assert late.due(None) == late.earliest == NOW + 2 * DAY
    hour = Validity(NOW - HOUR, NOW + HOUR, obtained=NOW)
    assert hour.due(None) == NOW + HOUR / 3
    odd = Validity(NOW, NOW + 90 * DAY, obtained=NOW + 365 * DAY)
    assert odd.due(None) <= odd.ends, "whatever the clock said when it came"
