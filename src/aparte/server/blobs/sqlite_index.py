"""`BlobIndex` over SQLite: two tables on a connection whose owner has set WAL and `synchronous=FULL`.

The connection must not be inside a transaction when a method is called: what returns must be durable.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import apsw

from aparte.server.blobs.expiry import Day
from aparte.server.blobs.index import Blob, BlobId, Unfinished, Upload, UploadId

__all__ = ["SqliteBlobIndex"]

_UPLOAD: Final = "SELECT upload_id, blob_id, size, received, keep_days, expires_at, erase_hash FROM blob_upload"
_BLOB: Final = "SELECT blob_id, size, expires_day, erase_hash FROM blob"
#: SQLite flushes at every commit from this value of `PRAGMA synchronous` on.
_FULL: Final = 2


class SqliteBlobIndex:
    """The tables of `SCHEMA`, which the owner of the connection has created. One thread only."""

    def __init__(self, connection: apsw.Connection) -> None:
        if int(connection.pragma("synchronous")) < _FULL:
            raise ValueError("the blob index needs synchronous=FULL: answers promise that bytes are durable")
        self._connection = connection

    def begin(self, upload: Upload) -> None:
        fields = (upload.upload_id, upload.blob_id, upload.size, upload.received)
        rest = (upload.keep_days, upload.expires_at, upload.erase_hash)
        self._connection.execute("INSERT INTO blob_upload VALUES (?, ?, ?, ?, ?, ?, ?)", fields + rest)

    def upload(self, upload_id: UploadId) -> Upload | None:
        found = self._uploads("WHERE upload_id = ?", (upload_id,))
        return found[0] if found else None

    def blob(self, blob_id: BlobId) -> Blob | None:
        found = self._blobs("WHERE blob_id = ?", (blob_id,))
        return found[0] if found else None

    def advance(self, upload_id: UploadId, received: int) -> None:
        self._connection.execute(
            "UPDATE blob_upload SET received = ?1 WHERE upload_id = ?2 AND received < size AND ?1 < size",
            (received, upload_id),
        )
        if self._connection.changes() != 1:
            raise KeyError("no such unfinished upload")

    def finish(self, upload_id: UploadId, expires_day: Day) -> Blob:
        with self._connection:
            self._connection.execute(
                "UPDATE blob_upload SET received = size WHERE upload_id = ? AND received < size", (upload_id,)
            )
            if self._connection.changes() != 1:
                raise KeyError("no such unfinished upload")
            self._connection.execute(
                "INSERT INTO blob SELECT blob_id, size, ?, erase_hash FROM blob_upload WHERE upload_id = ?",
                (expires_day, upload_id),
            )
        [upload] = self._uploads("WHERE upload_id = ?", (upload_id,))
        return Blob(upload.blob_id, upload.size, expires_day, upload.erase_hash)

    def abandon(self, upload_ids: Sequence[UploadId]) -> None:
        with self._connection:
            self._connection.executemany("DELETE FROM blob_upload WHERE upload_id = ?", [(i,) for i in upload_ids])

    def erase(self, blob_ids: Sequence[BlobId]) -> None:
        keys = [(i,) for i in blob_ids]
        with self._connection:
            self._connection.executemany("DELETE FROM blob WHERE blob_id = ?", keys)
            self._connection.executemany("DELETE FROM blob_upload WHERE blob_id = ?", keys)

    def unfinished(self) -> Unfinished:
        [row] = self._rows(
            "SELECT count(*), coalesce(sum(size - received), 0) FROM blob_upload WHERE received < size", ()
        )
        return Unfinished(*row)

    def unfinished_uploads(self) -> list[Upload]:
        return self._uploads("WHERE received < size", ())

    def expired_uploads(self, now: int, limit: int) -> list[Upload]:
        return self._uploads("WHERE expires_at <= ? ORDER BY expires_at LIMIT ?", (now, limit))

    def expired_blobs(self, day: Day, limit: int) -> list[Blob]:
        return self._blobs("WHERE expires_day <= ? ORDER BY expires_day LIMIT ?", (day, limit))

    def _uploads(self, which: str, values: tuple[bytes | int, ...]) -> list[Upload]:
        return [Upload(*row) for row in self._rows(f"{_UPLOAD} {which}", values)]

    def _blobs(self, which: str, values: tuple[bytes | int, ...]) -> list[Blob]:
        return [Blob(*row) for row in self._rows(f"{_BLOB} {which}", values)]

    def _rows(self, statement: str, values: tuple[bytes | int, ...]) -> list[tuple[Any, ...]]:
        return self._connection.execute(statement, values).fetchall()
