"""WebSockets in Python, and nothing behind them: each `Open` is answered by as many bytes as a host's answer has.

python -m benchmarks.host.plain PORT
"""

from __future__ import annotations

import asyncio
import sys

import uvloop
from aiohttp import WSMsgType, web

GREETING = b"\x80" + bytes(80)
#: Bytes of an item in `Open`, with a pass, and in `Opened`.
ASKED, OPENED = 54, 93


def answered(data: bytes) -> bytes:
    count = len(data) // ASKED
    length = count * OPENED
    head = (0x4000 | length).to_bytes(2) if length < 0x4000 else (0x80000000 | length).to_bytes(4)
    return b"\x92" + data[1:5] + head + bytes(length)


async def serve(request: web.Request) -> web.WebSocketResponse:
    socket = web.WebSocketResponse(compress=False)
    await socket.prepare(request)
    await socket.send_bytes(GREETING)
    async for item in socket:
        if item.type is WSMsgType.BINARY:
            await socket.send_bytes(answered(item.data))
    return socket


async def main(port: int) -> None:
    app = web.Application()
    app.router.add_get("/v1/anonymous", serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1])))
