"""A host in this process, on a port of its own, for as long as a test looks at it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from aparte.server.shell.config import HostConfig
from aparte.server.shell.disk import Measure
from aparte.server.shell.serve import Host, Started, serve

NAME = "host.example"
Visit = Callable[[aiohttp.ClientSession, str], Coroutine[Any, Any, None]]


@asynccontextmanager
async def living(data: Path, *, measure: Measure | None = None, **changes: Any) -> AsyncIterator[tuple[Started, Host]]:
    """Where it listens, and its parts."""
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
    config = replace(HostConfig(data=data, port=0, named=NAME), **changes)
    parts: list[Host] = []

    @asynccontextmanager
    async def beside(host: Host) -> AsyncIterator[None]:
        parts.append(host)
        yield

    task = asyncio.create_task(serve(config, ready=started.set_result, stop=stop, beside=beside, measure=measure))
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        yield started.result(), parts[0]
    finally:
        stop.set()
        await task


def visit(data: Path, visitor: Visit, **changes: Any) -> None:
    """Somebody looks at a host over HTTP. Nothing is unpacked, and nothing is sent by itself."""

    async def play() -> None:
        async with (
            living(data, **changes) as (started, _),
            aiohttp.ClientSession(auto_decompress=False, skip_auto_headers=["Accept-Encoding"]) as session,
        ):
            await visitor(session, started.url)

    asyncio.run(play())
