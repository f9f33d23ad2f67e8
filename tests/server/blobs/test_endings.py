"""Blobs and uploads that are erased, cancelled, or run out of time."""

from __future__ import annotations

import asyncio
from base64 import urlsafe_b64encode
from pathlib import Path

import pytest

from aparte.server.blobs import Limits, Swept
from aparte.server.blobs.expiry import DAY, HOUR
from tests.server.blobs.blob_host import NOON, TUS, BlobHost, content, in_host
from tests.server.blobs.raw_patch import RawPatch

DATA = content(10_000)
WRONG = urlsafe_b64encode(bytes(16)).decode().rstrip("=")


def test_erasing_needs_the_token(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload, blob, token = await host.put(DATA)
        for headers in ({}, {"Aparte-Erase-Token": WRONG}, {"Aparte-Erase-Token": token[:-2]}):
            answer = await host.client.delete(blob, headers=headers)
            assert answer.status in {400, 403}
            assert answer.headers["Aparte-Error"] in {"wrong_erase_token", "bad_request"}
        assert await host.read(blob) == DATA
        assert (await host.client.delete(blob, headers={"Aparte-Erase-Token": token})).status == 204
        assert host.files() == []
        assert host.rows("blob") == host.rows("blob_upload") == 0
        assert (await host.client.get(blob)).status == 404
        assert (await host.client.delete(blob, headers={"Aparte-Erase-Token": token})).status == 404
        assert (await host.client.head(upload, headers=TUS)).status == 404

    in_host(tmp_path, scene)


def test_one_blobs_token_does_not_erase_another(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        _, blob, _ = await host.put(DATA)
        _, _, other = await host.put(DATA)
        assert (await host.client.delete(blob, headers={"Aparte-Erase-Token": other})).status == 403

    in_host(tmp_path, scene)


def test_an_unfinished_upload_is_ended_by_its_name(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        await host.patch(upload, 0, DATA[:5000])
        wrong = TUS | {"Aparte-Erase-Token": WRONG}
        assert (await host.client.delete(upload, headers=wrong)).status == 403
        assert (await host.client.delete(upload, headers=TUS)).status == 204
        assert host.files() == []
        assert (await host.patch(upload, 5000, DATA[5000:])).status == 404

    in_host(tmp_path, scene)


def test_a_finished_upload_is_ended_by_the_token_alone(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload, blob, token = await host.put(DATA)
        assert (await host.client.delete(upload, headers=TUS)).status == 403
        assert await host.read(blob) == DATA
        assert (await host.client.delete(upload, headers=TUS | {"Aparte-Erase-Token": token})).status == 204
        assert (await host.client.get(blob)).status == 404
        assert host.files() == []

    in_host(tmp_path, scene)


def test_ending_an_upload_ends_its_body(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        async with RawPatch(upload, 0, length=len(DATA)) as patch:
            await patch.send(DATA[:5000])
            await asyncio.sleep(0.05)
            async with asyncio.timeout(2):
                assert (await host.client.delete(upload, headers=TUS)).status == 204
            assert await patch.status() == 423
        assert host.files() == []
        assert host.rows("blob_upload") == 0

    in_host(tmp_path, scene)


# -- expiry ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("asked", [None, 1, 90])
def test_a_blob_stays_its_days(tmp_path: Path, asked: int | None) -> None:
    keep = asked or 30

    async def scene(host: BlobHost) -> None:
        extra = {} if asked is None else {"Aparte_Keep_Days": str(asked)}
        _, blob, token = await host.put(DATA, **extra)
        midnight = NOON // DAY * DAY
        host.world.now = midnight + (keep + 2) * DAY - 1
        assert await host.service.sweep(host.world.now) == Swept(blobs=0, uploads=1)
        assert await host.read(blob) == DATA
        host.world.now += 1
        assert (await host.client.get(blob)).status == 410
        assert (await host.client.delete(blob, headers={"Aparte-Erase-Token": token})).status == 410
        assert await host.service.sweep(host.world.now) == Swept(blobs=1, uploads=0)
        assert (await host.client.get(blob)).status == 404
        assert host.files() == []

    in_host(tmp_path, scene)


def test_days_count_from_the_end_of_the_upload(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA), Aparte_Keep_Days="1")
        await host.patch(upload, 0, DATA[:1])
        host.world.now += 23 * HOUR  # the next day
        last = await host.patch(upload, 1, DATA[1:])
        host.world.now = NOON // DAY * DAY + 4 * DAY - 1
        assert await host.read(host.blob(last)) == DATA

    in_host(tmp_path, scene)


def test_an_unfinished_upload_ends_after_a_day(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        await host.patch(upload, 0, DATA[:5000])
        host.world.now += 24 * HOUR - 1
        assert await host.offset(upload) == 5000
        host.world.now += 1
        assert (await host.client.head(upload, headers=TUS)).status == 410
        assert (await host.patch(upload, 5000, DATA[5000:])).status == 410
        assert await host.service.sweep(host.world.now) == Swept(blobs=0, uploads=1)
        assert (await host.client.head(upload, headers=TUS)).status == 404
        assert host.files() == []

    in_host(tmp_path, scene)


def test_a_finished_uploads_name_is_forgotten_and_the_blob_stays(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload, blob, _ = await host.put(DATA)
        host.world.now += 25 * HOUR
        assert await host.service.sweep(host.world.now) == Swept(blobs=0, uploads=1)
        assert (await host.client.head(upload, headers=TUS)).status == 404
        assert await host.read(blob) == DATA

    in_host(tmp_path, scene)


def test_a_sweep_goes_in_small_steps_and_spares_the_rest(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        for _ in range(7):
            await host.put(b"old", Aparte_Keep_Days="1")
            await host.begin(5)
        _, blob, _ = await host.put(DATA)
        host.world.now += 3 * DAY
        assert await host.service.sweep(host.world.now) == Swept(blobs=7, uploads=8)
        assert await host.service.sweep(host.world.now) == Swept()
        assert await host.read(blob) == DATA
        assert len(host.files()) == 1

    in_host(tmp_path, scene, limits=Limits(sweep_batch=2))


def test_a_sweep_leaves_what_is_being_written(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        upload = await host.begin(len(DATA))
        async with RawPatch(upload, 0, length=len(DATA)) as patch:
            await patch.send(DATA[:5000])
            await asyncio.sleep(0.05)
            host.world.now += 25 * HOUR
            assert await host.service.sweep(host.world.now) == Swept()
            await patch.send(DATA[5000:])
            assert await patch.status() == 204
        assert await host.service.sweep(host.world.now) == Swept(blobs=0, uploads=1)
        assert host.rows("blob") == 1

    in_host(tmp_path, scene)
