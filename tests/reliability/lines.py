"""Clients over real WebSockets: requests are asked and answered, the rest is heard."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Final, Self

import aiohttp

from aparte.server.policy import HostKeys
from aparte.wire import decode_frame, encode_frame
from aparte.wire.entries import Pass
from aparte.wire.ids import Node, Request
from aparte.wire.link_frames import Greeting
from aparte.wire.log_frames import Create, Entries, Open, Opened, OpenedItem, Read
from tests.reliability.ledger import Reading, Talk
from tests.reliability.processes import DOMAIN, ticket
from tests.reliability.walking import walk

#: Seconds after which an answer is missed.
_PATIENCE: Final = 120.0


class LineDown(Exception):
    """The link ended before the answer came."""


class Line:
    """One anonymous link."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, greeting: Greeting) -> None:
        self.socket = socket
        self.greeting = greeting
        self.hears: Callable[[Any], None] = lambda _frame: None
        self._numbers = iter(range(1, 1 << 31))
        self._waiting: dict[Request, asyncio.Future[Any]] = {}
        self._listening = asyncio.create_task(self._listen())

    @classmethod
    async def dial(cls, session: aiohttp.ClientSession, url: str) -> Self:
        """A new link, greeted."""
        socket = await session.ws_connect(f"{url}/v1/anonymous", max_msg_size=1 << 20, compress=0)
        greeting = decode_frame(await socket.receive_bytes(timeout=30))
        assert isinstance(greeting, Greeting)
        return cls(socket, greeting)

    async def ask(self, frame: Any) -> Any:
        """The answer to a request, which gets a number of its own. Raises `LineDown`, `TimeoutError`."""
        number = Request(next(self._numbers))
        answer = self._waiting[number] = asyncio.get_running_loop().create_future()
        try:
            await self.socket.send_bytes(encode_frame(replace(frame, request=number)))
        except (ConnectionError, aiohttp.ClientError) as error:
            self._waiting.pop(number, None)
            raise LineDown from error
        if self._listening.done():
            answer.cancel()
            raise LineDown
        async with asyncio.timeout(_PATIENCE):
            return await answer

    async def opens(self, talk: Talk, *, node: Node | None = None, shown: Pass | None = None) -> OpenedItem:
        """Open a node of a log, the last by default."""
        at = talk.node if node is None else node
        item = talk.item(at, self.greeting.nonce, host=DOMAIN, shown=shown)
        opened = await self.ask(Open(Request(0), False, (item,)))
        assert isinstance(opened, Opened), opened
        return opened.items[0]

    async def creates(self, talk: Talk, keys: HostKeys) -> Any:
        """Begin a log with the ticket that is its own; returns the answer."""
        shown = ticket(keys, hashlib.sha256(talk.log_id).digest()[:16])
        return await self.ask(Create(Request(0), talk.log_id, talk.root_key, talk.retention_days, shown))

    async def reads(self, talk: Talk) -> Reading | None:
        """All that there is of a log; None if there is none."""
        steps = walk(talk)
        answer: OpenedItem | Entries | None = None
        while True:
            try:
                asked = next(steps) if answer is None else steps.send(answer)
            except StopIteration as end:
                found: Reading | None = end.value
                return found
            answer = await (self.ask(asked) if isinstance(asked, Read) else self.opens(talk, node=asked))

    async def hangs_up(self) -> None:
        """Close, and wait for the end."""
        await self.socket.close()
        await self.ended()

    async def ended(self) -> None:
        """Return when nothing more will come."""
        await asyncio.wait([self._listening])

    async def _listen(self) -> None:
        try:
            async for item in self.socket:
                frame = decode_frame(item.data)
                waiting = self._waiting.pop(getattr(frame, "request", Request(0)), None)
                if waiting is None:
                    self.hears(frame)
                elif not waiting.done():
                    waiting.set_result(frame)
        finally:
            for waiting in self._waiting.values():
                if not waiting.done():
                    waiting.set_exception(LineDown())
            self._waiting.clear()


@asynccontextmanager
async def lines(url: str, count: int, *, source: str | None = None) -> AsyncIterator[list[Line]]:
    """So many links, from an address of this machine."""
    local = None if source is None else (source, 0)
    connector = aiohttp.TCPConnector(limit=0, local_addr=local)
    async with aiohttp.ClientSession(connector=connector) as session:
        made = await asyncio.gather(*[Line.dial(session, url) for _ in range(count)])
        try:
            yield made
        finally:
            await asyncio.gather(*[line.hangs_up() for line in made])
