"""Batches: what fails, fails alone; what the store could not keep was never said, and memory is as it was before."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from aparte.server.core import Arrival, LinkClosed
from aparte.server.store import StoreError, StoreFull, StoreRefused
from aparte.wire import ErrorCode
from aparte.wire.ids import EntryKind, Idem, LogId, Request
from aparte.wire.link_frames import Done, Problem
from aparte.wire.log_frames import Accepted, Busy, Close, Created, Delivered, Opened
from tests.hosting import ROOT, Client, Log, Scene, chain_over, code
from tests.unit.server.brittle_store import BrittleStore

DISK = [(StoreFull("full"), ErrorCode.DISK_FULL), (StoreError("broken"), ErrorCode.UNAVAILABLE)]


@dataclass
class Village:
    """Alice, Bob and Carol have a log open; the store breaks when told to."""

    town: Scene
    disk: BrittleStore
    log: Log
    alice: Client
    bob: Client
    carol: Client

    def posts_poison(self, poison: set[int], size: int, error: Exception) -> None:
        """A batch of `size` posts to the log by Alice, some of which the store chokes on."""
        bodies = {b"%d" % number for number in poison}
        self.disk.breaks = lambda name, args: error if name == "append" and args[1].body in bodies else None
        self.town.accept(*[self.alice.brings(self.alice.message(self.log, b"%d" % n)) for n in range(size)])
        self.disk.heals()

    def is_as_before(self) -> None:
        """All three post to the node that they opened, and everybody hears of it."""
        for poster in (self.alice, self.bob, self.carol):
            heard = {id(client): len(client.delivered) for client in (self.alice, self.bob, self.carol)}
            assert isinstance(poster.posts(self.log, b"still here"), Accepted)
            for client in (self.alice, self.bob, self.carol):
                assert len(client.delivered) == heard[id(client)] + (client is not poster)


@pytest.fixture
def village(shaky: Scene, disk: BrittleStore) -> Village:
    alice, bob, carol = shaky.client(), shaky.client(), shaky.client()
    log = alice.creates()
    bob.opens(log)
    carol.opens(log)
    return Village(shaky, disk, log, alice, bob, carol)


class TestBatches:
    def test_nothing(self, town: Scene) -> None:
        assert town.core.accept([], town.now) == []

    def test_everything_in_one(self, town: Scene, alice: Client, bob: Client) -> None:
        log = Log(LogId(b"x" * 16))
        town.accept(
            alice.brings(alice.creation(log)),
            alice.brings(alice.opening([alice.item(log)])),
            bob.brings(bob.opening([bob.item(log)])),
            alice.brings(alice.message(log, b"hello")),
            bob.brings(Close(Request(9), log.log_id)),
            alice.brings(alice.message(log, b"bye")),
        )
        assert [type(frame) for frame in alice.received] == [Created, Opened, Accepted, Accepted]
        assert [type(frame) for frame in bob.received] == [Opened, Delivered, Done]
        assert [entry.body for entry in alice.reads(log, node=0)] == [b"hello", b"bye"]

    def test_a_closed_link_needs_no_disk(self, village: Village) -> None:
        village.disk.fails("enter", StoreError("broken"))
        village.bob.leaves()
        assert village.disk.calls["enter"] == village.disk.calls["leave"]
        assert len(village.town.core.subscriptions) == 2

    def test_a_closed_link_stays_closed_when_the_batch_fails(self, village: Village) -> None:
        village.disk.fails("leave", StoreError("broken"))
        village.town.accept(
            village.alice.brings(village.alice.commit(village.log, seq=1)),
            Arrival(village.bob.link, LinkClosed()),
        )
        assert len(village.town.core.subscriptions) == 2
        village.alice.posts(village.log, b"hello")
        assert len(village.carol.delivered) == 1
        assert village.bob.delivered == []

    def test_whose_claims_are_no_good_costs_the_store_nothing(self, village: Village) -> None:
        item = village.bob.item(village.log)
        wrong = [village.alice.opening([item] * 512)]
        before = village.disk.calls["head"]
        village.alice.sends(wrong[0])
        assert village.disk.calls["head"] == before


class TestBrokenDisk:
    @pytest.mark.parametrize(("error", "expected"), DISK)
    @pytest.mark.parametrize("at", ["enter", "leave", "prefetch", "head", "append"])
    def test_everybody_is_told_and_nothing_was_done(
        self, village: Village, at: str, error: Exception, expected: int
    ) -> None:
        village.disk.fails(at, error)
        batch = [c.brings(c.message(village.log, b"lost")) for c in (village.alice, village.bob, village.carol)]
        village.town.accept(*batch)
        for client in (village.alice, village.bob, village.carol):
            assert (code(client.answer()), client.answer().wait) == (expected, 2000)
            assert client.delivered == []
        assert village.alice.reads(village.log, node=0) == []
        village.is_as_before()
        assert village.town.faults == ([] if isinstance(error, StoreFull) else [error])

    @pytest.mark.parametrize("times", [1, 2, 7])
    def test_it_heals(self, village: Village, times: int) -> None:
        village.alice.posts(village.log, b"before")
        village.disk.fails("leave", StoreFull("full"), times=times)
        message = village.alice.message(village.log, b"again")
        for _ in range(times):
            assert code(village.alice.sends(message)) == ErrorCode.DISK_FULL
        assert village.alice.sends(message).seq == 2
        entries = village.bob.reads(village.log, node=0)
        assert [entry.body for entry in entries] == [b"before", b"again"]
        assert village.bob.opens(village.log).chain == chain_over(village.log, entries)
        assert village.bob.delivered == entries

    @pytest.mark.parametrize("at", ["head", "append", "leave", "node"])
    def test_a_commit_that_was_not_kept(self, village: Village, at: str) -> None:
        """Its node is not open, and the old one is as it was."""
        after = 1 if at == "head" else 0
        village.disk.fails(at, StoreError("broken"), after=after)
        late = village.bob.message(village.log, b"late")
        commit = village.alice.commit(village.log, seq=1)
        village.town.accept(village.alice.brings(commit), village.bob.brings(late))
        assert code(village.alice.answer()) == code(village.bob.answer()) == ErrorCode.UNAVAILABLE
        assert village.carol.delivered == []
        village.is_as_before()
        assert village.alice.commits(village.log, seq=4).seq == 4

    def test_ended_and_opened_anew_in_a_batch_that_was_not_kept(self, village: Village) -> None:
        town, log, alice = village.town, village.log, village.alice
        after = Log(log.log_id, alice.commits(log, seq=1).seq)
        for client in (alice, village.bob, village.carol):
            client.opens(after)
        town.passes(1000)
        village.disk.fails("leave", StoreError("broken"))
        newest = Log(log.log_id)
        newest.node = type(ROOT)(2)
        town.accept(
            alice.brings(alice.commit(after, seq=2)),
            *[client.brings(client.opening([client.item(newest)])) for client in (alice, village.bob)],
            alice.brings(alice.message(newest, b"in the node that never was")),
        )
        assert code(alice.answer()) == ErrorCode.UNAVAILABLE
        assert alice.opens(newest).status.name == "NOT_FOUND"
        assert code(alice.posts(newest, b"?")) == ErrorCode.NOT_OPEN
        village.is_as_before()

    def test_what_was_open_stays_open_when_opening_again_fails(self, village: Village) -> None:
        village.disk.fails("leave", StoreError("broken"))
        answer = village.bob.sends(village.bob.opening([village.bob.item(village.log)]))
        assert code(answer) == ErrorCode.UNAVAILABLE
        village.is_as_before()

    def test_what_was_not_open_is_not(self, village: Village) -> None:
        dave = village.town.client()
        village.disk.fails("leave", StoreError("broken"))
        assert code(dave.sends(dave.opening([dave.item(village.log)]))) == ErrorCode.UNAVAILABLE
        assert code(dave.posts(village.log, b"?")) == ErrorCode.NOT_OPEN
        village.is_as_before()
        assert dave.delivered == []

    def test_an_ended_node_is_remembered_when_opening_the_next_fails(self, village: Village) -> None:
        village.alice.commits(village.log, seq=1)
        village.disk.fails("leave", StoreError("broken"))
        village.bob.sends(village.bob.opening([village.bob.item(village.log)]))
        assert village.bob.posts(village.log, b"crossed", node=ROOT).child == 1
        assert code(village.bob.posts(village.log, b"not yet")) == ErrorCode.NOT_OPEN

    def test_what_was_not_closed_is_open(self, village: Village) -> None:
        village.disk.fails("leave", StoreError("broken"))
        assert code(village.bob.closes(village.log)) == ErrorCode.UNAVAILABLE
        village.is_as_before()

    def test_open_close_and_open_again_in_a_batch_that_fails(self, village: Village) -> None:
        dave = village.town.client()
        village.disk.fails("leave", StoreError("broken"))
        steps: list[Any] = []
        for client in (village.bob, dave):
            opening = client.opening([client.item(village.log)])
            steps += [client.brings(frame) for frame in (opening, Close(Request(9), village.log.log_id)) * 2]
        village.town.accept(*steps)
        village.is_as_before()
        assert dave.delivered == []
        assert dave.link.logs() == []

    def test_a_ticket_is_not_spent(self, village: Village) -> None:
        log = Log(LogId(b"y" * 16))
        creation = village.alice.creation(log)
        village.disk.fails("leave", StoreFull("full"))
        assert code(village.alice.sends(creation)) == ErrorCode.DISK_FULL
        assert village.alice.opens(log).status.name == "NOT_FOUND"
        assert isinstance(village.alice.sends(creation), Created)

    def test_nobody_s_pace_is_used_up(self, village: Village) -> None:
        village.disk.fails("leave", StoreError("broken"), times=10)
        for _ in range(10):
            village.town.accept(*[village.alice.brings(village.alice.message(village.log, b"x")) for _ in range(60)])
        village.disk.heals()
        answers = [type(village.alice.posts(village.log, b"x")) for _ in range(61)]
        assert answers == [Accepted] * 60 + [Busy]

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
    def test_the_end_of_the_world_leaves_no_trace(self, village: Village, error: Any) -> None:
        village.disk.fails("leave", error)
        with pytest.raises(type(error)):
            village.alice.commits(village.log, seq=1)
        village.is_as_before()

    def test_tidying_may_fail(self, village: Village) -> None:
        village.disk.fails("tidy", StoreError("broken"))
        village.town.core.tidy()
        assert len(village.town.faults) == 1
        village.is_as_before()


def injected(village: Village, bad: Callable[[Any], bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own code fails on some posts, after all else was done for them."""
    posting = village.town.core._posting
    post = posting.post

    def fails(transaction: Any, link: Any, *, frame: Any, now: Any) -> Any:
        sends = post(transaction, link, frame=frame, now=now)
        if bad(frame):
            raise ZeroDivisionError(frame.body)
        return sends

    monkeypatch.setattr(posting, "post", fails, raising=False)


