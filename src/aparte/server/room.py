"""How short room on the disk is, as the core is told, and what gives way first. Reading goes on throughout."""

from __future__ import annotations

from enum import IntEnum
from typing import Final

from aparte.server.step import Refusal
from aparte.wire import ErrorCode
from aparte.wire.ids import Millis

__all__ = ["Room", "Shortage"]

#: When a client may try again. Milliseconds.
_RETRY: Final = 10_000


class Shortage(IntEnum):
    """What is refused, and with it all that stands before it."""

    NOTHING = 0
    #: New blobs: the blob service measures for itself, and refuses them.
    BLOBS = 1
    #: New logs and new accounts.
    NEWCOMERS = 2
    #: Posts, inbox items, key packages. What is short-lived or makes room is still taken.
    POSTS = 3


class Room:
    """What the core asks before it writes something that stays; the shell keeps it up to date."""

    __slots__ = ("earliest", "shortage")

    def __init__(self) -> None:
        self.shortage = Shortage.NOTHING
        #: No log and no entry is dated before the last sweep: written by a clock that is behind, it would be out of
        #: date, and forgotten, as soon as the clock is right again.
        self.earliest = Millis(0)

    def require(self, what: Shortage) -> None:
        """Raises `Refusal` if this is refused now."""
        if self.shortage >= what:
            raise Refusal(ErrorCode.DISK_FULL, "the host's disk is nearly full", wait=_RETRY)
