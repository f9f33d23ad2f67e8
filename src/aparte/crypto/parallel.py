"""One piece of work cut into slices for several threads, where the C code releases the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

__all__ = ["map_slices"]

#: More threads than this gain nothing: handing the lock over starts to cost more than the work.
_MAX_THREADS: Final = 4

T = TypeVar("T")


def map_slices(work: Callable[[range], T], count: int, *, smallest: int) -> list[T]:
    """`work` on consecutive slices of range(count), the results in that order.

    A slice has at least `smallest` items. The threads end before this returns, so that nothing is left over
    for a fork or for the interpreter's exit; the caller's thread does its share.
    """
    threads = min(_MAX_THREADS, os.cpu_count() or 1, count // smallest)
    if threads < 2:
        return [work(range(count))]
    mine, *others = (range(i * count // threads, (i + 1) * count // threads) for i in range(threads))
    futures: list[Future[T]] = []
    with ThreadPoolExecutor(len(others)) as pool:
        for part in others:
            try:
                futures.append(pool.submit(work, part))
            except RuntimeError:  # no new threads while the interpreter shuts down
                break
        results = [work(mine)]
        results += [future.result() for future in futures]
    return results + [work(part) for part in others[len(futures) :]]
