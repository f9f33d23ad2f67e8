"""Beginning, opening and closing logs: every answer there is, and what it depends on."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aparte.server.core import LinkClosed
from aparte.server.links import MAX_OPEN_NODES
from aparte.server.opening import new_pass
from aparte.server.store import StoreError
from aparte.wire import ErrorCode
from aparte.wire.entries import Pass, first_chain
from aparte.wire.ids import Chain, LogId, Millis, Node, Request, Seq
from aparte.wire.limits import MAX_OPEN_ITEMS
from aparte.wire.link_frames import Done
from aparte.wire.log_frames import Accepted, Close, Created, OpenedItem, OpenItem, OpenStatus
from tests.hosting import KEYS, ROOT, Client, Log, Scene, chain_over, code, epoch_key
from tests.unit.server.brittle_store import BrittleStore

DAY = 86_400_000
NEVER = Log(LogId(b"never begun here"))
LIVE, ENDED, NOT_FOUND = OpenStatus.LIVE, OpenStatus.ENDED, OpenStatus.NOT_FOUND
REFUSED, TOO_MANY = OpenStatus.REFUSED, OpenStatus.TOO_MANY


def closed(log: Log, status: OpenStatus, node: int = 0) -> OpenedItem:
    """The answer that tells nothing but its status."""
    return OpenedItem(log.log_id, Node(node), status, Seq(0), ROOT, Chain(bytes(32)), Pass(0, bytes(16)))


class TestCreate:
    def test_answers_with_the_first_chain(self, alice: Client) -> None:
        log = Log(LogId(b"x" * 16))
        answer = alice.sends(alice.creation(log))
        assert answer == Created(Request(1), first_chain(log.log_id, bytes(log.key.verify_key)))

    def test_opens_nothing(self, alice: Client) -> None:
        log = Log(LogId(b"x" * 16))
        alice.sends(alice.creation(log))
        assert code(alice.posts(log, b"one")) == ErrorCode.NOT_OPEN

    def test_a_repeat_costs_no_second_ticket(self, town: Scene, alice: Client, bob: Client) -> None:
        log = Log(LogId(b"x" * 16))
        creation = alice.creation(log)
        first = alice.sends(creation)
        assert alice.sends(creation) == first, "with the ticket that is spent"
        fresh = bob.creation(log)
        assert bob.sends(fresh) == first
        other = Log(LogId(b"y" * 16))
        assert isinstance(bob.sends(replace(bob.creation(other), ticket=fresh.ticket)), Created), "it was not spent"
        assert town.store.reader().find_log(other.log_id) is not None

    def test_a_repeat_after_the_log_has_moved_on(self, alice: Client) -> None:
        log = alice.creates()
        again = alice.creation(Log(log.log_id))
        alice.commits(log, seq=1)
        assert alice.sends(again).chain == chain_over(log, [])

    def test_another_key(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        creation = bob.creation(Log(log.log_id, salt=b"other"))
        assert code(bob.sends(creation)) == ErrorCode.LOG_EXISTS
        other = Log(LogId(b"y" * 16))
        assert isinstance(bob.sends(replace(bob.creation(other), ticket=creation.ticket)), Created), "not spent"

    def test_the_key_of_a_later_node(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        alice.commits(log, seq=1)
        key = bytes(epoch_key(log.log_id, Node(1)).verify_key)
        creation = bob.creation(log)
        assert code(bob.sends(replace(creation, frame=replace(creation.frame, epoch_key=key)))) == ErrorCode.LOG_EXISTS

    def test_a_spent_ticket(self, town: Scene, alice: Client) -> None:
        creation = alice.creation(Log(LogId(b"x" * 16)))
        alice.sends(creation)
        other = Log(LogId(b"y" * 16))
        answer = alice.sends(replace(alice.creation(other), ticket=creation.ticket))
        assert code(answer) == ErrorCode.TICKET_SPENT
        assert town.store.reader().find_log(other.log_id) is None

    def test_one_ticket_twice_in_a_batch(self, town: Scene, alice: Client, bob: Client) -> None:
        creation = alice.creation(Log(LogId(b"x" * 16)))
        other = replace(bob.creation(Log(LogId(b"y" * 16))), ticket=creation.ticket)
        town.accept(alice.brings(creation), bob.brings(other))
        assert isinstance(alice.answer(), Created)
        assert code(bob.answer()) == ErrorCode.TICKET_SPENT

    def test_two_of_one_id_in_a_batch(self, town: Scene, alice: Client, bob: Client) -> None:
        log, other = Log(LogId(b"x" * 16)), Log(LogId(b"x" * 16), salt=b"other")
        town.accept(alice.brings(alice.creation(log)), bob.brings(bob.creation(other)))
        assert isinstance(alice.answer(), Created)
        assert code(bob.answer()) == ErrorCode.LOG_EXISTS


class TestOpen:
    def test_a_new_log(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        opened = bob.opens(log)
        shown = new_pass(KEYS.pass_key, log.log_id, node=ROOT, now=bob.scene.now)
        assert opened == OpenedItem(log.log_id, ROOT, LIVE, Seq(0), ROOT, chain_over(log, []), shown)

    def test_live(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        alice.posts(log, b"one")
        accepted = alice.posts(log, b"two")
        opened = bob.opens(log)
        assert (opened.status, opened.head_seq, opened.child, opened.chain) == (LIVE, 2, 0, accepted.chain)

    def test_ended(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        alice.posts(log, b"one")
        commit = alice.commits(log, seq=2)
        alice.opens(log)
        alice.posts(log, b"two")
        opened = bob.opens(log, node=ROOT)
        assert (opened.status, opened.head_seq, opened.child, opened.chain) == (ENDED, 2, 2, commit.chain)
        alice.posts(log, b"three")
        assert bob.delivered == []
        assert bob.opens(log).status is LIVE

    def test_by_a_pass(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        shown = alice.opens(log).pass_
        assert bob.opens(log, shown=shown) == alice.opens(log)
        alice.posts(log, b"hello")
        assert len(bob.delivered) == 1
        assert isinstance(bob.posts(log, b"hello"), Accepted)

    def test_passes_of_one_day_are_the_same(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        first = alice.opens(log).pass_
        town.passes(DAY - town.now % DAY - 1)
        assert bob.opens(log).pass_ == first
        town.passes(1)
        assert bob.opens(log, shown=first).pass_.day == first.day + 1

    def test_a_log_that_is_not_there(self, alice: Client) -> None:
        assert alice.opens(NEVER) == closed(NEVER, NOT_FOUND)

    @pytest.mark.parametrize("node", [1, 2, 2**62, 2**63 - 1])
    def test_a_node_that_is_not_there(self, alice: Client, node: int) -> None:
        log = alice.creates()
        alice.posts(log, b"one")
        assert alice.opens(log, node=Node(node)) == closed(log, NOT_FOUND, node)

    def test_as_many_as_a_frame_takes(self, alice: Client, bob: Client) -> None:
        logs = [alice.creates() for _ in range(3)]
        items = [bob.item(logs[n % 3] if n % 4 else NEVER) for n in range(MAX_OPEN_ITEMS)]
        opened = bob.open_many(items).items
        assert [item.log_id for item in opened] == [item.log_id for item in items]
        assert [item.status for item in opened] == [LIVE if n % 4 else NOT_FOUND for n in range(MAX_OPEN_ITEMS)]
        alice.posts(logs[0], b"once")
        assert len(bob.delivered) == 1

    def test_too_many(self, alice: Client, bob: Client, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("aparte.server.links.MAX_OPEN_NODES", 3)
        logs = [alice.creates(log_id=b"%016d" % n) for n in range(3)]
        other = bob.creates()
        assert alice.opens(other) == closed(other, TOO_MANY)
        bob.posts(other, b"hello")
        assert alice.delivered == []
        assert code(alice.posts(other, b"hello")) == ErrorCode.NOT_OPEN
        assert alice.opens(logs[1]).status is LIVE, "one that is open may be opened again"
        alice.closes(logs[0])
        assert alice.opens(other).status is LIVE

    def test_too_many_of_one_address(self, town: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
        """Links are cheap to make: what they have open together is bounded, and given back when one goes."""
        monkeypatch.setattr("aparte.server.links.MAX_OPEN_OF_ADDRESS", 4)
        logs = [town.client().creates() for _ in range(3)]
        one, other = town.neighbours(2)
        assert [one.opens(log).status for log in logs] == [LIVE] * 3
        assert [other.opens(log).status for log in logs] == [LIVE, TOO_MANY, TOO_MANY]
        assert len(town.core.subscriptions) == 3 + 4
        town.client().opens(logs[1])
        town.accept(one.brings(LinkClosed()))
        assert [other.opens(log).status for log in logs] == [LIVE] * 3

    def test_what_a_batch_opened_that_failed_is_given_back(self, shaky: Scene, disk: BrittleStore) -> None:
        log = shaky.client().creates()
        (one,) = shaky.neighbours(1)
        disk.fails("leave", StoreError("gone"))
        assert code(one.sends(one.opening([one.item(log)]))) == ErrorCode.UNAVAILABLE
        assert one.link._address is not None
        assert one.link._address.count == 0
        one.opens(log)
        disk.fails("leave", StoreError("gone"))
        assert code(one.closes(log)) == ErrorCode.UNAVAILABLE
        assert one.link._address.count == 1

    def test_4096_are_not_too_many(self) -> None:
        assert MAX_OPEN_NODES == 4096


class TestOnlyNews:
    def only_news(self, client: Client, *items: OpenItem) -> list[OpenStatus]:
        return [item.status for item in client.open_many(list(items), only_news=True).items]

    def test_no_news(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        shown = alice.opens(log).pass_
        alice.posts(log, b"one")
        assert self.only_news(bob, bob.item(log, after=1, shown=shown)) == []
        alice.posts(log, b"two")
        assert len(bob.delivered) == 1, "it is open all the same"

    def test_news(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        shown = alice.opens(log).pass_
        alice.posts(log, b"one")
        assert self.only_news(bob, bob.item(log, after=0, shown=shown)) == [LIVE]
        assert self.only_news(bob, bob.item(log, after=9, shown=shown)) == [LIVE], "the host knows less: that is news"

    def test_an_end_or_a_refusal_is_news(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        shown = alice.opens(log).pass_
        alice.commits(log, seq=1)
        wrong = Pass(shown.day, bytes(16))
        items = [bob.item(log, after=1, shown=s, node=ROOT) for s in (shown, wrong)]
        assert self.only_news(bob, *items, bob.item(NEVER)) == [ENDED, REFUSED, NOT_FOUND]

    def test_a_proof_wants_its_pass(self, alice: Client, bob: Client) -> None:
        assert self.only_news(bob, bob.item(alice.creates())) == [LIVE]

    def test_a_pass_is_renewed_three_days_before_its_end(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        shown = alice.opens(log).pass_
        answers = []
        for _ in range(9):
            answers.append(self.only_news(bob, bob.item(log, shown=shown)))
            town.passes(DAY)
        assert answers == [[]] * 4 + [[LIVE]] * 4 + [[REFUSED]]


class TestWrongProofs:
    def wrong(self, town: Scene, alice: Client, bob: Client) -> dict[str, tuple[Log, dict[str, Any]]]:
        log, other = alice.creates(), alice.creates()
        good = bob.item(log)
        assert good.proof is not None
        later = epoch_key(log.log_id, Node(1))
        return {
            "another log's key": (log, {"proof": bob.item(other).proof}),
            "another node's key": (log, {"proof": replace(good.proof, epoch_key=bytes(later.verify_key))}),
            "another node's proof": (log, {"proof": bob.item(log, node=Node(1)).proof}),
            "another link's nonce": (log, {"proof": alice.item(log).proof}),
            "another log's pass": (log, {"proof": None, "pass_": alice.opens(other).pass_}),
            "yesterday's pass, renewed": (
                log,
                {"proof": None, "pass_": replace(alice.opens(log).pass_, day=town.now // DAY + 8)},
            ),
            "a pass of the past": (
                log,
                {"proof": None, "pass_": new_pass(KEYS.pass_key, log.log_id, node=ROOT, now=Millis(0))},
            ),
            "another host's pass": (
                log,
                {"proof": None, "pass_": new_pass(b"q" * 32, log.log_id, node=ROOT, now=town.now)},
            ),
        }

    def test_are_refused_and_open_nothing(self, town: Scene, alice: Client, bob: Client) -> None:
        for why, (log, changes) in self.wrong(town, alice, bob).items():
            item = replace(bob.item(log), **changes)
            assert bob.open_many([item]).items == (closed(log, REFUSED),), why
            alice.posts(log, b"hello")
            assert bob.delivered == [], why
            assert code(bob.posts(log, b"hello")) == ErrorCode.NOT_OPEN, why

    def test_a_refused_one_takes_nothing_away(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        assert bob.opens(log, shown=Pass(30_000, bytes(16))).status is REFUSED
        alice.posts(log, b"hello")
        assert len(bob.delivered) == 1
        assert isinstance(bob.posts(log, b"hello"), Accepted)

    def test_one_s_own_key_for_a_node_of_others(self, alice: Client, bob: Client) -> None:
        """The signature is good, the key is not the node's: as if there were no such node."""
        log = alice.creates()
        alice.commits(log, seq=1)
        mine = Log(log.log_id, salt=b"mine")
        for node in (0, 1, 2):
            assert bob.opens(mine, node=Node(node)) == closed(log, NOT_FOUND, node)
        alice.opens(log)
        alice.posts(log, b"hello")
        assert bob.delivered == []


