"""What a host does unasked: links are looked after, what is out of date is forgotten, certificates are taken up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Final

import structlog

from aparte.server.blobs import BlobService
from aparte.server.core import Core
from aparte.server.forgetting import ForgettingClock
from aparte.server.shell.certificates import BadCertificate, Certificate
from aparte.server.shell.connections import Connections
from aparte.server.shell.disk import DiskWatch
from aparte.server.shell.guard import Guard
from aparte.server.shell.pacing import Allowances
from aparte.server.shell.writer import Writer
from aparte.server.store import LogKey, Store, StoreError
from aparte.wire.ids import Millis

__all__ = ["checkpoint", "look_after_links", "refresh_certificate", "sweep", "watch_disk"]

_TICK: Final = 0.2
#: Seconds between pings; a link without a sign of life from one to the next is cut off.
_PING: Final = 45.0
#: Seconds between two steps of a sweep, or so many times what the step took if that is more; and between two sweeps.
_STEP: Final = 0.05
_REST: Final = 9
_SWEEPS: Final = 3600.0
#: Entries that one step touches: the writer is held up for some milliseconds.
_STEP_ENTRIES: Final = 128
_CHECKPOINT: Final = 0.1
_CERTIFICATE: Final = 60.0
_DISK: Final = 2.0

log = structlog.get_logger("aparte.host")


async def look_after_links(connections: Connections, guard: Guard, *, allowances: Allowances) -> None:
    """Tell links what they missed, ping the silent ones, cut off the dead and who never asks."""
    pinged_at = guarded_at = at = time.monotonic()
    while True:
        await asyncio.sleep(_TICK)
        before, at = at, time.monotonic()
        allowances.tick(at - before)
        connections.catch_up()
        if at - guarded_at > 1.0:
            guarded_at = at
            guard.sweep()
        if at - pinged_at > _PING:
            pinged_at = at
            connections.ping()


async def sweep(writer: Writer, store: Store, *, core: Core, blobs: BlobService, clock: Callable[[], Millis]) -> None:
    """Forget what is out of date, if the clock may be believed; a little at a time, between the writer's batches."""
    believed = ForgettingClock()
    while True:
        try:
            now = clock()  # believed or not; should the clock leap meanwhile, this sweep does not go by it
            if await writer.ask(partial(_begin_sweep, store, believed, now=now)):
                core.room.earliest = now
                await _sweep_logs(writer, store, now=now)
                await _sweep_accounts(writer, core, now=now)
                await blobs.sweep(now)
        except Exception as error:  # noqa: BLE001 - a sweep that fails is tried again, whatever it failed on
            log.error("the sweep failed", error=repr(error))
        await asyncio.sleep(_SWEEPS)


def _begin_sweep(store: Store, believed: ForgettingClock, *, now: Millis) -> bool:
    swept = store.swept()
    may = believed.may_forget(now, swept=swept, steady=time.monotonic_ns() // 1_000_000)
    if may or swept is None:
        store.note_sweep(now, is_believed=may)
    else:
        log.warning("nothing is forgotten for now: since the last time the clock has leapt, or the host was off")
    return may


async def _sweep_logs(writer: Writer, store: Store, *, now: Millis) -> None:
    after: LogKey | None = LogKey(-1)
    while after is not None:
        begun = time.monotonic()
        after = (await writer.ask(partial(store.prune, now, after=after, limit=_STEP_ENTRIES))).after
        await _rest(begun)


async def _sweep_accounts(writer: Writer, core: Core, *, now: Millis) -> None:
    while accounts := core.accounts:
        begun = time.monotonic()
        step = partial(accounts.sweep, now=now, limit=_STEP_ENTRIES)
        if not await writer.ask(partial(core.apart, step)):
            return
        await _rest(begun)


async def _rest(begun: float) -> None:
    """Leave the writer to others: a sweep has at most a tenth of its time."""
    await asyncio.sleep(max(_STEP, _REST * (time.monotonic() - begun)))


async def checkpoint(store: Store) -> None:
    """Let the store do what needs no place in the writer's queue, in a thread of its own."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="aparte-checkpoint") as thread:
        while True:
            await asyncio.sleep(_CHECKPOINT)
            try:
                await loop.run_in_executor(thread, store.checkpoint)
            except StoreError as error:
                log.error("the checkpoint failed", error=repr(error))


async def watch_disk(disk: DiskWatch) -> None:
    """Measure what is free, in a thread of its own: a file system that hangs holds nobody else up."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(1, thread_name_prefix="aparte-disk") as thread:
        while True:
            await asyncio.sleep(_DISK)
            try:
                await loop.run_in_executor(thread, disk.look)
            except OSError as error:
                log.error("cannot measure the disk", error=repr(error))


async def refresh_certificate(certificate: Certificate) -> None:
    """Take up new files."""
    while True:
        await asyncio.sleep(_CERTIFICATE)
        try:
            if certificate.refresh():
                log.info("took up a new certificate")
        except BadCertificate as error:
            log.error("kept the old certificate", error=str(error))
