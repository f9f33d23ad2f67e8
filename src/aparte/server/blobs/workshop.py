"""What every part of the service works with: the index and the files, each in its own threads, and the limits."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from aparte.server.blobs.admission import SpendTicket
from aparte.server.blobs.files import BlobFiles
from aparte.server.blobs.index import BlobIndex
from aparte.server.blobs.limits import DEFAULT_LIMITS, Limits

__all__ = ["Surroundings", "Workshop"]

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the service takes from the world."""

    #: Milliseconds since 1970-01-01T00:00Z.
    now: Callable[[], int]
    #: So many random bytes.
    rng: Callable[[int], bytes]
    #: Bytes that are free where the files are. Called in a file thread.
    free_space: Callable[[], int]
    spend_ticket: SpendTicket
    #: One thread, the one that owns the index's connection.
    index_thread: Executor
    #: A few threads other than that: a flush of many megabytes must not hold up the index.
    file_threads: Executor


@dataclass(frozen=True, slots=True)
class Workshop:
    """Index and files are touched through `indexed` and `filed` alone, so never on the event loop."""

    index: BlobIndex
    files: BlobFiles
    around: Surroundings
    limits: Limits = DEFAULT_LIMITS

    async def indexed(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.around.index_thread, lambda: call(*args, **kwargs))

    async def filed(self, call: Callable[P, R], *args: P.args, **kwargs: P.kwargs) -> R:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self.around.file_threads, lambda: call(*args, **kwargs))
