"""No answer of the host's says what it is made of: not those of its own, nor those that aiohttp makes by itself."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from aparte.server.shell.serve import Host
from tests.server.acme_scenes import Place, played
from tests.server.living import living
from tests.server.proxies import free_port

MADE_OF = ("python", "aiohttp", "uvloop", "3.1")
LONG = b"a" * 20_000
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: %s\r\n" % (
    b"AAAAAAAAAAAAAAAAAAAAAA=="
)
#: What is asked, after which the connection may end; and the status.
ASKED = {
    "a page": (b"GET / HTTP/1.1\r\n", 200),
    "a head": (b"HEAD /healthz HTTP/1.1\r\n", 200),
    "figures of the host": (b"GET /.well-known/aparte HTTP/1.1\r\n", 200),
    "a preflight": (b"OPTIONS /v1/frame HTTP/1.1\r\n", 204),
    "a link": (b"GET /v1/anonymous HTTP/1.1\r\n" + UPGRADE, 101),
    "a link without an upgrade": (b"GET /v1/anonymous HTTP/1.1\r\n", 400),
    "no frame": (b"POST /v1/frame HTTP/1.1\r\nContent-Length: 0\r\n", 400),
    "a path that there is not": (b"GET /nothing HTTP/1.1\r\n", 404),
    "a blob that there is not": (b"GET /v1/blobs/00000000000000000000000000000000 HTTP/1.1\r\n", 404),
    "another method": (b"DELETE /v1/frame HTTP/1.1\r\n", 405),
    "too long a frame": (b"POST /v1/frame HTTP/1.1\r\nContent-Length: 999999999\r\n", 413),
    "an expectation": (b"POST /v1/frame HTTP/1.1\r\nContent-Length: 1\r\nExpect: nothing\r\n", 417),
    "no HTTP": (b"\x16\x03\x01 hello\r\n", 400),
    "no method": (b"G@T / HTTP/1.1\r\n", 400),
    "a long line": (b"GET /" + LONG + b" HTTP/1.1\r\n", 400),
    "a long header": (b"GET / HTTP/1.1\r\nX: " + LONG + b"\r\n", 400),
    "a bad length": (b"POST /v1/frame HTTP/1.1\r\nContent-Length: x\r\n", 400),
}


async def answer(port: int, asked: bytes) -> tuple[int, list[str]]:
    """The status, and what the answer's `Server` headers say. Raises `AssertionError` if any of it tells."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(asked + b"Host: host.example\r\nConnection: close\r\n\r\n")
    async with asyncio.timeout(30):
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        body = b"" if " 101 " in head else await reader.read(4096)
    writer.close()
    told = (head + body.decode("latin-1")).lower()
    assert [word for word in MADE_OF if word in told] == [], told
    lines = head.split("\r\n")
    return int(lines[0].split()[1]), [x.partition(":")[2].strip() for x in lines if x.lower().startswith("server:")]


def test_the_hosts_own_and_aiohttps(tmp_path: Path) -> None:
    async def play() -> None:
        async with living(tmp_path / "data") as (started, _):
            port = int(started.url.rpartition(":")[2])
            for what, (asked, status) in ASKED.items():
                assert (what, *await answer(port, asked)) == (what, status, ["aparte"])

    asyncio.run(play())


def test_a_fault(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play() -> None:
        async with living(tmp_path / "data") as (started, host):
            break_it(host, monkeypatch)
            port = int(started.url.rpartition(":")[2])
            asked = b"POST /v1/frame HTTP/1.1\r\nContent-Length: 0\r\n"
            assert await answer(port, asked) == (500, ["aparte"])

    asyncio.run(play())


def break_it(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    async def broken(_: bytes, *__: object, **___: object) -> bytes:
        raise RuntimeError("a fault")

    monkeypatch.setattr(host.reception, "exchange", broken)


def test_figures(tmp_path: Path) -> None:
    async def play() -> None:
        port = free_port()
        async with living(tmp_path / "data", metrics=("127.0.0.1", port)):
            for asked, status in ((b"GET /", 404), (b"POST /metrics", 405), (b"G@T /", 400)):
                assert await answer(port, asked + b" HTTP/1.1\r\n") == (status, ["aparte"])

    asyncio.run(play())


def test_where_the_ca_asks(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        async with place.host():
            for asked, status in ((b"GET /", 308), (b"GET /.well-known/acme-challenge/x", 404), (b"G@T /", 400)):
                found = await answer(place.settings.http[1], asked + b" HTTP/1.1\r\n")
                assert found == (status, ["aparte"])

    played(tmp_path, play)
