"""The goals of the project's first part, and whether a run met them. None of them fails the run."""

from __future__ import annotations

from dataclasses import dataclass

from benchmarks.mls.plan import OWN_SUITE
from benchmarks.mls.rounds import Clock, Results
from benchmarks.mls.rows import MESSAGE_ROWS, Contender, Key, Row

__all__ = ["GOALS", "MEMORY_GOALS", "Goal", "Verdict", "clock_of", "judge"]

MIB = 1 << 20
#: RSS growth of a joiner, in bytes, by suite.
MEMORY_GOALS = {0x0001: 10 * MIB, OWN_SUITE: 20 * MIB}


@dataclass(frozen=True, slots=True)
class Goal:
    """At most `limit` times what `to` takes; in seconds of CPU if `to` is None."""

    row: Row
    suite: int
    limit: float
    to: Contender | None
    #: The suite that `to` is measured in, if it is another.
    to_suite: int | None = None

    @property
    def key(self) -> Key:
        return Key(self.row, self.suite, Contender.APARTE)

    @property
    def other(self) -> Key | None:
        return None if self.to is None else Key(self.row, self.to_suite or self.suite, self.to)


@dataclass(frozen=True, slots=True)
class Verdict:
    """`value` is None if there was nothing to compare with."""

    goal: Goal
    value: float | None

    @property
    def missed(self) -> bool:
        return self.value is not None and self.value > self.goal.limit

    @property
    def word(self) -> str:
        if self.value is None:
            return "not measured"
        return "MISSED" if self.missed else "ok"

    def __str__(self) -> str:
        goal = self.goal
        if goal.to is None:
            shown = "" if self.value is None else f"{self.value * 1e3:.1f} ms CPU "
            return f"{shown}(≤ {goal.limit * 1e3:g} ms) {self.word}"
        name = goal.to.value if goal.to_suite is None else f"{goal.to.value} {goal.to_suite:#06x}"
        shown = "" if self.value is None else f"{self.value:.2f} "
        return f"{shown}× {name} (≤ {goal.limit:g}) {self.word}"


def _goals() -> tuple[Goal, ...]:
    floor, mls_rs, ts_mls, aparte = Contender.FLOOR, Contender.MLS_RS, Contender.TS_MLS, Contender.APARTE
    own = [Goal(row, OWN_SUITE, 1.3, aparte, 0x0001) for row in MESSAGE_ROWS]
    own += [Goal(row, OWN_SUITE, 1.5, floor) for row in (Row.ADD, Row.JOIN, Row.COMMIT)]
    return (
        Goal(Row.PROTECT, 0x0001, 1.6, floor),
        Goal(Row.PROTECT, 0x0001, 0.35, mls_rs),
        Goal(Row.PROTECT, 0x0001, 0.06, ts_mls),
        Goal(Row.UNPROTECT, 0x0001, 1.5, floor),
        Goal(Row.UNPROTECT, 0x0001, 0.8, mls_rs),
        Goal(Row.ADD, 0x0001, 0.65, mls_rs),
        Goal(Row.JOIN, 0x0001, 1.1, mls_rs),
        Goal(Row.COMMIT, 0x0001, 0.8, mls_rs),
        Goal(Row.PROCESS, 0x0001, 0.005, None),
        *own,
    )


GOALS = _goals()


def clock_of(goal: Goal) -> Clock:
    """Messages and what is stated in CPU are judged by CPU; bulk work, which may use threads, by the wall."""
    return "cpu" if goal.row in MESSAGE_ROWS or goal.to is None else "wall"


def judge(results: Results) -> list[Verdict]:
    verdicts = []
    for goal in GOALS:
        other, clock = goal.other, clock_of(goal)
        value = results.seconds(goal.key, clock) if other is None else results.ratio(goal.key, other, clock)
        verdicts.append(Verdict(goal, value))
    return verdicts
