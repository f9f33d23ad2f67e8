"""What a run found: for each row the turns of its contenders, by rounds, and what each goal came to."""

from __future__ import annotations

import statistics
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

__all__ = ["Goal", "NotMeasured", "Row", "Turns", "Verdict"]

#: Contender → its turns, round by round: figure → value. The first contender is the one that is judged.
Turns = dict[str, list[dict[str, float]]]


class NotMeasured(Exception):
    """Something is missing here: what, and what to do about it."""


@dataclass(frozen=True, slots=True)
class Goal:
    """What a figure may be, at most or at least: as a multiple of another contender's, or by itself (`to` None).

    Without a `limit` it is only reported.
    """

    figure: str
    to: str | None = None
    at_most: float | None = None
    at_least: float | None = None

    @property
    def text(self) -> str:
        if self.at_most is not None:
            return f"≤ {self.at_most:.3g}"
        return "reported" if self.at_least is None else f"≥ {self.at_least:.3g}"


@dataclass(frozen=True, slots=True)
class Verdict:
    """`mine` and `other` are medians; `value` is the median of each round's ratio, or `mine` if there is no other."""

    goal: Goal
    mine: float
    other: float | None
    value: float

    @property
    def word(self) -> str:
        goal = self.goal
        if goal.at_most is None and goal.at_least is None:
            return ""
        is_high, is_low = goal.at_most is not None, goal.at_least is not None
        missed = (is_high and self.value > (goal.at_most or 0)) or (is_low and self.value < (goal.at_least or 0))
        return "MISSED" if missed else "ok"


@dataclass(frozen=True, slots=True)
class Row:
    """One load and what came of it."""

    name: str
    turns: Turns
    goals: tuple[Goal, ...]
    #: What else is to be known of it.
    note: str = ""

    def median(self, contender: str, figure: str) -> float:
        return statistics.median(turn[figure] for turn in self.turns[contender])

    def verdicts(self) -> Iterator[Verdict]:
        """Raises `KeyError` if a goal speaks of what was not measured."""
        first = next(iter(self.turns))
        for goal in self.goals:
            mine = self.median(first, goal.figure)
            if goal.to is None:
                yield Verdict(goal, mine, None, mine)
                continue
            pairs = zip(self.turns[first], self.turns[goal.to], strict=True)
            ratio = statistics.median(own[goal.figure] / other[goal.figure] for own, other in pairs)
            yield Verdict(goal, mine, self.median(goal.to, goal.figure), ratio)

    def as_json(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "note": self.note,
            "turns": self.turns,
            "goals": [
                {
                    "figure": verdict.goal.figure,
                    "to": verdict.goal.to,
                    "at_most": verdict.goal.at_most,
                    "at_least": verdict.goal.at_least,
                    "value": verdict.value,
                    "verdict": verdict.word,
                }
                for verdict in self.verdicts()
            ],
        }

    @staticmethod
    def from_json(found: dict[str, Any]) -> Row:
        goals = tuple(
            Goal(goal["figure"], goal["to"], at_most=goal["at_most"], at_least=goal["at_least"])
            for goal in found["goals"]
        )
        return Row(found["name"], found["turns"], goals, found["note"])
