"""What the host does not do: fill its disk, hold whole blobs in memory, serve one address alone."""

from __future__ import annotations

import asyncio
import errno
import os
import tracemalloc
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from aparte.server.blobs import Limits, Refusal, Refused, Unfinished
from aparte.server.blobs.admission import address_key, require_room
from tests.server.blobs.blob_host import BlobHost, content, in_host
from tests.server.blobs.raw_patch import RawPatch

DATA = content(100_000)


# -- disk -----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("count", "missing", "free", "code"),
    [
        (0, 0, 150, None),
        (0, 0, 149, Refusal.DISK_FULL),
        (1, 10, 159, Refusal.DISK_FULL),
        (1, 10, 160, None),
        (1, 951, 10_000, Refusal.OVERLOADED),
        (1, 950, 10_000, None),
        (3, 0, 10_000, Refusal.OVERLOADED),
    ],
)
def test_room(count: int, missing: int, free: int, code: Refusal | None) -> None:
    limits = Limits(free_bytes=100, unfinished_bytes=1000, unfinished_count=3)
    if code is None:
        require_room(Unfinished(count, missing), 50, free=free, limits=limits)
        return
    with pytest.raises(Refused) as caught:
        require_room(Unfinished(count, missing), 50, free=free, limits=limits)
    assert caught.value.code is code


