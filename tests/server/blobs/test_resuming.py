"""Connections that end early, creep, or get in each other's way."""

from __future__ import annotations

import asyncio
import os
import random
import time
from pathlib import Path

import pytest

from aparte.server.blobs import Limits, files
from aparte.server.blobs.index import UploadId
from aparte.server.blobs.sqlite_index import SqliteBlobIndex
from tests.server.blobs.blob_host import BlobHost, blob_host, content, in_host
from tests.server.blobs.raw_patch import RawPatch

SMALL = Limits(part_bytes=8192, checkpoint_bytes=50_000, idle_seconds=0.2)
DATA = content(200_000)


async def finish(host: BlobHost, upload: str) -> bytes:
    """Ask where the upload stands, send the rest, read it all back."""
    offset = await host.offset(upload)
    response = await host.patch(upload, offset, DATA[offset:])
    assert response.status == 204, await response.text()
    return await host.read(host.blob(response))


@pytest.mark.parametrize("politely", [True, False])
@pytest.mark.parametrize("sent", [0, 1, 8191, 8192, 60_000, 199_999])
def test_resume_after_a_cut(tmp_path: Path, sent: int, *, politely: bool) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        async with RawPatch(upload, 0, length=len(DATA)) as patch:
            await patch.send(DATA[:sent])
            await asyncio.sleep(0.02)
            await patch.cut(politely=politely)
        assert await finish(host, upload) == DATA

    in_host(tmp_path, scene, limits=SMALL)


@pytest.mark.parametrize("cancelling", [False, True])
def test_what_arrived_before_a_cut_is_kept(tmp_path: Path, *, cancelling: bool) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        async with RawPatch(upload, 0, length=len(DATA)) as patch:
            await patch.send(DATA[:45_678])
            await asyncio.sleep(0.1)
        await asyncio.sleep(0.05)  # or asking would end the body, not the cut
        assert await host.offset(upload) == 45_678

    in_host(tmp_path, scene, limits=SMALL, cancelling=cancelling)


