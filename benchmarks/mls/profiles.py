"""Where an operation's time goes: cProfile by self-time, for the goals that were missed."""

from __future__ import annotations

import cProfile
import pstats
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.mls import engine
from benchmarks.mls.engine import Cast
from benchmarks.mls.rows import MESSAGE_ROWS, Row

__all__ = ["profile"]

_TOP = 15
_MESSAGES = 2000


def profile(row: Row, pair: Cast, cast: Cast) -> list[str]:
    """The dearest functions, one per line. The profiler makes short functions look dearer than they are."""
    work, count = (_message_work(row, pair), _MESSAGES) if row in MESSAGE_ROWS else (_bulk_work(row, cast), 1)
    profiler = cProfile.Profile()
    profiler.runcall(work)
    return list(_lines(pstats.Stats(profiler), count))


def _message_work(row: Row, pair: Cast) -> Callable[[], object]:
    sender, receiver = engine.two_members(pair)
    if row is Row.PROTECT:
        return lambda: engine.send_all(sender, _MESSAGES)
    _, messages = engine.send_all(sender, _MESSAGES)
    return lambda: engine.receive_all(receiver, messages)


def _bulk_work(row: Row, cast: Cast) -> Callable[[], object]:
    if row is Row.ADD:
        return lambda: engine.add_all(cast)
    group, welcome = engine.add_all(cast)
    if row is Row.JOIN:
        return lambda: engine.join_as(cast, 0, welcome)
    if row is Row.COMMIT:
        return lambda: engine.empty_commit(group)
    member = engine.join_as(cast, 0, welcome)
    _, message = engine.empty_commit(group)
    return lambda: engine.follow(member, message)


def _lines(stats: pstats.Stats, count: int) -> Iterator[str]:
    entries = stats.stats  # type: ignore[attr-defined]
    total = sum(own for _, _, own, _, _ in entries.values())
    yield f"{total / count * 1e6:,.1f} µs under the profiler"
    for (file, line, function), (_, calls, own, _, _) in sorted(entries.items(), key=lambda item: -item[1][2])[:_TOP]:
        place = f"{Path(file).name}:{line} " if line else ""
        yield f"  {own / total:6.1%}{own / count * 1e6:12,.1f} µs{calls / count:10,.1f} calls  {place}{function}"
