"""How much is measured: the full run, and the quick one that APARTE_BENCH_QUICK=1 asks for."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["OWN_SUITE", "SUITES", "Plan", "plan_from_environment"]

#: RFC 9420's mandatory suite, which the peers have too, and Aparte's post-quantum default.
OWN_SUITE = 0xF0A2
SUITES = (0x0001, OWN_SUITE)


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes and repetitions. A round runs every contender once."""

    quick: bool
    #: Members added to the group of the bulk rows, and to the one that shows growth (0: none).
    members: int
    large: int
    message_rounds: int
    #: Messages that a contender sends and receives in a round; ts-mls is given fewer.
    messages: int
    slow_messages: int
    bulk_rounds: int
    #: ts-mls needs seconds for what the others do in tenths: it sits out the later rounds.
    slow_bulk_rounds: int
    memory_runs: int


FULL = Plan(
    quick=False, members=1000, large=10_000, message_rounds=41, messages=200, slow_messages=20,
    bulk_rounds=7, slow_bulk_rounds=3, memory_runs=3,
)  # fmt: skip
QUICK = Plan(
    quick=True, members=200, large=0, message_rounds=11, messages=200, slow_messages=20,
    bulk_rounds=3, slow_bulk_rounds=1, memory_runs=1,
)  # fmt: skip


def plan_from_environment() -> Plan:
    return QUICK if os.environ.get("APARTE_BENCH_QUICK", "0") not in {"", "0"} else FULL
