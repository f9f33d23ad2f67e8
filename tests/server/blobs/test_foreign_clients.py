"""tus clients that are not ours: PyPI `tuspy` and npm `tus-js-client`."""

from __future__ import annotations

import asyncio
import io
import json
import os
import shutil
from pathlib import Path
from typing import NoReturn

import pytest
from tusclient.client import TusClient
from tusclient.exceptions import TusUploadFailed
from tusclient.uploader import Uploader

from aparte.server.blobs import Limits
from tests.server.blobs.blob_host import TICKET, BlobHost, content, in_host

HERE = Path(__file__).resolve().parent
DATA = content(1_000_003)


# -- tuspy ----------------------------------------------------------------------------------------------------------
def tuspy(host: BlobHost, **options: object) -> Uploader:
    client = TusClient(f"{host.url}/uploads", headers={"Aparte-Ticket": TICKET})
    return client.uploader(file_stream=io.BytesIO(DATA), metadata={"filename": "a.jpg"}, **options)


async def blob_of(host: BlobHost, upload: str) -> bytes:
    looked = await host.client.head(upload, headers={"Tus-Resumable": "1.0.0"})
    return await host.read(host.blob(looked))


@pytest.mark.parametrize("checksum", [False, True])
@pytest.mark.parametrize("chunk", [100_000, 1 << 30])
def test_tuspy_uploads(tmp_path: Path, chunk: int, *, checksum: bool) -> None:
    async def scene(host: BlobHost) -> None:
        uploader = tuspy(host, chunk_size=chunk, upload_checksum=checksum)
        await asyncio.to_thread(uploader.upload)
        assert await blob_of(host, uploader.url) == DATA

    in_host(tmp_path, scene)


def test_tuspy_resumes(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        first = tuspy(host, chunk_size=100_000)
        await asyncio.to_thread(first.upload, 300_000)
        second = await asyncio.to_thread(lambda: tuspy(host, chunk_size=100_000, url=first.url))
        assert second.offset == 300_000
        await asyncio.to_thread(second.upload)
        assert await blob_of(host, first.url) == DATA

    in_host(tmp_path, scene)


def test_tuspy_is_told_when_it_is_wrong(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        uploader = tuspy(host, chunk_size=100_000)
        await asyncio.to_thread(uploader.upload_chunk)
        uploader.offset += 1
        with pytest.raises(TusUploadFailed) as caught:
            await asyncio.to_thread(uploader.upload_chunk)
        assert caught.value.status_code == 409

    in_host(tmp_path, scene)


# -- tus-js-client --------------------------------------------------------------------------------------------------
def do_without(reason: str) -> NoReturn:
    if os.environ.get("APARTE_CI") == "1":
        pytest.fail(f"APARTE_CI=1: {reason}")
    pytest.skip(f"NOT TRIED, {reason}")


@pytest.fixture
def node() -> str:
    found = shutil.which("node")
    if found is None:
        do_without("tus-js-client: there is no `node` on the path")
    if not (HERE / "node/node_modules/tus-js-client").is_dir():
        do_without("tus-js-client: node_modules is absent; run `npm ci` in tests/server/blobs/node")
    return found


async def tus_js(node: str, host: BlobHost, scene: str) -> dict[str, object]:
    """Run one scene of `tus_peer.mjs` over DATA; what it has to say."""
    source = host.root / "source"
    source.write_bytes(DATA)
    command = [node, str(HERE / "node/tus_peer.mjs"), scene, f"{host.url}/uploads", TICKET, str(source)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await asyncio.wait_for(process.communicate(), 60)
    assert process.returncode == 0
    said: dict[str, object] = json.loads(output)
    return said


@pytest.mark.parametrize("how", ["whole", "chunks", "with-creation", "by-post"])
def test_tus_js_uploads(tmp_path: Path, node: str, how: str) -> None:
    async def scene(host: BlobHost) -> None:
        said = await tus_js(node, host, how)
        assert await host.read(f"{host.url}/blobs/{said['blob']}") == DATA

    in_host(tmp_path, scene)


def test_tus_js_resumes_after_an_abort(tmp_path: Path, node: str) -> None:
    async def scene(host: BlobHost) -> None:
        said = await tus_js(node, host, "resume")
        resumed = said["resumedAt"]
        assert isinstance(resumed, int)
        assert 0 < resumed < len(DATA)
        assert await host.read(f"{host.url}/blobs/{said['blob']}") == DATA

    in_host(tmp_path, scene)


def test_tus_js_terminates(tmp_path: Path, node: str) -> None:
    async def scene(host: BlobHost) -> None:
        await tus_js(node, host, "terminate")
        assert host.rows("blob_upload") == 0
        assert [path for path in host.files() if path.name != "source"] == []

    in_host(tmp_path, scene)


def test_tus_js_is_told_the_limit(tmp_path: Path, node: str) -> None:
    async def scene(host: BlobHost) -> None:
        assert (await tus_js(node, host, "refused"))["status"] == 413

    in_host(tmp_path, scene, limits=Limits(blob_bytes=1000))
