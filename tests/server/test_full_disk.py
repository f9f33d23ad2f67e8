"""A host whose disk fills up, over real links: level by level by an injected measure, and on a real small disk."""

from __future__ import annotations

import asyncio
import base64
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aparte.server.room import Shortage
from aparte.server.shell import background
from aparte.server.shell.disk import DiskFloors, Floor, Usage
from aparte.server.shell.serve import Host
from aparte.wire import ErrorCode
from aparte.wire.entries import Pass
from aparte.wire.ids import EntryKind, TicketKind
from aparte.wire.link_frames import Done
from aparte.wire.log_frames import Accepted
from tests.hosting import Log
from tests.server.admin.hosts import aparte, fill, running
from tests.server.guests import Guest, creation, new_log, refused_with, ticket, until
from tests.server.living import living

MIB = 1 << 20
FLOORS = DiskFloors(blobs=Floor(300), newcomers=Floor(200), posts=Floor(100))
BLOB = 1000


@pytest.fixture(autouse=True)
def _in_haste(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_DISK", 0.05)


class Gauge:
    """A disk whose free space is what a test says."""

    def __init__(self) -> None:
        self.free = 1000 * MIB

    def __call__(self) -> Usage:
        return Usage(4000 * MIB, self.free)


async def uploads(session: aiohttp.ClientSession, url: str, data: Path) -> int:
    """The status of an upload's beginning."""
    shown = base64.urlsafe_b64encode(ticket(data, TicketKind.UPLOAD_BLOB)).decode().rstrip("=")
    headers = {"Tus-Resumable": "1.0.0", "Upload-Length": f"{BLOB}", "Aparte-Ticket": shown}
    async with session.post(f"{url}/v1/uploads", headers=headers, data=b"") as answer:
        return answer.status


class Stage:
    """A host, a log with an entry, and somebody who tries everything."""

    def __init__(self, session: aiohttp.ClientSession, url: str, data: Path) -> None:
        self.session = session
        self.url = url
        self.data = data
        self.guest: Guest
        self.log: Log
        self.shown: Pass

    async def set_up(self) -> None:
        self.guest = await Guest.calls(self.session, self.url)
        self.log = await self.guest.creates(self.data)
        self.shown = await self.guest.opens(self.log)
        assert isinstance(await self.guest.posts(self.log, b"first"), Accepted)

    async def refused(self) -> set[str]:
        """What of all that somebody tries is refused. Reading, and what is short-lived, never is."""
        guest = self.guest
        found = set()
        if (status := await uploads(self.session, self.url, self.data)) != 201:
            assert status == 507
            found.add("blobs")
        for what, frame in (("logs", creation(self.data, new_log())), ("posts", guest.post(self.log, b"more"))):
            answer = await guest.asks(frame)
            if code := refused_with(answer):
                assert (code, answer.wait > 0) == (ErrorCode.DISK_FULL, True)
                found.add(what)
        assert (await guest.reads(self.log, self.shown))[0] == b"first"
        assert isinstance(await guest.posts(self.log, b"typing", kind=EntryKind.EPHEMERAL), Done)
        assert self.shown == await guest.opens(self.log)
        return found


async def comes_to(host: Host, shortage: Shortage) -> None:
    async def look() -> bool:
        return host.disk.shortage is shortage

    await until(look)


def test_blobs_first_posts_last_and_back_by_itself(tmp_path: Path) -> None:
    gauge = Gauge()
    steps = [
        (300 * MIB + BLOB, Shortage.NOTHING, set()),
        (300 * MIB + BLOB - 1, Shortage.NOTHING, {"blobs"}),  # not this one, which would go below the floor
        (200 * MIB, Shortage.BLOBS, {"blobs"}),
        (200 * MIB - 1, Shortage.NEWCOMERS, {"blobs", "logs"}),
        (100 * MIB, Shortage.NEWCOMERS, {"blobs", "logs"}),
        (100 * MIB - 1, Shortage.POSTS, {"blobs", "logs", "posts"}),
        (0, Shortage.POSTS, {"blobs", "logs", "posts"}),
        (250 * MIB, Shortage.BLOBS, {"blobs"}),
        (1000 * MIB, Shortage.NOTHING, set()),
    ]

    async def play() -> None:
        async with (
            living(tmp_path / "data", measure=gauge, disk=FLOORS) as (started, host),
            aiohttp.ClientSession() as session,
        ):
            stage = Stage(session, started.url, tmp_path / "data")
            await stage.set_up()
            for free, shortage, refused in steps:
                # What unfinished uploads may still send is kept free for them.
                promised = 0 if shortage else BLOB * len(list((tmp_path / "data" / "uploads").iterdir()))
                gauge.free = free + promised
                await comes_to(host, shortage)
                assert await stage.refused() == refused, free

    asyncio.run(play())


def test_a_measure_that_fails_leaves_the_host_as_it_is(tmp_path: Path) -> None:
    gauge, failing = Gauge(), asyncio.Event()

    def measure() -> Usage:
        if failing.is_set():
            raise OSError("the disk does not answer")
        return gauge()

    async def play() -> None:
        async with (
            living(tmp_path / "data", measure=measure, disk=FLOORS) as (started, host),
            aiohttp.ClientSession() as session,
        ):
            stage = Stage(session, started.url, tmp_path / "data")
            await stage.set_up()
            failing.set()
            await asyncio.sleep(0.3)
            assert isinstance(await stage.guest.posts(stage.log, b"more"), Accepted)
            failing.clear()
            gauge.free = 0
            await comes_to(host, Shortage.POSTS)

    asyncio.run(play())


# -- a real one ---------------------------------------------------------------------------------------------------
@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 MiB."""
    place = tmp_path / "disk"
    place.mkdir()
    if os.geteuid() != 0:
        pytest.skip("only root can mount a small disk: THE REAL FULL DISK WAS NOT TRIED")
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64m,mode=0700", "none", place], capture_output=True, text=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"{mounted.stderr.strip()}: THE REAL FULL DISK WAS NOT TRIED")
    try:
        yield place
    finally:
        subprocess.run(["umount", "-l", place], check=True)


class Ballast:
    """A file that leaves so much free."""

    def __init__(self, place: Path) -> None:
        self.path = place / "ballast"
        self.path.touch()

    def leaves(self, free: int) -> None:
        found = os.statvfs(self.path)
        size = self.path.stat().st_size + found.f_bavail * found.f_frsize - free
        with self.path.open("r+b") as file:
            file.truncate(min(size, self.path.stat().st_size))
            if size > self.path.stat().st_size:
                os.posix_fallocate(file.fileno(), 0, size)


def test_a_small_disk_fills_up_and_is_emptied(small_disk: Path) -> None:
    data, ballast = small_disk / "data", Ballast(small_disk)
    floors = DiskFloors(blobs=Floor(48), newcomers=Floor(32), posts=Floor(16))

    async def play() -> None:
        async with living(data, disk=floors) as (started, host), aiohttp.ClientSession() as session:
            stage = Stage(session, started.url, data)
            await stage.set_up()
            assert await stage.refused() == set()
            for free, shortage, refused in (
                (40, Shortage.BLOBS, {"blobs"}),
                (24, Shortage.NEWCOMERS, {"blobs", "logs"}),
                (8, Shortage.POSTS, {"blobs", "logs", "posts"}),
                (56, Shortage.NOTHING, set()),
            ):
                ballast.leaves(free * MIB)
                await comes_to(host, shortage)
                assert await stage.refused() == refused

    asyncio.run(play())


def test_a_disk_that_is_really_full_is_told_and_survived(small_disk: Path) -> None:
    """Without floors the store itself runs out of room: nothing that was acknowledged is lost."""
    data, ballast = small_disk / "data", Ballast(small_disk)

    async def play() -> None:
        async with (
            living(data, disk=DiskFloors(Floor(0), Floor(0), Floor(0))) as (started, _),
            aiohttp.ClientSession() as session,
        ):
            stage = Stage(session, started.url, data)
            await stage.set_up()
            ballast.leaves(0)
            told: list[Any] = []
            kept = [b"first"]
            while not told or refused_with(told[-1]) is None:
                body = b"%d " % len(told) + bytes(20_000)
                told.append(await stage.guest.posts(stage.log, body))
                kept += [body] if isinstance(told[-1], Accepted) else []
                assert len(told) < 60
            assert refused_with(told[-1]) == ErrorCode.DISK_FULL
            assert told[-1].wait > 0
            page = await stage.guest.reads(stage.log, stage.shown)
            assert page == kept[: len(page)] != []
            ballast.leaves(32 * MIB)
            assert isinstance(await stage.guest.posts(stage.log, b"after"), Accepted)

    asyncio.run(play())


# -- what the operator is told --------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("floors", "words"),
    [
        ("", "nothing"),
        ("blobs_mib = 1073741824", "new blobs"),
        ("blobs_mib = 1073741824\nnewcomers_mib = 1073741824", "new blobs, logs and accounts"),
    ],
)
def test_the_operator_is_told(tmp_path: Path, floors: str, words: str) -> None:
    fill(tmp_path / "data", logs=0, blobs=0)
    toml = tmp_path / "host.toml"
    toml.write_text(f'data = "{tmp_path / "data"}"\nlisten = "127.0.0.1:0"\n[disk]\n{floors}\n')
    with running(tmp_path / "data", "--config", toml) as host:
        said = aparte("admin", "status", "--data", host.data, "--json").json
        assert said["refused"] == words
        assert said["open_files"] >= 1024
        assert f"refused for it  {words}\n" in aparte("admin", "status", "--data", host.data).out
        findings = aparte("doctor", "--config", toml, "--json").out
        assert (f"{words} are refused" in findings) == bool(floors)
        assert f"{said['open_files']} for the host that runs" in findings
    assert aparte("admin", "status", "--data", host.data, "--json").json["refused"] is None
