"""`python -m benchmarks.host`: the host, a bare one and an echo by turns; ratios of what one run measured.

A goal that is missed is said, and does not fail: machines are noisy. `APARTE_BENCH_QUICK=1` takes fewer, shorter turns.
"""

from __future__ import annotations

import asyncio
import json
import os
import statistics
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from benchmarks.host.grants import make_logs, write_grants
from benchmarks.host.servers import Server, compiled, pause, running

QUICK = os.environ.get("APARTE_BENCH_QUICK") == "1"
SECONDS, ROUNDS = (1.5, 2) if QUICK else (4.0, 5)
RESULTS = Path(__file__).parents[1] / "results" / "host.json"


@dataclass(frozen=True)
class Row:
    """A load: `links` in pairs over logs of their own, or all on one log."""

    name: str
    links: int
    posters: int
    window: int
    logs: int
    #: Posts or deliveries a second, against `bare`; latencies at most.
    goals: tuple[tuple[str, str, float], ...]

    @property
    def is_group(self) -> bool:
        return self.logs == 0


ROWS = (
    Row("100 pairs, one in flight", 200, 200, 1, 1, (("posts_s", "bare", 0.8), ("posts_s", "echo", 0.2))),
    Row("100 pairs, one in flight, 30 logs a pair", 200, 200, 1, 30, (("posts_s", "bare", 0.8),)),
    Row("100 pairs, four in flight", 200, 200, 4, 1, (("posts_s", "bare", 0.8),)),
    Row("one pair", 2, 1, 1, 1, (("answer_p50", "bare", 1.25), ("answer_p99", "bare", 1.25))),
    Row("one log, 1,000 links, one poster", 1000, 1, 1, 0, (("deliveries_s", "bare", 0.8),)),
    Row("one log, 1,000 links, ten posters", 1000, 10, 1, 0, (("deliveries_s", "bare", 0.8),)),
)
#: Server → its turns: figure → value.
Turns = dict[str, list[dict[str, float]]]
FIGURES = ("posts_s", "answer_p50", "answer_p99", "deliveries_s", "deliver_p50", "deliver_p99", "cpu_us")


def load(program: Path, server: Server, *, row: Row, grants: Path) -> dict[str, float]:
    """One turn; adds the server's CPU a post (or a delivery, in a group), in microseconds."""
    words = [str(program), str(server.port), str(grants), str(row.links), str(row.posters), str(row.window)]
    before = server.cpu()
    printed = subprocess.run([*words, str(SECONDS)], check=True, capture_output=True, text=True).stdout
    found: dict[str, float] = json.loads(printed)
    per = found["deliveries_s"] if row.is_group else found["posts_s"]
    found["cpu_us"] = (server.cpu() - before) * 1e6 / (per * (SECONDS + 0.7))
    return found


def grant(row: Row, server: Server, *, path: Path) -> None:
    """The row's logs, and who opens which."""
    pairs = 1 if row.is_group else row.links // 2 * row.logs
    url, data = f"http://127.0.0.1:{server.port}", server.folder / "data"
    logs = asyncio.run(make_logs(url, data, count=pairs))
    if row.is_group:
        write_grants(path, [(link, *logs[0]) for link in range(row.links)])
    else:
        who = [(2 * (i // row.logs) + side, *log) for i, log in enumerate(logs) for side in (0, 1)]
        write_grants(path, who)


def measure(program: Path, servers: list[Server], *, row: Row, folder: Path) -> Turns:
    """Turns by turns."""
    grants = folder / "grants.txt"
    grant(row, servers[0], path=grants)
    turns: Turns = {server.name: [] for server in servers}
    for _ in range(ROUNDS):
        for server in servers:
            turns[server.name].append(load(program, server, row=row, grants=grants))
            pause()
    return turns


def ratio(turns: Turns, figure: str, *, other: str) -> float:
    """The median of each round's ratio."""
    return statistics.median(
        mine[figure] / theirs[figure] for mine, theirs in zip(turns["host"], turns[other], strict=True)
    )


def show(row: Row, turns: Turns) -> None:
    print(f"\n{row.name}")
    for name, found in turns.items():
        middle = {figure: statistics.median(turn[figure] for turn in found) for figure in FIGURES}
        times = f"p50 {middle['answer_p50']:7.2f} ms  p99 {middle['answer_p99']:7.2f} ms"
        rates = f"{middle['posts_s']:9,.0f} posts/s  {middle['deliveries_s']:9,.0f} deliveries/s"
        print(f"  {name:5} {rates}  {times}  CPU {middle['cpu_us']:6.1f} µs")
    for figure, other, goal in row.goals:
        found = ratio(turns, figure, other=other)
        is_time = figure.startswith("answer")
        met = found <= goal if is_time else found >= goal
        sign = "≤" if is_time else "≥"
        print(f"  {figure}: {found:.2f} × {other} (goal {sign} {goal}) {'ok' if met else 'MISSED'}")


def main() -> None:
    results = {}
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name)
        program = compiled(folder)
        with (
            running("host", folder / "host") as host,
            running("bare", folder / "bare") as bare,
            running("echo", folder / "echo") as echo,
        ):
            print(f"idle: {host.rss() / 1e6:.0f} MB (goal ≤ 80)")
            for row in ROWS:
                turns = measure(program, [host, bare, echo], row=row, folder=folder)
                show(row, turns)
                results[row.name] = turns
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(results, indent=1) + "\n")
    print(f"\nWritten to {RESULTS}")


if __name__ == "__main__":
    main()
