"""Batches: what fails, fails alone; what the store could not keep was never said, and memory is as it was before."""

from __future__ import annotations

from typing import Any

import pytest

from aparte.server.core import Arrival, LinkClosed
from aparte.server.pace import Pace
from aparte.server.policy import LogPolicy
from aparte.server.store import StoreError, StoreFull
from aparte.wire import ErrorCode
from aparte.wire.ids import EntryKind, LogId, Request
from aparte.wire.link_frames import Done
from aparte.wire.log_frames import Accepted, Busy, Close, Created, Delivered, Opened
from tests.hosting import ROOT, Client, Log, Scene, chain_over, code
from tests.unit.server.brittle_store import BrittleStore
from tests.unit.server.village import Village

DISK = [(StoreFull("full"), ErrorCode.DISK_FULL), (StoreError("broken"), ErrorCode.UNAVAILABLE)]


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

    def test_nor_what_commits_bytes_and_ephemerals_take(self, disk: BrittleStore) -> None:
        """Each kind of pace by itself: of what was not kept nothing is counted."""
        town = Scene(disk, LogPolicy(kibibytes=Pace(60_000, 3), commits=Pace(60_000, 2), ephemerals=Pace(60_000, 2)))
        alice = town.client()
        one, two, three = alice.creates(), alice.creates(), alice.creates()
        disk.fails("leave", StoreError("broken"), times=3)
        for _ in range(3):
            commit = alice.commit(one, seq=1)
            messages = [alice.message(two, b"x") for _ in range(3)]
            ephemerals = [alice.message(three, b"x", kind=EntryKind.EPHEMERAL) for _ in range(2)]
            town.accept(*map(alice.brings, [commit, *messages, *ephemerals]))
        for seq in (1, 2):
            assert isinstance(alice.commits(one, seq=seq), Accepted)
            alice.opens(one)
            town.passes(1000)
        assert isinstance(alice.commits(one, seq=3), Busy)
        assert [type(alice.posts(two, b"x")) for _ in range(4)] == [Accepted] * 3 + [Busy]
        kept = [type(alice.posts(three, b"x", kind=EntryKind.EPHEMERAL)) for _ in range(3)]
        assert kept == [Done, Done, Busy]

    @pytest.mark.parametrize("error", [KeyboardInterrupt(), SystemExit()])
    def test_the_end_of_the_world_leaves_no_trace(self, village: Village, error: Any) -> None:
        village.disk.fails("leave", error)
        with pytest.raises(type(error)):
            village.alice.commits(village.log, seq=1)
        village.is_as_before()

    def test_work_apart_is_kept_or_told(self, village: Village) -> None:
        village.disk.fails("leave", StoreError("broken"))
        with pytest.raises(StoreError):
            village.town.core.apart(lambda transaction: transaction.spend(b"n" * 16, 1))
        assert village.town.core.apart(lambda transaction: transaction.spend(b"n" * 16, 1))
        assert not village.town.core.apart(lambda transaction: transaction.spend(b"n" * 16, 1))
        village.is_as_before()

    def test_tidying_may_fail(self, village: Village) -> None:
        village.disk.fails("tidy", StoreError("broken"))
        village.town.core.tidy()
        assert len(village.town.faults) == 1
        village.is_as_before()


def test_links_that_close_amid_a_fault_are_forgotten(village: Village) -> None:
    """Whatever fails, what a link had opened goes with it."""
    post = village.bob.brings(village.bob.message(village.log, b"never answered"))
    before = len(village.town.core.subscriptions)
    sends = village.town.core.give_up([post, village.bob.brings(LinkClosed())], MemoryError("no room"))
    assert len(sends) == 1
    assert len(village.town.core.subscriptions) == before - 1
    assert [str(fault) for fault in village.town.faults] == ["no room"]
    village.town.faults.clear()