def test_a_checkpoint_vouches_for_what_was_flushed_and_for_no_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The body goes on while it is flushed."""
    flushed, vouched = [], []
    advance = SqliteBlobIndex.advance

    def slow_flush(descriptor: int) -> None:
        flushed.append(os.fstat(descriptor).st_size)
        for _ in range(500):
            if os.fstat(descriptor).st_size > flushed[-1]:
                return
            time.sleep(0.01)

    def note(index: SqliteBlobIndex, upload_id: UploadId, received: int) -> None:
        vouched.append((received, flushed[-1], len(flushed)))
        advance(index, upload_id, received)

    monkeypatch.setattr(files, "_flush_data", slow_flush)
    monkeypatch.setattr(SqliteBlobIndex, "advance", note)

    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        async with RawPatch(upload, 0, length=len(DATA)) as patch:
            for start in range(0, len(DATA), 10_000):
                await patch.send(DATA[start : start + 10_000])
                await asyncio.sleep(0.01)
            assert await patch.status() == 204

    in_host(tmp_path, scene, limits=SMALL)
    assert len(vouched) >= 2
    assert all(received == size for received, size, _ in vouched)
    assert [count for _, _, count in vouched] == list(range(1, len(vouched) + 1)), "each after a flush of its own"


def test_a_cut_body_with_a_checksum_is_dropped(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        headers = {"Upload-Checksum": "sha1 2jmj7l5rSw0yVb/vlWAYkK/YBwk="}
        async with RawPatch(upload, 0, length=len(DATA), headers=headers) as patch:
            await patch.send(DATA[:123_456])
            await asyncio.sleep(0.05)
        assert await host.offset(upload) == 0
        assert await finish(host, upload) == DATA

    in_host(tmp_path, scene, limits=SMALL)


def test_a_silent_client_is_cut_and_keeps_what_it_sent(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        async with RawPatch(upload, 0, length=len(DATA)) as patch:
            await patch.send(DATA[:50_000])
            assert await patch.status() == 408
        assert await host.offset(upload) == 50_000
        assert await finish(host, upload) == DATA

    in_host(tmp_path, scene, limits=SMALL)


def test_a_creeping_client_is_cut(tmp_path: Path) -> None:
    """Never silent for long, yet below the slowest rate over a part."""

    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        async with RawPatch(upload, 0, length=len(DATA)) as patch:
            answer = asyncio.create_task(patch.status())
            sent = 0
            while not answer.done() and sent < 200:
                await patch.send(DATA[sent : sent + 1])
                sent += 1
                await asyncio.sleep(0.02)
            assert answer.done()
            assert await answer == 408
        assert 0 < await host.offset(upload) <= sent < 200

    in_host(tmp_path, scene, limits=Limits(part_bytes=8192, idle_seconds=0.2, slowest_rate=16384))


def test_many_tiny_pieces(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(5000)
        async with RawPatch(upload, 0, length=5000) as patch:
            for at in range(5000):
                await patch.send(DATA[at : at + 1])
                if at % 10 == 0:
                    await asyncio.sleep(0)
            assert await patch.status() == 204
        assert host.rows("blob") == 1

    in_host(tmp_path, scene)


# -- one writer at a time -------------------------------------------------------------------------------------------
def test_of_two_patches_one_loses(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        for _ in range(5):
            offset = await host.offset(upload)
            piece = DATA[offset : offset + 30_000]
            answers = await asyncio.gather(*(host.patch(upload, offset, piece) for _ in range(2)))
            statuses = sorted(answer.status for answer in answers)
            assert statuses[0] == 204
            assert statuses[1] in {409, 423}
        assert await finish(host, upload) == DATA

    in_host(tmp_path, scene)


def test_a_second_patch_is_told_to_wait(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        async with RawPatch(upload, 0, length=len(DATA)) as patch:
            await patch.send(DATA[:10_000])
            await asyncio.sleep(0.02)
            second = await host.patch(upload, 0, DATA)
            assert (second.status, second.headers["Aparte-Error"]) == (423, "busy")
            await patch.send(DATA[10_000:])
            assert await patch.status() == 204

    in_host(tmp_path, scene)


def test_asking_ends_the_body_whose_connection_is_lost(tmp_path: Path) -> None:
    """A phone that changes its network asks from its new address, long before the old connection is seen to die."""

    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        async with RawPatch(upload, 0, length=len(DATA)) as patch:
            await patch.send(DATA[:100_000])
            await asyncio.sleep(0.05)
            async with asyncio.timeout(2):
                assert await host.offset(upload) == 100_000
                assert await finish(host, upload) == DATA
            assert await patch.status() == 423

    in_host(tmp_path, scene)


def test_a_stopping_host_keeps_what_arrived(tmp_path: Path) -> None:
    async def scenes() -> None:
        async with blob_host(tmp_path) as host:
            upload = await host.begin(len(DATA))
            patch = RawPatch(upload, 0, length=len(DATA))
            await patch.__aenter__()
            await patch.send(DATA[:100_000])
            await asyncio.sleep(0.05)
        async with blob_host(tmp_path) as again:
            assert again.recovered.cut == again.recovered.damaged == again.recovered.orphans == 0
            moved = again.url + "/uploads/" + upload.rpartition("/")[2]
            assert await again.offset(moved) == 100_000
            assert await finish(again, moved) == DATA
        await patch.__aexit__(None, None, None)

    asyncio.run(scenes())


# -- random scripts -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("seed", range(8))
def test_whatever_happens_the_content_is_what_was_sent(tmp_path: Path, seed: int) -> None:
    """Random requests, cuts, races and restarts; offsets only grow, and the end is the beginning."""

    async def script() -> None:
        dice = random.Random(seed)
        name, known = "", 0
        for _ in range(4):
            async with blob_host(tmp_path, limits=SMALL) as host:
                name = name or (await host.begin(len(DATA))).rpartition("/")[2]
                upload = f"{host.url}/uploads/{name}"
                for _ in range(dice.randrange(1, 8)):
                    await step(host, upload, dice=dice)
                    offset = await host.offset(upload)
                    assert offset >= known
                    known = offset
        async with blob_host(tmp_path, limits=SMALL) as host:
            assert await finish(host, f"{host.url}/uploads/{name}") == DATA

    asyncio.run(script())


async def step(host: BlobHost, upload: str, *, dice: random.Random) -> None:
    """One thing that a client, or its network, may do."""
    offset = await host.offset(upload)
    end = dice.randrange(offset, min(len(DATA), offset + 40_000))
    match dice.randrange(6):
        case 0:
            assert (await host.patch(upload, offset, DATA[offset:end])).status == 204
        case 1:
            assert (await host.patch(upload, offset + dice.choice([-1, 1]), b"wrong")).status in {400, 409}
        case 2:
            wrong = await host.patch(upload, offset, DATA[offset:end], Upload_Checksum="sha1 " + "A" * 27 + "=")
            assert wrong.status == 460
        case 3:
            async with RawPatch(upload, offset, length=len(DATA) - offset) as patch:
                await patch.send(DATA[offset:end])
                await patch.cut(politely=dice.random() < 0.5)
        case 4:
            async with RawPatch(upload, offset, length=len(DATA) - offset) as patch:
                await patch.send(DATA[offset:end])
                await asyncio.gather(host.offset(upload), host.offset(upload))
        case _:
            pieces = [DATA[offset:end], DATA[offset : (offset + end) // 2]]
            answers = await asyncio.gather(*(host.patch(upload, offset, piece) for piece in pieces))
            assert {answer.status for answer in answers} <= {204, 409, 423}
