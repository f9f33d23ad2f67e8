"""What never reaches the writer is counted, by why and nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import aiohttp
import pytest

from aparte.server.pace import Pace
from aparte.server.shell import http as host_http
from aparte.wire import ErrorCode, encode_frame
from aparte.wire.account_frames import LookUpName
from aparte.wire.ids import LogId, Request
from aparte.wire.log_frames import Close
from tests.server.guests import Guest, refused_with, until
from tests.server.living import living
from tests.server.proxies import free_port
from tests.server.test_metrics import Figures, scrape, telltales

KINDS = ("many_links", "hasty_links", "bad_message", "no_room", "paced")
Play = Callable[[aiohttp.ClientSession, str], Awaitable[None]]
CLOSE = encode_frame(Close(Request(1), LogId(bytes(16))))


def counted(folder: Path, play: Play, **paces: Pace) -> dict[str, float]:
    """What the figures said once a play was over, and before it: all that was above none."""
    found: dict[str, float] = {}

    async def whole() -> None:
        port = free_port()
        async with (
            living(folder / "data", metrics=("127.0.0.1", port), **paces) as (started, _),
            aiohttp.ClientSession() as session,
        ):
            assert above_none(await scrape(session, port)) == {}
            await play(session, started.url)
            figures = await until(lambda: figures_of(session, port))
            assert telltales(figures.families) == []
            assert figures["aparte_requests_total{LookUpName}"] == 0, "the writer heard of none of it"
            found.update(above_none(figures))

    asyncio.run(whole())
    return found


async def figures_of(session: aiohttp.ClientSession, port: int) -> Figures | None:
    figures = await scrape(session, port)
    return figures if above_none(figures) else None


def above_none(figures: Figures) -> dict[str, float]:
    names = [f"aparte_held_off_total{{{why}}}" for why in KINDS]
    names += [f"aparte_early_refusals_total{{{code.name}}}" for code in ErrorCode]
    return {name.partition("{")[2].rstrip("}"): figures[name] for name in names if figures[name]}


def test_what_is_no_frame(tmp_path: Path) -> None:
    async def play(session: aiohttp.ClientSession, url: str) -> None:
        for _ in range(2):
            guest = await Guest.calls(session, url)
            await guest.link.send_bytes(CLOSE[:-1])
            assert refused_with(await guest.next()) == ErrorCode.MALFORMED
        async with session.post(f"{url}/v1/frame", data=b"\x01") as answer:
            assert answer.status == 400

    assert counted(tmp_path, play) == {"MALFORMED": 3}


def test_requests_that_are_refused_at_once(tmp_path: Path) -> None:
    async def play(session: aiohttp.ClientSession, url: str) -> None:
        guest = await Guest.calls(session, url)
        await guest.link.send_bytes(b"\x7e\x00\x00\x00\x09whatever")
        assert refused_with(await guest.next()) == ErrorCode.UNEXPECTED
        async with session.post(f"{url}/v1/frame", data=encode_frame(LookUpName(Request(7), "alice"))) as answer:
            assert answer.status == 200

    assert counted(tmp_path, play) == {"UNEXPECTED": 1, "NOT_FOUND": 1}


def test_messages_that_are_none(tmp_path: Path) -> None:
    async def play(session: aiohttp.ClientSession, url: str) -> None:
        text, reserved, too_long, well = [await Guest.calls(session, url) for _ in range(4)]
        await text.link.send_str("hello")
        writer = reserved.link._writer.transport
        assert writer is not None
        writer.write(b"\x83\x80" + bytes(4))  # an opcode that there is not
        await too_long.link.send_bytes(bytes(host_http.MAX_FRAME + 1))
        for guest, code in ((text, 1003), (reserved, 1002), (too_long, 1009)):
            assert (await guest.link.receive(20)).data == code
        await well.link.ping()
        await well.link.pong()
        await well.link.close()

    assert counted(tmp_path, play) == {"bad_message": 3}


def test_links_that_are_too_many(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_http, "MAX_LINKS", 2)

    async def play(session: aiohttp.ClientSession, url: str) -> None:
        held = [await Guest.calls(session, url) for _ in range(2)]
        for _ in range(3):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
                await Guest.calls(session, url)
        assert not any(guest.link.closed for guest in held)

    assert counted(tmp_path, play) == {"many_links": 3}


def test_links_that_come_too_often(tmp_path: Path) -> None:
    async def play(session: aiohttp.ClientSession, url: str) -> None:
        await Guest.calls(session, url)
        with pytest.raises(aiohttp.WSServerHandshakeError, match="429") as raised:
            await Guest.calls(session, url)
        assert raised.value.headers is not None
        assert 50 <= int(raised.value.headers["Retry-After"]) <= 61

    assert counted(tmp_path, play, links=Pace(interval=60_000, burst=1)) == {"hasty_links": 1}


def test_frames_that_wait(tmp_path: Path) -> None:
    async def play(session: aiohttp.ClientSession, url: str) -> None:
        guest = await Guest.calls(session, url)
        for _ in range(3):
            await guest.asks(Close(Request(1), LogId(bytes(16))))

    found = counted(tmp_path, play, frames=Pace(interval=50, burst=1))
    assert found.keys() == {"paced"}
    assert 1 <= found["paced"] <= 3


def test_who_goes_without_a_word_is_not_counted(tmp_path: Path) -> None:
    async def play(session: aiohttp.ClientSession, url: str) -> None:
        for _ in range(3):
            guest = await Guest.calls(session, url)
            writer = guest.link._writer.transport
            assert writer is not None
            writer.abort()
        other = await Guest.calls(session, url)
        await other.link.send_str("the last one")
        await other.link.receive(20)
        await asyncio.sleep(0.2)

    assert counted(tmp_path, play) == {"bad_message": 1}


def test_a_fault_of_the_hosts_own_is_no_bad_message(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: bytes) -> None:
        raise RuntimeError("a fault")

    monkeypatch.setattr("aparte.server.shell.reception.unpack_message", broken)

    async def play(session: aiohttp.ClientSession, url: str) -> None:
        struck, other = await Guest.calls(session, url), await Guest.calls(session, url)
        await struck.link.send_bytes(CLOSE)
        await struck.link.receive(20)
        await other.link.send_str("the last one")
        await other.link.receive(20)

    assert counted(tmp_path, play) == {"bad_message": 1}
