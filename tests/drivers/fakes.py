"""Hosts that do what a test wants, on ports of their own."""

from __future__ import annotations

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from aparte.client.lines import Line, LineKind

Link = web.WebSocketResponse
Raw = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]
_MAGIC = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


@asynccontextmanager
async def host(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> AsyncIterator[str]:
    """A web server whose every page is this; its name."""
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}"
    finally:
        await runner.cleanup()


@asynccontextmanager
async def raw_host(handler: Raw) -> AsyncIterator[str]:
    """A server without a protocol; its name. Each connection is kept until the end."""
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        tasks.add(asyncio.current_task())  # type: ignore[arg-type]
        with suppress(OSError, asyncio.CancelledError):
            await handler(reader, writer)
            await asyncio.Event().wait()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    writers: list[asyncio.StreamWriter] = []
    inner = handler

    async def keep(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writers.append(writer)
        await inner(reader, writer)

    handler = keep
    try:
        yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        server.close()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for writer in writers:
            writer.transport.abort()
        await asyncio.sleep(0)


async def shake_hands(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """The beginning of a WebSocket; nothing is read after it, unless somebody does."""
    head = await reader.readuntil(b"\r\n\r\n")
    key = next(
        line.split(b":")[1].strip() for line in head.split(b"\r\n") if line.lower().startswith(b"sec-websocket-key:")
    )
    proof = base64.b64encode(hashlib.sha1(key + _MAGIC).digest())
    writer.write(b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n")
    writer.write(b"Sec-WebSocket-Accept: " + proof + b"\r\n\r\n")
    await writer.drain()


def anonymous(name: str) -> Line:
    return Line(name, LineKind.ANONYMOUS)


async def met(request: web.Request) -> Link:
    """The other end of a link."""
    link = web.WebSocketResponse()
    await link.prepare(request)
    return link


async def babbling(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Talks on and on, and does not hear that the other wants to go."""
    await shake_hands(reader, writer)
    while True:
        writer.write(b"\x82\x03old")
        await writer.drain()
        await asyncio.sleep(0.001)
