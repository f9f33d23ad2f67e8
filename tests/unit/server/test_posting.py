"""A post's way into its log: the checks in their order, each with what passes it and what does not."""

from __future__ import annotations

from typing import Any

import pytest

from aparte.server.opening import new_pass
from aparte.server.store import LogKey
from aparte.wire import ErrorCode
from aparte.wire.entries import NO_KEY, Pass, body_hash, make_pass
from aparte.wire.ids import EntryKind, Idem, LogId, Millis, Node
from aparte.wire.limits import MAX_BODY, MAX_COMMIT, MAX_EPHEMERAL
from aparte.wire.link_frames import Done
from aparte.wire.log_frames import Accepted, Busy, Passed, Stale
from tests.hosting import KEYS, ROOT, Client, Log, Scene, code

COMMIT, EPHEMERAL = EntryKind.COMMIT, EntryKind.EPHEMERAL
DAY = 86_400_000
IDEM = Idem(b"i" * 16)
NEXT_KEY = b"k" * 32
NEVER = Log(LogId(b"never begun here"))


def pass_of(town: Scene, log: Log, node: int = 0) -> Pass:
    return new_pass(KEYS.pass_key, log.log_id, node=Node(node), now=town.now)


class TestSize:
    @pytest.mark.parametrize(("kind", "most"), [(EntryKind.APP, MAX_BODY), (EPHEMERAL, MAX_EPHEMERAL)])
    def test_a_message(self, alice: Client, kind: EntryKind, most: int) -> None:
        log = alice.creates()
        assert isinstance(alice.posts(log, b"x" * most, kind=kind), Accepted | Done)
        assert code(alice.posts(log, b"x" * (most + 1), kind=kind)) == ErrorCode.TOO_LARGE

    def test_a_commit(self, alice: Client) -> None:
        log = alice.creates()
        assert code(alice.commits(log, b"x" * (MAX_COMMIT + 1), seq=1)) == ErrorCode.TOO_LARGE
        assert isinstance(alice.commits(log, b"x" * MAX_COMMIT, seq=1), Accepted)

    def test_comes_before_permission(self, bob: Client) -> None:
        assert code(bob.posts(NEVER, b"x" * (MAX_BODY + 1))) == ErrorCode.TOO_LARGE
        assert code(bob.posts(NEVER, b"x" * MAX_BODY)) == ErrorCode.NOT_OPEN

    def test_comes_before_what_is_known(self, alice: Client) -> None:
        log = alice.creates()
        alice.posts(log, b"one", idem=IDEM)
        assert code(alice.posts(log, b"x" * (MAX_BODY + 1), idem=IDEM)) == ErrorCode.TOO_LARGE