class TestBadFrames:
    """One that breaks a rule of the store, or that the code fails on, touches no other."""

    @pytest.mark.parametrize("size", [1, 2, 7, 60])
    @pytest.mark.parametrize("at", [0, -1])
    def test_refused_by_the_store(self, village: Village, size: int, at: int) -> None:
        bad = range(size)[at]
        village.posts_poison({bad}, size, StoreRefused("poison"))
        answers = village.alice.answers[-size:]
        assert [type(answer) for answer in answers] == [Accepted] * bad + [Problem] + [Accepted] * (size - bad - 1)
        assert code(answers[bad]) == ErrorCode.INTERNAL
        assert [str(fault) for fault in village.town.faults] == ["poison"]
        good = [b"%d" % number for number in range(size) if number != bad]
        assert [entry.body for entry in village.bob.delivered] == good
        assert [entry.body for entry in village.bob.reads(village.log, node=0)] == good

    def test_several_of_sixty(self, village: Village) -> None:
        """Nor does it use up the pace of the log: the good ones are taken, each once."""
        poison = {0, 1, 17, 31, 32, 59}
        village.posts_poison(poison, 60, StoreRefused("poison"))
        answers = village.alice.answers[-60:]
        assert {n for n, answer in enumerate(answers) if isinstance(answer, Problem)} == poison
        assert len(village.town.faults) == len(poison)
        assert len(village.carol.delivered) == 54

    def test_refused_on_leaving(self, village: Village) -> None:
        village.disk.fails("leave", StoreRefused("who?"))
        village.town.accept(*[c.brings(c.message(village.log, b"x")) for c in (village.alice, village.bob)])
        assert isinstance(village.alice.answer(), Accepted)
        assert isinstance(village.bob.answer(), Accepted)

    @pytest.mark.parametrize("bad", [{0}, {255}, {3, 4, 100, 254}, set(range(0, 256, 2)), set(range(256))])
    def test_our_own_fault_among_256(self, village: Village, bad: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
        logs = [village.alice.creates() for _ in range(8)]
        names = {Idem(b"%016d" % number) for number in bad}
        injected(village, lambda frame: frame.idem in names, monkeypatch)
        posts = [village.alice.message(logs[n % 8], b"%d" % n, idem=b"%016d" % n, request=n) for n in range(256)]
        village.town.accept(*map(village.alice.brings, posts))
        answers = {answer.request: answer for answer in village.alice.answers[-256:]}
        assert len(answers) == 256
        assert {n for n, answer in answers.items() if isinstance(answer, Problem)} == bad
        assert {code(answers[n]) for n in bad} <= {ErrorCode.INTERNAL}
        assert [type(fault) for fault in village.town.faults] == [ZeroDivisionError] * len(bad)
        found = [entry.body for log in logs for entry in village.alice.reads(log, node=0)]
        assert sorted(found) == sorted(b"%d" % n for n in range(256) if n not in bad)

    def test_both_kinds_at_once(self, village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
        injected(village, lambda frame: frame.body in (b"5", b"40"), monkeypatch)
        village.posts_poison({4, 30}, 60, StoreRefused("poison"))
        assert [entry.body for entry in village.bob.delivered] == [
            b"%d" % n for n in range(60) if n not in {4, 5, 30, 40}
        ]
        assert len(village.town.faults) == 4

    def test_a_close_behind_a_bad_frame(self, village: Village) -> None:
        """The batch is tried again, from before the link closed its log."""
        village.disk.breaks = lambda name, args: (
            StoreRefused("?") if name == "append" and args[1].body == b"!" else None
        )
        village.town.accept(
            village.bob.brings(village.bob.message(village.log, b"before")),
            village.bob.brings(Close(Request(9), village.log.log_id)),
            village.alice.brings(village.alice.message(village.log, b"!")),
        )
        assert [type(answer) for answer in village.bob.answers[-2:]] == [Accepted, Done]

    def test_a_commit_that_fails_last(self, village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
        """All of it is taken back: node, subscriptions, pace."""
        injected(village, lambda frame: frame.kind is EntryKind.COMMIT, monkeypatch)
        assert code(village.alice.commits(village.log, seq=1)) == ErrorCode.INTERNAL
        village.is_as_before()

    def test_an_answer_for_each(self, village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever kind of request it is."""
        for name in ("open", "create", "close"):
            monkeypatch.setattr(village.town.core._logs, name, lambda *_args, **_named: 1 // 0, raising=False)
        alice, log = village.alice, Log(LogId(b"z" * 16))
        for frame in (alice.creation(log), alice.opening([alice.item(log)]), Close(Request(9), log.log_id)):
            answer = alice.sends(frame)
            assert code(answer) == ErrorCode.INTERNAL
        assert [type(fault) for fault in village.town.faults] == [ZeroDivisionError] * 3
