"""Frames over HTTP: nobody makes the host hold much, by sending slowly or by reading nothing."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from io import BytesIO
from pathlib import Path

import aiohttp
import pytest

from aparte.server.shell import exchanges
from aparte.wire import decode_frame, encode_frame
from aparte.wire.account_frames import LookUpName
from aparte.wire.ids import EntryKind, Request, Seq
from aparte.wire.log_frames import Accepted, Fetched, FetchEntry
from tests.reliability.raw import RawLink
from tests.server.guests import Guest
from tests.server.living import living

SMALL = encode_frame(LookUpName(Request(7), "alice"))
BODY = 100_000
Play = Callable[[str, aiohttp.ClientSession, Path], Awaitable[None]]


def at_a_host(folder: Path, play: Play) -> None:
    async def whole() -> None:
        async with living(folder / "data") as (started, _), aiohttp.ClientSession() as session:
            await play(started.url, session, folder / "data")

    asyncio.run(whole())


async def stalled(url: str, *, source: str, length: int = BODY) -> RawLink:
    """A body that never comes to its end."""
    link = await RawLink.connect(url, source=source)
    link.send(b"POST /v1/frame HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n\x10" % length)
    return link


async def refused(link: RawLink) -> tuple[int, dict[str, str]]:
    """The status and the headers of an answer, after which the connection ends."""
    head = (await asyncio.wait_for(link.reader.readuntil(b"\r\n\r\n"), 20)).decode().split("\r\n")
    await ends(link)
    return int(head[0].split()[1]), dict(line.split(": ", 1) for line in head[1:] if line)


async def ends(*links: RawLink) -> None:
    for link in links:
        link.hang_up()
    await asyncio.sleep(0.05)


async def status(url: str, source: str) -> int:
    """How a short frame from there fares."""
    connector = aiohttp.TCPConnector(local_addr=(source, 0))
    async with (
        aiohttp.ClientSession(connector=connector) as session,
        session.post(f"{url}/v1/frame", data=SMALL) as answer,
    ):
        return answer.status


@pytest.fixture
def little_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(exchanges, "ROOM_OF_ADDRESS", 3 * BODY)
    monkeypatch.setattr(exchanges, "ROOM", 5 * BODY)


@pytest.mark.usefixtures("little_room")
def test_bodies_that_do_not_come(tmp_path: Path) -> None:
    async def play(url: str, _: aiohttp.ClientSession, __: Path) -> None:
        held = [await stalled(url, source="127.0.0.2") for _ in range(3)]
        await asyncio.sleep(0.2)
        code, headers = await refused(await stalled(url, source="127.0.0.2"))
        assert (code, headers["Access-Control-Allow-Origin"]) == (429, "*")
        assert int(headers["Retry-After"]) > 0
        assert await status(url, "127.0.0.3") == 200, "others do not notice"
        held += [await stalled(url, source="127.0.0.3") for _ in range(2)]
        await asyncio.sleep(0.2)
        code, headers = await refused(await stalled(url, source="127.0.0.4"))
        assert (code, headers["Access-Control-Allow-Origin"]) == (503, "*")
        await ends(*held)
        for _ in range(100):
            if await status(url, "127.0.0.2") == 200:
                break
            await asyncio.sleep(0.05)
        held = [await stalled(url, source="127.0.0.2") for _ in range(3)]
        await asyncio.sleep(0.2)
        assert (await refused(await stalled(url, source="127.0.0.2")))[0] == 429, "all of it came back"
        await ends(*held)

    at_a_host(tmp_path, play)


async def with_a_long_entry(url: str, session: aiohttp.ClientSession, data: Path, *, length: int) -> bytes:
    """A request whose answer is long."""
    guest = await Guest.calls(session, url)
    log = await guest.creates(data)
    shown = await guest.opens(log)
    commit = guest.post(log, bytes(length), kind=EntryKind.COMMIT, next_epoch_key=b"k" * 32, pass_=shown)
    with BytesIO(encode_frame(commit)) as body:
        answer = await session.post(f"{url}/v1/frame", data=body)
    async with answer:
        assert isinstance(decode_frame(await answer.read()), Accepted)
    await guest.leaves()
    return encode_frame(FetchEntry(Request(5), log.log_id, log.node, Seq(1), shown))


def asking(body: bytes) -> bytes:
    return b"POST /v1/frame HTTP/1.1\r\nHost: h\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def test_a_long_answer_is_whole(tmp_path: Path) -> None:
    async def play(url: str, session: aiohttp.ClientSession, data: Path) -> None:
        request = await with_a_long_entry(url, session, data, length=3_000_000)
        async with session.post(f"{url}/v1/frame", data=request) as answer:
            found = decode_frame(await answer.read())
            assert answer.headers["Content-Type"] == exchanges.FRAME_TYPE
        assert isinstance(found, Fetched)
        assert found.entry.body == bytes(3_000_000)

    at_a_host(tmp_path, play)


def test_answers_that_nobody_reads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They have their room, and are cut off."""
    length = 6_000_000
    monkeypatch.setattr(exchanges, "ROOM_OF_ADDRESS", 3 * length)
    monkeypatch.setattr(exchanges, "_IDLE_SECONDS", 1.0)

    async def play(url: str, session: aiohttp.ClientSession, data: Path) -> None:
        request = asking(await with_a_long_entry(url, session, data, length=length))
        held = []
        for _ in range(2):
            link = await RawLink.connect(url, source="127.0.0.2", receive_buffer=4_096)
            link.send(request)
            held.append(link)
        await asyncio.sleep(0.3)
        third = await RawLink.connect(url, source="127.0.0.2", receive_buffer=4_096)
        third.send(request)
        assert (await refused(third))[0] == 429
        await asyncio.sleep(2.5)
        for link in held:
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await asyncio.wait_for(link.reader.readexactly(length), 20)
        fourth = await RawLink.connect(url, source="127.0.0.2")
        fourth.send(request)
        assert (await refused(fourth))[0] == 200, "the room came back"
        await ends(*held)

    at_a_host(tmp_path, play)
