"""Port 80: what a CA looks for there (RFC 8555 §8.3), and for everybody else the way to https."""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import AsyncIterator, Iterator
from typing import Any, Final

from aiohttp import web

from aparte.server.shell.acme.errors import AcmeFailed
from aparte.server.shell.guard import Guard
from aparte.server.shell.listening import listening, spelled

__all__ = ["Challenges", "challenges_answered"]

_PREFIX: Final = "/.well-known/acme-challenge/"
_TOKEN: Final = re.compile(r"[A-Za-z0-9_-]{1,256}")
_MOST_BODY: Final = 1024
_BACKLOG: Final = 128
_SHUTDOWN: Final = 1.0
_KEEP_ALIVE: Final = 5.0
_SWEEP: Final = 1.0


class Challenges:
    """Key authorizations by their tokens. Written by the thread that asks the CA, read by the one that answers it."""

    def __init__(self) -> None:
        self._answers: dict[str, str] = {}

    @contextlib.contextmanager
    def answering(self, token: str, key_authorization: str) -> Iterator[None]:
        """For as long as the CA may ask."""
        if _TOKEN.fullmatch(token) is None:
            raise AcmeFailed("the CA's token is not one", heard=True)
        self._answers[token] = key_authorization
        try:
            yield
        finally:
            del self._answers[token]

    def answer(self, path: str) -> str | None:
        """The key authorization, if this is its path."""
        return self._answers.get(path.removeprefix(_PREFIX)) if path.startswith(_PREFIX) else None


@contextlib.asynccontextmanager
async def challenges_answered(where: tuple[str, int], domain: str) -> AsyncIterator[Challenges]:
    """Listen there while the context lasts. Raises `AcmeFailed` if that cannot be."""
    challenges, guard = Challenges(), Guard()

    async def handle(request: web.Request) -> web.Response:
        path = request.rel_url.raw_path
        if path.startswith(_PREFIX):
            found = challenges.answer(path)
            if found is None or request.method not in {"GET", "HEAD"}:
                return web.Response(status=404, text="404: nothing here\n")
            return web.Response(body=found.encode(), content_type="application/octet-stream")
        return web.Response(status=308, headers={"Location": f"https://{domain}{request.rel_url.raw_path_qs}"})

    app = web.Application(client_max_size=_MOST_BODY, middlewares=[guard.middleware])
    app.router.add_route("*", "/{anything:.*}", handle)
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN, keepalive_timeout=_KEEP_ALIVE
    )
    await runner.setup()
    try:
        async with _listening(runner, guard, where=where):
            sweeping = asyncio.create_task(_sweep(guard))
            try:
                yield challenges
            finally:
                sweeping.cancel()
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def _listening(runner: web.AppRunner, guard: Guard, *, where: tuple[str, int]) -> AsyncIterator[None]:
    make: Any = runner.server
    async with contextlib.AsyncExitStack() as stack:
        try:
            await stack.enter_async_context(listening(guard.watch(make), where, backlog=_BACKLOG))
        except OSError as error:
            raise AcmeFailed(
                f"the CA comes to port 80, and the host cannot listen at {spelled(where)} for it: "
                f"{error.strerror or error}"
            ) from error
        yield


async def _sweep(guard: Guard) -> None:
    while True:
        await asyncio.sleep(_SWEEP)
        guard.sweep()
