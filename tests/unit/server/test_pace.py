"""The pace keeper against a naive one, and against clocks that step."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.server.pace import Pace, Paces
from aparte.wire.ids import Millis

START = 1_800_000_000_000
PACES = st.builds(Pace, interval=st.integers(1, 5000), burst=st.integers(1, 70))
JUMPS = st.lists(st.integers(-(10**8), 10**8) | st.integers(-2000, 2000), max_size=60)
STEPS = st.lists(st.integers(0, 20_000) | st.sampled_from([0, 0, 1]), max_size=200)


class Bucket:
    """The naive way: a bucket that leaks, and takes no more than it holds."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.level = 0
        self.now = START

    def goes_on_to(self, now: int) -> None:
        self.level -= min(self.level, max(0, now - self.now))
        self.now = now

    def takes(self) -> bool:
        if self.level > (self.pace.burst - 1) * self.pace.interval:
            return False
        self.level += self.pace.interval
        return True


@given(pace=PACES, steps=STEPS | JUMPS)
def test_as_a_leaky_bucket(pace: Pace, steps: list[int]) -> None:
    paces, bucket, now = Paces[str](pace), Bucket(pace), START
    for step in steps:
        now += step
        bucket.goes_on_to(now)
        wait = paces.wait("a", Millis(now))
        assert (paces.admit("a", Millis(now)) == 0) == (wait == 0) == bucket.takes()


@given(pace=PACES, steps=STEPS)
def test_no_time_sees_more_than_a_burst_and_the_rate(pace: Pace, steps: list[int]) -> None:
    paces, now, taken = Paces[str](pace), START, []
    for step in steps:
        now += step
        if not paces.admit("a", Millis(now)):
            taken.append(now)
    for first in range(len(taken)):
        for last in range(first, len(taken)):
            assert last - first + 1 <= pace.burst + (taken[last] - taken[first]) // pace.interval


@given(pace=PACES, steps=JUMPS)
def test_whoever_waits_as_told_is_let_through(pace: Pace, steps: list[int]) -> None:
    """Whatever the clock did before; and no wait is longer than one interval."""
    paces, now = Paces[str](pace), START
    for step in steps:
        now += step
        wait = paces.wait("a", Millis(now))
        assert 0 <= wait <= pace.interval
        now += wait
        assert paces.wait("a", Millis(now)) == 0
        assert paces.admit("a", Millis(now)) == 0


@given(pace=PACES, steps=STEPS, counts=st.lists(st.integers(1, 10_000), min_size=1))
def test_taking_many_at_once(pace: Pace, steps: list[int], counts: list[int]) -> None:
    """It may be more than the burst; it is paid back in full."""
    paces, now, paid = Paces[str](pace), START, 0
    for step, count in zip(steps, counts, strict=False):
        now += step + paces.wait("a", Millis(now + step))
        assert now - START >= (paid - (pace.burst - 1)) * pace.interval
        paces.take("a", Millis(now), count=count)
        paid += count


@given(pace=PACES, steps=STEPS | JUMPS)
def test_wait_and_take_are_admit(pace: Pace, steps: list[int]) -> None:
    one, two, now = Paces[str](pace), Paces[str](pace), START
    for step in steps:
        now += step
        wait = one.wait("a", Millis(now))
        if not wait:
            one.take("a", Millis(now))
        assert two.admit("a", Millis(now)) == wait


@pytest.mark.parametrize("rate", [3, 600, 999, 1000, 1001, 100_000])
def test_a_rate_is_kept_exactly_though_its_interval_is_no_whole_number(rate: int) -> None:
    paces, taken = Paces[str](Pace.per_second(rate, burst=rate)), -rate
    for now in range(START, START + 20_001, 5):
        while not paces.admit("a", Millis(now)):
            taken += 1
    assert abs(taken - 20 * rate) <= 1


def test_subjects_are_strangers() -> None:
    paces = Paces[int](Pace(1000, 2))
    for subject in range(10):
        assert [paces.admit(subject, Millis(START)) for _ in range(3)] == [0, 0, 1000]


def test_asking_takes_nothing() -> None:
    paces = Paces[str](Pace(1000, 1))
    assert [paces.wait("a", Millis(START)) for _ in range(100)] == [0] * 100
    assert paces.admit("a", Millis(START)) == 0
    assert [paces.wait("a", Millis(START)) for _ in range(100)] == [1000] * 100


def test_who_owes_nothing_is_forgotten() -> None:
    """A million subjects, one after another, are not a million to remember."""
    paces, now = Paces[int](Pace(100, 60)), START
    for subject in range(200_000):
        now += 1
        paces.admit(subject, Millis(now))
    assert len(paces._owed_until) < 20_000


def test_who_owes_is_not_forgotten() -> None:
    paces = Paces[int](Pace(10_000, 1))
    for subject in range(50_000):
        paces.admit(subject, Millis(START))
    assert all(paces.wait(subject, Millis(START)) == 10_000 for subject in range(50_000))
