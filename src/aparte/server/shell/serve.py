"""A running host: opens everything, serves until told to stop, closes everything, each in the other's reverse order."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import structlog
from aiohttp import web
from nacl.signing import SigningKey

import aparte
from aparte.crypto import DEFAULT_CIPHER_SUITE
from aparte.crypto.native import NativeProvider
from aparte.server.accounts import AccountSettings, SignUpPolicy, make_operator_invite
from aparte.server.blobs import BlobService, blob_routes
from aparte.server.core import Core
from aparte.server.reads import LogReads
from aparte.server.shell.about import AboutHttp
from aparte.server.shell.acme.keeper import certified
from aparte.server.shell.background import checkpoint, look_after_links, refresh_certificate, sweep, watch_disk
from aparte.server.shell.blob_hosting import TicketOffice, hosted_blobs
from aparte.server.shell.certificates import Certificate
from aparte.server.shell.config import HostConfig
from aparte.server.shell.disk import DiskWatch, Measure, measure_of
from aparte.server.shell.exchanges import MAX_HTTP_FRAME, Exchanges
from aparte.server.shell.folder import AlreadyRunning, locked
from aparte.server.shell.guard import Guard
from aparte.server.shell.http import About, HostHttp
from aparte.server.shell.issuers import Issuers, issuers_by
from aparte.server.shell.judging import Judge
from aparte.server.shell.keys import load_keys, pass_key_of
from aparte.server.shell.listening import listening, url_of
from aparte.server.shell.metrics import Holdings, Watched
from aparte.server.shell.metrics_page import metrics_served
from aparte.server.shell.pacing import Allowances, address_of
from aparte.server.shell.pages import Pages, nothing_here
from aparte.server.shell.reception import Reception
from aparte.server.shell.server_header import name_software
from aparte.server.shell.tally import Tally
from aparte.server.shell.writer import Writer
from aparte.server.step import Send
from aparte.server.store.sqlite import SqliteStore
from aparte.wire.ids import Millis

__all__ = ["AlreadyRunning", "Host", "HostConfig", "Started", "serve"]

_BACKLOG: Final = 4096
#: Seconds that requests under way get when the host stops, and an idle connection is kept.
_SHUTDOWN: Final = 2.0
_KEEP_ALIVE: Final = 15.0

log = structlog.get_logger("aparte.host")


def now() -> Millis:
    """The real clock."""
    return Millis(time.time_ns() // 1_000_000)


async def serve(
    config: HostConfig,
    *,
    ready: Callable[[Started], None],
    stop: asyncio.Event,
    beside: Callable[[Host], AbstractAsyncContextManager[None]] | None = None,
    measure: Measure | None = None,
) -> None:
    """Run a host until `stop` is set. `ready` is told where; `beside` goes on as long as the host (the operator's
    socket does). `measure` says what is free on the disk, instead of the disk.

    Raises `AlreadyRunning`, `StoreError`, `KeysDamaged`, `BadCertificate`, `AcmeFailed`, `OSError` (the port is in
    use).
    """
    name_software()
    certificate = None if config.certificate is None else Certificate(*config.certificate)
    async with AsyncExitStack() as stack:
        stack.enter_context(locked(config.data))
        if (acme := config.acme) is not None:
            certificate = await stack.enter_async_context(certified(acme, config.domain, data=config.data, stop=stop))
        store = SqliteStore(config.data / "host.db")
        stack.callback(store.close)
        issuers = await stack.enter_async_context(issuers_by(config.issuer_policy))
        running = _running(config, store, measure=measure or measure_of(config.data), issuers=issuers)
        host = await stack.enter_async_context(running)
        await stack.enter_async_context(metrics_served(config.metrics, host.watched()))
        if beside is not None:
            await stack.enter_async_context(beside(host))
        allowances = Allowances(config.frames, host.reception.doorstep, links=config.links)
        door = _Door(Guard(behind_proxy=config.behind_proxy), allowances, certificate)
        url = await stack.enter_async_context(_listening(config, host, door=door))
        tasks = await stack.enter_async_context(asyncio.TaskGroup())
        background = [
            tasks.create_task(look_after_links(host.reception.connections, door.guard, allowances=door.allowances)),
            tasks.create_task(sweep(host.writer, store, core=host.core, blobs=host.blobs, clock=now)),
            tasks.create_task(checkpoint(store)),
            tasks.create_task(watch_disk(host.disk)),
            tasks.create_task(host.writer.end()),
        ]
        if certificate is not None:
            background.append(tasks.create_task(refresh_certificate(certificate)))
        ready(_started(config, url, invite=host.operator_invite))
        await stop.wait()
        for task in background:
            task.cancel()


@dataclass(frozen=True, slots=True)
class _Door:
    """What stands between the world and the host."""

    guard: Guard
    allowances: Allowances
    certificate: Certificate | None


@dataclass(frozen=True, slots=True)
class Host:
    """The parts of a running host, for whoever speaks to them."""

    reception: Reception
    writer: Writer
    blobs: BlobService
    about: About
    config: HostConfig
    core: Core
    store: SqliteStore
    disk: DiskWatch
    tally: Tally
    #: The code by which the operator's account is made; None once there is one.
    operator_invite: str | None

    @property
    def data(self) -> Path:
        """The host's folder."""
        return self.config.data

    def watched(self) -> Watched:
        """What figures are taken from."""
        return Watched(self.tally, self.reception, self.writer, self.disk, Holdings(self.data))


