"""`kill -9` at random moments under load: what was acknowledged is there after the next start, once, in its place."""

from __future__ import annotations

import asyncio
import hashlib
import sys
import threading
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from pathlib import Path
from random import Random
from typing import Final

import apsw
import pytest

from aparte.wire import ErrorCode
from aparte.wire.entries import Pass
from aparte.wire.ids import EntryKind, LogId, Node, Request
from aparte.wire.link_frames import Problem
from aparte.wire.log_frames import Accepted, Busy, Create, Created, Post, Stale
from tests.reliability.ledger import Ledger, Talk
from tests.reliability.lines import Line, LineDown, lines
from tests.reliability.processes import PROGRAM, HostProcess, ticket

ROUNDS: Final = 50
#: Rounds with one folder.
LIVES: Final = 10
LINKS: Final = 4
#: Posts of one link that wait for their answers.
WINDOW: Final = 24
LOGS: Final = 3  # new ones in each round


class Crowd:
    """Those who write to one host over all its lives."""

    def __init__(self, rng: Random) -> None:
        self.rng = rng
        self.ledger = Ledger()
        self.passes: dict[tuple[LogId, Node], Pass] = {}
        self.lately: list[Talk] = []

    async def load(self, host: HostProcess, *, seconds: float) -> int:
        """Create logs and post to them until the host is killed; returns how many posts got no answer."""
        before = len(self.ledger.unacknowledged)
        self.lately = [Talk(LogId(self.rng.randbytes(16))) for _ in range(LOGS)]
        self.ledger.talks |= {talk.log_id: talk for talk in self.lately}
        killer = threading.Timer(seconds, host.process.kill)
        async with _quietly(host.url, LINKS) as links:
            killer.start()
            works = [self._posts(line) for line in links for _ in range(WINDOW)]
            await asyncio.gather(*[self._creates(links[0], host)], *works)
        killer.join()
        host.kill()
        return len(self.ledger.unacknowledged) - before

    async def _creates(self, line: Line, host: HostProcess) -> None:
        with suppress(LineDown):
            for talk in self.lately:
                if isinstance(await line.creates(talk, host.keys), Created):
                    self.ledger.created.add(talk.log_id)

    async def _posts(self, line: Line) -> None:
        with suppress(LineDown):
            while True:
                there = [talk for talk in self.lately if talk.log_id in self.ledger.created]
                if not there:
                    await asyncio.sleep(0.001)
                    continue
                await self._post(line, self.rng.choice(there))

    async def _post(self, line: Line, talk: Talk) -> None:
        shown = await self._pass(line, talk, node=talk.node)
        body, commits = self.rng.randbytes(self.rng.choice([40, 400, 4_000])), self.rng.random() < 0.01
        post = talk.post(self.rng.randbytes(16), body, request=0, commits=commits, shown=shown)
        self.ledger.sends(post)
        await self._sends(line, post)

    async def _pass(self, line: Line, talk: Talk, *, node: Node) -> Pass:
        """A pass, which is good after a crash, too."""
        shown = self.passes.get((talk.log_id, node))
        if shown is None:
            shown = self.passes[(talk.log_id, node)] = (await line.opens(talk, node=node)).pass_
        return shown

    async def _sends(self, line: Line, post: Post) -> None:
        answer = await line.ask(post)
        if isinstance(answer, Accepted):
            self.ledger.hears(post.idem, answer)
        elif not isinstance(answer, Problem):  # Stale or Busy: it was not taken, and nobody will say otherwise
            del self.ledger.sent[post.idem]

    async def look(self, host: HostProcess) -> int:
        """All is there that was acknowledged; what was not ends up there once. Returns how much of it was there."""
        key = host.keys.receipt_key
        async with lines(host.url, 1) as (line,):
            await self._tickets(line, host)
            found = 0
            for again in (False, True):
                for talk in self.lately:
                    reading = await line.reads(talk)
                    assert reading is not None, "a log is gone"
                    wrong = self.ledger.audit(talk.log_id, reading, receipt_key=key)
                    assert not wrong, wrong[:5]
                    lost = {post.idem for post in self.ledger.unacknowledged}
                    found += sum(entry.idem in lost for entry in reading.entries)
                if not again:
                    await self._repeats(line)
            return found

    async def _tickets(self, line: Line, host: HostProcess) -> None:
        for talk in self.lately:
            other = Talk(LogId(self.rng.randbytes(16)))
            if talk.log_id in self.ledger.created:
                shown = Create(Request(0), other.log_id, other.root_key, 30, _ticket_of(talk, host))
                answer = await line.ask(shown)
                is_spent = isinstance(answer, Problem) and answer.code == ErrorCode.TICKET_SPENT
                assert is_spent, "a log that was created is lost: its ticket is good again"
            else:
                assert isinstance(await line.creates(talk, host.keys), Created)
                self.ledger.created.add(talk.log_id)

    async def _repeats(self, line: Line) -> None:
        """What got no answer is posted again: a commit as it was, a message under the node that is the last now."""
        lost = self.ledger.unacknowledged
        for post in [post for post in lost if post.kind is EntryKind.COMMIT]:
            await self._repeat(line, post, node=post.node)
        messages = [post for post in lost if post.kind is EntryKind.APP]
        await asyncio.gather(*[self._repeat(line, p, node=self.ledger.talks[p.log_id].node) for p in messages])

    async def _repeat(self, line: Line, post: Post, *, node: Node) -> None:
        shown = await self._pass(line, self.ledger.talks[post.log_id], node=node)
        again = replace(post, node=node, pass_=shown)
        while isinstance(answer := await line.ask(again), Busy):
            await asyncio.sleep(answer.wait / 1000)
        if isinstance(answer, Accepted):
            self.ledger.hears(post.idem, answer)
        else:  # somebody else's commit came first
            assert isinstance(answer, Stale)
            assert post.kind is EntryKind.COMMIT
            del self.ledger.sent[post.idem]


