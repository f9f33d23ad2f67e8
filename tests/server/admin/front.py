"""What may stand in front of a host, and do it wrong: a small host of its own, over TLS, with one fault at a time."""

from __future__ import annotations

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web

from aparte.wire import encode_frame
from aparte.wire.ids import Incarnation, LinkNonce, Millis, Request
from aparte.wire.link_frames import Greeting, Problem
from aparte.wire.log_frames import ReceiptChecked


@dataclass
class Front:
    """How it answers; what is not set is right. `name` is filled in when it listens."""

    name: str = ""
    about: dict[str, Any] | None = field(default_factory=dict)
    about_status: int = 200
    headers: dict[str, str] = field(default_factory=lambda: {"Access-Control-Allow-Origin": "*"})
    upgrades: bool = True
    greets: bool = True
    greets_as: str | None = None
    greeting: bytes | None = None
    frame_status: int = 200
    frame_body: bytes | None = None
    most_bytes: int = 9 << 20
    genuine: bool = False
    cuts_off: bool = False

    async def well_known(self, request: web.Request) -> web.Response:
        if self.cuts_off and request.transport is not None:
            request.transport.abort()
        right = {"host": self.name, "protocol": 1, "version": "0.1.0"}
        if self.about is None:
            return web.Response(text="Welcome!", headers=self.headers, status=self.about_status)
        return web.json_response(right | self.about, headers=self.headers, status=self.about_status)

    async def link(self, request: web.Request) -> web.StreamResponse:
        if not self.upgrades:
            return web.Response(text="what?", status=400)
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        if self.greeting is not None:
            await socket.send_bytes(self.greeting)
        elif self.greets:
            host = self.greets_as or self.name
            greeting = Greeting(1, host, LinkNonce(bytes(32)), Incarnation(bytes(16)), Millis(0))
            await socket.send_bytes(encode_frame(greeting))
        await socket.close()
        return socket

    async def frame(self, request: web.Request) -> web.Response:
        body = await request.read()
        if len(body) > self.most_bytes:
            return web.Response(status=413)
        if self.frame_body is not None or self.frame_status != 200:
            return web.Response(body=self.frame_body, status=self.frame_status)
        if len(body) > 1000:
            return web.Response(body=encode_frame(Problem(Request(0), 2, 0, "")))
        return web.Response(body=encode_frame(ReceiptChecked(Request(1), self.genuine)))


@contextmanager
def listening(front: Front, files: tuple[Path, Path]) -> Iterator[str]:
    """Serve; yields its name, with the port."""
    loop = asyncio.new_event_loop()
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(*files)
    app = web.Application(client_max_size=16 << 20)
    app.add_routes([web.get("/.well-known/aparte", front.well_known), web.post("/v1/frame", front.frame)])
    app.add_routes([web.get("/v1/anonymous", front.link), web.get("/v1/identity", front.link)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)

    async def start() -> asyncio.Server:
        await runner.setup()
        return await loop.create_server(runner.server, "127.0.0.1", 0, ssl=context)  # type: ignore[arg-type]

    async def stop() -> None:
        listener.close()
        await runner.cleanup()
        await asyncio.sleep(0.01)  # TLS says goodbye

    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        listener = asyncio.run_coroutine_threadsafe(start(), loop).result(10)
        port = listener.sockets[0].getsockname()[1]
        front.name = front.name or f"localhost:{port}"
        yield f"localhost:{port}"
    finally:
        asyncio.run_coroutine_threadsafe(stop(), loop).result(10)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        loop.close()