@dataclass(frozen=True, slots=True)
class Started:
    """What there is to tell when a host has started."""

    #: Where it listens.
    url: str
    #: Where people find it.
    address: str
    operator_invite: str | None
    #: Its name, if anybody on this machine may come: then it is a place to try things.
    playground: str | None = None


def _started(config: HostConfig, url: str, *, invite: str | None) -> Started:
    is_open = config.is_private and config.sign_up_policy is SignUpPolicy.OPEN and config.port != 0
    address = url if config.is_private else f"https://{config.domain}"
    return Started(url, address, invite, config.domain if is_open else None)


def _account_settings(config: HostConfig) -> AccountSettings:
    suite = NativeProvider().suite(DEFAULT_CIPHER_SUITE)
    return AccountSettings(config.domain, suite, config.sign_up_policy)


def _reporting(tally: Tally) -> Callable[[Exception], None]:
    def report(error: Exception) -> None:
        tally.errors += 1
        log.error("the core failed", error=repr(error))

    return report


@asynccontextmanager
async def _running(
    config: HostConfig, store: SqliteStore, *, measure: Measure, issuers: Issuers
) -> AsyncIterator[Host]:
    """Core, threads and blobs, ready for whoever asks; when left, all that was taken has been carried out."""
    loop = asyncio.get_running_loop()
    stored = load_keys(config.data / "keys.json", rng=os.urandom)
    incarnation = store.incarnation(os.urandom)
    keys = replace(stored, pass_key=pass_key_of(stored, incarnation))
    ticket_key = bytes(SigningKey(keys.ticket_seed).verify_key)
    tally = Tally()
    core = Core(store, keys, policy=config.logs, report=_reporting(tally), accounts=_account_settings(config))
    disk = DiskWatch(measure, config.disk, room=core.room)
    judge = Judge(config.domain, keys, ticket_key=ticket_key, clock=now, issuers=issuers)
    invite = make_operator_invite(store, os.urandom, now=now())

    def release(sends: list[Send]) -> None:
        loop.call_soon_threadsafe(reception.connections.release, sends)

    writer = Writer(core, clock=now, release=release, watch=tally.note if config.metrics else None)
    core.elsewhere = writer.on_loop
    reception = Reception(store, reads=LogReads(keys), writer=writer, judge=judge, clock=now)
    office = TicketOffice(judge, writer, store=store)
    writer.start()
    try:
        async with hosted_blobs(config.data, office, clock=now, limits=config.blobs, disk=disk) as blobs:
            about = About(config.domain, aparte.__version__, incarnation, ticket_key)
            yield Host(reception, writer, blobs, about, config, core, store, disk, tally, invite)
    finally:
        await loop.run_in_executor(None, writer.stop)
        reception.close()


@asynccontextmanager
async def _listening(config: HostConfig, host: Host, *, door: _Door) -> AsyncIterator[str]:
    """The socket and the routes behind it; yields the URL."""
    app = web.Application(client_max_size=MAX_HTTP_FRAME, middlewares=[door.guard.middleware, nothing_here])
    of = partial(address_of, behind_proxy=config.behind_proxy)
    http = HostHttp(host.reception, host.about, allowances=door.allowances, clock=now, address_of=of)
    app.add_routes(http.routes())
    app.add_routes(Exchanges(host.reception, allowances=door.allowances, address_of=of).routes())
    app.add_routes(AboutHttp(host.about, config).routes())
    app.add_routes(blob_routes(host.blobs, prefix="/v1", address_of=of))
    app.add_routes(Pages(host.about.host, folder=config.web_app, is_private=config.is_private).routes())
    runner = web.AppRunner(
        app, access_log=None, handle_signals=False, shutdown_timeout=_SHUTDOWN, keepalive_timeout=_KEEP_ALIVE
    )
    await runner.setup()
    try:
        make: Any = runner.server
        context = None if door.certificate is None else door.certificate.context
        where = (config.address, config.port)
        try:
            async with listening(door.guard.watch(make), where, backlog=_BACKLOG, context=context) as name:
                yield url_of(name, secure=context is not None)
        finally:
            host.reception.connections.say_stopping()
    finally:
        await runner.cleanup()
