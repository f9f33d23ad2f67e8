"""Free space, measured every few seconds off the hot path, and what the host refuses because of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path
from typing import Final, NamedTuple

import structlog

from aparte.server.room import Room, Shortage

__all__ = ["DiskFloors", "DiskWatch", "Floor", "Measure", "Usage", "measure_of", "refused_words"]

_MIB: Final = 1 << 20
_WORDS: Final = {
    Shortage.NOTHING: "nothing",
    Shortage.BLOBS: "new blobs",
    Shortage.NEWCOMERS: "new blobs, logs and accounts",
    Shortage.POSTS: "new blobs, logs, accounts and posts",
}

log = structlog.get_logger("aparte.host")


class Usage(NamedTuple):
    """Bytes of a file system: all, and those that this user may still fill."""

    total: int
    free: int


Measure = Callable[[], Usage]


def measure_of(folder: Path) -> Measure:
    """How to measure the file system of a folder."""

    def measure() -> Usage:
        found = shutil.disk_usage(folder)
        return Usage(found.total, found.free)

    return measure


@dataclass(frozen=True, slots=True)
class Floor:
    """So much has to be free: the larger one of both."""

    mib: int
    percent: int = 0

    def of(self, total: int) -> int:
        """Bytes, of a file system of this size."""
        return max(self.mib * _MIB, total * self.percent // 100)


@dataclass(frozen=True, slots=True)
class DiskFloors:
    """Below which free space what is refused. Blobs give way first, posts last."""

    blobs: Floor = Floor(1024)
    newcomers: Floor = Floor(512)
    #: What is left then is for the write-ahead log, and for making room.
    posts: Floor = Floor(128)

    def in_order(self) -> bool:
        """Whether nothing gives way before what should."""
        levels = (self.blobs, self.newcomers, self.posts)
        return all(a.mib >= b.mib and a.percent >= b.percent for a, b in pairwise(levels))

    def shortage(self, usage: Usage) -> Shortage:
        """What is to be refused."""
        if usage.free < self.posts.of(usage.total):
            return Shortage.POSTS
        if usage.free < self.newcomers.of(usage.total):
            return Shortage.NEWCOMERS
        if usage.free < self.blobs.of(usage.total):
            return Shortage.BLOBS
        return Shortage.NOTHING


class DiskWatch:
    """Tells the core's `Room` how the disk is. Measures once when made: raises `OSError`, as `look` does."""

    def __init__(self, measure: Measure, floors: DiskFloors, *, room: Room) -> None:
        self._measure = measure
        self._floors = floors
        self._room = room
        self.usage = measure()
        self.look()

    @property
    def shortage(self) -> Shortage:
        """What is refused now."""
        return self._room.shortage

    @property
    def blob_floor(self) -> int:
        """Bytes that have to be free for blobs to be taken."""
        return self._floors.blobs.of(self.usage.total)

    def free(self) -> int:
        """Bytes that are free at this moment."""
        return self._measure().free

    def look(self) -> None:
        """Measure, and say so if something else is refused from now on."""
        usage = self._measure()
        before, now = self._room.shortage, self._floors.shortage(usage)
        self.usage, self._room.shortage = usage, now
        if now != before:
            say = partial(log.warning if now > before else log.info, free_mib=usage.free // _MIB)
            say("the disk is nearly full" if now else "the disk has room again", refused=refused_words(now))


def refused_words(shortage: Shortage) -> str:
    """What is refused, for people."""
    return _WORDS[shortage]
