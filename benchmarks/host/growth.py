"""What a post costs in a host that has seen much, beside one that has seen little, under the same load."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

from benchmarks.host.bench import Bench
from benchmarks.host.filling import Filled, fill
from benchmarks.host.grants import write_grants
from benchmarks.host.rows import Goal, Row, Turns
from benchmarks.host.servers import Server, load, pause, running

__all__ = ["growth_rows"]

_POSTERS = 10
#: As many logs as a link may have open, or all that there are.
_LOGS_OF_A_LINK = 4_000
#: A log's pace counts this as one KiB, 1,024 bytes as two.
_BODY = 1_000
_SMALL = "small host"


def growth_rows(bench: Bench) -> Iterator[Row]:
    """Ten posters, two posts in flight each: over 10 logs, and over 40,000 of very many, at random."""
    plan = bench.plan
    small = fill(bench.folder / "small", logs=_POSTERS, entries=100 * _POSTERS)
    large = fill(bench.folder / "large", logs=plan.logs, entries=plan.entries, body=plan.entry_body)
    with running("host", large.folder) as host, running("host", small.folder) as beside:
        pairs = {"host": (host, large), _SMALL: (beside, small)}
        turns: Turns = {name: [] for name in pairs}
        for number in range(plan.rounds):
            for name in sorted(pairs, reverse=bool(number % 2)):
                server, filled = pairs[name]
                turns[name].append(_turn(bench, server, grants=_grants(filled, turn=number)))
                pause()
        for name, (server, _) in pairs.items():
            turns[name] = [turn | {"start_s": server.start_s} for turn in turns[name]]
    goals = (
        Goal("cpu_us", _SMALL, at_most=1.3),
        Goal("posts_s", _SMALL, at_least=1 / 1.3),
        Goal("start_s", at_most=1.0),
    )
    size = sum(path.stat().st_size for path in (large.folder / "data").iterdir() if path.is_file())
    note = f"the small host has {_POSTERS} logs; the large one's database has {size / 1e9:.1f} GB"
    yield Row(f"posts at random logs of {plan.logs:,} with {plan.entries:,} entries", turns, goals, note)


def _grants(filled: Filled, *, turn: int) -> Path:
    """Each poster's logs: one of its own, or as many as it may have of a large host's, at random, others each turn."""
    chosen = random.Random(turn).sample(range(1, filled.logs + 1), min(filled.logs, _POSTERS * _LOGS_OF_A_LINK))
    path = filled.folder / "grants.txt"
    write_grants(path, [(place % _POSTERS, *filled.grant(number)) for place, number in enumerate(chosen)])
    return path


def _turn(bench: Bench, server: Server, *, grants: Path) -> dict[str, float]:
    words = (grants, _POSTERS, _POSTERS, 2, bench.plan.seconds)
    turn = load(bench.programs, server, words=words, body=_BODY)
    return turn | {"cpu_us": turn.pop("cpu_s") * 1e6 / (turn["posts_s"] * bench.plan.seconds)}
