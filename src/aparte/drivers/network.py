"""One link, and one frame over HTTP: each on connections of its own, bounded in memory and time.

Whatever goes wrong with a network or a host comes out as a sentence. Nothing here knows an engine.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress
from io import BytesIO
from typing import Final

import aiohttp

from aparte.client.api import Answered, Ask, Event, FrameArrived, LinkUp, Unanswered
from aparte.client.lines import Line
from aparte.drivers.calling import refusal, url_of, why
from aparte.trust import AddressRefused
from aparte.wire.limits import MAX_COMMIT

__all__ = ["Outgoing", "Tls", "ask", "talk"]

#: Who is believed about names; True: whom the system believes.
Tls = ssl.SSLContext | bool

#: What a host may send in one message, and in one answer (docs/protocol/README.md, Links; One frame over HTTP).
_MAX_MESSAGE: Final = 512 * 1024
_MAX_ANSWER: Final = MAX_COMMIT + 1024
#: What may wait to be written to one link: 128 of the longest frames.
_MAX_WAITING: Final = 16 * 1024 * 1024
#: Seconds: until a link is established; between pings, each of which has half of that to be answered; for farewells.
_CONNECTING: Final = 20.0
_HEARTBEAT: Final = 30.0
_CLOSING: Final = 1.5
#: Seconds: the longest silence while an answer is waited for, and in all: 8 MiB take a while on a slow line.
_SILENCE: Final = 60.0
_ASKING: Final = 600.0

_TROUBLE: Final = (aiohttp.ClientError, AddressRefused, OSError, TimeoutError, ValueError)
#: Nothing that a request need not say: which Python this is would tell a host which requests have one origin.
_UNSAID: Final = ("User-Agent", "Accept", "Accept-Encoding")


class Outgoing:
    """What waits to be written to one link, in order."""

    def __init__(self) -> None:
        self._waiting: deque[bytes] = deque()
        self._size = 0
        self._has_more = asyncio.Event()

    def put(self, data: bytes) -> bool:
        """Whether there is room for it."""
        self._waiting.append(data)
        self._size += len(data)
        self._has_more.set()
        return self._size <= _MAX_WAITING

    async def pour(self, link: aiohttp.ClientWebSocketResponse) -> None:
        """Write what comes, as fast as the host takes it."""
        while True:
            while self._waiting:
                data = self._waiting.popleft()
                await link.send_bytes(data)
                self._size -= len(data)
            self._has_more.clear()
            await self._has_more.wait()


async def talk(line: Line, outgoing: Outgoing, *, deliver: Callable[[Event], Awaitable[None]], tls: Tls) -> str:
    """Establish a link, and deliver what comes on it until it ends; why it ended.

    The next message is read when `deliver` has returned, so that a host that floods waits in its own socket.
    """
    try:
        async with _session(tls) as session:
            link = await _connect(session, line, tls=tls)
            writing = asyncio.create_task(outgoing.pour(link))
            try:
                await deliver(LinkUp(line))
                return await _read(link, line, deliver=deliver)
            finally:
                writing.cancel()
                await asyncio.gather(writing, return_exceptions=True)
                await _close(link)
    except _TROUBLE as error:
        return why(error, line.host)


async def ask(send: Ask, *, tls: Tls) -> Answered | Unanswered:
    """Send one frame over HTTP, and wait for its answer."""
    try:
        async with asyncio.timeout(_ASKING), _session(tls) as session:
            return await _answer(session, send, tls=tls)
    except _TROUBLE as error:
        return Unanswered(send.ask, why(error, send.host))


async def _connect(session: aiohttp.ClientSession, line: Line, *, tls: Tls) -> aiohttp.ClientWebSocketResponse:
    async with asyncio.timeout(_CONNECTING):
        return await session.ws_connect(
            url_of(line.host, f"/v1/{line.kind.value}"),
            timeout=aiohttp.ClientWSTimeout(ws_close=_CLOSING),
            autoping=False,
            heartbeat=_HEARTBEAT,
            max_msg_size=_MAX_MESSAGE + 1,  # aiohttp refuses what is as long as that, too
            compress=0,
            ssl=tls,
        )


async def _read(
    link: aiohttp.ClientWebSocketResponse, line: Line, *, deliver: Callable[[Event], Awaitable[None]]
) -> str:
    while True:
        message = await link.receive()
        match message.type:
            case aiohttp.WSMsgType.BINARY:
                await deliver(FrameArrived(line, message.data))
            case aiohttp.WSMsgType.PING:
                await link.pong(message.data)
                await asyncio.sleep(0)  # who sends nothing else shall not have this thread to itself
            case aiohttp.WSMsgType.PONG:
                await asyncio.sleep(0)
            case aiohttp.WSMsgType.ERROR:
                return why(message.data, line.host)
            case aiohttp.WSMsgType.TEXT:
                return f"{line.host} sent what no host of Aparte's sends"
            case _:
                error = link.exception()
                return why(error, line.host) if isinstance(error, Exception) else f"{line.host} has ended the link"


async def _close(link: aiohttp.ClientWebSocketResponse) -> None:
    """Say farewell, and wait for the other's; not for long, whatever else it sends."""
    with suppress(TimeoutError):
        async with asyncio.timeout(_CLOSING):
            await link.close()


async def _answer(session: aiohttp.ClientSession, send: Ask, *, tls: Tls) -> Answered | Unanswered:
    url, headers = url_of(send.host, "/v1/frame"), {"Content-Type": "application/octet-stream"}
    # From a file, so that what is long goes out piece by piece.
    async with session.post(url, data=BytesIO(send.data), headers=headers, allow_redirects=False, ssl=tls) as answer:
        if answer.status != 200:
            return Unanswered(send.ask, refusal(answer.status, send.host))
        data = bytearray()
        async for chunk in answer.content.iter_any():
            data += chunk
            if len(data) > _MAX_ANSWER:
                return Unanswered(send.ask, f"{send.host} sent more than a host may")
        return Answered(send.ask, bytes(data))


async def _stay(request: aiohttp.ClientRequest, handler: aiohttp.ClientHandlerType) -> aiohttp.ClientResponse:
    """Follow nobody: a link goes to the host that was named, and TLS is not given up on the way."""
    response = await handler(request)
    if 300 <= response.status < 400:
        response.close()
        raise aiohttp.ClientResponseError(request.request_info, (), status=response.status)
    return response


@asynccontextmanager
async def _session(tls: Tls) -> AsyncIterator[aiohttp.ClientSession]:
    """Connections that share nothing with any other: no cookie, no TLS session, no kept connection."""
    sockets: list[socket.socket] = []

    def make(address: aiohttp.AddrInfoType) -> socket.socket:
        family, kind, protocol, *_ = address
        sockets.append(socket.socket(family, kind, protocol))
        return sockets[-1]

    connector = aiohttp.TCPConnector(force_close=True, ssl=tls, socket_factory=make)
    timeout = aiohttp.ClientTimeout(total=None, connect=_CONNECTING, sock_read=_SILENCE)
    jar = aiohttp.DummyCookieJar()
    try:
        async with aiohttp.ClientSession(
            connector=connector,
            cookie_jar=jar,
            timeout=timeout,
            auto_decompress=False,
            skip_auto_headers=_UNSAID,
            middlewares=(_stay,),
        ) as session:
            yield session
    finally:
        for each in sockets:  # closed by now, unless something waits there to be written that the host does not read
            with suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
        await asyncio.sleep(0)
