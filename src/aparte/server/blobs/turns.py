"""Turns at writing uploads: one writer an upload, so many bodies at once, so many from one address.

Lives on the event loop; no method blocks. Addresses are counted while a body runs, and then forgotten.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from typing import Final

from aparte.server.blobs.admission import address_key
from aparte.server.blobs.errors import Refusal, Refused
from aparte.server.blobs.index import UploadId
from aparte.server.blobs.limits import Limits

__all__ = ["Turn", "Turns"]

_SOON: Final = 5


class Turn:
    """The right to write one upload. Somebody who needs it may ask its holder to come to an end."""

    __slots__ = ("_deadline", "over", "wanted")

    def __init__(self) -> None:
        #: True once somebody has asked. The holder keeps what it has, and goes.
        self.wanted = False
        self.over = asyncio.Event()
        self._deadline: asyncio.Timeout | None = None

    def ask(self) -> None:
        self.wanted = True
        if self._deadline is not None and not self._deadline.expired():
            self._deadline.reschedule(0)

    @contextmanager
    def waiting(self, deadline: asyncio.Timeout) -> Iterator[None]:
        """While the holder waits under `deadline`, asking wakes it."""
        self._deadline = deadline
        try:
            yield
        finally:
            self._deadline = None


class Turns:
    """All turns of a service."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._turns: dict[UploadId, Turn] = {}
        self._bodies: Counter[str] = Counter()

    @contextmanager
    def take(self, upload_id: UploadId, address: str) -> Iterator[Turn]:
        """For a body from `address`. Raises `Refused`: BUSY, TOO_MANY or OVERLOADED."""
        self.require_place(address)
        key = address_key(address)
        with self._hold(upload_id) as turn:
            self._bodies[key] += 1
            try:
                yield turn
            finally:
                self._bodies[key] -= 1
                if not self._bodies[key]:
                    del self._bodies[key]

    def require_place(self, address: str) -> None:
        """One more body from `address` may be received now. Raises `Refused`."""
        if self._bodies[address_key(address)] >= self._limits.transfers_per_address:
            raise Refused(Refusal.TOO_MANY, "too many uploads at once from this address", retry_after=_SOON)
        if self._bodies.total() >= self._limits.transfers:
            raise Refused(Refusal.OVERLOADED, "the host receives as many uploads as it can", retry_after=_SOON)

    @asynccontextmanager
    async def claim(self, upload_id: UploadId) -> AsyncIterator[None]:
        """To remove an upload: whoever writes it is asked to end, and nobody begins."""
        while upload_id in self._turns:
            await self.settle(upload_id)
        with self._hold(upload_id):
            yield

    async def settle(self, upload_id: UploadId) -> None:
        """Ask the present writer, if there is one, to end, and wait until it has."""
        turn = self._turns.get(upload_id)
        if turn is not None:
            turn.ask()
            await turn.over.wait()

    def held(self, upload_id: UploadId) -> bool:
        return upload_id in self._turns

    def ask_all(self) -> None:
        """Everybody is to end: the host stops."""
        for turn in self._turns.values():
            turn.ask()

    @contextmanager
    def _hold(self, upload_id: UploadId) -> Iterator[Turn]:
        if upload_id in self._turns:
            raise Refused(Refusal.BUSY, "another request is writing this upload", retry_after=_SOON)
        turn = self._turns[upload_id] = Turn()
        try:
            yield turn
        finally:
            del self._turns[upload_id]
            turn.over.set()