def _ticket_of(talk: Talk, host: HostProcess) -> bytes:
    return ticket(host.keys, hashlib.sha256(talk.log_id).digest()[:16])


@asynccontextmanager
async def _quietly(url: str, count: int) -> AsyncIterator[list[Line]]:
    """Links to a host that will be killed."""
    async with lines(url, count) as made:
        yield made
        await asyncio.gather(*[line.ended() for line in made])


def rounds(
    folder: Path, count: int, *, seed: int, program: Sequence[str] = PROGRAM
) -> tuple[list[int], list[int], int]:
    """Kill a host so often that `count` rounds count. Posts in flight and revived, by round; posts acknowledged."""
    in_flight: list[int] = []
    revived: list[int] = []
    acknowledged = 0
    rng = Random(seed)
    while len(in_flight) < count:
        crowd = Crowd(rng)
        host = HostProcess(folder / f"host-{len(in_flight)}", program=program)
        try:
            for _ in range(min(LIVES, count - len(in_flight))):
                lost = asyncio.run(crowd.load(host, seconds=rng.uniform(0.05, 0.4)))
                host = HostProcess(host.folder, program=program)
                there = asyncio.run(crowd.look(host))
                if lost:
                    in_flight.append(lost)
                    revived.append(there)
            assert host.stop() == 0
        finally:
            host.kill()
        assert damages(host.folder) == "ok"
        acknowledged += len(crowd.ledger.accepted)
    return in_flight, revived, acknowledged


def damages(folder: Path) -> str:
    with apsw.Connection(str(folder / "host.db")) as connection:
        verdict = str(connection.pragma("integrity_check"))
    connection.close()
    return verdict


def report(in_flight: list[int], revived: list[int], acknowledged: int, *, seconds: float) -> str:
    return (
        f"\nkill -9: {len(in_flight)} rounds in {seconds:.0f} s, {acknowledged} posts acknowledged;"
        f" in flight: {' '.join(map(str, in_flight))}; {sum(revived)} of these {sum(in_flight)} were there nevertheless"
    )


@pytest.mark.parametrize("count", [ROUNDS, pytest.param(500, marks=pytest.mark.soak)])
def test_what_was_acknowledged_survives(tmp_path: Path, count: int, capsys: pytest.CaptureFixture[str]) -> None:
    begin = time.monotonic()
    in_flight, revived, acknowledged = rounds(tmp_path, count, seed=count)
    with capsys.disabled():
        print(report(in_flight, revived, acknowledged, seconds=time.monotonic() - begin))
    assert len(in_flight) == count
    assert all(in_flight)
    assert acknowledged > 50 * count
    assert sum(revived), "the host was never killed between a commit and its answers"


def test_answers_that_leave_before_their_commit_are_noticed(tmp_path: Path) -> None:
    tardy = (sys.executable, str(Path(__file__).with_name("tardy_host.py")))
    with pytest.raises(AssertionError, match=r"lost|another entry|end at|gap|gone"):
        rounds(tmp_path, 12, seed=1, program=tardy)
