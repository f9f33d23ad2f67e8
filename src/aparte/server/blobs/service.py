"""The blob service: what HTTP may ask of it, in its own words. Which header is which is not its business.

Nothing here logs: who uploads or downloads what is nobody's to know.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Coroutine
from dataclasses import dataclass, field
from hmac import compare_digest
from pathlib import Path
from typing import Any, TypeVar

from aparte.server.blobs.admission import require_disk, require_room
from aparte.server.blobs.appending import Appending
from aparte.server.blobs.errors import Refusal, Refused
from aparte.server.blobs.expiry import start_of, today, upload_expiry
from aparte.server.blobs.files import BlobFiles
from aparte.server.blobs.index import Blob, BlobId, BlobIndex, Upload, UploadId
from aparte.server.blobs.inflow import Body, Inflow
from aparte.server.blobs.limits import DEFAULT_LIMITS, Limits
from aparte.server.blobs.recovery import Recovered, recover
from aparte.server.blobs.tokens import TOKEN_LENGTH
from aparte.server.blobs.turns import Turns
from aparte.server.blobs.tus import Append, Creation
from aparte.server.blobs.workshop import Surroundings, Workshop

__all__ = ["BlobService", "Created", "Swept"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Created:
    """A new upload, and the token of which the host keeps only the hash."""

    upload: Upload
    erase_token: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep has removed."""

    blobs: int = 0
    uploads: int = 0