class TestPermission:
    def test_of_a_link_that_opened_the_node(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        assert code(bob.posts(log, b"hello")) == ErrorCode.NOT_OPEN
        bob.opens(log)
        assert bob.posts(log, b"hello").seq == 1

    def test_is_the_link_s_own(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        assert code(town.client().posts(log, b"hello")) == ErrorCode.NOT_OPEN

    def test_of_one_log_is_none_for_another(self, alice: Client, bob: Client) -> None:
        alice.creates()
        assert code(alice.posts(bob.creates(), b"hello")) == ErrorCode.NOT_OPEN

    def test_ends_with_close(self, alice: Client) -> None:
        log = alice.creates()
        assert isinstance(alice.closes(log), Done)
        assert code(alice.posts(log, b"hello")) == ErrorCode.NOT_OPEN

    def test_by_a_pass(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        assert bob.posts(log, b"hello", pass_=pass_of(town, log)).seq == 1
        assert bob.delivered == []
        assert code(bob.posts(log, b"hello")) == ErrorCode.NOT_OPEN, "a pass opens nothing"

    def test_the_wrong_pass(self, town: Scene, alice: Client, bob: Client) -> None:
        log, other = alice.creates(), alice.creates()
        good = pass_of(town, log)
        wrong = {
            "of another node": pass_of(town, log, 1),
            "of another log": pass_of(town, other),
            "of another day": Pass(good.day + 1, good.mac),
            "of another host": make_pass(b"q" * 32, log.log_id, node=ROOT, day=good.day),
            "of nobody": Pass(good.day, bytes(16)),
            "of the past": new_pass(KEYS.pass_key, log.log_id, node=ROOT, now=Millis(town.now - 8 * DAY)),
        }
        for why, shown in wrong.items():
            assert code(bob.posts(log, b"hello", pass_=shown)) == ErrorCode.NOT_OPEN, why
            assert code(alice.posts(log, b"hello", pass_=shown)) == ErrorCode.NOT_OPEN, f"{why}, on a link that is open"
        assert alice.reads(log, node=0) == []

    def test_a_pass_ends_with_its_last_day(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        shown = pass_of(town, log)
        town.passes(7 * DAY)
        assert isinstance(alice.posts(log, b"hello", pass_=shown), Accepted)
        town.passes(DAY)
        assert code(alice.posts(log, b"hello", pass_=shown)) == ErrorCode.NOT_OPEN

    def test_a_stranger_cannot_tell_a_log_from_none(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        alice.posts(log, b"one", idem=IDEM)
        assert bob.posts(log, b"?") == bob.posts(NEVER, b"?")
        assert bob.posts(log, b"?", idem=IDEM) == bob.posts(NEVER, b"?", idem=IDEM)
        shown = Pass(30_000, bytes(16))
        assert bob.posts(log, b"?", pass_=shown) == bob.posts(NEVER, b"?", pass_=shown)


class TestKnownIdem:
    """A known id is answered by the first `Accepted`, whatever else has changed."""

    @pytest.mark.parametrize(
        "changes",
        [
            {},
            {"body": b"another body"},
            {"body": b""},
            {"kind": COMMIT, "next_epoch_key": NEXT_KEY},
        ],
        ids=["same", "body", "no body", "commit"],
    )
    def test_first_accepted(self, alice: Client, bob: Client, changes: dict[str, Any]) -> None:
        log = alice.creates()
        bob.opens(log)
        first = alice.posts(log, b"one", idem=IDEM)
        assert bob.sends(bob.message(log, **{"body": b"one", "idem": IDEM} | changes)) == first
        assert first.body_hash == body_hash(b"one")
        assert [entry.body for entry in alice.reads(log, node=0)] == [b"one"]
        assert len(bob.delivered) == 1
        assert alice.delivered == []

    def test_in_one_batch(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        town.accept(*[alice.brings(alice.message(log, b"%d" % n, idem=IDEM)) for n in range(3)])
        assert alice.answers[-1] == alice.answers[-2] == alice.answers[-3]
        assert [entry.body for entry in bob.delivered] == [b"0"]

    def test_when_stale(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        first = alice.posts(log, b"one", idem=IDEM)
        alice.commits(log, seq=2)
        assert alice.posts(log, b"one", idem=IDEM, node=ROOT) == first, "under the ended node"
        alice.opens(log)
        assert alice.posts(log, b"one", idem=IDEM) == first, "under the new node"
        assert alice.posts(log, b"one", idem=IDEM, node=ROOT, pass_=pass_of(town, log)) == first

    def test_a_commit_s_own(self, alice: Client) -> None:
        """Its answer was lost, and it comes again under the node that it ended."""
        log = alice.creates()
        again = alice.commit(log, seq=1, idem=IDEM)
        first = alice.sends(again)
        assert alice.sends(again) == first
        assert first.node == 0

    def test_when_busy(self, alice: Client) -> None:
        log = alice.creates()
        first = alice.posts(log, b"one", idem=IDEM)
        for _ in range(60):
            last = alice.posts(log, b"more")
        assert isinstance(last, Busy)
        assert alice.posts(log, b"one", idem=IDEM) == first

    def test_costs_no_pace(self, alice: Client) -> None:
        log = alice.creates()
        for _ in range(200):
            alice.posts(log, b"one", idem=IDEM)
        assert isinstance(alice.posts(log, b"two"), Accepted)

    def test_after_the_body_is_gone(self, town: Scene, alice: Client) -> None:
        log = alice.creates(retention_days=1)
        first = alice.posts(log, b"one", idem=IDEM)
        town.passes(3 * DAY)
        assert town.store.prune(town.now, after=LogKey(0), limit=100).touched == 1
        assert alice.reads(log, node=0)[0].body == b""
        assert alice.posts(log, b"two", idem=IDEM) == first

    def test_needs_permission(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        alice.posts(log, b"one", idem=IDEM)
        assert code(bob.posts(log, b"one", idem=IDEM)) == ErrorCode.NOT_OPEN

    def test_in_another_log_is_another(self, alice: Client) -> None:
        one, two = alice.creates(), alice.creates()
        assert alice.posts(one, b"one", idem=IDEM).chain != alice.posts(two, b"two", idem=IDEM).chain
        assert len(alice.reads(two, node=0)) == 1

    def test_an_ephemeral_s_is_not_looked_at(self, alice: Client) -> None:
        log = alice.creates()
        alice.posts(log, b"one", idem=IDEM)
        assert isinstance(alice.posts(log, b"typing", kind=EPHEMERAL, idem=IDEM), Done)

    def test_an_ephemeral_makes_none_known(self, alice: Client) -> None:
        log = alice.creates()
        assert isinstance(alice.posts(log, b"typing", kind=EPHEMERAL, idem=IDEM), Done)
        assert alice.posts(log, b"one", idem=IDEM).seq == 1


class TestStale:
    def test_names_the_child_of_the_node_that_was_named(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        children = []
        for _ in range(3):
            town.passes(1000)
            alice.opens(log)
            seq = len(children) + 1
            children.append(alice.commits(log, seq=seq).seq)
        for node, child in zip([0, *children], children, strict=False):
            stale = bob.posts(log, b"late", node=Node(node), pass_=pass_of(town, log, node))
            assert stale == Stale(stale.request, Node(child))
        assert len(alice.reads(log, node=0)) == 1

    @pytest.mark.parametrize("kind", list(EntryKind))
    def test_for_every_kind(self, alice: Client, kind: EntryKind) -> None:
        log = alice.creates()
        alice.commits(log, seq=1)
        key = NEXT_KEY if kind is COMMIT else NO_KEY
        assert alice.posts(log, b"late", node=ROOT, kind=kind, next_epoch_key=key).child == 1

    def test_the_last_node_is_not(self, alice: Client) -> None:
        log = alice.creates()
        alice.commits(log, seq=1)
        alice.opens(log)
        assert isinstance(alice.posts(log, b"hello"), Accepted)

    def test_a_node_that_never_was(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        alice.posts(log, b"one")
        for node in (1, 2, 1 << 62):
            answer = alice.posts(log, b"?", node=Node(node), pass_=pass_of(town, log, node))
            assert code(answer) == ErrorCode.NOT_FOUND

    def test_comes_before_busy(self, alice: Client) -> None:
        log = alice.creates()
        for _ in range(59):
            alice.posts(log, b"body")
        alice.commits(log, seq=60)
        assert isinstance(alice.posts(log, b"late", node=ROOT), Stale)
        alice.opens(log)
        assert isinstance(alice.posts(log, b"body"), Busy)


class TestAppend:
    def test_everybody_who_opened_it_gets_it_but_the_poster(self, town: Scene, alice: Client, bob: Client) -> None:
        carol, dave = town.client(), town.client()
        log = alice.creates()
        for reader in (bob, carol):
            reader.opens(log)
        accepted = alice.posts(log, b"hello")
        assert [entry.seq for entry in bob.delivered] == [accepted.seq]
        assert bob.delivered == carol.delivered == alice.reads(log, node=0)
        assert alice.delivered == dave.delivered == []

    def test_another_link_of_the_poster_gets_it(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.posts(log, b"hello", pass_=pass_of(town, log))
        assert [entry.body for entry in alice.delivered] == [b"hello"]

    def test_one_batch_keeps_its_order(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        before = len(bob.received)
        town.accept(
            alice.brings(alice.message(log, b"1")),
            bob.brings(bob.message(log, b"2")),
            alice.brings(alice.message(log, b"3")),
        )
        seen = [getattr(frame, "entry", frame).seq for frame in bob.received[before:]]
        assert seen == [1, 2, 3]
        assert [type(frame).__name__ for frame in bob.received[before:]] == ["Delivered", "Accepted", "Delivered"]
        assert [type(frame).__name__ for frame in alice.received[-3:]] == ["Accepted", "Delivered", "Accepted"]

    def test_several_batches_keep_their_order(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        for number in range(20):
            alice.posts(log, b"%d" % number)
        assert [entry.body for entry in bob.delivered] == [b"%d" % number for number in range(20)]

    def test_a_commit_too_long_for_a_link(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        body = b"c" * (MAX_BODY + 1)
        alice.commits(log, body, seq=1)
        delivered = bob.delivered[0]
        assert (delivered.form.name, delivered.body, delivered.body_length) == ("LARGE", b"", len(body))
        assert delivered.body_hash == body_hash(body)
        assert bob.fetches(log, node=0, seq=1).body == body

    def test_an_empty_body(self, alice: Client) -> None:
        log = alice.creates()
        alice.posts(log, b"")
        assert [(e.body, e.form.name) for e in alice.reads(log, node=0)] == [(b"", "WHOLE")]


class TestEphemeral:
    def test_is_passed_on_and_not_kept(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        before = alice.opens(log)
        assert isinstance(alice.posts(log, b"typing", kind=EPHEMERAL), Done)
        assert bob.received[-1] == Passed(log.log_id, ROOT, b"typing")
        assert not any(isinstance(frame, Passed) for frame in alice.received)
        assert alice.opens(log) == before
        assert alice.reads(log, node=0) == []

    def test_reaches_only_who_opened_the_node(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        alice.commits(log, seq=1)
        alice.opens(log)
        before = list(bob.received)
        alice.posts(log, b"typing", kind=EPHEMERAL)
        assert bob.received == before
