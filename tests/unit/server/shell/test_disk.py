"""Free space: thresholds to the byte, a watch that says what changed, and what cannot be measured."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from aparte.server.room import Room, Shortage
from aparte.server.shell.disk import DiskFloors, DiskWatch, Floor, Usage, measure_of, refused_words

MIB = 1 << 20
TIB = 1 << 40
FLOORS = DiskFloors(blobs=Floor(300), newcomers=Floor(200), posts=Floor(100))


@pytest.mark.parametrize(
    ("free", "shortage"),
    [
        (300 * MIB, Shortage.NOTHING),
        (300 * MIB - 1, Shortage.BLOBS),
        (200 * MIB, Shortage.BLOBS),
        (200 * MIB - 1, Shortage.NEWCOMERS),
        (100 * MIB, Shortage.NEWCOMERS),
        (100 * MIB - 1, Shortage.POSTS),
        (0, Shortage.POSTS),
    ],
)
def test_each_level_begins_below_its_floor(free: int, shortage: Shortage) -> None:
    assert FLOORS.shortage(Usage(TIB, free)) is shortage


@pytest.mark.parametrize(("mib", "percent", "floor"), [(10, 0, 10), (10, 5, 50), (90, 5, 90), (0, 0, 0)])
def test_the_larger_measure_counts(mib: int, percent: int, floor: int) -> None:
    assert Floor(mib, percent).of(1000 * MIB) == floor * MIB


def test_no_floor_is_no_limit() -> None:
    none = DiskFloors(Floor(0), Floor(0), Floor(0))
    assert none.shortage(Usage(TIB, 0)) is Shortage.NOTHING


@pytest.mark.parametrize(
    ("floors", "in_order"),
    [
        (DiskFloors(), True),
        (DiskFloors(Floor(100), Floor(100), Floor(100)), True),
        (DiskFloors(Floor(100), Floor(101), Floor(0)), False),
        (DiskFloors(Floor(100), Floor(50), Floor(51)), False),
        (DiskFloors(Floor(100, 1), Floor(50, 2), Floor(0)), False),
    ],
)
def test_posts_give_way_last(floors: DiskFloors, in_order: bool) -> None:
    assert floors.in_order() is in_order


class Gauge:
    """A disk whose free space is what a test says."""

    def __init__(self, free_mib: int) -> None:
        self.free_mib = free_mib
        self.broken = False

    def __call__(self) -> Usage:
        if self.broken:
            raise OSError("the disk does not answer")
        return Usage(TIB, self.free_mib * MIB)


def test_a_watch_follows_the_disk_down_and_up_and_says_each_change_once() -> None:
    gauge, room = Gauge(1000), Room()
    watch = DiskWatch(gauge, FLOORS, room=room)
    told: list[tuple[str, str]] = []
    seen: list[Shortage] = []
    for free in (1000, 250, 250, 150, 50, 150, 1000, 1000):
        gauge.free_mib = free
        with capture_logs() as lines:
            watch.look()
        seen.append(room.shortage)
        told += [(line["log_level"], line["refused"]) for line in lines]
        assert watch.usage.free == watch.free() == free * MIB
        assert watch.shortage is room.shortage
    assert [int(level) for level in seen] == [0, 1, 1, 2, 3, 2, 0, 0]
    assert told == [
        ("warning", "new blobs"),
        ("warning", "new blobs, logs and accounts"),
        ("warning", "new blobs, logs, accounts and posts"),
        ("info", "new blobs, logs and accounts"),
        ("info", "nothing"),
    ]


def test_a_host_that_starts_on_a_full_disk_knows_at_once() -> None:
    room = Room()
    DiskWatch(Gauge(1), FLOORS, room=room)
    assert room.shortage is Shortage.POSTS


def test_a_disk_that_cannot_be_measured_stays_as_it_was() -> None:
    gauge, room = Gauge(150), Room()
    watch = DiskWatch(gauge, FLOORS, room=room)
    gauge.broken = True
    with pytest.raises(OSError, match="does not answer"):
        watch.look()
    assert (room.shortage, watch.usage.free) == (Shortage.NEWCOMERS, 150 * MIB)
    gauge.broken, gauge.free_mib = False, 1000
    watch.look()
    assert room.shortage is Shortage.NOTHING


def test_blobs_get_the_floor_of_this_disk() -> None:
    floors = DiskFloors(Floor(1, 10), Floor(0), Floor(0))
    assert DiskWatch(Gauge(1), floors, room=Room()).blob_floor == TIB // 10


def test_the_real_measure(tmp_path: Path) -> None:
    found, real = measure_of(tmp_path)(), os.statvfs(tmp_path)
    assert found.total == real.f_blocks * real.f_frsize
    assert 0 < found.free <= found.total
    with pytest.raises(FileNotFoundError):
        measure_of(tmp_path / "nowhere")()


def test_every_level_has_words() -> None:
    assert len({refused_words(level) for level in Shortage}) == len(Shortage)
