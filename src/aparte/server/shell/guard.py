"""Connections that do not come to the point: they get a few seconds to ask for something, then they are cut off.

aiohttp waits without end for a first request and for the rest of its headers. This keeps a list of the connections
on which no request is being answered.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web

from aparte.server.shell.pacing import block_of

__all__ = ["Guard"]

#: Seconds until a connection has asked for something, all its headers included.
PATIENCE: Final = 15.0
#: Connections of one address that may be without a request.
IDLERS: Final = 64

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Guard:
    """Watches the connections of one listening socket. Behind a proxy all are the proxy's, however many there are."""

    def __init__(self, *, behind_proxy: bool = False, clock: Callable[[], float] = time.monotonic) -> None:
        self._behind_proxy = behind_proxy
        self._clock = clock
        self._waiting: dict[asyncio.Protocol, float] = {}

    def watch(self, make: Callable[[], asyncio.Protocol]) -> Callable[[], asyncio.Protocol]:
        """A protocol factory that notes what it makes."""

        def made() -> asyncio.Protocol:
            protocol = make()
            self._waiting[protocol] = self._clock()
            return protocol

        return made

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """A connection with a request is not watched until that is answered."""
        self._waiting.pop(request.protocol, None)
        try:
            return await handler(request)
        finally:
            if request.transport is not None and not request.transport.is_closing():
                self._waiting[request.protocol] = self._clock()

    def sweep(self) -> int:
        """Cut off who has waited for too long, or has too many waiting; returns how many."""
        before = self._clock() - PATIENCE
        idlers: Counter[str] = Counter()
        cut = 0
        for protocol, since in list(self._waiting.items()):
            transport: asyncio.Transport | None = getattr(protocol, "transport", None)
            if transport is None or transport.is_closing():
                if since < before:
                    del self._waiting[protocol]
                continue
            peer = transport.get_extra_info("peername")
            block = block_of(peer[0] if peer else None)
            idlers[block] += 1
            if since < before or (idlers[block] > IDLERS and not self._behind_proxy):
                del self._waiting[protocol]
                transport.abort()
                cut += 1
        return cut
