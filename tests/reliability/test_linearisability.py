"""One log under many clients at once: what they saw fits one order, and of many commits at most one wins a node."""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from random import Random
from typing import Any, Final

import pytest

from aparte.wire.entries import Entry
from aparte.wire.ids import Idem, LogId, Node, Request, Seq
from aparte.wire.log_frames import Accepted, Busy, Created, Delivered, Entries, Lagged, OpenedItem, Read, Stale
from tests.reliability.histories import Followed, History, Posted, WasRead, of
from tests.reliability.ledger import Ledger, Talk
from tests.reliability.lines import Line, lines
from tests.reliability.processes import HostProcess, running

CLIENTS: Final = 50
POSTERS: Final = 30
READERS: Final = 10
#: Posts of each poster, up to four of them at once; all of them fit into one page.
POSTS: Final = 24
AT_ONCE: Final = 4
PAGE: Final = 262_144


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[HostProcess]:
    with running(tmp_path_factory.mktemp("host")) as made:
        yield made


class Client:
    """One of the crowd: everybody follows the log; some post, some read."""

    def __init__(self, line: Line, talk: Talk, history: History, *, ledger: Ledger) -> None:
        self.line = line
        self.talk = talk
        self.history = history
        self.ledger = ledger
        self.came: list[Seq] = []
        self.seen: dict[Seq, Idem] = {}
        self.lagged = Seq(0)
        line.hears = self._hears

    async def opens(self) -> None:
        self.item: OpenedItem = await self.line.opens(self.talk)

    def _hears(self, frame: Any) -> None:
        if isinstance(frame, Delivered):
            self.came.append(frame.entry.seq)
            self.seen[frame.entry.seq] = frame.entry.idem
        elif isinstance(frame, Lagged):
            self.lagged = max(self.lagged, frame.seq)

    async def posts(self, rng: Random) -> None:
        await self.opens()
        for _ in range(POSTS // AT_ONCE):
            await asyncio.gather(*[self._post(rng.randbytes(16)) for _ in range(AT_ONCE)])
            await asyncio.sleep(rng.random() / 100)

    async def _post(self, idem: bytes) -> None:
        post = self.ledger.sends(self.talk.post(idem, b"from " + idem, request=0))
        began = time.monotonic()
        answer = await self.line.ask(post)
        assert isinstance(answer, Accepted), answer
        self.history.posts.append(Posted(began, time.monotonic(), post.idem, answer.seq))
        self.ledger.hears(post.idem, answer)
        self.seen[answer.seq] = post.idem

    async def reads(self, until: asyncio.Event) -> None:
        await self.opens()
        while not until.is_set():
            began = time.monotonic()
            entries = await self._page()
            self.history.reads.append(WasRead(began, time.monotonic(), of([e.idem for e in entries])))
            await asyncio.sleep(0.01)

    async def _page(self) -> Sequence[Entry]:
        page = await self.line.ask(Read(Request(0), self.talk.log_id, Node(0), Seq(0), PAGE, self.item.pass_))
        assert isinstance(page, Entries)
        assert not page.more
        return page.entries

    async def follows(self, until: Seq) -> None:
        """Wait for the end; what was left out is read."""
        deadline = time.monotonic() + 20
        while max(self.seen, default=self.item.head_seq) < until and time.monotonic() < deadline:
            await asyncio.sleep(0.01)
        assert self.came == sorted(set(self.came)), "out of order, or twice"
        if self.lagged:
            self.seen |= {entry.seq: entry.idem for entry in await self._page() if entry.seq <= self.lagged}
        first = Seq(self.item.head_seq + 1)
        idems = of([self.seen[seq] for seq in sorted(self.seen) if seq >= first])
        self.history.follows.append(Followed(first, idems))


async def crowd(host: HostProcess, rng: Random) -> History:
    """Fifty clients at once on a new log."""
    history, ledger, talk = History(), Ledger(), Talk(LogId(rng.randbytes(16)))
    ledger.talks[talk.log_id] = talk
    async with lines(host.url, CLIENTS) as made:
        assert isinstance(await made[0].creates(talk, host.keys), Created)
        clients = [Client(line, talk, history, ledger=ledger) for line in made]
        over = asyncio.Event()
        reads = [asyncio.create_task(c.reads(over)) for c in clients[POSTERS : POSTERS + READERS]]
        posts = [asyncio.create_task(c.posts(rng)) for c in clients[:POSTERS]]
        for client in clients[POSTERS + READERS :]:  # they come while the others are at it
            await asyncio.sleep(0.01)
            await client.opens()
        await asyncio.gather(*posts)
        over.set()
        await asyncio.gather(*reads)
        reading = await made[-1].reads(talk)
        assert reading is not None
        history.log = of([entry.idem for entry in reading.entries])
        await asyncio.gather(*[client.follows(reading.head) for client in clients])
        assert not ledger.audit(talk.log_id, reading, receipt_key=host.keys.receipt_key)
    return history


def test_one_order_explains_what_fifty_clients_saw(host: HostProcess, capsys: pytest.CaptureFixture[str]) -> None:
    history = asyncio.run(crowd(host, Random(50)))
    with capsys.disabled():
        print(
            f"\none log: {len(history.posts)} posts, {len(history.reads)} reads, {len(history.follows)} followers;"
            f" {overlaps(history)} pairs of posts at the same time"
        )
    assert history.contradictions() == []
    assert len(history.log) == len(history.posts) == POSTERS * POSTS
    assert len(history.follows) == CLIENTS
    assert len({read.idems for read in history.reads}) > READERS
    assert overlaps(history) > len(history.posts)


def overlaps(history: History) -> int:
    """Pairs of posts of which neither was over when the other began."""
    posts = sorted(history.posts, key=lambda post: post.began)
    return sum(later.began < post.ended for at, post in enumerate(posts) for later in posts[at + 1 :])


def sound() -> History:
    """Three posts, one after another, a read after each, and one who followed."""
    log = of([bytes([n]) * 16 for n in range(3)])
    posts = [Posted(10 * n, 10 * n + 2, idem, Seq(n + 1)) for n, idem in enumerate(log)]
    reads = [WasRead(10 * n + 3, 10 * n + 4, log[: n + 1]) for n in range(3)]
    return History(log, posts, reads, [Followed(Seq(1), log), Followed(Seq(3), log[2:])])


def test_forged_histories_are_rejected() -> None:
    assert sound().contradictions() == []
    a, b, c = sound().log
    first, second, third = sound().posts
    last = sound().reads[-1]
    forged = [
        replace(sound(), log=(b, a, c)),
        replace(sound(), log=(a, b)),
        replace(sound(), log=(a, b, c, a)),
        replace(sound(), posts=[first, second, replace(third, seq=2)]),
        replace(
            sound(), log=(a, c, b), posts=[first, replace(second, seq=3), replace(third, seq=2)], reads=[], follows=[]
        ),
        replace(sound(), reads=[replace(last, idems=(a, b))]),
        replace(sound(), reads=[replace(last, idems=(a, c))]),
        replace(sound(), reads=[replace(last, began=3, ended=4)]),
        replace(sound(), posts=[], reads=[replace(last, began=1, ended=2), WasRead(3, 4, (a, b))]),
        replace(sound(), follows=[Followed(Seq(1), (a, c))]),
        replace(sound(), follows=[Followed(Seq(1), (a, b))]),
        replace(sound(), follows=[Followed(Seq(1), (a, c, b))]),
        replace(sound(), follows=[Followed(Seq(2), (a, b, c))]),
    ]
    for number, history in enumerate(forged):
        assert history.contradictions(), number


async def race(host: HostProcess, rng: Random) -> tuple[Counter[type], Counter[type], int]:
    """400 commits under node 0, then as many under the node that was made; and how many stand in the log."""
    talk = Talk(LogId(rng.randbytes(16)))
    async with lines(host.url, 40) as made:
        assert isinstance(await made[0].creates(talk, host.keys), Created)
        heats: list[Counter[type]] = []
        for _ in range(2):
            await asyncio.gather(*[line.opens(talk) for line in made])
            posts = [talk.post(rng.randbytes(16), b"commit", request=0, commits=True) for _ in range(400)]
            answers = await asyncio.gather(*[made[n % 40].ask(post) for n, post in enumerate(posts)])
            for post, answer in zip(posts, answers, strict=True):
                if isinstance(answer, Accepted):
                    talk.learns(answer, post.idem)
            heats.append(Counter(map(type, answers)))
            await asyncio.sleep(1.1)  # until the node may have a child
        reading = await made[0].reads(talk)
        assert reading is not None
        return heats[0], heats[1], len(reading.entries)


def test_of_400_racing_commits_one_wins(host: HostProcess, capsys: pytest.CaptureFixture[str]) -> None:
    first, second, stand = asyncio.run(race(host, Random(400)))
    with capsys.disabled():
        print(f"\nraces: {' and '.join(str({t.__name__: n for t, n in heat.items()}) for heat in (first, second))}")
    for heat in first, second:
        assert heat[Accepted] == 1
        assert heat.total() == 400 == heat[Accepted] + heat[Stale] + heat[Busy]
    assert stand == 2
