"""Reading blobs: whole, in ranges, under conditions; and what the answers may not let a browser do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.server.blobs.blob_host import BlobHost, content, in_host

DATA = content(10_000)


def test_the_headers_of_a_blob(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        _, blob, _ = await host.put(DATA)
        answer = await host.client.get(blob)
        assert await answer.read() == DATA
        expected = {
            "Content-Type": "application/octet-stream",
            "Content-Disposition": "attachment",
            "Content-Length": str(len(DATA)),
            "Content-Security-Policy": "sandbox; default-src 'none'",
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "no-referrer",
            "Accept-Ranges": "bytes",
        }
        assert expected.items() <= dict(answer.headers).items()
        assert "Content-Encoding" not in answer.headers
        assert {"private", "immutable"} <= set(answer.headers["Cache-Control"].split(", "))
        # Neither says when the blob came.
        assert answer.headers["Last-Modified"] == "Thu, 01 Jan 1970 00:00:00 GMT"
        assert answer.headers["ETag"] == f'"0-{len(DATA):x}"'
        asked = await host.client.head(blob)
        assert (asked.status, asked.headers["Content-Length"]) == (200, str(len(DATA)))

    in_host(tmp_path, scene)


@pytest.mark.parametrize(
    ("asked", "begin", "end"),
    [
        ("0-0", 0, 1),
        ("100-199", 100, 200),
        ("9999-", 9999, 10_000),
        ("5000-99999999999999999999", 5000, 10_000),
        ("-1", 9999, 10_000),
        ("-500", 9500, 10_000),
        ("-99999", 0, 10_000),
    ],
)
def test_ranges(tmp_path: Path, asked: str, begin: int, end: int) -> None:
    async def scene(host: BlobHost) -> None:
        _, blob, _ = await host.put(DATA)
        answer = await host.client.get(blob, headers={"Range": f"bytes={asked}"})
        assert answer.status == 206
        assert answer.headers["Content-Range"] == f"bytes {begin}-{end - 1}/{len(DATA)}"
        assert await answer.read() == DATA[begin:end]

    in_host(tmp_path, scene)


@pytest.mark.parametrize("asked", ["10000-", "10000-10001", "5-4", "-", "x-y", "0-1,3-4", "9" * 5000 + "-"])
def test_ranges_that_cannot_be_given(tmp_path: Path, asked: str) -> None:
    async def scene(host: BlobHost) -> None:
        _, blob, _ = await host.put(DATA)
        answer = await host.client.get(blob, headers={"Range": f"bytes={asked}"})
        assert answer.status == 416
        assert answer.headers["Content-Range"] == f"bytes */{len(DATA)}"

    in_host(tmp_path, scene)


def test_conditions(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        _, blob, _ = await host.put(DATA)
        tag = (await host.client.get(blob)).headers["ETag"]
        assert (await host.client.get(blob, headers={"If-None-Match": tag})).status == 304
        assert (await host.client.get(blob, headers={"If-None-Match": '"else"'})).status == 200
        assert (await host.client.get(blob, headers={"If-Match": '"else"'})).status == 412
        resumed = await host.client.get(blob, headers={"If-Match": tag, "Range": "bytes=9000-"})
        assert (resumed.status, await resumed.read()) == (206, DATA[9000:])

    in_host(tmp_path, scene)


def test_many_read_at_once(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        _, blob, _ = await host.put(DATA)
        assert set(await asyncio.gather(*(host.read(blob) for _ in range(20)))) == {DATA}

    in_host(tmp_path, scene)


def test_a_reader_who_leaves_disturbs_nobody(tmp_path: Path) -> None:
    big = content(1_000_000)

    async def scene(host: BlobHost) -> None:
        _, blob, _ = await host.put(big)
        for _ in range(3):
            answer = await host.client.get(blob)
            await answer.content.readexactly(1000)
            answer.close()
        assert await host.read(blob) == big

    in_host(tmp_path, scene)


def test_what_cannot_be_done_to_a_blob(tmp_path: Path) -> None:
    async def scene(host: BlobHost) -> None:
        _, blob, _ = await host.put(DATA)
        for method in ("PUT", "PATCH", "POST"):
            answer = await host.client.request(method, blob, data=b"x")
            assert (answer.status, answer.headers["Allow"]) == (405, "GET, HEAD, DELETE, OPTIONS")
        for name in ("A" * 22, "short", "%2e%2e%2fhost.db"):
            assert (await host.client.get(f"{host.url}/blobs/{name}")).status == 404
        assert await host.read(blob) == DATA

    in_host(tmp_path, scene)
