"""The parts of the benchmark, by name, in the order in which they run."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from benchmarks.host.bench import Bench
from benchmarks.host.blobs import blob_rows
from benchmarks.host.flushes import flush_rows
from benchmarks.host.growth import growth_rows
from benchmarks.host.holding import holding_rows
from benchmarks.host.posts import post_rows
from benchmarks.host.returning import returning_rows
from benchmarks.host.rows import Row
from benchmarks.host.starting import starting_rows

__all__ = ["PARTS"]

PARTS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "posts": post_rows,
    "flushes": flush_rows,
    "blobs": blob_rows,
    "start": starting_rows,
    "holding": holding_rows,
    "returning": returning_rows,
    "growth": growth_rows,
}
