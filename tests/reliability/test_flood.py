"""One address asks for more than it may: it is slowed down to its allowance, and all others are served."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Any, Final

import pytest

from aparte.wire import decode_frame
from aparte.wire.ids import LogId
from aparte.wire.log_frames import Accepted, Created, OpenStatus
from tests.reliability.flooding import LINKS, OPEN_COST
from tests.reliability.ledger import Talk
from tests.reliability.lines import Line, lines
from tests.reliability.processes import DOMAIN, HURRIED, HostProcess, running
from tests.reliability.raw import RawLink

RATE: Final = 200
LINK_RATE: Final = 40
PACED: Final = f"""
[limits]
posts_per_second_of_a_log = 100_000
kib_per_second_of_a_log = 100_000
frames_per_second_of_an_address = {RATE}
links_per_second_of_an_address = {LINK_RATE}
"""
VICTIMS: Final = 8
QUIET: Final = 1.0
#: From which address, and for how many seconds.
FLOODS: Final = {
    "posts": ("127.0.9.1", 1.5),
    "opens": ("127.0.9.2", 1.0),
    "pings": ("127.0.9.3", 1.0),
    "connects": ("127.0.9.4", 1.0),
}
ROOT: Final = Path(__file__).parents[2]


@dataclass
class Times:
    """How long posts took, in milliseconds; and how long it took to open a log by a proof."""

    posts: list[float]
    opens: list[float]

    @property
    def p99(self) -> float:
        return sorted(self.posts)[len(self.posts) * 99 // 100]

    def __str__(self) -> str:
        return f"p99 {self.p99:.1f} ms of {len(self.posts)} posts, opening {max(self.opens):.0f} ms at most"


@asynccontextmanager
async def victims(host: HostProcess) -> AsyncIterator[list[tuple[Line, Talk]]]:
    """Some who have a log each, from addresses of their own."""
    async with AsyncExitStack() as stack:
        made = []
        for number in range(VICTIMS):
            (line,) = await stack.enter_async_context(lines(host.url, 1, source=f"127.0.10.{number + 1}"))
            talk = Talk(LogId(Random().randbytes(16)))
            assert isinstance(await line.creates(talk, host.keys), Created)
            await line.opens(talk)
            made.append((line, talk))
        yield made


async def measure(people: list[tuple[Line, Talk]], until: asyncio.Future[Any]) -> Times:
    """Everybody posts now and then, and now and then opens anew. No post may be refused."""
    times = Times([], [])

    async def one(line: Line, talk: Talk) -> None:
        while not until.done():
            for _ in range(20):
                begin = time.perf_counter()
                answer = await line.ask(talk.post(Random().randbytes(16), b"as always", request=0))
                times.posts.append(1000 * (time.perf_counter() - begin))
                assert isinstance(answer, Accepted), answer
                await asyncio.sleep(0.02)
            begin = time.perf_counter()
            assert (await line.opens(talk)).status is OpenStatus.LIVE
            times.opens.append(1000 * (time.perf_counter() - begin))

    await asyncio.gather(*[one(line, talk) for line, talk in people])
    return times


async def flood(host: HostProcess, kind: str) -> tuple[int, float]:
    """In a process of its own: how much was answered, in how many seconds."""
    source, seconds = FLOODS[kind]
    words = ["-m", "tests.reliability.flooding", host.url, str(host.folder), kind, source, str(seconds)]
    made = await asyncio.create_subprocess_exec(sys.executable, *words, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
    out, _ = await made.communicate()
    found = json.loads(out)
    return found["answered"], found["seconds"]


def allowance(seconds: float) -> float:
    """What one address may have in that time: the burst, the rate, and what was under way; a tenth more."""
    return 1.1 * (2 * RATE + RATE * (seconds + 1) + LINKS * OPEN_COST)


def new_links(seconds: float) -> float:
    """And how many links it may make in it: five seconds' worth, then the rate; a tenth more."""
    return 1.1 * LINK_RATE * (5 + seconds + 1)


async def scene(host: HostProcess) -> tuple[Times, dict[str, tuple[int, float, Times]]]:
    """The victims' times in peace, and in each flood, with what the flooder got."""
    async with victims(host) as people:
        quiet = await measure(people, asyncio.ensure_future(asyncio.sleep(QUIET)))
        found = {}
        for kind in FLOODS:
            flooding = asyncio.ensure_future(flood(host, kind))
            times = await measure(people, flooding)
            found[kind] = (*await flooding, times)
        return quiet, found


def test_one_address_that_floods(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with running(tmp_path, config=PACED) as host:
        quiet, found = asyncio.run(scene(host))
        assert "the core failed" not in (tmp_path / "stderr").read_text()
    with capsys.disabled():
        print(f"\nquiet: {quiet}")
        for kind, (answered, seconds, times) in found.items():
            print(
                f"flood of {kind}: {answered / seconds:.0f} a second; victims {times};"
                f" {times.p99 / quiet.p99:.1f} times the quiet p99"
            )
    for kind in FLOODS:
        answered, seconds, _ = found[kind]
        most = new_links(seconds) if kind == "connects" else allowance(seconds)
        assert most / 4 < answered < most, kind


def test_neighbours_of_who_floods_come_in(tmp_path: Path) -> None:
    """People behind one address share the pace of frames, which one of them uses up; all can call the host."""

    async def play(host: HostProcess) -> int:
        source, _ = FLOODS["posts"]
        flooding = asyncio.ensure_future(flood(host, "posts"))
        came = 0
        while not flooding.done():
            link = await RawLink.dial(host.url, source=source)
            came += decode_frame(link.greeting).host == DOMAIN
            link.hang_up()
            await asyncio.sleep(0.05)
        await flooding
        return came

    with running(tmp_path, config=PACED) as host:
        assert asyncio.run(play(host)) >= 10


def test_a_host_without_a_pace_is_noticed(tmp_path: Path) -> None:
    with running(tmp_path, config=HURRIED) as host:
        answered, seconds = asyncio.run(flood(host, "posts"))
    assert answered > allowance(seconds)
