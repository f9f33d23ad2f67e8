"""`aparte serve`: one process, one folder. Opens everything, serves until told to stop, closes everything."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import signal
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import IO, Final

import structlog
from aiohttp import web
from nacl.bindings import crypto_sign_seed_keypair

import aparte
from aparte.server.core import Core
from aparte.server.pace import Pace
from aparte.server.policy import LogPolicy
from aparte.server.reads import LogReads
from aparte.server.shell.http import About, HostHttp
from aparte.server.shell.judging import Judge
from aparte.server.shell.keys import load_keys, pass_key_of
from aparte.server.shell.pacing import FRAMES, AddressPace
from aparte.server.shell.reception import Reception
from aparte.server.shell.writer import Writer
from aparte.server.step import Send
from aparte.server.store import LogKey, StoreError
from aparte.server.store.sqlite import SqliteStore
from aparte.wire.ids import Millis

__all__ = ["AlreadyRunning", "HostConfig", "serve"]

#: Seconds between pings, and without a sign of life until a link is cut off.
_PING: Final = 45.0
_SILENCE: Final = 120.0
_TICK: Final = 0.1

log = structlog.get_logger("aparte.host")


class AlreadyRunning(Exception):
    """Another host has this folder."""


@dataclass(frozen=True, slots=True)
class HostConfig:
    """What `aparte serve` was asked for."""

    data: Path
    address: str = "127.0.0.1"
    port: int = 8440
    domain: str = "localhost"
    logs: LogPolicy = field(default_factory=LogPolicy)
    frames: Pace = FRAMES


def now() -> Millis:
    """The real clock."""
    return Millis(time.time_ns() // 1_000_000)


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[IO[str]]:
    """The folder, for this process alone. Raises `AlreadyRunning`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (folder / "lock").open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(f"another host is running on {folder}") from error
        yield file


async def serve(config: HostConfig, *, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    """Run a host until `stop` is set. `ready` is told the URL."""
    with locked(config.data):
        store = SqliteStore(config.data / "host.db")
        try:
            await _serve(config, store, ready=ready, stop=stop)
        finally:
            store.close()


async def _serve(config: HostConfig, store: SqliteStore, *, ready: Callable[[str], None], stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    stored = load_keys(config.data / "keys.json", rng=os.urandom)
    incarnation = store.incarnation(os.urandom)
    keys = replace(stored, pass_key=pass_key_of(stored, incarnation))
    core = Core(store, keys, policy=config.logs, report=lambda error: log.error("the core failed", error=repr(error)))
    ticket_key, _ = crypto_sign_seed_keypair(keys.ticket_seed)
    judge = Judge(config.domain, keys, ticket_key=ticket_key, clock=now)

    def release(sends: list[Send]) -> None:
        loop.call_soon_threadsafe(reception.connections.release, sends)

    writer = Writer(core, clock=now, release=release)
    reception = Reception(store, reads=LogReads(keys), writer=writer, judge=judge, clock=now)
    about = About(config.domain, aparte.__version__, incarnation, ticket_key)
    http = HostHttp(reception, about, pace=AddressPace(now, config.frames), clock=now, rng=os.urandom)
    writer.start()
    app = web.Application()
    app.add_routes(http.routes())
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=2.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, config.address, config.port, backlog=4096)
        await site.start()
        ready(_url(runner))
        async with asyncio.TaskGroup() as tasks:
            watch = tasks.create_task(_watch_links(reception))
            sweep = tasks.create_task(_sweep(writer, store))
            await stop.wait()
            watch.cancel()
            sweep.cancel()
    finally:
        for connection in reception.connections.sockets():
            connection.cut_off()
        await runner.cleanup()
        await loop.run_in_executor(None, writer.stop)
        reception.close()


async def _watch_links(reception: Reception) -> None:
    """Tell links what they missed, ping the silent ones, cut off the dead."""
    pinged_at = time.monotonic()
    while True:
        await asyncio.sleep(_TICK)
        at = time.monotonic()
        ping = at - pinged_at > _PING
        pinged_at = at if ping else pinged_at
        for connection in reception.connections.sockets():
            connection.catch_up()
            if ping:
                if at - connection.seen_at > _SILENCE:
                    connection.cut_off()
                else:
                    connection.ping()


async def _sweep(writer: Writer, store: SqliteStore) -> None:
    """Forget what is out of date, a little at a time, between the writer's batches."""
    loop = asyncio.get_running_loop()
    after: LogKey | None = LogKey(-1)
    while True:
        await asyncio.sleep(0.5 if after is not None else 600)
        done: asyncio.Future[LogKey | None] = loop.create_future()
        begin = LogKey(-1) if after is None else after

        def step(begin: LogKey = begin, done: asyncio.Future[LogKey | None] = done) -> None:
            try:
                found = store.prune(now(), after=begin, limit=128).after
            except StoreError as error:
                log.error("the sweep failed", error=repr(error))
                found = None
            loop.call_soon_threadsafe(_settle, done, found)

        writer.between(step)
        after = await done


def _settle(done: asyncio.Future[LogKey | None], found: LogKey | None) -> None:
    if not done.done():
        done.set_result(found)


def _url(runner: web.AppRunner) -> str:
    host, port = runner.addresses[0][:2]
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def stop_on_signals(stop: asyncio.Event) -> None:
    """SIGINT and SIGTERM end the host in good order."""
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
