"""What the host remembers about blobs and uploads: all of it is here, and nothing says whose they are.

The index is never ahead of the disk: `received` counts bytes that were flushed before it was written, and a blob
stands here only once its whole file lies in its place. So what a crash leaves behind is at worst too many bytes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NewType, Protocol

from aparte.server.blobs.expiry import Day

__all__ = ["Blob", "BlobId", "BlobIndex", "Unfinished", "Upload", "UploadId"]

#: Opens a blob for reading: whoever has it may download. 16 random bytes.
BlobId = NewType("BlobId", bytes)
#: Opens an upload for writing; only the uploader ever has it. 16 random bytes.
UploadId = NewType("UploadId", bytes)


@dataclass(frozen=True, slots=True)
class Upload:
    """A blob that is being uploaded, or was until recently: a client may have missed the last answer."""

    upload_id: UploadId = field(repr=False)
    blob_id: BlobId = field(repr=False)
    #: Bytes of the whole blob, at least 1.
    size: int
    #: Bytes from the start that are durable.
    received: int
    #: Days to keep the blob, counted from the day on which the upload ends.
    keep_days: int
    #: Milliseconds, a full hour. From then on the upload is no more; a finished blob stays.
    expires_at: int
    #: SHA-256 of the erase token.
    erase_hash: bytes = field(repr=False)

    @property
    def finished(self) -> bool:
        return self.received == self.size


@dataclass(frozen=True, slots=True)
class Blob:
    """A whole blob."""

    blob_id: BlobId = field(repr=False)
    size: int
    #: The first day without it.
    expires_day: Day
    #: SHA-256 of the erase token.
    erase_hash: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Unfinished:
    """All unfinished uploads: how many, and how many bytes they may still send."""

    count: int
    missing: int


class BlobIndex(Protocol):
    """Every method that changes something is durable when it returns. All are called in one thread."""

    def begin(self, upload: Upload) -> None: ...

    def upload(self, upload_id: UploadId) -> Upload | None: ...

    def blob(self, blob_id: BlobId) -> Blob | None: ...

    def advance(self, upload_id: UploadId, received: int) -> None:
        """So many bytes, less than all, are durable. KeyError if the upload is not there or is finished."""

    def finish(self, upload_id: UploadId, expires_day: Day) -> Blob:
        """All bytes are durable and in place. KeyError if the upload is not there or is finished."""

    def abandon(self, upload_ids: Sequence[UploadId]) -> None:
        """Forget uploads. Blobs that came of them stay."""

    def erase(self, blob_ids: Sequence[BlobId]) -> None:
        """Forget blobs, and what is left of their uploads."""

    def unfinished(self) -> Unfinished: ...

    def unfinished_uploads(self) -> list[Upload]:
        """All of them, for recovery; there are never more than `Limits.unfinished_count`."""

    def expired_uploads(self, now: int, limit: int) -> list[Upload]:
        """Some uploads, finished or not, whose time is over."""

    def expired_blobs(self, day: Day, limit: int) -> list[Blob]:
        """Some blobs whose first day without them is `day` or earlier."""
