"""A request's body in parts: within its time, within its room, giving way when asked. Writes nothing."""

from __future__ import annotations

import asyncio
from enum import Enum, auto
from typing import Final, Protocol

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError

from aparte.server.blobs.limits import Limits
from aparte.server.blobs.turns import Turn

__all__ = ["MAX_PIECES", "Body", "Ending", "Inflow"]

#: Of one part: what one `pwritev` takes everywhere (IOV_MAX), and a bound on what tiny pieces cost in memory.
MAX_PIECES: Final = 1024

_BROKEN: Final = (aiohttp.ClientPayloadError, HttpProcessingError, OSError)


class Body(Protocol):
    """Of aiohttp's `StreamReader`, what is used here."""

    async def readany(self) -> bytes:
        """What has arrived, at least one byte; empty at the end. Raises when the connection is lost."""


class Ending(Enum):
    """How a body ended."""

    WHOLE = auto()
    CUT = auto()
    IDLE = auto()
    ASKED = auto()
    TOO_LONG = auto()


class _Pace:
    """When a body is too slow: nothing for `idle_seconds`, or less than `slowest_rate` over a part's worth of bytes."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._clock = asyncio.get_running_loop().time
        self._due = 0
        self._latest = 0.0

    def deadline(self, arrived: int) -> float:
        """Until when the next bytes have to come, on the loop's clock."""
        limits, now = self._limits, self._clock()
        self._due -= arrived
        if self._due <= 0:
            self._due = limits.part_bytes
            self._latest = now + max(limits.idle_seconds, limits.part_bytes / limits.slowest_rate)
        return min(now + limits.idle_seconds, self._latest)


class Inflow:
    """Take `part`s until `ending` is set."""

    def __init__(self, body: Body, turn: Turn, *, room: int, limits: Limits) -> None:
        """`room`: bytes that the body may have at most."""
        self.ending: Ending | None = None
        self._body = body
        self._turn = turn
        self._room = room
        self._part_bytes = limits.part_bytes
        self._pace = _Pace(limits)

    async def part(self) -> list[bytes]:
        """The next bytes in the pieces in which they came: about `Limits.part_bytes`, fewer or none at the ending."""
        pieces: list[bytes] = []
        try:
            async with asyncio.timeout_at(self._pace.deadline(0)) as deadline:
                with self._turn.waiting(deadline):
                    await self._fill(pieces, deadline)
        except TimeoutError:
            self.ending = Ending.ASKED if self._turn.wanted else Ending.IDLE
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is None or task.cancelling():
                raise
            self.ending = Ending.CUT  # a stopping aiohttp ends bodies with this exception
        except _BROKEN:
            self.ending = Ending.CUT
        if self._room < 0:
            self.ending = Ending.TOO_LONG
            pieces.clear()
        return pieces

    def stop(self) -> None:
        """Whoever waits in `part` gets what there is."""
        self._turn.ask()

    async def _fill(self, pieces: list[bytes], deadline: asyncio.Timeout) -> None:
        size = 0
        while size < self._part_bytes and len(pieces) < MAX_PIECES and self._room >= 0:
            if self._turn.wanted:
                self.ending = Ending.ASKED
                return
            piece = await self._body.readany()
            if not piece:
                self.ending = Ending.WHOLE
                return
            pieces.append(piece)
            size += len(piece)
            self._room -= len(piece)
            deadline.reschedule(self._pace.deadline(len(piece)))