class TestClose:
    def test_ends_delivery(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        assert isinstance(bob.closes(log), Done)
        alice.posts(log, b"hello")
        assert bob.delivered == []
        assert code(bob.posts(log, b"hello")) == ErrorCode.NOT_OPEN

    def test_of_what_is_not_open(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        assert isinstance(bob.closes(log), Done)
        assert isinstance(bob.closes(NEVER), Done)
        assert isinstance(alice.posts(log, b"hello"), Accepted)

    def test_and_open_again(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        bob.closes(log)
        bob.opens(log)
        alice.posts(log, b"hello")
        assert len(bob.delivered) == 1

    def test_disturbs_no_other(self, town: Scene, alice: Client, bob: Client) -> None:
        log, other = alice.creates(), alice.creates()
        crowd = [town.client() for _ in range(20)]
        for client in [bob, *crowd]:
            client.opens(log)
            client.opens(other)
        for client in crowd[:10]:
            client.closes(log)
        alice.posts(log, b"hello")
        alice.posts(other, b"hello")
        assert [len(client.delivered) for client in [bob, *crowd]] == [2] + [1] * 10 + [2] * 10

    def test_a_link_that_is_gone(self, town: Scene, alice: Client, bob: Client) -> None:
        log, other = alice.creates(), alice.creates()
        for opened in (log, other):
            bob.opens(opened)
        bob.leaves()
        assert list(town.core.subscriptions.links(log_key(town, log))) == [alice.link.number]
        assert len(town.core.subscriptions) == 2
        assert bob.link.logs() == []

    def test_gone_in_the_batch_that_opened(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        town.accept(bob.brings(bob.opening([bob.item(log)])), bob.brings(Close(Request(1), NEVER.log_id)))
        assert len(town.core.subscriptions) == 2
        bob.leaves()
        assert len(town.core.subscriptions) == 1


def log_key(town: Scene, log: Log) -> Any:
    return town.store.reader().find_log(log.log_id)
