"""One piece of work cut into slices for several threads, where the C code releases the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Final, TypeVar

__all__ = ["MAX_THREADS", "map_slices", "threads_for"]

T = TypeVar("T")


def threads_for(cores: int | None) -> int:
    """One a core, but four at most: beyond, handing the lock over starts to cost more than the work."""
    return min(4, cores or 1)


#: Asked once: `os.cpu_count` takes 7 µs, a tenth of a signature.
MAX_THREADS: Final = threads_for(os.cpu_count())


def map_slices(work: Callable[[range], T], count: int, *, smallest: int) -> list[T]:
    """`work` on consecutive slices of range(count), the results in that order.

    A slice has at least `smallest` items. The threads end before this returns, so that nothing is left over
    for a fork or for the interpreter's exit; the caller's thread does its share.
    """
    threads = min(MAX_THREADS, count // smallest)
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
