"""A host comes back from an older backup: clients see it at once, what is lost shows, and nothing else suffers."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path
from random import Random
from types import SimpleNamespace
from typing import Any

import pytest

from aparte.server.admin import restoring
from aparte.wire import ErrorCode
from aparte.wire.entries import Pass
from aparte.wire.ids import Chain, Incarnation, LogId, Node, Request, Seq
from aparte.wire.link_frames import Problem
from aparte.wire.log_frames import (
    Accepted,
    CheckReceipt,
    Create,
    Created,
    Entries,
    Open,
    OpenedItem,
    OpenItem,
    OpenStatus,
    Post,
    Read,
)
from tests.reliability.ledger import Ledger, Reading, Talk
from tests.reliability.lines import Line, lines
from tests.reliability.processes import HostProcess, ticket
from tests.server.admin.hosts import aparte


@dataclass
class Known:
    """A log as a client has it: all that it has read, and by which pass."""

    talk: Talk
    ledger: Ledger
    reading: Reading = field(default_factory=lambda: Reading([], Seq(0), Chain(bytes(32))))
    shown: Pass = field(default_factory=lambda: Pass(0, bytes(16)))

    async def posts(self, line: Line, *bodies: bytes, commits: bool = False) -> None:
        """Each under a new idem, and accepted."""
        for body in bodies:
            post = self.ledger.sends(self.talk.post(Random().randbytes(16), body, request=0, commits=commits))
            self.ledger.hears(post.idem, await line.ask(post))

    async def looks(self, line: Line) -> None:
        """Read all there is."""
        found = await line.reads(self.talk)
        assert found is not None
        self.reading = found
        self.shown = (await line.opens(self.talk)).pass_

    def goes_on(self, item: OpenedItem) -> bool:
        """Whether nothing was lost, as far as the client can see (docs/protocol/log.md)."""
        if item.status is not OpenStatus.LIVE or item.head_seq < self.reading.head:
            return False
        return item.head_seq > self.reading.head or item.chain == self.reading.chain

    @property
    def lost(self) -> list[Post]:
        """What was accepted after the third entry."""
        return [self.ledger.sent[idem] for idem, told in self.ledger.accepted.items() if told.seq > 3]


@dataclass
class Story:
    """Three logs: one that loses messages, one that loses a commit, and one that loses nothing."""

    messages: Known
    commit: Known
    nothing: Known
    incarnation: Incarnation
    ticket: bytes

    @property
    def logs(self) -> list[Known]:
        return [self.messages, self.commit, self.nothing]


async def first_life(host: HostProcess, backup: Path) -> Story:
    """A backup is made when each log has three entries; then two of them go on."""
    logs = []
    async with lines(host.url, 1) as (line,):
        for number in range(3):
            talk = Talk(LogId(Random(number).randbytes(16)))
            logs.append(Known(talk, Ledger(talks={talk.log_id: talk})))
            assert isinstance(await line.creates(talk, host.keys), Created)
            await line.opens(talk)
            await logs[-1].posts(line, b"one", b"two", b"three")
        words = ("admin", "backup", "--data", host.folder, backup)
        assert (await asyncio.to_thread(aparte, *words)).code == 0
        messages, commit, nothing = logs
        await messages.posts(line, b"four", b"five", b"six")
        await commit.posts(line, b"a commit", commits=True)
        await line.opens(commit.talk)
        await commit.posts(line, b"after the commit")
        for known in logs:
            await known.looks(line)
        unspent = ticket(host.keys, bytes(16))
        return Story(messages, commit, nothing, line.greeting.incarnation, unspent)


def restored(folder: Path) -> tuple[Story, HostProcess]:
    """The first life of a host, its sudden end, and its second, which has begun."""
    host = HostProcess(folder / "first")
    try:
        story = asyncio.run(first_life(host, folder / "backup"))
    finally:
        host.kill()
    assert aparte("admin", "restore", folder / "backup", "--data", folder / "second").code == 0
    return story, HostProcess(folder / "second")


async def refuses_old_passes(line: Line, known: Known) -> bool:
    """To open by, to read by, to post by."""
    talk, shown = known.talk, known.shown
    item = OpenItem(talk.log_id, talk.node, Seq(0), shown, None)
    opened = await line.ask(Open(Request(0), True, (item,)))
    read = await line.ask(Read(Request(0), talk.log_id, talk.node, Seq(0), 4096, shown))
    post = await line.ask(talk.post(bytes(16), b"by an old pass", request=0, shown=shown))
    if isinstance(read, Entries) and isinstance(post, Accepted):
        return False
    assert [found.status for found in opened.items] == [OpenStatus.REFUSED]
    assert (read.code, post.code) == (ErrorCode.REFUSED, ErrorCode.NOT_OPEN)
    return True


async def sees_the_loss(line: Line, story: Story) -> None:
    """By proofs: two logs ended before where the client is, the third is as it was."""
    messages, commit, nothing = story.logs
    assert not messages.goes_on(await line.opens(messages.talk))
    assert (await line.opens(commit.talk)).status is OpenStatus.NOT_FOUND
    assert (await line.opens(commit.talk, node=Node(0))).head_seq == 3
    assert nothing.goes_on(await line.opens(nothing.talk))
    assert await line.reads(nothing.talk) == nothing.reading
    for known in messages, commit:  # what was read stays proved: the receipt key outlived it
        last = known.reading.entries[-1]
        place = (last.seq, last.at, last.node, last.kind, last.idem, last.next_epoch_key)
        asked = CheckReceipt(Request(0), known.talk.log_id, *place, last.body_hash, last.receipt)
        assert (await line.ask(asked)).genuine


async def goes_on(line: Line, bob: Line, known: Known, *, key: bytes) -> None:
    """Bob, who was away, notices nothing and posts; the posts that were lost are taken again, once, after his."""
    heard: list[Any] = []
    await bob.opens(known.talk)
    ledger = Ledger(talks=known.ledger.talks)
    for post in known.ledger.sent.values():
        ledger.sends(post)
    for post in list(known.ledger.sent.values())[:3]:  # from before the backup: answered word for word as then
        again = await line.ask(post)
        assert replace(again, request=Request(0)) == known.ledger.accepted[post.idem]
        ledger.hears(post.idem, again)
    for number in range(3):
        post = ledger.sends(known.talk.post(b"bob" + bytes([number]) * 13, b"from Bob", request=0))
        ledger.hears(post.idem, await bob.ask(post))
    item = await line.opens(known.talk)
    assert item.head_seq == known.reading.head
    assert not known.goes_on(item), "the same length, and another chain"
    bob.hears = heard.append
    places = []
    for post in known.lost * 2:
        answer = await line.ask(post)
        ledger.hears(post.idem, answer)
        places.append(answer.seq)
    assert places == [7, 8, 9] * 2
    reading = await bob.reads(known.talk)
    assert reading is not None
    assert [frame.entry.seq for frame in heard] == [7, 8, 9]
    assert ledger.audit(known.talk.log_id, reading, receipt_key=key) == []
    assert known.ledger.audit(known.talk.log_id, reading, receipt_key=key), "the first life's promises are broken"


def test_clients_and_a_restored_host(tmp_path: Path) -> None:
    story, host = restored(tmp_path)

    async def play() -> None:
        async with lines(host.url, 2) as (alice, bob):
            assert alice.greeting.incarnation == bob.greeting.incarnation != story.incarnation
            for known in story.logs:
                assert await refuses_old_passes(alice, known)
            refused = await alice.ask(Create(Request(0), LogId(bytes(16)), bytes(32), 30, story.ticket))
            assert isinstance(refused, Problem)
            assert refused.code == ErrorCode.TICKET_REFUSED
            await sees_the_loss(alice, story)
            await goes_on(alice, bob, story.messages, key=host.keys.receipt_key)
            await story.nothing.posts(alice, b"four")
            reading = await bob.reads(story.nothing.talk)
            assert reading is not None
            ledger, log_id = story.nothing.ledger, story.nothing.talk.log_id
            assert ledger.audit(log_id, reading, receipt_key=host.keys.receipt_key) == []

    try:
        asyncio.run(play())
    finally:
        assert host.stop() == 0
    assert "the core failed" not in (host.folder / "stderr").read_text()


def test_a_restore_that_begins_no_new_life_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Then greeting and passes tell nothing, and only the chain does."""
    not_anew = SimpleNamespace(incarnation=bytes(16), key_packages=0, invites=0)
    monkeypatch.setattr(restoring, "begin_anew", lambda *_, **__: not_anew)
    story, host = restored(tmp_path)

    async def play() -> None:
        async with lines(host.url, 1) as (line,):
            assert line.greeting.incarnation == story.incarnation
            assert not await refuses_old_passes(line, story.nothing)
            assert not story.messages.goes_on(await line.opens(story.messages.talk))

    try:
        asyncio.run(play())
    finally:
        host.stop()
