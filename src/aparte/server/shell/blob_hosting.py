"""The blob service as a part of the host: its files and index in the host's folder, its tickets the host's."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Final

from aparte.server.blobs import (
    Admission,
    BlobFiles,
    BlobService,
    Limits,
    Refusal,
    Refused,
    SqliteBlobIndex,
    Surroundings,
)
from aparte.server.blobs import schema as blob_schema
from aparte.server.blobs.limits import MAX_KEEP_DAYS
from aparte.server.shell.disk import DiskWatch
from aparte.server.shell.judging import Judge
from aparte.server.shell.writer import Writer
from aparte.server.step import Refusal as HostRefusal
from aparte.server.store import Store, StoreError, StoreFull
from aparte.server.store.sqlite.connection import connect, migrate
from aparte.server.store.sqlite.schema import migrations
from aparte.server.tickets import JudgedTicket
from aparte.wire import ErrorCode
from aparte.wire.ids import Millis, TicketKind

__all__ = ["TicketOffice", "hosted_blobs"]

_FILE_THREADS: Final = 4
_WAIT_FOR_WRITER: Final = 30.0
#: When an upload may try again that the store failed: seconds, as when the blobs' own disk is full.
_SOON: Final = 2
_LATER: Final = 3_600


class TicketOffice:
    """Spends upload tickets in the host's store, on the writer's thread like everything that writes there."""

    def __init__(self, judge: Judge, writer: Writer, *, store: Store) -> None:
        self._judge = judge
        self._writer = writer
        self._store = store

    def spend(self, ticket: bytes, size: int, now: int) -> Admission:
        """See `SpendTicket`. One ticket pays for one blob, of any size that the host takes."""
        del size
        try:
            self._judge.introduce(ticket)
            judged = self._judge.ticket(ticket, TicketKind.UPLOAD_BLOB, now=Millis(now))
            self._spend(judged)
        except HostRefusal as refusal:
            raise _refused(refusal) from refusal
        except StoreFull as error:
            raise Refused(Refusal.DISK_FULL, "the host's disk is full", retry_after=_LATER) from error
        except (StoreError, TimeoutError) as error:
            raise Refused(Refusal.OVERLOADED, "the host cannot write now", retry_after=_SOON) from error
        return Admission(keep_days=MAX_KEEP_DAYS)

    def _spend(self, judged: JudgedTicket) -> None:
        """Raises `HostRefusal`, `StoreError`, `TimeoutError`: then the ticket is not spent, unless it just is being."""
        done: Future[None] = Future()
        self._writer.between(lambda: self._carry_out(judged, done))
        try:
            done.result(_WAIT_FOR_WRITER)
        finally:
            done.cancel()

    def _carry_out(self, judged: JudgedTicket, done: Future[None]) -> None:
        if not done.set_running_or_notify_cancel():
            return
        try:
            with self._store.transaction() as transaction:
                judged.spend(transaction)
        except Exception as error:  # noqa: BLE001 - whoever waits hears of it, and the writer goes on
            done.set_exception(error)
        else:
            done.set_result(None)


def _refused(refusal: HostRefusal) -> Refused:
    """What an upload is told."""
    match refusal.code:
        case ErrorCode.TICKET_SPENT:
            code = Refusal.TICKET_SPENT
        case ErrorCode.UNAVAILABLE | ErrorCode.RATE_LIMITED:  # the ticket may be good, and is not spent
            code = Refusal.OVERLOADED
        case _:
            code = Refusal.TICKET_REFUSED
    return Refused(code, refusal.detail, retry_after=-(-refusal.wait // 1000) or None)


@asynccontextmanager
async def hosted_blobs(
    data: Path, office: TicketOffice, *, clock: Callable[[], Millis], limits: Limits, disk: DiskWatch
) -> AsyncIterator[BlobService]:
    """The service over `data/blobs.db` and `data/blobs`, recovered and ready; closed when left."""
    index_thread = ThreadPoolExecutor(1, thread_name_prefix="aparte-blob-index")
    file_threads = ThreadPoolExecutor(_FILE_THREADS, thread_name_prefix="aparte-blob-files")
    connection = connect(data / "blobs.db")
    floored = replace(limits, free_bytes=disk.blob_floor)
    try:
        migrate(connection, migrations(blob_schema.__name__))
        around = Surroundings(
            now=clock,
            rng=os.urandom,
            free_space=disk.free,
            spend_ticket=office.spend,
            index_thread=index_thread,
            file_threads=file_threads,
        )
        service = BlobService(SqliteBlobIndex(connection), BlobFiles(data), around=around, limits=floored)
        await service.start()
        yield service
        await service.close()
    finally:
        index_thread.shutdown()
        file_threads.shutdown()
        connection.close()
