"""One PATCH: a body goes to the end of a file, and the index follows once the bytes are durable.

While one part is written in a thread the next is read from the connection; so two parts are in memory, no more. What
a long body has brought is made durable now and then, beside that.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
from collections.abc import Awaitable
from dataclasses import replace
from hmac import compare_digest
from typing import Final, assert_never

from aparte.server.blobs.admission import require_disk
from aparte.server.blobs.errors import Refusal, Refused
from aparte.server.blobs.expiry import blob_expiry
from aparte.server.blobs.files import UploadFile
from aparte.server.blobs.index import Upload
from aparte.server.blobs.inflow import Ending, Inflow
from aparte.server.blobs.tus import Append
from aparte.server.blobs.workshop import Workshop

__all__ = ["Appending"]

_NO_SPACE: Final = (errno.ENOSPC, errno.EDQUOT)


class Appending:
    """Has the turn at `upload`, which is unfinished and stands at the offset of `append`. Run it once."""

    def __init__(self, upload: Upload, append: Append, *, inflow: Inflow, workshop: Workshop) -> None:
        #: As the index has it.
        self.upload = upload
        self._inflow = inflow
        self._workshop = workshop
        self._checksum = append.checksum
        #: Up to where the bytes are durable, or will be when a flush ends that has begun.
        self._begun = upload.received
        self._noting: asyncio.Task[None]
        self._digest = None if append.checksum is None else hashlib.new(append.checksum.algorithm)

    async def run(self) -> Upload:
        """The upload as it stands afterwards. Raises `Refused` if the body ended otherwise than whole.

        Whatever is raised, the bytes that were kept are in the index, and no thread is at work any more.
        """
        shop = self._workshop
        file = await shop.filed(shop.files.open_upload, self.upload.upload_id, self.upload.received)
        try:
            await self._pour(file)
            await self._settle(file)
        except OSError as error:
            await shop.filed(file.rewind, self.upload.received)
            if error.errno not in _NO_SPACE:
                raise
            raise Refused(Refusal.DISK_FULL, "the host's disk is full", retry_after=3600) from error
        finally:
            await shop.filed(file.close)
        _require_whole(self._inflow.ending)
        return self.upload

    async def _pour(self, file: UploadFile) -> None:
        """Write until the body ends, and make it durable beside that."""
        writing = self._noting = asyncio.create_task(_nothing())
        try:
            while self._inflow.ending is None:
                part = await self._inflow.part()
                await writing
                if part:
                    writing = asyncio.create_task(self._or_stop(self._write(file, part)))
        finally:
            await asyncio.wait([writing])
            await asyncio.wait([self._noting])
            for error in filter(None, [writing.exception(), self._noting.exception()]):
                raise error

    async def _write(self, file: UploadFile, part: list[bytes]) -> None:
        await self._workshop.filed(self._write_part, file, part)
        if self._is_due(file):
            await self._noting
            self._noting = asyncio.create_task(self._or_stop(self._checkpoint(file)))

    async def _or_stop(self, work: Awaitable[None]) -> None:
        try:
            await work
        except BaseException:
            self._inflow.stop()  # or the client would be told when it has sent the next part
            raise

    def _write_part(self, file: UploadFile, part: list[bytes]) -> None:
        file.append(part)
        if self._digest is not None:
            for piece in part:
                self._digest.update(piece)

    def _is_due(self, file: UploadFile) -> bool:
        """Whether a checkpoint should be begun. Before its checksum was compared, nothing of a body counts."""
        is_long = file.end - self._begun >= self._workshop.limits.checkpoint_bytes
        return is_long and self._digest is None and file.end < self.upload.size  # the end is for `_settle`

    async def _checkpoint(self, file: UploadFile) -> None:
        """Take note of a part of a long body, so that a crash does not lose all of it."""
        shop = self._workshop
        await self._note(file)
        require_disk(await shop.filed(shop.around.free_space), shop.limits)

    async def _note(self, file: UploadFile) -> None:
        self._begun = end = file.end
        await self._workshop.filed(file.flush)
        await self._workshop.indexed(self._workshop.index.advance, self.upload.upload_id, end)
        self.upload = replace(self.upload, received=end)

    async def _settle(self, file: UploadFile) -> None:
        """Keep what is good and drop the rest."""
        try:
            self._require_good()
        except Refused:
            await self._workshop.filed(file.rewind, self.upload.received)
            raise
        if file.end == self.upload.size:
            await self._finish(file)
        elif file.end > self.upload.received:
            await self._note(file)

    def _require_good(self) -> None:
        """Bytes that are too many, or not those that were meant, are refused with all that came with them."""
        if self._inflow.ending is Ending.TOO_LONG:
            raise Refused(Refusal.TOO_LARGE, "the body goes beyond Upload-Length")
        if self._checksum is None or self._digest is None:
            return
        if self._inflow.ending is not Ending.WHOLE:
            raise Refused(Refusal.CUT, "the body ended before its checksum could be compared")
        if not compare_digest(self._digest.digest(), self._checksum.digest):
            raise Refused(Refusal.CHECKSUM, "the body does not match Upload-Checksum")

    async def _finish(self, file: UploadFile) -> None:
        """File first, index second: see `recovery`."""
        shop, upload = self._workshop, self.upload
        await shop.filed(file.seal)
        await shop.filed(shop.files.publish, upload.upload_id, upload.blob_id)
        try:
            expires = blob_expiry(shop.around.now(), upload.keep_days)
            await shop.indexed(shop.index.finish, upload.upload_id, expires)
        except Exception:
            # A commit that reports an error has not always failed.
            if await shop.indexed(shop.index.blob, upload.blob_id) is None:
                await shop.filed(shop.files.withdraw, upload.upload_id, upload.blob_id)
            raise
        self.upload = replace(upload, received=upload.size)


async def _nothing() -> None:
    """Done."""


def _require_whole(ending: Ending | None) -> None:
    match ending:
        case Ending.WHOLE | Ending.TOO_LONG | None:
            return  # too long was refused before
        case Ending.CUT:
            raise Refused(Refusal.CUT, "the connection ended early; what arrived is kept")
        case Ending.IDLE:
            raise Refused(Refusal.IDLE, "too little was sent for too long; what arrived is kept")
        case Ending.ASKED:
            raise Refused(Refusal.BUSY, "another request asked for this upload; what arrived is kept")
        case _:
            assert_never(ending)
