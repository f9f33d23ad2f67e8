"""Links: what comes on them, what ends them, and that no host can do more than be of no use."""

from __future__ import annotations

import asyncio
import socket
from typing import Any

import pytest
from aiohttp import web

from aparte.client.api import Connect, LinkUp, SendFrame
from aparte.client.lines import Line, LineKind
from aparte.drivers import network
from tests.drivers.driving import Puppet, connects, driving, ended, play, until
from tests.drivers.fakes import Link, anonymous, host, met, raw_host, shake_hands

# ------------------------------------------------------------------------------------------------ as it should be


def test_frames_in_order_both_ways_on_links_of_both_kinds() -> None:
    paths: list[str] = []

    async def echo(request: web.Request) -> Link:
        paths.append(request.path)
        assert "Sec-WebSocket-Extensions" not in request.headers
        assert "User-Agent" not in request.headers
        link = await met(request)
        async for message in link:
            await link.send_bytes(message.data)
        return link

    async def scene() -> None:
        async with host(echo) as name:
            lines = [Line(name, kind) for kind in LineKind]
            frames = [b"%d" % number for number in range(200)]

            def answer(event: Any) -> list[Any]:
                if event is None:
                    return [Connect(line) for line in lines]
                return [SendFrame(event.line, each) for each in frames] if isinstance(event, LinkUp) else []

            puppet = Puppet(answer)
            async with driving(puppet):
                for line in lines:
                    await until(lambda of=line: len(puppet.events(of)) == 201)
                    assert puppet.events(line) == [LinkUp, *frames]
        assert sorted(paths) == ["/v1/anonymous", "/v1/identity"]

    play(scene())


def test_the_host_ends_a_link() -> None:
    async def ends(request: web.Request) -> Link:
        link = await met(request)
        await link.close()
        return link

    async def scene() -> None:
        async with host(ends) as name:
            assert await ended(name) == f"{name} has ended the link"

    play(scene())


def test_the_longest_message_comes_and_a_longer_one_ends_the_link() -> None:
    async def sends(request: web.Request) -> Link:
        link = await met(request)
        await link.send_bytes(bytes(512 * 1024))
        await link.send_bytes(bytes(512 * 1024 + 1))
        await link.receive()
        return link

    async def scene() -> None:
        async with host(sends) as name:
            line = anonymous(name)
            puppet = connects(line)
            async with driving(puppet):
                await until(lambda: puppet.down(line))
            assert puppet.events(line) == [LinkUp, bytes(512 * 1024), f"{name} sent more than a host may"]

    play(scene())


def test_a_message_that_is_announced_is_not_waited_for() -> None:
    async def announces(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(b"\x82\x7f" + (1 << 40).to_bytes(8))
        await writer.drain()

    async def scene() -> None:
        async with raw_host(announces) as name:
            assert await ended(name) == f"{name} sent more than a host may"

    play(scene())


@pytest.mark.parametrize(
    "data",
    [b"\x81\x02hi", b"\x00\x01x", b"\xc2\x01x", b"\x83\x00", b"\x09\x00", b"\x88\x01x", b"\x81\x01\xff"],
    ids=["text", "continued", "compressed", "unknown", "split ping", "farewell", "no text"],
)
def test_what_no_host_sends(data: bytes) -> None:
    async def sends(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(data)
        await writer.drain()

    async def scene() -> None:
        async with raw_host(sends) as name:
            assert await ended(name) == f"{name} sent what no host of Aparte's sends"

    play(scene())


# ------------------------------------------------------------------------------------------------ nobody there


def test_nobody_answers() -> None:
    async def scene() -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            name = f"localhost:{taken.getsockname()[1]}"
            assert await ended(name) == f"nobody answers at {name}"

    play(scene())


def test_no_such_name(monkeypatch: pytest.MonkeyPatch) -> None:
    def resolve(*_: Any, **__: Any) -> Any:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", resolve)

    async def scene() -> None:
        assert (await ended("host.example")).startswith("there is no host called host.example")

    play(scene())


@pytest.mark.parametrize("name", ["10.0.0.1", "a b", "\x1b[2J", ""])
def test_no_address(name: str) -> None:
    async def scene() -> None:
        assert await ended(name) == f"{name!r} is no address of a host"

    play(scene())


def test_a_handshake_that_stalls(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_CONNECTING", 0.2)

    async def stalls(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 101 Switching")
        await writer.drain()

    async def scene() -> None:
        async with raw_host(stalls) as name:
            assert await ended(name) == f"{name} does not answer"

    play(scene())


@pytest.mark.parametrize(
    "data",
    [
        b"\x1b]0;mine\x07 not HTTP at all\r\n\r\n",
        b"HTTP/1.1 101 \x1b[2J\r\n\r\n",
        b"HTTP/1.1 101 OK\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: AAAA\r\n\r\n",
        b"HTTP/1.1 101 OK\r\nX: " + b"y" * (1 << 20),
    ],
    ids=["junk", "no upgrade", "no proof", "endless head"],
)
def test_a_handshake_of_garbage(data: bytes) -> None:
    async def says(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()

    async def scene() -> None:
        async with raw_host(says) as name:
            assert await ended(name) == f"{name} sent what no host of Aparte's sends"

    play(scene())


@pytest.mark.parametrize(
    ("status", "says"),
    [
        (200, "{} is no host of Aparte's: it answers 200"),
        (404, "{} is no host of Aparte's: it answers 404"),
        (429, "{} asks this machine to call later"),
        (503, "{} cannot serve now: it answers 503"),
    ],
)
def test_a_handshake_that_is_refused(status: int, says: str) -> None:
    async def refuses(_: web.Request) -> web.StreamResponse:
        return web.Response(status=status)

    async def scene() -> None:
        async with host(refuses) as name:
            assert await ended(name) == says.format(name)

    play(scene())


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nobody_is_followed(status: int) -> None:
    visits: list[str] = []

    async def visited(request: web.Request) -> web.StreamResponse:
        visits.append(request.path)
        return await met(request)

    async def scene() -> None:
        async with host(visited) as other:

            async def leads_away(_: web.Request) -> web.StreamResponse:
                return web.Response(status=status, headers={"Location": f"http://{other}/v1/anonymous"})

            async with host(leads_away) as name:
                assert "elsewhere" in await ended(name)
        assert not visits

    play(scene())
