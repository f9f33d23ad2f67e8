"""Forgetting at once what the sweeps would forget in time."""

from __future__ import annotations

from functools import partial
from typing import Final

from aparte.server.accounts.ending import sweep
from aparte.server.admin.desk import Desk
from aparte.server.admin.errors import AdminError, Fault
from aparte.server.admin.requests import ExpiredPurged, PurgeExpired
from aparte.server.blobs import BlobFiles, SqliteBlobIndex
from aparte.server.blobs.expiry import today
from aparte.server.forgetting import ForgettingClock
from aparte.server.store import LogKey, Store
from aparte.server.store.sqlite.connection import connect, store_errors

__all__ = ["purge_expired"]

#: Rows, entries or files to a step: others are served in between.
_STEP: Final = 128


def purge_expired(desk: Desk, request: PurgeExpired) -> ExpiredPurged:
    """A step at a time, until nothing is left. What was forgotten before an error stays so."""
    if not request.trusts_clock and not desk.writing.store(lambda store: _is_believable(desk, store)):
        raise AdminError(
            Fault.CLOCK,
            "the clock is far from what it was at the last sweep, or there was none, and what is forgotten does not"
            " come back; if the clock is right, say so by --yes",
        )
    entries = _purge_logs(desk)
    account_rows = _purge_accounts(desk)
    blobs, uploads = _purge_blobs(desk) if desk.live is None else desk.live.sweep_blobs()
    return ExpiredPurged(entries, account_rows, blobs, uploads)


def _is_believable(desk: Desk, store: Store) -> bool:
    return ForgettingClock().may_forget(desk.clock(), swept=store.swept(), steady=0)


def _purge_logs(desk: Desk) -> int:
    touched, after = 0, LogKey(-1)
    while True:
        desk.go_on()

        def step(store: Store, *, begin: LogKey = after) -> tuple[int, LogKey | None]:
            return store.prune(desk.clock(), after=begin, limit=_STEP)

        count, following = desk.writing.store(step)
        touched += count
        if following is None:
            return touched
        after = following


def _purge_accounts(desk: Desk) -> int:
    touched = 0
    while True:
        desk.go_on()
        step = partial(sweep, now=desk.clock(), limit=_STEP, presence=desk.presence)
        count = desk.writing.apart(step)
        if not count:
            return touched
        touched += count


def _purge_blobs(desk: Desk) -> tuple[int, int]:
    """At rest: nobody else has the index or the files. Index first, then files, as always."""
    blobs = uploads = 0
    files, now = BlobFiles(desk.data), desk.clock()
    connection = connect(desk.data / "blobs.db")
    try:
        index = SqliteBlobIndex(connection)
        with store_errors():
            while over := index.expired_blobs(today(now), _STEP):
                index.erase([blob.blob_id for blob in over])
                for blob in over:
                    files.drop_blob(blob.blob_id)
                blobs += len(over)
            while late := index.expired_uploads(now, _STEP):
                index.abandon([upload.upload_id for upload in late])
                for upload in late:
                    if not upload.finished:
                        files.drop_upload(upload.upload_id)
                uploads += len(late)
    finally:
        connection.close()
    return blobs, uploads
