"""Other hosts, as one that is asked to take their tickets meets them."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

from aparte.server.shell.issuers import IssuerPolicy, Issuers
from aparte.server.shell.well_known import Unreachable
from aparte.server.step import Refusal
from aparte.wire import ErrorCode
from aparte.wire.ids import Millis

HOUR = 3_600_000
ONE, OTHER = "one.example", "other.example:8443"


class World:
    """Other hosts, which answer when they are let; and a clock."""

    def __init__(self, policy: IssuerPolicy | None = None) -> None:
        self.now = Millis(1)
        self.asked: list[str] = []
        self.key = b"k" * 32
        self.is_there = True
        self.may_answer = asyncio.Event()
        self.may_answer.set()
        self.issuers = Issuers(policy or IssuerPolicy(), ask=self.ask, clock=lambda: self.now)

    async def ask(self, host: str) -> bytes:
        self.asked.append(host)
        await self.may_answer.wait()
        if not self.is_there:
            raise Unreachable(host)
        return self.key

    def passes(self, milliseconds: int) -> None:
        self.now = Millis(self.now + milliseconds)

    async def key_of(self, host: str) -> bytes | ErrorCode:
        """The key that a ticket of this host would be judged by, or why it is not."""
        await self.issuers.meet(host)
        return self.known(host)

    def known(self, host: str) -> bytes | ErrorCode:
        try:
            return self.issuers.of(host).key
        except Refusal as refusal:
            return refusal.code


def play(scene: Coroutine[Any, Any, None]) -> None:
    asyncio.run(scene)
