"""`/metrics`, on an address of its own: for whoever watches the host, never for its visitors."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

import structlog
from aiohttp import web
from prometheus_client.exposition import choose_encoder

from aparte.server.shell.listening import listening, url_of
from aparte.server.shell.metrics import Watched, registry_of

__all__ = ["metrics_served"]

_SHUTDOWN: Final = 1.0
_BACKLOG: Final = 128

log = structlog.get_logger("aparte.host")


@asynccontextmanager
async def metrics_served(where: tuple[str, int] | None, watched: Watched) -> AsyncIterator[None]:
    """Serve figures while the context lasts, if anywhere. Raises `OSError`."""
    if where is None:
        yield
        return
    app = web.Application()
    app.add_routes([web.get("/metrics", _Page(watched).metrics)])
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN)
    await runner.setup()
    try:
        make: Any = runner.server
        async with listening(make, where, backlog=_BACKLOG) as name:
            log.info("serving metrics", at=f"{url_of(name, secure=False)}/metrics")
            yield
    finally:
        await runner.cleanup()


class _Page:
    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        self._registry = registry_of(watched)

    async def metrics(self, request: web.Request) -> web.Response:
        """In the format that the scraper asks for."""
        await asyncio.get_running_loop().run_in_executor(None, self._watched.holdings.look)
        encode, kind = choose_encoder(request.headers.get("Accept", ""))
        headers = {"Content-Type": kind, "Cache-Control": "no-store", "X-Content-Type-Options": "nosniff"}
        return web.Response(body=encode(self._registry), headers=headers)
