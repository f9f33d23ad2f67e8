"""A running host: opens everything, serves until told to stop, closes everything, each in the other's reverse order."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

import structlog
from aiohttp import web
from nacl.bindings import crypto_sign_seed_keypair

import aparte
from aparte.server.blobs import BlobService, blob_routes
from aparte.server.core import Core
from aparte.server.reads import LogReads
from aparte.server.shell.background import checkpoint, look_after_links, refresh_certificate, sweep
from aparte.server.shell.blob_hosting import TicketOffice, hosted_blobs
from aparte.server.shell.certificates import Certificate
from aparte.server.shell.config import HostConfig
from aparte.server.shell.folder import AlreadyRunning, locked
from aparte.server.shell.guard import Guard
from aparte.server.shell.http import MAX_HTTP_FRAME, About, HostHttp
from aparte.server.shell.judging import Judge
from aparte.server.shell.keys import load_keys, pass_key_of
from aparte.server.shell.pacing import AddressPace, address_of
from aparte.server.shell.reception import Reception
from aparte.server.shell.writer import Writer
from aparte.server.step import Send
from aparte.server.store.sqlite import SqliteStore
from aparte.wire.ids import Millis

__all__ = ["AlreadyRunning", "HostConfig", "serve"]

_BACKLOG: Final = 4096
#: Seconds that requests under way get when the host stops, and an idle connection is kept.
_SHUTDOWN: Final = 2.0
_KEEP_ALIVE: Final = 15.0

log = structlog.get_logger("aparte.host")


def now() -> Millis:
    """The real clock."""
    return Millis(time.time_ns() // 1_000_000)


async def serve(config: HostConfig, *, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Run a host until `stop` is set. `ready` is told the URL.

    Raises `AlreadyRunning`, `StoreError`, `KeysDamaged`, `BadCertificate`, `OSError` (the port is in use).
    """
    certificate = None if config.certificate is None else Certificate(*config.certificate)
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(config.data))
        store = SqliteStore(config.data / "host.db")
        stack.callback(store.close)
        host = await stack.enter_async_context(_running(config, store))
        guard = Guard()
        url = await stack.enter_async_context(_listening(config, host, guard=guard, certificate=certificate))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        background = [
            tasks.create_task(look_after_links(host.reception.connections, guard)),
            tasks.create_task(sweep(host.writer, store, blobs=host.blobs, clock=now)),
            tasks.create_task(checkpoint(store)),
        ]
        if certificate is not None:
            background.append(tasks.create_task(refresh_certificate(certificate)))
        ready(url)
        await stop.wait()
        for task in background:
            task.cancel()


@dataclass(frozen=True, slots=True)
class _Host:
    """The parts that the listening side speaks to."""

    reception: Reception
    writer: Writer
    blobs: BlobService
    about: About


@asynccontextmanager
async def _running(config: HostConfig, store: SqliteStore) -> AsyncIterator[_Host]:
    """Core, threads and blobs, ready for whoever asks; when left, all that was taken has been carried out."""
    loop = asyncio.get_running_loop()
    stored = load_keys(config.data / "keys.json", rng=os.urandom)
    incarnation = store.incarnation(os.urandom)
    keys = replace(stored, pass_key=pass_key_of(stored, incarnation))
    ticket_key, _ = crypto_sign_seed_keypair(keys.ticket_seed)
    core = Core(store, keys, policy=config.logs, report=lambda error: log.error("the core failed", error=repr(error)))
    judge = Judge(config.domain, keys, ticket_key=ticket_key, clock=now)

    def release(sends: list[Send]) -> None:
        loop.call_soon_threadsafe(reception.connections.release, sends)

    writer = Writer(core, clock=now, release=release)
    reception = Reception(store, reads=LogReads(keys), writer=writer, judge=judge, clock=now)
    office = TicketOffice(judge, writer, store=store)
    writer.start()
    try:
        async with hosted_blobs(config.data, office, clock=now, limits=config.blobs) as blobs:
            yield _Host(reception, writer, blobs, About(config.domain, aparte.__version__, incarnation, ticket_key))
    finally:
        await loop.run_in_executor(None, writer.stop)
        reception.close()


@asynccontextmanager
async def _listening(
    config: HostConfig, host: _Host, *, guard: Guard, certificate: Certificate | None
) -> AsyncIterator[str]:
    """The socket and the routes behind it; yields the URL."""
    app = web.Application(client_max_size=MAX_HTTP_FRAME, middlewares=[guard.middleware])
    of = partial(address_of, behind_proxy=config.behind_proxy)
    pace = AddressPace(now, config.frames)
    http = HostHttp(host.reception, host.about, pace=pace, clock=now, address_of=of)
    app.add_routes(http.routes())
    app.add_routes(blob_routes(host.blobs, prefix="/v1", address_of=of))
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN, keepalive_timeout=_KEEP_ALIVE
    )
    await runner.setup()
    try:
        make: Any = runner.server
        context = None if certificate is None else certificate.context
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            guard.watch(make), config.address, config.port, ssl=context, backlog=_BACKLOG
        )
        try:
            yield _url(listener.sockets[0].getsockname(), secure=context is not None)
        finally:
            listener.close()
            host.reception.connections.say_stopping()
    finally:
        await runner.cleanup()


def _url(name: tuple[Any, ...], *, secure: bool) -> str:
    address, port = name[:2]
    return f"{'https' if secure else 'http'}://{f'[{address}]' if ':' in address else address}:{port}"