class BlobService:
    """`start` it, serve, `sweep` now and then, `close` it. Every method but `close` may raise `Refused`."""

    def __init__(
        self, index: BlobIndex, files: BlobFiles, *, around: Surroundings, limits: Limits = DEFAULT_LIMITS
    ) -> None:
        self.limits = limits
        self._shop = Workshop(index, files, around, limits)
        self._turns = Turns(limits)
        self._tasks: set[asyncio.Task[Any]] = set()

    async def start(self) -> Recovered:
        """Make the folders, and mend what a crash left. Nothing is served before this returns."""
        shop = self._shop
        await shop.filed(shop.files.prepare)
        return await shop.indexed(recover, shop.index, shop.files, now=shop.around.now())

    async def close(self) -> None:
        """End the bodies that are running, and keep what arrived."""
        while self._tasks:
            self._turns.ask_all()
            await asyncio.wait(self._tasks, timeout=1)

    # -- uploads ------------------------------------------------------------------------------------------------
    async def create(self, creation: Creation) -> Created:
        """Spend the ticket and begin an upload."""
        free = await self._shop.filed(self._shop.around.free_space)
        return await self._kept(self._shop.indexed(self._begin, creation, free))

    def _begin(self, creation: Creation, free: int) -> Created:
        """In the index's thread, so that two creations cannot share the last room. The ticket comes last."""
        index, around = self._shop.index, self._shop.around
        now = around.now()
        require_room(index.unfinished(), creation.size, free=free, limits=self.limits)
        admission = around.spend_ticket(creation.ticket, creation.size, now)
        if creation.keep_days > admission.keep_days:
            raise Refused(Refusal.QUOTA, f"the ticket pays for {admission.keep_days} days")
        token = around.rng(TOKEN_LENGTH)
        upload = Upload(
            upload_id=UploadId(around.rng(TOKEN_LENGTH)),
            blob_id=BlobId(around.rng(TOKEN_LENGTH)),
            size=creation.size,
            received=0,
            keep_days=creation.keep_days,
            expires_at=upload_expiry(now, self.limits),
            erase_hash=_hash(token),
        )
        index.begin(upload)
        return Created(upload, token)

    def require_place(self, address: str) -> None:
        """A body from `address` could be received now; ask before a ticket is spent for one."""
        self._turns.require_place(address)

    async def append(self, upload_id: UploadId, append: Append, *, body: Body, address: str) -> Upload:
        """Write a body at its offset. `address` is used for counting while this runs."""
        return await self._kept(self._append(upload_id, append, body=body, address=address))

    async def _append(self, upload_id: UploadId, append: Append, *, body: Body, address: str) -> Upload:
        with self._turns.take(upload_id, address) as turn:
            upload = await self._upload(upload_id)
            if append.offset != upload.received:
                raise Refused(Refusal.OFFSET, f"the upload stands at {upload.received}")
            room = upload.size - upload.received
            if append.length is not None and append.length > room:
                raise Refused(Refusal.TOO_LARGE, f"the body goes beyond Upload-Length by {append.length - room}")
            if upload.finished:
                return upload
            require_disk(await self._shop.filed(self._shop.around.free_space), self.limits)
            inflow = Inflow(body, turn, room=room, limits=self.limits)
            return await Appending(upload, append, inflow=inflow, workshop=self._shop).run()

    async def look(self, upload_id: UploadId) -> Upload:
        """Where an upload stands.

        Who asks has lost the connection of the last body, even if this end of it has not noticed yet: that body
        is ended first, so that the answer stays true and the client can go on at once.
        """
        await self._turns.settle(upload_id)
        return await self._upload(upload_id)

    async def cancel(self, upload_id: UploadId, erase_token: bytes | None) -> None:
        """End an upload. An unfinished one is its uploader's alone; a finished one needs the erase token."""
        await self._kept(self._cancel(upload_id, erase_token))

    async def _cancel(self, upload_id: UploadId, erase_token: bytes | None) -> None:
        async with self._turns.claim(upload_id):
            upload = await self._upload(upload_id)
            if upload.finished or erase_token is not None:
                _require_token(erase_token, upload.erase_hash)
            if upload.finished:
                await self._remove_blobs([upload.blob_id])
            else:
                await self._remove_uploads([upload])

    async def _upload(self, upload_id: UploadId) -> Upload:
        upload = await self._shop.indexed(self._shop.index.upload, upload_id)
        if upload is None:
            raise Refused(Refusal.NOT_FOUND, "no such upload or blob")
        if self._shop.around.now() >= upload.expires_at:
            raise Refused(Refusal.GONE, "the upload's time is over")
        return upload

    # -- blobs --------------------------------------------------------------------------------------------------
    async def find(self, blob_id: BlobId) -> Path:
        """The file of a blob."""
        await self._blob(blob_id)
        return self._shop.files.blob_path(blob_id)

    async def erase(self, blob_id: BlobId, erase_token: bytes | None) -> None:
        blob = await self._blob(blob_id)
        _require_token(erase_token, blob.erase_hash)
        await self._kept(self._remove_blobs([blob_id]))

    async def _blob(self, blob_id: BlobId) -> Blob:
        blob = await self._shop.indexed(self._shop.index.blob, blob_id)
        if blob is None:
            raise Refused(Refusal.NOT_FOUND, "no such upload or blob")
        if self._shop.around.now() >= start_of(blob.expires_day):
            raise Refused(Refusal.GONE, "the blob's time is over")
        return blob

    # -- the end of things --------------------------------------------------------------------------------------
    async def sweep(self, now: int) -> Swept:
        """Remove what has expired, a batch at a time; requests are served in between."""
        return await self._kept(self._sweep(now))

    async def _sweep(self, now: int) -> Swept:
        shop, batch = self._shop, self.limits.sweep_batch
        blobs = uploads = 0
        while over := await shop.indexed(shop.index.expired_blobs, today(now), batch):
            await self._remove_blobs([blob.blob_id for blob in over])
            blobs += len(over)
        while expired := await shop.indexed(shop.index.expired_uploads, now, batch):
            free = [upload for upload in expired if not self._turns.held(upload.upload_id)]
            await self._remove_uploads(free)
            uploads += len(free)
            if len(free) < len(expired):
                break  # the next sweep takes those that are being written
        return Swept(blobs, uploads)

    async def _remove_blobs(self, blob_ids: list[BlobId]) -> None:
        await self._shop.indexed(self._shop.index.erase, blob_ids)
        for blob_id in blob_ids:
            await self._shop.filed(self._shop.files.drop_blob, blob_id)

    async def _remove_uploads(self, uploads: list[Upload]) -> None:
        await self._shop.indexed(self._shop.index.abandon, [upload.upload_id for upload in uploads])
        for upload in uploads:
            if not upload.finished:
                await self._shop.filed(self._shop.files.drop_upload, upload.upload_id)

    async def _kept(self, work: Coroutine[Any, Any, T]) -> T:
        """Go on to the end even if the request is dropped: a thread may be at work, and the turn is still held."""
        task = asyncio.ensure_future(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return await asyncio.shield(task)


def _hash(token: bytes) -> bytes:
    return hashlib.sha256(token).digest()


def _require_token(token: bytes | None, expected: bytes) -> None:
    if token is None or not compare_digest(_hash(token), expected):
        raise Refused(Refusal.WRONG_ERASE_TOKEN, "Aparte-Erase-Token is missing or wrong")
