"""Whether what is answered is on the disk: the host's own count of batches beside the flushes that the kernel saw."""

from __future__ import annotations

import asyncio
import re
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from benchmarks.host.bench import Bench
from benchmarks.host.grants import make_logs, write_grants
from benchmarks.host.rows import Goal, Row, Turns
from benchmarks.host.servers import Server, finish, loading, running
from benchmarks.host.tracing import flushes_traced

__all__ = ["flush_rows"]

_BATCHES = re.compile(r"^aparte_batch_requests_count\S* (\S+)$", re.MULTILINE)
_PAIRS = 100
#: strace stops the process at each call: a second is enough.
_SECONDS = 1


def flush_rows(bench: Bench) -> Iterator[Row]:
    """100 pairs, and one pair. The write-ahead log is flushed once a batch at least; an echo flushes nothing."""
    folder = bench.folder
    with (
        running("host", folder / "flushed", has_metrics=True) as host,
        running("echo", folder / "unflushed") as echo,
    ):
        url, data = f"http://127.0.0.1:{host.port}", host.folder / "data"
        logs = asyncio.run(make_logs(url, data, count=_PAIRS))
        grants = folder / "flushed.txt"
        write_grants(grants, [(2 * i + side, *log) for i, log in enumerate(logs) for side in (0, 1)])
        for pairs in (_PAIRS, 1):
            turns: Turns = {server.name: [_turn(bench, server, grants=grants, pairs=pairs)] for server in (host, echo)}
            name = f"{pairs} pair{'s' if pairs > 1 else ''}, watched by strace"
            yield Row(name, turns, (Goal("flushes_per_batch", at_least=1),))


def _turn(bench: Bench, server: Server, *, grants: Path, pairs: int) -> dict[str, float]:
    """Posts alone: opening a log writes nothing, and is a batch, too."""
    words = (grants, 2 * pairs, 2 * pairs, 1, _SECONDS)
    with loading(bench.programs, server, words=words) as loader:
        before = _batches(server)
        with flushes_traced(server.pid, bench.folder) as flushes:
            turn = finish(loader)
            time.sleep(0.5)
        batches = _batches(server) - before
    # Flushes of the database itself belong to checkpoints.
    logged = sum(count for path, count in flushes.items() if path.endswith("-wal"))
    found = {"posts_s": turn["posts_s"], "batches": batches, "flushes": float(logged)}
    return found | ({"flushes_per_batch": logged / batches} if batches else {})


def _batches(server: Server) -> float:
    """The host's own count of transactions, from its figures."""
    if server.metrics is None:
        return 0.0
    with urllib.request.urlopen(f"http://127.0.0.1:{server.metrics}/metrics", timeout=10) as page:
        found = _BATCHES.search(page.read().decode())
    assert found is not None, "the host does not count batches"
    return float(found[1])
