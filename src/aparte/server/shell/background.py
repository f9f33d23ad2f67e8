"""What a host does unasked: links are looked after, what is out of date is forgotten, certificates are taken up."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Final

import structlog

from aparte.server.blobs import BlobService
from aparte.server.shell.certificates import BadCertificate, Certificate
from aparte.server.shell.connections import Connections
from aparte.server.shell.guard import Guard
from aparte.server.shell.writer import Writer
from aparte.server.store import LogKey, Pruned, Store, StoreError
from aparte.wire.ids import Millis

__all__ = ["look_after_links", "refresh_certificate", "sweep_blobs", "sweep_logs"]

_TICK: Final = 0.1
#: Seconds between pings, and without a sign of life until a link is cut off.
_PING: Final = 45.0
_SILENCE: Final = 120.0
#: Seconds between two steps of a sweep, and between two sweeps.
_STEP: Final = 0.5
_SWEEPS: Final = 3600.0
#: Entries that one step touches: the writer is held up for some milliseconds.
_STEP_ENTRIES: Final = 128
_CERTIFICATE: Final = 60.0

log = structlog.get_logger("aparte.host")


async def look_after_links(connections: Connections, guard: Guard) -> None:
    """Tell links what they missed, ping the silent ones, cut off the dead and who never asks."""
    pinged_at = guarded_at = time.monotonic()
    while True:
        await asyncio.sleep(_TICK)
        at = time.monotonic()
        connections.catch_up()
        if at - guarded_at > 1.0:
            guarded_at = at
            guard.sweep()
        if at - pinged_at > _PING:
            pinged_at = at
            connections.ping(silent_since=at - _SILENCE)


async def sweep_logs(writer: Writer, store: Store, *, clock: Callable[[], Millis]) -> None:
    """Forget what is out of date in logs, a little at a time, between the writer's batches."""
    after: LogKey | None = LogKey(-1)
    while True:
        begin = LogKey(-1) if after is None else after
        try:
            after = (await writer.ask(lambda begin=begin: _prune(store, clock(), after=begin))).after  # type: ignore[misc]
        except StoreError as error:
            log.error("the sweep failed", error=repr(error))
            after = None
        await asyncio.sleep(_SWEEPS if after is None else _STEP)


def _prune(store: Store, now: Millis, *, after: LogKey) -> Pruned:
    return store.prune(now, after=after, limit=_STEP_ENTRIES)


async def sweep_blobs(service: BlobService, *, clock: Callable[[], Millis]) -> None:
    """Forget blobs and unfinished uploads that are out of date."""
    while True:
        try:
            await service.sweep(clock())
        except Exception as error:  # noqa: BLE001 - a sweep that fails is tried again, whatever it failed on
            log.error("the sweep of blobs failed", error=repr(error))
        await asyncio.sleep(_SWEEPS)


async def refresh_certificate(certificate: Certificate) -> None:
    """Take up new files."""
    while True:
        await asyncio.sleep(_CERTIFICATE)
        try:
            if certificate.refresh():
                log.info("took up a new certificate")
        except BadCertificate as error:
            log.error("kept the old certificate", error=str(error))
