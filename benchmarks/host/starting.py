"""How long a host takes to start, and what it holds while nobody is there."""

from __future__ import annotations

import time
from collections.abc import Iterator

from benchmarks.host.bench import Bench
from benchmarks.host.rows import Goal, Row, Turns
from benchmarks.host.servers import running

__all__ = ["starting_rows"]

_IDLE = 2.0


def starting_rows(bench: Bench) -> Iterator[Row]:
    turns: Turns = {"host": []}
    folder = bench.folder / "started"
    with running("host", folder):  # makes the folder: once in a host's life
        pass
    for _ in range(bench.plan.starts):
        with running("host", folder) as host:
            time.sleep(_IDLE)
            turns["host"].append({"start_s": host.start_s, "rss_mb": host.rss() / 1e6})
    yield Row("start, and idle", turns, (Goal("start_s", at_most=1.0), Goal("rss_mb", at_most=80)))
