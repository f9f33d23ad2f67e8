"""Links that do nothing, do it slowly, or never read: they are cut off or cost little, and nobody else notices."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AsyncExitStack
from random import Random
from typing import Final

import pytest

from aparte.server.shell.guard import IDLERS, PATIENCE
from aparte.wire import decode_frame, encode_frame
from aparte.wire.ids import LogId, Request, Seq
from aparte.wire.link_frames import Done
from aparte.wire.log_frames import Accepted, Close, Created, Delivered, Lagged, Open
from tests.reliability.ledger import Talk
from tests.reliability.lines import Line, lines
from tests.reliability.processes import DOMAIN, HostProcess, running
from tests.reliability.raw import BINARY, RawLink, framed, request_for

#: How many there are when it is looked how much they take.
IDLE: Final = (5_000, 10_000)
ADDRESSES: Final = 10
#: Of a link that is up and has opened nothing, all told.
MOST_BYTES: Final = 20 * 1024
SLOW: Final = 20
BODIES: Final = 400
BODY: Final = 65_536
MIB: Final = 1 << 20
CLOSES: Final = framed(encode_frame(Close(Request(9), LogId(bytes(16)))))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    with running(tmp_path_factory.mktemp("host")) as made:
        yield made
        assert "the core failed" not in (made.folder / "stderr").read_text()


@pytest.fixture(scope="module")
def lasted(host: HostProcess) -> Iterator[Future[list[float]]]:
    """Connections that never come to the point, while the tests run: how long each of them lasts."""
    request = request_for(host.url)
    words = [(b"", False), (request[:60], False), (request[:-2] + b"X-A: ", True), (request[:40], True)]

    async def loiterers() -> list[float]:
        made = [
            loiter(host, f"127.0.3.{n}", said=said, dribbles=dribbles) for n, (said, dribbles) in enumerate(words, 1)
        ]
        return await asyncio.gather(*made)

    with ThreadPoolExecutor(1) as thread:
        yield thread.submit(asyncio.run, loiterers())


async def idle(host: HostProcess, count: int) -> list[RawLink]:
    """So many links from several addresses."""
    gate = asyncio.Semaphore(64)

    async def one(number: int) -> RawLink:
        async with gate:
            return await RawLink.dial(host.url, source=f"127.0.2.{number % ADDRESSES + 1}")

    return await asyncio.gather(*[one(number) for number in range(count)])


async def lives(link: RawLink) -> bool:
    """Whether a link still answers."""
    link.send(CLOSES)
    found = await link.receive()
    return found is not None and found[0] == BINARY and decode_frame(found[1]) == Done(Request(9))


async def loiter(host: HostProcess, source: str, *, said: bytes, dribbles: bool) -> float:
    """Connect, say something that is not a whole request, perhaps a byte a second more; seconds until the end."""
    link = await RawLink.connect(host.url, source=source)
    link.send(said)
    begin = time.monotonic()
    ending = asyncio.create_task(link.reader.read())
    while not ending.done() and time.monotonic() - begin < 4 * PATIENCE:
        if dribbles:
            link.send(b"x")
        await asyncio.wait([ending], timeout=1)
    assert ending.done(), f"{said!r} may stay for ever"
    ending.exception()
    link.hang_up()
    return time.monotonic() - begin


@pytest.mark.usefixtures("lasted")
def test_ten_thousand_idle_links(host: HostProcess, capsys: pytest.CaptureFixture[str]) -> None:
    async def play() -> None:
        before, links, each = host.memory, [], []
        begin = time.monotonic()
        for count in IDLE:
            links += await idle(host, count - len(links))
            each.append((host.memory - before) / count)
        took = time.monotonic() - begin
        answered = await asyncio.gather(*[lives(link) for link in links[:: IDLE[-1] // 200]])
        with capsys.disabled():
            sizes = ", ".join(f"{size:.0f} bytes each at {count}" for size, count in zip(each, IDLE, strict=True))
            print(f"\nidle: {len(links)} links in {took:.1f} s, {sizes}")
        assert all(answered)
        assert max(each) < MOST_BYTES
        for link in links:
            link.hang_up()

    asyncio.run(play())


def test_connections_without_a_request_are_counted(host: HostProcess) -> None:
    """One address may not hold more than a few; another is let in all the while."""

    async def play() -> None:
        links = [await RawLink.connect(host.url, source="127.0.4.1") for _ in range(2 * IDLERS)]
        ends = [asyncio.create_task(link.reader.read()) for link in links]
        for end in ends[IDLERS:]:
            await asyncio.wait([end], timeout=5)
        assert sum(end.done() for end in ends) >= IDLERS
        other = await RawLink.dial(host.url, source="127.0.4.2")
        assert await lives(other)
        for link in [*links, other]:
            link.hang_up()
        await asyncio.gather(*ends, return_exceptions=True)

    asyncio.run(play())


async def follow_slowly(host: HostProcess, talk: Talk) -> RawLink:
    """A link that has opened a log and does not read what comes."""
    link = await RawLink.dial(host.url, receive_buffer=1 << 16)
    nonce = decode_frame(link.greeting).nonce
    link.send(framed(encode_frame(Open(Request(1), False, (talk.item(talk.node, nonce, host=DOMAIN),)))))
    assert await link.receive() is not None
    return link


async def catches_up(link: RawLink, head: Seq) -> tuple[int, Seq]:
    """Read what waits: how many entries came, in order; then up to where others were left out, up to `head`."""
    came = 0
    while True:
        found = await link.receive()
        assert found is not None, "cut off"
        frame = decode_frame(found[1])
        if isinstance(frame, Lagged):
            assert came < frame.seq <= head
            return came, frame.seq
        assert isinstance(frame, Delivered)
        assert frame.entry.seq == came + 1
        came += 1


async def keep_still(host: HostProcess, line: Line, talk: Talk) -> tuple[int, list[RawLink], list[Seq]]:
    """Slow links beside a quick one, while much is posted; by how much the host grew at most."""
    slow = [await follow_slowly(host, talk) for _ in range(SLOW)]
    heard: list[Seq] = []
    async with AsyncExitStack() as stack:
        (quick,) = await stack.enter_async_context(lines(host.url, 1))
        quick.hears = lambda frame: heard.append(frame.entry.seq)
        await quick.opens(talk)
        before = most = host.memory
        for number in range(BODIES):
            answer = await line.ask(talk.post(Random(number).randbytes(16), bytes(BODY), request=0))
            assert isinstance(answer, Accepted), answer
            most = max(most, host.memory)
        await asyncio.sleep(0.5)
    return most - before, slow, heard


def test_slow_readers_cost_little_and_are_told(host: HostProcess, capsys: pytest.CaptureFixture[str]) -> None:
    async def play() -> None:
        talk = Talk(LogId(Random(1).randbytes(16)))
        async with lines(host.url, 1) as (line,):
            assert isinstance(await line.creates(talk, host.keys), Created)
            await line.opens(talk)
            grown, slow, heard = await keep_still(host, line, talk)
            ends = await asyncio.gather(*[catches_up(link, Seq(BODIES)) for link in slow])
            last = await line.ask(talk.post(b"after the lag...", b"live again", request=0))
            nexts = [await link.receive() for link in slow]
        with capsys.disabled():
            print(
                f"\nslow: {SLOW} links that did not read {BODIES * BODY / MIB:.0f} MiB; the host grew by"
                f" {grown / MIB:.0f} MiB; {min(came for came, _ in ends)} to {max(came for came, _ in ends)} entries"
                " waited for each"
            )
        assert heard == list(range(1, BODIES + 1))
        assert {seq for _, seq in ends} == {BODIES}
        assert all(item and decode_frame(item[1]).entry.seq == last.seq for item in nexts)
        assert grown < SLOW * 3 * MIB + 64 * MIB < SLOW * BODIES * BODY / 4
        for link in slow:
            link.hang_up()

    asyncio.run(play())


def test_who_never_comes_to_the_point_is_cut_off(
    lasted: Future[list[float]], capsys: pytest.CaptureFixture[str]
) -> None:
    found = lasted.result()
    with capsys.disabled():
        print(f"\nnot to the point: cut off after {min(found):.1f} to {max(found):.1f} s")
    assert max(found) < PATIENCE + 30
