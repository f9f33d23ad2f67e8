"""The host's HTTP for frames: two WebSockets, and one frame a request.

No cookie exists and nothing is authenticated by where a page came from, so links take any Origin and the rest allows
any, without credentials.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import WSMsgType, web

from aparte.server.links import LinkKind
from aparte.server.shell.connections import SocketConnection
from aparte.server.shell.crowds import message
from aparte.server.shell.pacing import Allowances, block_of
from aparte.server.shell.reception import Malformed, Reception
from aparte.server.shell.sockets import Socket
from aparte.server.step import Refusal, problem
from aparte.wire import ErrorCode, encode_frame
from aparte.wire.ids import Incarnation, LinkNonce, Millis, Request
from aparte.wire.limits import MAX_COMMIT, MAX_FRAME
from aparte.wire.link_frames import PROTOCOL_VERSION, Greeting

__all__ = ["FRAME_TYPE", "MAX_HTTP_FRAME", "About", "HostHttp"]

FRAME_TYPE: Final = "application/octet-stream"
MAX_HTTP_FRAME: Final = MAX_COMMIT + 1024
#: Links of one address: an office behind one address, not an army.
MAX_LINKS: Final = 1_024
#: What a new link costs of its address's allowance, in frames.
_LINK_COST: Final = 5
#: How long a frame over HTTP may take to come. 8 MiB in a minute is a slow line.
_BODY_SECONDS: Final = 60.0
_CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


@dataclass(frozen=True, slots=True)
class About:
    """What a host says of itself to anybody."""

    host: str
    version: str
    incarnation: Incarnation
    ticket_key: bytes


class HostHttp:
    """The handlers of the host's routes."""

    def __init__(
        self,
        reception: Reception,
        about: About,
        *,
        allowances: Allowances,
        clock: Callable[[], Millis],
        address_of: Callable[[web.Request], str],
    ) -> None:
        self._reception = reception
        self._about = about
        self._allowances = allowances
        self._clock = clock
        self._address_of = address_of

    def routes(self) -> list[web.RouteDef]:
        """To be mounted at the host's root."""
        return [
            web.get("/v1/anonymous", self.anonymous),
            web.get("/v1/identity", self.identity),
            web.post("/v1/frame", self.frame),
            web.options("/v1/frame", self.preflight),
        ]

    async def anonymous(self, request: web.Request) -> web.StreamResponse:
        """The link that proves nothing but epoch keys."""
        return await self._link(request, LinkKind.ANONYMOUS)

    async def identity(self, request: web.Request) -> web.StreamResponse:
        """The link that proves a device."""
        return await self._link(request, LinkKind.IDENTITY)

    async def frame(self, request: web.Request) -> web.Response:
        """One frame in, one frame out."""
        if request.content_length is None or request.content_length > MAX_HTTP_FRAME:
            raise web.HTTPRequestEntityTooLarge(MAX_HTTP_FRAME, request.content_length or 0, headers=_CORS)
        allowance = self._allowances.of(block_of(self._address_of(request)))
        allowance.left -= 1
        await self._allowances.turn(allowance)
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                data = await request.read()
            answer = await self._reception.exchange(data)
        except TimeoutError:
            return web.Response(status=408, text="the frame did not come\n", headers=_CORS)
        except Malformed as error:
            return web.Response(status=400, text=f"not a frame: {error}\n", headers=_CORS)
        return web.Response(body=answer, content_type=FRAME_TYPE, headers=_CORS)

    async def preflight(self, _: web.Request) -> web.Response:
        """CORS."""
        return web.Response(status=204, headers=_CORS)

    async def _link(self, request: web.Request, kind: LinkKind) -> web.StreamResponse:
        block = block_of(self._address_of(request))
        if self._reception.connections.of(block) >= MAX_LINKS:
            raise _too_many("this address has as many links as it may\n", wait=60)
        allowance = self._allowances.of(block)
        if allowance.left < _LINK_COST:
            raise _too_many("this address asks for links too often\n", wait=2)
        allowance.left -= _LINK_COST
        socket = Socket(MAX_FRAME)
        await socket.prepare(request)
        transport = request.transport
        if transport is None:
            return socket
        link = self._reception.link(kind, LinkNonce(secrets.token_bytes(32)), block=block)
        connection = SocketConnection(link, transport, block=block)
        self._reception.connections.add(connection)
        try:
            connection.begin()
            connection.answered([message(self._greeting(link.nonce))], 1)
            await self._serve(socket, connection)
        finally:
            self._reception.closed(link)
        return socket

    def _greeting(self, nonce: LinkNonce) -> bytes:
        about = self._about
        return encode_frame(Greeting(PROTOCOL_VERSION, about.host, nonce, about.incarnation, self._clock()))

    async def _serve(self, socket: Socket, connection: SocketConnection) -> None:
        allowance = self._allowances.of(connection.block)
        if connection.link.kind is LinkKind.ANONYMOUS:
            socket.offer(self._reception.door(connection, allowance))
        async for item in socket:
            connection.is_alive = True
            allowance.left -= 1  # a ping is work, too
            if allowance.left < 0:
                await self._allowances.turn(allowance)
            if item.type is WSMsgType.BINARY:
                try:
                    await self._reception.take(connection, item.data, allowance=allowance)
                except Malformed as error:
                    connection.begin()
                    told = problem(connection.link, Request(0), refusal=Refusal(ErrorCode.MALFORMED, str(error)))
                    connection.answered([message(told.payload)], 1)
                    await socket.close(code=1002, message=b"not a frame")
                    return
            elif item.type is WSMsgType.PING:
                await socket.pong(item.data)
            elif item.type is WSMsgType.TEXT:
                await socket.close(code=1003, message=b"binary messages only")
                return


def _too_many(text: str, *, wait: int) -> web.HTTPTooManyRequests:
    """`wait` is in seconds."""
    return web.HTTPTooManyRequests(text=text, headers={"Retry-After": str(wait), **_CORS})
