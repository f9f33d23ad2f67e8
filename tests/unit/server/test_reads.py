"""Reading: what a node's key opens, page by page, and nothing else; chains and receipts over it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aparte.server.opening import new_pass
from aparte.server.store import LogKey
from aparte.wire import ErrorCode, encode_frame
from aparte.wire.entries import Entry, EntryForm, Pass, body_hash
from aparte.wire.ids import EntryKind, LogId, Millis, Node, Request, Seq
from aparte.wire.limits import MAX_BODY, MAX_ENTRIES_PAGE
from aparte.wire.log_frames import CheckReceipt, FetchEntry, Read
from tests.hosting import KEYS, Client, Log, Scene, chain_over, refused

DAY = 86_400_000


def lived(town: Scene, alice: Client, epochs: int = 3) -> Log:
    """A log of three messages and a commit in each epoch, and two messages in the last."""
    log = alice.creates()
    seq = 0
    for _ in range(epochs):
        for _ in range(3):
            seq = alice.posts(log, b"message %d" % (seq + 1)).seq
        town.passes(10_000)
        seq = alice.commits(log, b"commit", seq=seq + 1).seq
        alice.opens(log)
    for _ in range(2):
        seq = alice.posts(log, b"message %d" % (seq + 1)).seq
    return log


def read(town: Scene, log: Log, node: int, **changes: Any) -> Any:
    """One page, as the host answers it."""
    given = {"after_seq": Seq(0), "max_bytes": 1 << 18, "node": Node(node), "log_id": log.log_id}
    shown = new_pass(KEYS.pass_key, log.log_id, node=Node(node), now=town.now)
    frame = Read(**{"request": Request(5), "pass_": shown} | given | changes)  # type: ignore[arg-type]
    return town.reads.read(town.store.reader(), frame, now=town.now)


class TestWhatANodeOpens:
    def test_its_entries_and_the_commit_that_ends_it(self, town: Scene, alice: Client) -> None:
        log = lived(town, alice)
        seqs = {node: [entry.seq for entry in alice.reads(log, node=node)] for node in (0, 4, 8, 12)}
        assert seqs == {0: [1, 2, 3, 4], 4: [5, 6, 7, 8], 8: [9, 10, 11, 12], 12: [13, 14]}

    def test_nothing_else_by_whatever_after(self, town: Scene, alice: Client) -> None:
        log = lived(town, alice)
        for after in range(20):
            assert [entry.seq for entry in alice.reads(log, node=4, after=after)] == list(range(max(5, after + 1), 9))

    @pytest.mark.parametrize("after", [14, 2**62, 2**63 - 1])
    def test_nothing_after_the_end(self, town: Scene, alice: Client, after: int) -> None:
        log = lived(town, alice)
        page = read(town, log, 12, after_seq=Seq(after))
        assert (page.entries, page.more) == ((), False)

    def test_an_empty_log(self, town: Scene, alice: Client) -> None:
        page = read(town, alice.creates(), 0)
        assert (page.entries, page.more) == ((), False)

    @pytest.mark.parametrize("seq", [0, 4, 9, 15, 2**63 - 1])
    def test_fetching_what_it_does_not_open(self, town: Scene, alice: Client, seq: int) -> None:
        log = lived(town, alice)
        assert refused(lambda: alice.fetches(log, node=4, seq=seq)).code == ErrorCode.NOT_FOUND

    def test_fetching_what_it_opens(self, town: Scene, alice: Client) -> None:
        log = lived(town, alice)
        assert [alice.fetches(log, node=4, seq=seq) for seq in range(5, 9)] == alice.reads(log, node=4)


class TestPasses:
    def wrong(self, town: Scene, log: Log, other: Log) -> dict[str, Pass]:
        good = new_pass(KEYS.pass_key, log.log_id, node=Node(4), now=town.now)
        return {
            "of another node": new_pass(KEYS.pass_key, log.log_id, node=Node(0), now=town.now),
            "of another log": new_pass(KEYS.pass_key, other.log_id, node=Node(4), now=town.now),
            "of another day": replace(good, day=good.day + 1),
            "of another host": new_pass(b"q" * 32, log.log_id, node=Node(4), now=town.now),
            "of the past": new_pass(KEYS.pass_key, log.log_id, node=Node(4), now=Millis(town.now - 8 * DAY)),
        }

    def test_wrong(self, town: Scene, alice: Client) -> None:
        log, other = lived(town, alice), alice.creates()
        for why, shown in self.wrong(town, log, other).items():
            assert refused(lambda p=shown: read(town, log, 4, pass_=p)).code == ErrorCode.REFUSED, why
            fetch = FetchEntry(Request(6), log.log_id, Node(4), Seq(5), shown)
            refusal = refused(lambda f=fetch: town.reads.fetch(town.store.reader(), f, now=town.now))
            assert refusal.code == ErrorCode.REFUSED, why

    def test_of_a_node_or_log_that_is_not_there(self, town: Scene, alice: Client) -> None:
        log = lived(town, alice)
        assert refused(lambda: alice.reads(log, node=3)).code == ErrorCode.NOT_FOUND
        assert refused(lambda: alice.reads(Log(LogId(b"never begun here")), node=0)).code == ErrorCode.NOT_FOUND

    def test_until_the_end_of_its_day(self, town: Scene, alice: Client) -> None:
        log = lived(town, alice)
        shown = new_pass(KEYS.pass_key, log.log_id, node=Node(4), now=town.now)
        town.passes(7 * DAY)
        assert read(town, log, 4, pass_=shown).entries
        town.passes(DAY)
        assert refused(lambda: read(town, log, 4, pass_=shown)).code == ErrorCode.REFUSED


class TestPages:
    @pytest.mark.parametrize("max_bytes", [0, 1, 600, 1000, 1 << 18, 2**32 - 1])
    def test_all_is_read_whatever_the_page(self, town: Scene, alice: Client, max_bytes: int) -> None:
        log = lived(town, alice)
        assert [entry.seq for entry in alice.reads(log, node=4, max_bytes=max_bytes)] == [5, 6, 7, 8]

    def test_more(self, town: Scene, alice: Client) -> None:
        log = lived(town, alice)
        page = read(town, log, 4, max_bytes=0)
        assert ([entry.seq for entry in page.entries], page.more) == ([5], True)
        page = read(town, log, 4, max_bytes=0, after_seq=Seq(7))
        assert ([entry.seq for entry in page.entries], page.more) == ([8], False)

    def test_no_page_is_longer_than_it_may_be(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        for number in range(600):
            alice.posts(log, b"x" * (number * 11 % 997))
            town.passes(100)
        for max_bytes in (5_000, 50_000, 1 << 30):
            page = read(town, log, 0, max_bytes=max_bytes)
            assert page.more
            assert len(encode_frame(page)) <= min(max_bytes, MAX_ENTRIES_PAGE)

    def test_long_messages(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        for _ in range(6):
            alice.posts(log, b"x" * MAX_BODY)
        page = read(town, log, 0)
        assert (len(page.entries), page.more) == (3, True)
        assert len(encode_frame(page)) <= MAX_ENTRIES_PAGE
        assert len(alice.reads(log, node=0)) == 6


class TestForms:
    def test_a_large_commit(self, alice: Client) -> None:
        log = alice.creates()
        body = b"c" * (MAX_BODY + 1)
        alice.commits(log, body, seq=1)
        entry = alice.reads(log, node=0)[0]
        assert (entry.form, entry.body, entry.body_length) == (EntryForm.LARGE, b"", len(body))
        fetched = alice.fetches(log, node=0, seq=1)
        assert fetched == replace(entry, form=EntryForm.WHOLE, body=body)

    def test_pruned(self, town: Scene, alice: Client) -> None:
        log = alice.creates(retention_days=1)
        alice.posts(log, b"one")
        before = alice.reads(log, node=0)[0]
        town.passes(2 * DAY)
        town.store.prune(town.now, after=LogKey(0), limit=100)
        stub = replace(before, form=EntryForm.PRUNED, body=b"")
        assert alice.reads(log, node=0) == [stub]
        assert alice.fetches(log, node=0, seq=1) == stub

    def test_gone(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        for _ in range(3):
            alice.posts(log, b"old")
        town.passes(200 * DAY)
        alice.posts(log, b"new")
        town.store.prune(town.now, after=LogKey(0), limit=100)
        assert [entry.seq for entry in alice.reads(log, node=0)] == [4]
        assert refused(lambda: alice.fetches(log, node=0, seq=1)).code == ErrorCode.NOT_FOUND


class TestChains:
    def test_read_accepted_and_opened_agree(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        chains, entries = [], list[Entry]()
        for epoch in range(3):
            accepted = [alice.posts(log, b"%d" % number) for number in range(4)]
            town.passes(10_000)
            accepted.append(alice.commits(log, seq=5 * (epoch + 1)))
            alice.opens(log)
            chains += [answer.chain for answer in accepted]
        for node in (0, 5, 10):
            entries += bob.reads(log, node=node)
            assert bob.opens(log, node=Node(node)).chain == chain_over(log, entries) == chains[len(entries) - 1]
        assert bob.opens(log).chain == chains[-1]
        assert [chain_over(log, entries[: n + 1]) for n in range(15)] == chains

    def test_over_stubs_too(self, town: Scene, alice: Client) -> None:
        log = alice.creates(retention_days=1)
        chain = [alice.posts(log, b"%d" % number).chain for number in range(3)][-1]
        town.passes(2 * DAY)
        town.store.prune(town.now, after=LogKey(0), limit=100)
        assert chain_over(log, alice.reads(log, node=0)) == chain

    @pytest.mark.parametrize(
        "change",
        [{"at": Millis(5)}, {"node": Node(9)}, {"kind": EntryKind.COMMIT}, {"seq": Seq(9)}, {"body_hash": bytes(32)}],
    )
    def test_covers_every_field(self, alice: Client, change: dict[str, Any]) -> None:
        log = alice.creates()
        chain = alice.posts(log, b"one").chain
        entry = alice.reads(log, node=0)[0]
        assert chain_over(log, [entry]) == chain
        assert chain_over(log, [replace(entry, **change)]) != chain


class TestReceipts:
    def question(self, log: Log, entry: Entry) -> CheckReceipt:
        place = (entry.seq, entry.at, entry.node, entry.kind, entry.idem, entry.next_epoch_key)
        return CheckReceipt(Request(7), log.log_id, *place, entry.body_hash, entry.receipt)

    def test_genuine(self, town: Scene, alice: Client) -> None:
        log = lived(town, alice)
        for node in (0, 4, 8, 12):
            for entry in alice.reads(log, node=node):
                assert town.reads.check_receipt(self.question(log, entry)).genuine

    def test_accepted_and_delivered_have_the_same(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        accepted = alice.posts(log, b"one")
        assert accepted.receipt == bob.delivered[0].receipt == alice.reads(log, node=0)[0].receipt

    def test_altered(self, town: Scene, alice: Client) -> None:
        log = lived(town, alice)
        entry = alice.reads(log, node=4)[0]
        question = self.question(log, entry)
        changes: dict[str, Any] = {
            "log_id": LogId(b"x" * 16),
            "seq": Seq(entry.seq + 1),
            "at": Millis(entry.at + 1),
            "node": Node(0),
            "kind": EntryKind.COMMIT,
            "idem": b"x" * 16,
            "next_epoch_key": b"x" * 32,
            "body_hash": body_hash(b"another"),
            "receipt": bytes(32),
        }
        assert {"request", *changes} == set(CheckReceipt.__dataclass_fields__)
        for name, value in changes.items():
            assert not town.reads.check_receipt(replace(question, **{name: value})).genuine, name
        assert not town.reads.check_receipt(replace(question, seq=Seq(2**63 - 1), node=Node(2**63 - 1))).genuine

    def test_of_a_log_that_is_not_there_any_more(self, town: Scene, alice: Client, tmp_path: Any) -> None:
        """It needs the host's key alone."""
        from tests.hosting import scene

        log = lived(town, alice)
        entry = alice.reads(log, node=0)[0]
        folder = tmp_path / "other"
        folder.mkdir()
        with scene(folder) as elsewhere:
            assert elsewhere.reads.check_receipt(self.question(log, entry)).genuine