def test_a_nearly_full_disk_refuses_blobs_and_goes_on_serving_them(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        _, blob, _ = await host.put(DATA)
        upload = await host.begin(len(DATA))
        host.world.free = Limits().free_bytes - 1
        refused = await host.create(10)
        assert (refused.status, (await refused.json())["error"]) == (507, "disk_full")
        assert int(refused.headers["Retry-After"]) > 0
        assert (await host.patch(upload, 0, DATA)).status == 507
        assert await host.read(blob) == DATA
        host.world.free += 1 << 30
        assert (await host.patch(upload, 0, DATA)).status == 204

    in_host(tmp_path, scene)


def test_a_disk_that_fills_up_under_a_long_body(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        async with RawPatch(upload, 0, length=len(DATA)) as patch:
            await patch.send(DATA[:10_000])
            await asyncio.sleep(0.05)
            host.world.free = 0
            await patch.send(DATA[10_000:50_000])
            assert await patch.status() == 507
        kept = await host.offset(upload)
        assert 10_000 < kept <= 50_000
        host.world.free = 1 << 50
        last = await host.patch(upload, kept, DATA[kept:])
        assert await host.read(host.blob(last)) == DATA

    in_host(tmp_path, scene, limits=Limits(part_bytes=4096, checkpoint_bytes=16_384))


def test_a_full_disk_loses_nothing_that_was_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwritev
    budget = [60_000]

    def pwritev(descriptor: int, pieces: list[bytes], offset: int) -> int:
        if not budget[0]:
            raise OSError(errno.ENOSPC, "no space left")
        data = b"".join(pieces)[: budget[0]]
        budget[0] -= len(data)
        return write(descriptor, [data], offset)

    def pwrite(_descriptor: int, _data: bytes, _offset: int) -> int:
        raise OSError(errno.ENOSPC, "no space left")

    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        monkeypatch.setattr(os, "pwritev", pwritev)
        monkeypatch.setattr(os, "pwrite", pwrite)
        assert (await host.patch(upload, 0, DATA[:20_000])).status == 204
        assert (await host.patch(upload, 20_000, DATA[20_000:])).status == 507
        monkeypatch.undo()
        assert await host.offset(upload) == 20_000
        [file] = host.files()
        assert file.stat().st_size == 20_000  # what cannot be used takes no room
        last = await host.patch(upload, 20_000, DATA[20_000:])
        assert await host.read(host.blob(last)) == DATA

    in_host(tmp_path, scene)


def test_a_partial_write_is_completed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.pwritev

    async def scene(host: BlobHost) -> None:
        monkeypatch.setattr(os, "pwritev", lambda fd, pieces, at: write(fd, [b"".join(pieces)[:7]], at))
        _, blob, _ = await host.put(DATA)
        assert await host.read(blob) == DATA

    in_host(tmp_path, scene)


def test_a_failing_disk_is_the_hosts_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> int:
        raise OSError(errno.EIO, "/data/uploads/secret-name")

    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        monkeypatch.setattr(os, "pwritev", broken)
        answer = await host.patch(upload, 0, DATA)
        assert (answer.status, (await answer.json())["error"]) == (500, "internal")
        assert answer.headers["Access-Control-Allow-Origin"] == "*"
        monkeypatch.undo()
        assert (await host.patch(upload, 0, DATA)).status == 204

    in_host(tmp_path, scene)


def test_unfinished_uploads_are_bounded(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        first = await host.begin(600)
        assert (await host.create(500)).status == 503
        await host.patch(first, 0, bytes(100))
        assert (await host.create(500)).status == 201
        assert (await host.create(1)).status == 503
        await host.patch(first, 100, bytes(500))
        assert (await host.create(1)).status == 201

    in_host(tmp_path, scene, limits=Limits(unfinished_bytes=1000))


def test_two_creations_do_not_share_the_last_room(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        answers = await asyncio.gather(*(host.create(400) for _ in range(8)))
        assert sorted(answer.status for answer in answers) == [201] * 2 + [503] * 6
        assert len(host.world.spent) == 2

    in_host(tmp_path, scene, limits=Limits(unfinished_bytes=1000))


# -- places ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("limits", "status", "code"),
    [
        (Limits(transfers_per_address=2), 429, "too_many"),
        (Limits(transfers=2), 503, "overloaded"),
    ],
)
def test_so_many_bodies_at_once(tmp_path: Path, limits: Limits, *, status: int, code: str) -> None:
    async def scene(host: BlobHost) -> None:
        uploads = [await host.begin(len(DATA)) for _ in range(3)]
        async with AsyncExitStack() as stack:
            for upload in uploads[:2]:
                patch = await stack.enter_async_context(RawPatch(upload, 0, length=len(DATA)))
                await patch.send(DATA[:1000])
            await asyncio.sleep(0.05)
            refused = await host.patch(uploads[2], 0, DATA)
            assert (refused.status, refused.headers["Aparte-Error"]) == (status, code)
            assert int(refused.headers["Retry-After"]) > 0
        await host.offset(uploads[0])  # ends that body, if its end was not noticed yet
        await host.offset(uploads[1])
        assert (await host.patch(uploads[2], 0, DATA)).status == 204

    in_host(tmp_path, scene, limits=limits)


def test_what_counts_as_one_address() -> None:
    assert address_key("192.0.2.1") != address_key("192.0.2.2")
    assert address_key("2001:db8::1") == address_key("2001:db8::ffff:1")
    assert address_key("2001:db8::1") != address_key("2001:db8:0:1::1")
    assert address_key("::ffff:192.0.2.1") == address_key("192.0.2.1")
    assert address_key("") == ""


# -- memory ---------------------------------------------------------------------------------------------------------
def test_memory_stays_bounded_while_100_mib_pass(tmp_path: Path) -> None:
    size, piece = 100 << 20, content(1 << 18)

    async def feed() -> object:
        for _ in range(size // len(piece)):
            yield piece

    async def scene(host: BlobHost) -> None:
        upload = await host.begin(size)
        tracemalloc.start()
        try:
            answer = await host.patch(upload, 0, feed())
            assert answer.status == 204
            _, up = tracemalloc.get_traced_memory()
            tracemalloc.reset_peak()
            read = 0
            async for data in (await host.client.get(host.blob(answer))).content.iter_any():
                read += len(data)
            _, down = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert read == size
        assert up < 16 << 20, f"peak {up} bytes, client and server together"
        assert down < 16 << 20, f"peak {down} bytes, client and server together"

    in_host(tmp_path, scene)
