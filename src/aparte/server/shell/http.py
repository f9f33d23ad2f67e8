"""The host's two WebSockets.

No cookie exists and nothing is authenticated by where a page came from, so links take any Origin and the rest allows
any, without credentials.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aiohttp import WebSocketError, WSMsgType, web

from aparte.server.links import LinkKind
from aparte.server.shell.connections import SocketConnection
from aparte.server.shell.crowds import message
from aparte.server.shell.doorstep import HeldOff
from aparte.server.shell.exchanges import too_many
from aparte.server.shell.pacing import Allowances, block_of
from aparte.server.shell.reception import Malformed, Reception
from aparte.server.shell.sockets import Socket
from aparte.server.step import Refusal, problem
from aparte.wire import ErrorCode, encode_frame
from aparte.wire.ids import Incarnation, LinkNonce, Millis, Request
from aparte.wire.limits import MAX_FRAME
from aparte.wire.link_frames import PROTOCOL_VERSION, Greeting

__all__ = ["About", "HostHttp"]

#: Links of one address: an office behind one address, not an army.
MAX_LINKS: Final = 1_024


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
        ]

    async def anonymous(self, request: web.Request) -> web.StreamResponse:
        """The link that proves nothing but epoch keys."""
        return await self._link(request, LinkKind.ANONYMOUS)

    async def identity(self, request: web.Request) -> web.StreamResponse:
        """The link that proves a device."""
        return await self._link(request, LinkKind.IDENTITY)

    async def _link(self, request: web.Request, kind: LinkKind) -> web.StreamResponse:
        block = block_of(self._address_of(request))
        if self._reception.connections.of(block) >= MAX_LINKS:
            raise self._too_many(HeldOff.MANY_LINKS, "this address has as many links as it may\n", wait=60)
        # Apart from the pace of frames: who floods the host with those shuts none of their neighbours out.
        if wait := self._allowances.link(block, self._clock()):
            raise self._too_many(HeldOff.HASTY_LINKS, "this address asks for links too often\n", wait=1 + wait // 1000)
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
                self._reception.doorstep.held_off[HeldOff.BAD_MESSAGE] += 1
                await socket.close(code=1003, message=b"binary messages only")
                return
            elif isinstance(item.data, WebSocketError):  # aiohttp has ended the link
                self._reception.doorstep.held_off[HeldOff.BAD_MESSAGE] += 1

    def _too_many(self, why: HeldOff, text: str, *, wait: int) -> web.HTTPTooManyRequests:
        """`wait` is in seconds."""
        self._reception.doorstep.held_off[why] += 1
        return too_many(text, wait=wait)
