"""One frame over HTTP: on a connection of its own, with nothing in it that another has; answered, or not."""

from __future__ import annotations

import asyncio
import gzip

import pytest
from aiohttp import web

from aparte.client.api import Answered, Ask, Unanswered
from aparte.drivers import network
from tests.drivers.driving import Puppet, driving, open_sockets, play, until
from tests.drivers.fakes import Raw, host, raw_host

LONGEST = 8 * 1024 * 1024 + 1024


async def answer_of(name: str, data: bytes = b"question") -> Answered | Unanswered:
    """What the engine hears of a request to that host."""
    puppet = Puppet(lambda event: [Ask(7, name, data)] if event is None else [])
    async with driving(puppet):
        await until(lambda: len(puppet.told) > 1)
    _, found = puppet.told
    assert found.ask == 7
    assert isinstance(found, Answered) or found.reason.isprintable()
    return found  # type: ignore[no-any-return]


async def drained(_: asyncio.StreamReader) -> None:
    """Read what is asked, whole."""
    await _.readuntil(b"question")


def says(data: bytes) -> Raw:
    async def handler(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await drained(reader)
        writer.write(data)
        await writer.drain()

    return handler


def test_each_on_a_connection_of_its_own() -> None:
    ports, heads = [], []

    async def echo(request: web.Request) -> web.StreamResponse:
        assert (request.method, request.path) == ("POST", "/v1/frame")
        assert request.transport is not None
        ports.append(request.transport.get_extra_info("peername")[1])
        heads.append(dict(request.headers))
        answer = web.Response(body=await request.read(), content_type="application/octet-stream")
        answer.set_cookie("who", "alice")
        return answer

    async def scene() -> None:
        async with host(echo) as name:
            questions = [b"%d" % number for number in range(10)]
            asks = [Ask(number, name, data) for number, data in enumerate(questions)]
            puppet = Puppet(lambda event: asks[:5] if event is None else [])
            async with driving(puppet) as driver:
                await until(lambda: len(puppet.told) == 6)
                driver.do(asks[5:])  # type: ignore[arg-type]
                await until(lambda: len(puppet.told) == 12)
            found = {each.ask: each.data for each in puppet.told if isinstance(each, Answered)}
            assert found == dict(enumerate(questions))
            assert len(set(ports)) == 10
            said = {"Host": name, "Content-Type": "application/octet-stream", "Content-Length": "1"}
            assert all(head == {**said, "Connection": "close"} for head in heads)

    play(scene())


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (404, "{} is no host of Aparte's: it answers 404"),
        (400, "{} is no host of Aparte's: it answers 400"),
        (429, "{} asks this machine to call later"),
        (503, "{} cannot serve now: it answers 503"),
        (307, "{} sends this machine elsewhere: use the name of the host itself"),
    ],
)
def test_refused(status: int, reason: str) -> None:
    async def refuses(request: web.Request) -> web.StreamResponse:
        assert request.path == "/v1/frame", "followed"
        return web.Response(status=status, body=b"frame", headers={"Retry-After": "5", "Location": "/elsewhere"})

    async def scene() -> None:
        async with host(refuses) as name:
            assert await answer_of(name) == Unanswered(7, reason.format(name))

    play(scene())


def test_nobody_answers() -> None:
    async def scene() -> None:
        async with raw_host(says(b"")) as name:
            pass
        assert await answer_of(name) == Unanswered(7, f"nobody answers at {name}")

    play(scene())


def test_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_SILENCE", 0.2)

    async def scene() -> None:
        async with raw_host(says(b"HTTP/1.1 200 OK\r\n")) as name:
            assert await answer_of(name) == Unanswered(7, f"{name} does not answer")

    play(scene())


def test_one_byte_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_SILENCE", 10.0)
    monkeypatch.setattr(network, "_ASKING", 0.5)

    async def trickles(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await drained(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
        while True:
            writer.write(b"x")
            await writer.drain()
            await asyncio.sleep(0.02)

    async def scene() -> None:
        async with raw_host(trickles) as name:
            assert await answer_of(name) == Unanswered(7, f"{name} does not answer")

    play(scene())


def test_a_question_that_nobody_reads_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_ASKING", 0.5)

    async def deaf(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.pause_reading()  # type: ignore[attr-defined]

    async def scene() -> None:
        before = open_sockets()
        async with raw_host(deaf) as name:
            assert await answer_of(name, bytes(32 << 20)) == Unanswered(7, f"{name} does not answer")
            await until(lambda: open_sockets() == before + 2)  # the host's own

    play(scene())


@pytest.mark.parametrize("length", [LONGEST, LONGEST + 1])
def test_the_longest_answer(length: int) -> None:
    async def answers(_: web.Request) -> web.StreamResponse:
        return web.Response(body=bytes(length))

    async def scene() -> None:
        async with host(answers) as name:
            found = await answer_of(name)
            if length == LONGEST:
                assert found == Answered(7, bytes(length))
            else:
                assert found == Unanswered(7, f"{name} sent more than a host may")

    play(scene())


def test_an_answer_without_end() -> None:
    sent = 0

    async def floods(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal sent
        await drained(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            writer.write(b"10000\r\n" + bytes(1 << 16) + b"\r\n")
            await writer.drain()
            sent += 1 << 16

    async def scene() -> None:
        async with raw_host(floods) as name:
            assert await answer_of(name) == Unanswered(7, f"{name} sent more than a host may")
            assert sent < 64 << 20

    play(scene())


def test_nothing_is_unpacked() -> None:
    packed = gzip.compress(bytes(1 << 24))

    async def answers(request: web.Request) -> web.StreamResponse:
        assert "Accept-Encoding" not in request.headers
        return web.Response(body=packed, headers={"Content-Encoding": "gzip"})

    async def scene() -> None:
        async with host(answers) as name:
            assert await answer_of(name) == Answered(7, packed)

    play(scene())


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\x1b[2J nonsense\r\n\r\n", "{} sent what no host of Aparte's sends"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n", "{} sent what no host of Aparte's sends"),
    ],
)
def test_garbage(data: bytes, reason: str) -> None:
    async def scene() -> None:
        async with raw_host(says(data)) as name:
            assert await answer_of(name) == Unanswered(7, reason.format(name))

    play(scene())


def test_cut_off_in_the_middle() -> None:
    async def cuts(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await drained(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
        await writer.drain()
        writer.close()

    async def scene() -> None:
        async with raw_host(cuts) as name:
            assert await answer_of(name) == Unanswered(7, f"the link to {name} broke off")

    play(scene())


def test_the_end_does_not_wait_for_answers() -> None:
    async def scene() -> None:
        async with raw_host(says(b"")) as name:
            puppet = Puppet(lambda event: [Ask(1, name, b"question")] if event is None else [])
            async with driving(puppet) as driver:
                before = open_sockets()
                await until(lambda: open_sockets() > before)
                assert driver._tasks
            assert puppet.told == [None]

    play(scene())
