"""When uploads and blobs end. Blobs end with a day, so that it tells little about the moment of upload."""

from __future__ import annotations

from email.utils import formatdate
from typing import Final, NewType

from aparte.server.blobs.limits import Limits

__all__ = ["DAY", "HOUR", "Day", "blob_expiry", "http_date", "start_of", "today", "upload_expiry"]

#: Days since 1970-01-01, UTC.
Day = NewType("Day", int)

#: In milliseconds.
HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR


def today(now: int) -> Day:
    return Day(now // DAY)


def start_of(day: Day) -> int:
    """The first millisecond of a day."""
    return day * DAY


def blob_expiry(now: int, keep_days: int) -> Day:
    """The first day without the blob, if its upload ends `now`.

    To the end of the day in `keep_days` days, and one day more, in which the message that needs the blob may
    still be on its way. Counted from the end of the upload, because the message comes after that.
    """
    return Day(today(now) + keep_days + 2)


def upload_expiry(now: int, limits: Limits) -> int:
    """When an unfinished upload is given up: a full hour, never sooner than promised."""
    return -(-(now + limits.unfinished_hours * HOUR) // HOUR) * HOUR


def http_date(millis: int) -> str:
    """IMF-fixdate (RFC 9110 §5.6.7), which Upload-Expires asks for."""
    return formatdate(millis / 1000, usegmt=True)
