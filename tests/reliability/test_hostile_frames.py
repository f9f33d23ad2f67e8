"""Links that send nonsense: each gets a clear answer or its end, and nobody else notices."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest

from aparte.wire import FRAMES, ErrorCode, decode_frame, encode_frame
from aparte.wire.ids import LogId, Request
from aparte.wire.limits import MAX_FRAME
from aparte.wire.link_frames import Greeting, Problem
from aparte.wire.log_frames import Accepted, Close, Created, Open, Opened, OpenStatus, Post
from tests.conftest import SOAK
from tests.reliability.ledger import Talk
from tests.reliability.lines import Line, lines
from tests.reliability.processes import DOMAIN, HostProcess, running
from tests.reliability.raw import BINARY, CLOSE, CONTINUATION, PING, PONG, TEXT, RawLink, framed
from tools.frame_examples import example

MUTATIONS: Final = 20_000 if SOAK else 1_200
SEEDS: Final = [encode_frame(example(cls)) for cls in FRAMES.values()]
#: Harmless, and answered by `Done`: shows that a link is in order.
HARMLESS: Final = encode_frame(Close(Request(77), LogId(bytes(16))))


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    with running(tmp_path_factory.mktemp("host")) as made:
        yield made
        assert "the core failed" not in (made.folder / "stderr").read_text()


@asynccontextmanager
async def beside(host: HostProcess) -> AsyncIterator[None]:
    """Somebody else, whose posts are taken before, meanwhile and afterwards."""
    talk = Talk(LogId(Random().randbytes(16)))
    over = asyncio.Event()
    async with lines(host.url, 1, source="127.0.1.1") as (line,):
        assert isinstance(await line.creates(talk, host.keys), Created)
        await line.opens(talk)
        posting = asyncio.create_task(_posts(line, talk, over))
        yield
        over.set()
        assert await posting > 1


async def _posts(line: Line, talk: Talk, over: asyncio.Event) -> int:
    count = 0
    while not over.is_set() or count < 2:
        answer = await asyncio.wait_for(line.ask(talk.post(Random().randbytes(16), b"still here", request=0)), 20)
        assert isinstance(answer, Accepted)
        count += 1
        await asyncio.sleep(0.01)
    return count


def mutated(rng: Random) -> bytes:
    """A frame with bytes changed, cut out, doubled, cut off or added; or no frame at all."""
    data = bytearray(rng.choice(SEEDS))
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(data) + 1)
        match rng.randrange(6):
            case 0 if at < len(data):
                data[at] = rng.choice([0, 1, 0x40, 0x7F, 0x80, 0xFF, rng.randrange(256)])
            case 1:
                del data[at:]
            case 2:
                data[at:at] = rng.randbytes(rng.randint(1, 40))
            case 3:
                del data[at : at + rng.randint(1, 8)]
            case 4:
                data += data[at:]
            case _:
                data = bytearray(rng.randbytes(rng.randint(0, 200)))
    return bytes(data[:MAX_FRAME])


async def nonsense(host: HostProcess, frames: list[bytes], *, path: str) -> Counter[str]:
    """Send frames, on a new link whenever one ends; each is answered, or ends its link with a reason."""
    outcomes: Counter[str] = Counter()
    link: RawLink | None = None
    for data in frames:
        link = link or await RawLink.dial(host.url + path)
        link.send(framed(data) + framed(HARMLESS))
        while True:
            found = await link.receive()
            assert found is not None, f"{data.hex()} ended the link without a reason"
            opcode, payload = found
            if opcode == CLOSE:
                outcomes["closed"] += 1
                assert int.from_bytes(payload[:2]) == 1002
                link.hang_up()
                link = None
                break
            answer = decode_frame(payload)
            if isinstance(answer, Problem):
                outcomes[ErrorCode(answer.code).name] += 1
                assert answer.code != ErrorCode.INTERNAL, f"{data.hex()}: {answer}"
            if getattr(answer, "request", None) == 77:
                break
    if link is not None:
        link.hang_up()
    return outcomes


def test_mutated_frames(host: HostProcess, capsys: pytest.CaptureFixture[str]) -> None:
    rng = Random(MUTATIONS)
    shares = [[mutated(rng) for _ in range(MUTATIONS // 8)] for _ in range(8)]
    cut_off = [data[:n] for data in SEEDS for n in range(0, len(data), max(1, len(data) // 6))]

    async def play() -> Counter[str]:
        async with beside(host):
            found = await asyncio.gather(*[nonsense(host, share, path="") for share in [*shares, SEEDS, cut_off]])
        return sum(found, Counter())

    outcomes = asyncio.run(play())
    with capsys.disabled():
        print(f"\nnonsense: {dict(outcomes.most_common())}")
    assert outcomes["MALFORMED"] == outcomes["closed"] > MUTATIONS / 4
    assert outcomes["UNEXPECTED"] > 50


#: What is wrong with WebSocket frames, and the reason with which the link is closed. None: without a word.
BROKEN: Final[dict[str, tuple[bytes, set[int | None]]]] = {
    "text": (framed(b"hello", TEXT), {1003}),
    "too long": (framed(bytes(MAX_FRAME + 1)), {1009}),
    "too long in pieces": (framed(bytes(MAX_FRAME), last=False) + framed(b"x", CONTINUATION), {1009}),
    "a length of 2^63": (b"\x82\xff" + b"\x80" + bytes(7) + bytes(4), {1002, 1009, None}),
    "a length of 2^62": (b"\x82\xff" + b"\x40" + bytes(7) + bytes(4), {1009, None}),
    "reserved bits": (framed(HARMLESS, reserved=4), {1002}),
    "an unknown opcode": (framed(HARMLESS, 5), {1002}),
    "a message within another": (framed(HARMLESS[:5], last=False) + framed(HARMLESS), {1002}),
    "a continuation of nothing": (framed(HARMLESS, CONTINUATION), {1002}),
    "a ping of 126 bytes": (framed(bytes(126), PING), {1002}),
    "a ping in pieces": (framed(b"x", PING, last=False), {1002}),
    "a close of one byte": (framed(b"x", CLOSE), {1002, None}),
    "an empty message": (framed(b""), {1002}),
    "a byte more than may come, announced": (b"\x82\xff" + (MAX_FRAME + 1).to_bytes(8) + bytes(4), {1009}),
    "a length of 2^32": (b"\x82\xff" + (1 << 32).to_bytes(8) + bytes(4) + bytes(9), {1009}),
    "a ping of 2^40 bytes": (b"\x89\xff" + (1 << 40).to_bytes(8) + bytes(4), {1002}),
    "a close of 126 bytes": (framed(bytes(126), CLOSE), {1002}),
    "a close for no known reason": (framed(b"\x00\x05", CLOSE), {1002}),
    "a close that is no UTF-8": (framed(b"\x03\xe8\xff", CLOSE), {1007}),
    "text that is no UTF-8": (framed(b"\xff", TEXT), {1003, 1007}),
    "text in pieces": (framed(b"he", TEXT, last=False) + framed(b"y", CONTINUATION), {1003}),
    "a request in the midst of it": (b"GET / HTTP/1.1\r\nHost: here\r\n\r\n", {1002}),
    "a frame after the close": (framed(b"\x03\xe8", CLOSE) + framed(HARMLESS), {1000}),
}


@pytest.mark.parametrize("fault", BROKEN)
def test_broken_websocket_frames(host: HostProcess, fault: str) -> None:
    sent, reasons = BROKEN[fault]

    async def play() -> list[tuple[int, bytes]]:
        async with beside(host):
            link = await RawLink.dial(host.url)
            link.send(sent)
            found = await link.until_closed()
            link.hang_up()
        return found

    found = asyncio.run(play())
    closed = [int.from_bytes(payload[:2]) for opcode, payload in found if opcode == CLOSE]
    assert set(closed or [None]) <= reasons
    assert not any(getattr(_decoded(payload), "request", 0) for opcode, payload in found if opcode == BINARY)


def _decoded(payload: bytes) -> Any:
    return decode_frame(payload)


@pytest.mark.parametrize(
    "sent",
    [framed(HARMLESS, masked=False), b"\x82\xfe" + len(HARMLESS).to_bytes(2) + bytes(4) + HARMLESS],
    ids=["without a mask", "a length in more bytes than it needs"],
)
def test_what_aiohttp_lets_pass(host: HostProcess, sent: bytes) -> None:
    """RFC 6455 §5.1 and §5.2 forbid these to clients; they are taken for what they say, or end the link."""

    async def play() -> tuple[int, bytes] | None:
        async with beside(host):
            link = await RawLink.dial(host.url)
            link.send(sent)
            found = await link.receive()
            link.hang_up()
        return found

    found = asyncio.run(play())
    assert found is None or found[0] == CLOSE or _decoded(found[1]).request == 77


def test_pieces_with_pings_between_them_and_bytes_one_by_one(host: HostProcess) -> None:
    """This is no offence: a message in fragments, control frames between them, each byte a packet."""

    async def play() -> list[tuple[int, bytes] | None]:
        link = await RawLink.dial(host.url)
        data = framed(HARMLESS[:3], last=False) + framed(b"?", PING)
        data += framed(HARMLESS[3:9], CONTINUATION, last=False) + framed(HARMLESS[9:], CONTINUATION)
        for byte in data:
            link.send(bytes([byte]))
            await asyncio.sleep(0.001)
        found = [await link.receive() for _ in range(2)]
        link.hang_up()
        return found

    found = asyncio.run(play())
    assert (PONG, b"?") in found
    assert any(item and item[0] == BINARY and _decoded(item[1]).request == 77 for item in found)


def test_what_was_heard_on_another_link_is_of_no_use(host: HostProcess) -> None:
    """A replayed Open is refused; a post under a node that is not open, too; a post heard by its own log is known."""
    talk = Talk(LogId(Random(3).randbytes(16)))

    async def play() -> None:
        async with lines(host.url, 2) as (alice, mallory):
            assert isinstance(await alice.creates(talk, host.keys), Created)
            heard = Open(Request(0), False, (talk.item(talk.node, alice.greeting.nonce, host=DOMAIN),))
            opened = await alice.ask(heard)
            assert opened.items[0].status is OpenStatus.LIVE
            post: Post = talk.post(Random(4).randbytes(16), b"once", request=0)
            told = await alice.ask(post)
            replayed = await mallory.ask(heard)
            assert isinstance(replayed, Opened)
            assert [item.status for item in replayed.items] == [OpenStatus.REFUSED]
            assert (await mallory.ask(post)).code == ErrorCode.NOT_OPEN
            assert (await alice.ask(heard)).items[0].head_seq == 1
            again = await alice.ask(post)
            assert replace(again, request=told.request) == told
            reading = await alice.reads(talk)
            assert reading is not None
            assert len(reading.entries) == 1

    asyncio.run(play())


def test_greetings_differ(host: HostProcess) -> None:
    async def play() -> set[bytes]:
        made = await asyncio.gather(*[RawLink.dial(host.url) for _ in range(50)])
        greetings = [_decoded(link.greeting) for link in made]
        assert all(isinstance(greeting, Greeting) for greeting in greetings)
        for link in made:
            link.hang_up()
        return {greeting.nonce for greeting in greetings}

    assert len(asyncio.run(play())) == 50
