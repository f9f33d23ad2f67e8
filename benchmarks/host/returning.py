"""Very many clients that come back at once, as after a restart, and open all their logs by passes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from benchmarks.host.bench import Bench, require_links
from benchmarks.host.filling import fill
from benchmarks.host.holding import pairs_of
from benchmarks.host.rows import Goal, Row, Turns
from benchmarks.host.servers import Server, running, settled

__all__ = ["returning_rows"]


def returning_rows(bench: Bench) -> Iterator[Row]:
    """The host beside a plain server: as many links, and as many frames of the same sizes each way."""
    plan = bench.plan
    require_links(plan.clients)
    filled = fill(bench.folder / "returning", logs=plan.clients // 2 * plan.clients_logs)
    grants = pairs_of(filled, bench.folder / "returning.txt", links=plan.clients, logs=plan.clients_logs)
    turns: Turns = {"host": [], "plain": []}
    with running("host", filled.folder) as host, running("plain", bench.folder) as plain:
        for number in range(plan.long_rounds):
            for server in (plain, host) if number % 2 else (host, plain):
                turns[server.name].append(_turn(bench, server, grants=grants))
    goals = (Goal("cpu_s", "plain", at_most=2), Goal("wall_s", "plain", at_most=2), Goal("log_us"))
    yield Row(f"{plan.clients:,} clients come back, {plan.clients_logs} logs each", turns, goals)


def _turn(bench: Bench, server: Server, *, grants: Path) -> dict[str, float]:
    plan = bench.plan
    settled(server)
    before = server.cpu()
    counts = (plan.clients_logs,)
    with bench.programs.arriving(server, grants, links=plan.clients, counts=counts) as arrivals:
        seconds = arrivals.seconds()
        cpu = server.cpu() - before
    settled(server)
    return {"wall_s": seconds, "cpu_s": cpu, "log_us": cpu * 1e6 / (plan.clients * plan.clients_logs)}
