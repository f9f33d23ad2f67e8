"""What the blob service refuses: one code each, its status, and nothing about who asked or for what."""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType
from typing import Final

__all__ = ["STATUS", "DamagedUpload", "Refusal", "Refused"]


class Refusal(StrEnum):
    """The `error` of an answer. A client acts on these, never on the words beside them."""

    #: A header is missing, or is not what it should be.
    BAD_REQUEST = "bad_request"
    #: The connection ended early. Nobody is left to read this answer; tests are.
    CUT = "cut"
    TICKET_MISSING = "ticket_missing"
    #: The ticket is not this host's to accept: wrong host, kind, signature or day.
    TICKET_REFUSED = "ticket_refused"
    TICKET_SPENT = "ticket_spent"
    #: The ticket is good, but does not pay for this size or this many days.
    QUOTA = "quota"
    WRONG_ERASE_TOKEN = "wrong_erase_token"  # noqa: S105
    NOT_FOUND = "not_found"
    METHOD = "method"
    #: Nothing, or next to nothing, was sent for too long. What arrived is kept.
    IDLE = "idle"
    #: Upload-Offset is not where the upload stands.
    OFFSET = "offset"
    #: It was there, and its time is over.
    GONE = "gone"
    #: The client speaks no version of tus that the host does.
    VERSION = "version"
    TOO_LARGE = "too_large"
    CONTENT_TYPE = "content_type"
    #: Another request is writing this upload, or this one was asked to make room for another.
    BUSY = "busy"
    #: This address sends as many bodies at once as it may.
    TOO_MANY = "too_many"
    CHECKSUM = "checksum"
    INTERNAL = "internal"
    #: The host receives as many bodies, or holds as many unfinished uploads, as it can.
    OVERLOADED = "overloaded"
    DISK_FULL = "disk_full"


STATUS: Final = MappingProxyType(
    {
        Refusal.BAD_REQUEST: 400,
        Refusal.CUT: 400,
        Refusal.TICKET_MISSING: 403,
        Refusal.TICKET_REFUSED: 403,
        Refusal.TICKET_SPENT: 403,
        Refusal.QUOTA: 403,
        Refusal.WRONG_ERASE_TOKEN: 403,
        Refusal.NOT_FOUND: 404,
        Refusal.METHOD: 405,
        Refusal.IDLE: 408,
        Refusal.OFFSET: 409,
        Refusal.GONE: 410,
        Refusal.VERSION: 412,
        Refusal.TOO_LARGE: 413,
        Refusal.CONTENT_TYPE: 415,
        Refusal.BUSY: 423,
        Refusal.TOO_MANY: 429,
        Refusal.CHECKSUM: 460,
        Refusal.INTERNAL: 500,
        Refusal.OVERLOADED: 503,
        Refusal.DISK_FULL: 507,
    }
)


class Refused(Exception):
    """A request that is answered with an error. `retry_after` is in seconds, where waiting can help."""

    def __init__(self, code: Refusal, detail: str, *, retry_after: int | None = None) -> None:
        super().__init__(f"{code}: {detail}")
        self.code = code
        self.detail = detail
        self.retry_after = retry_after


class DamagedUpload(OSError):
    """A file is shorter than what the host has acknowledged. Only a failing or meddled disk gets there."""
