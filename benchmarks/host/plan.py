"""How much is measured: the full run, and the quick one that APARTE_BENCH_QUICK=1 asks for."""

from __future__ import annotations

import os
from dataclasses import dataclass

__all__ = ["Plan", "plan_from_environment"]


@dataclass(frozen=True, slots=True)
class Plan:
    """Sizes and repetitions. A round gives each contender one turn."""

    quick: bool
    rounds: int
    #: Of a turn under load.
    seconds: float
    #: Rounds in which many clients come back, and in which links are only held.
    long_rounds: int
    held_rounds: int
    #: Links that are held for their memory, and the logs that each of them has open at last.
    held_links: int
    held_logs: int
    #: Clients that come back at once, and the logs of each.
    clients: int
    clients_logs: int
    #: The large store.
    logs: int
    entries: int
    entry_body: int
    blob_mib: int
    starts: int


FULL = Plan(
    quick=False, rounds=5, seconds=4.0, long_rounds=3, held_rounds=3, held_links=5_000, held_logs=50,
    clients=10_000, clients_logs=50, logs=100_000, entries=10_000_000, entry_body=1024, blob_mib=100, starts=7,
)  # fmt: skip
QUICK = Plan(
    quick=True, rounds=2, seconds=1.0, long_rounds=2, held_rounds=1, held_links=2_000, held_logs=50,
    clients=1_000, clients_logs=50, logs=100_000, entries=1_000_000, entry_body=1024, blob_mib=100, starts=2,
)  # fmt: skip


def plan_from_environment() -> Plan:
    return QUICK if os.environ.get("APARTE_BENCH_QUICK", "0") not in {"", "0"} else FULL
