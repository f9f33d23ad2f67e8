"""Posts and deliveries: the host, a bare one and an echo by turns under the same load."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from benchmarks.host.bench import Bench, require_links
from benchmarks.host.grants import make_logs, write_grants
from benchmarks.host.rows import Goal, Row, Turns
from benchmarks.host.servers import Server, load, pause, running

__all__ = ["post_rows"]


@dataclass(frozen=True, slots=True)
class _Load:
    """`links` in pairs over logs of their own, or all on one log (`logs` 0)."""

    name: str
    links: int
    posters: int
    window: int
    logs: int
    goals: tuple[Goal, ...]
    #: Whether a quick run has time for it.
    is_quick: bool = True

    @property
    def is_group(self) -> bool:
        return self.logs == 0


def _rate(other: str, at_least: float | None, *, figure: str = "posts_s") -> Goal:
    return Goal(figure, other, at_least=at_least)


_LATENCY = (Goal("answer_p50", "bare", at_most=1.25), Goal("answer_p99", "bare", at_most=1.25))
_GROUP = (_rate("bare", 0.8, figure="deliveries_s"), _rate("echo", None, figure="deliveries_s"))
_LOADS = (
    _Load("100 pairs, 1 KiB, one in flight", 200, 200, 1, 1, (_rate("bare", 0.8), _rate("echo", 0.2), *_LATENCY)),
    _Load("100 pairs, one in flight, 30 logs a pair", 200, 200, 1, 30, (_rate("bare", 0.8),), is_quick=False),
    _Load("100 pairs, four in flight", 200, 200, 4, 1, (_rate("bare", None), _rate("echo", None))),
    _Load("one pair, one of them posts", 2, 1, 1, 1, (_rate("bare", None), *_LATENCY)),
    _Load("one log, 1,000 links, one poster", 1000, 1, 1, 0, _GROUP),
    _Load("one log, 1,000 links, ten posters", 1000, 10, 1, 0, _GROUP),
)


def post_rows(bench: Bench) -> Iterator[Row]:
    folder = bench.folder
    require_links(max(each.links for each in _LOADS))
    with (
        running("host", folder / "host") as host,
        running("bare", folder / "bare") as bare,
        running("echo", folder / "echo") as echo,
    ):
        for each in (each for each in _LOADS if each.is_quick or not bench.plan.quick):
            yield Row(each.name, _turns(bench, [host, bare, echo], each=each), each.goals)


def _turns(bench: Bench, servers: list[Server], *, each: _Load) -> Turns:
    """Each server once a round, the first one shifting by one each time."""
    grants = bench.folder / "grants.txt"
    _grant(each, servers[0], path=grants)
    turns: Turns = {server.name: [] for server in servers}
    words = (grants, each.links, each.posters, each.window, bench.plan.seconds)
    for number in range(bench.plan.rounds):
        start = number % len(servers)
        for server in (*servers[start:], *servers[:start]):
            turn = load(bench.programs, server, words=words)
            done = (turn["deliveries_s"] if each.is_group else turn["posts_s"]) * bench.plan.seconds
            turns[server.name].append(turn | {"cpu_us": turn.pop("cpu_s") * 1e6 / done})
            pause()
    return turns


def _grant(each: _Load, server: Server, *, path: Path) -> None:
    """The load's logs, and who opens which."""
    count = 1 if each.is_group else each.links // 2 * each.logs
    url, data = f"http://127.0.0.1:{server.port}", server.folder / "data"
    logs = asyncio.run(make_logs(url, data, count=count))
    if each.is_group:
        write_grants(path, [(link, *logs[0]) for link in range(each.links)])
    else:
        who = [(2 * (i // each.logs) + side, *log) for i, log in enumerate(logs) for side in (0, 1)]
        write_grants(path, who)
