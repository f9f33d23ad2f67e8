"""The store contract: what `aparte.server.store.api` promises about writing and reading.

A test module of a store defines the fixtures `open_store` (opens the same data each time) and `store`, and imports
the contracts.
"""

from __future__ import annotations

import pytest

from aparte.server.store import LogKey, NodeState, Store, StoreRefused, Transaction
from aparte.wire.entries import first_chain
from aparte.wire.ids import EntryKind, Node, Seq
from tests.contracts.store_writing import (
    DAY,
    START,
    OpenStore,
    bare,
    begin,
    change_all,
    fill,
    idem,
    known,
    log_id,
    node_key,
    node_of,
    read,
    row,
    take_back,
    write,
)

COMMIT = EntryKind.COMMIT
TODAY = START // DAY


class TestDurability:
    def test_what_was_left_without_an_error_is_there_for_a_new_store(self, open_store: OpenStore) -> None:
        first = open_store()
        fill(first, "a", b"one")
        with first.transaction() as transaction:
            head = write(transaction, "a", b"two", kind=COMMIT)
            transaction.spend(b"n" * 16, TODAY)
        first.close()
        second = open_store()
        assert [entry.body for entry in read(second, "a")] == [b"one", b"two"]
        with second.transaction() as transaction:
            assert transaction.head(log_id("a")) == head
            assert not transaction.spend(b"n" * 16, TODAY)

    def test_a_new_store_goes_on_where_the_old_one_stopped(self, open_store: OpenStore) -> None:
        first = open_store()
        for number in range(5):
            fill(first, f"{number}")
        first.close()
        with open_store().transaction() as transaction:
            keys = {known(transaction, f"{number}").key for number in range(5)}
            assert begin(transaction, "new").key not in keys


class TestIncarnation:
    def test_is_made_once(self, open_store: OpenStore) -> None:
        first = open_store()
        made = first.incarnation(lambda size: b"i" * size)
        assert made == b"i" * 16
        assert first.incarnation(bytes) == made
        first.close()
        assert open_store().incarnation(bytes) == made

    def test_disturbs_nothing(self, store: Store) -> None:
        fill(store, "a", b"one")
        store.incarnation(bytes)
        with store.transaction() as transaction:
            assert write(transaction, "a", b"two").seq == 2


class TestTidying:
    def test_changes_nothing_that_can_be_seen(self, store: Store) -> None:
        for name in "abc":
            fill(store, name, *[b"%d" % number for number in range(50)])
            store.tidy()
        with store.transaction() as transaction:
            head = write(transaction, "a", b"commit", kind=COMMIT)
        store.tidy()
        assert [len(read(store, name)) for name in "abc"] == [51, 50, 50]
        with store.transaction() as transaction:
            assert transaction.head(log_id("a")) == head
            assert transaction.posted(head.key, idem((log_id("a"), 7))) is not None


class TestTransaction:
    def test_a_log_begins_empty(self, store: Store) -> None:
        with store.transaction() as transaction:
            head = begin(transaction, "a")
            assert (head.seq, head.node, head.at, head.node_at) == (0, 0, START, START)
            assert head.chain == first_chain(log_id("a"), node_key("a"))
            assert (head.log_id, head.epoch_key) == (log_id("a"), node_key("a"))

    def test_own_writes_are_seen(self, store: Store) -> None:
        with store.transaction() as transaction:
            begun = begin(transaction, "a")
            assert transaction.head(log_id("a")) == begun
            head = write(transaction, "a", b"one", b"two")
            assert transaction.head(log_id("a")) == head
            assert transaction.node(head.key, Node(0)) == NodeState(node_key("a"), Node(0), Seq(2), head.chain)
            after = write(transaction, "a", b"commit", kind=COMMIT)
            assert transaction.head(log_id("a")) == after
            assert transaction.node(head.key, Node(0)) == NodeState(node_key("a"), Node(3), Seq(3), after.chain)
            assert transaction.node(head.key, Node(3)) == NodeState(after.epoch_key, Node(0), Seq(3), after.chain)

    def test_an_unknown_log_has_no_head(self, store: Store) -> None:
        fill(store, "a")
        with store.transaction() as transaction:
            assert transaction.head(log_id("b")) is None

    @pytest.mark.parametrize("count", [1, 7, 33, 129, 300])
    def test_many_entries_over_several_logs(self, store: Store, count: int) -> None:
        names = ["a", "b", "c"]
        for name in names:
            fill(store, name, b"before")
        bodies = [b"%d" % number for number in range(count)]
        with store.transaction() as transaction:
            for number, body in enumerate(bodies):
                write(transaction, names[number % 3], body)
        for offset, name in enumerate(names):
            entries = read(store, name)
            assert [entry.body for entry in entries] == [b"before", *bodies[offset::3]]
            assert [entry.seq for entry in entries] == list(range(1, len(entries) + 1))

    def test_written_early(self, store: Store) -> None:
        """`write`, any number of times, changes nothing but when the work is done; before the end nobody sees it."""
        with store.transaction() as transaction:
            begin(transaction, "a")
            transaction.write()
            write(transaction, "a", b"one", idem=idem("first"))
            transaction.write()
            head = write(transaction, "a", b"two", kind=COMMIT)
            transaction.write()
            transaction.write()
            assert transaction.head(log_id("a")) == head
            assert transaction.posted(head.key, idem("first")) is not None
            assert store.reader().find_log(log_id("a")) is None
        assert [entry.body for entry in read(store, "a")] == [b"one", b"two"]

    def test_entries_come_back_as_they_were_written(self, store: Store) -> None:
        with store.transaction() as transaction:
            head = begin(transaction, "a")
            rows = [row(head, b"\x00 body", at=START + 5)]
            head = transaction.append(head, rows[0])
            rows.append(row(head, b"", kind=COMMIT))
            transaction.append(head, rows[1])
        assert read(store, "a") == rows

    def test_commits_move_the_node(self, store: Store) -> None:
        with store.transaction() as transaction:
            begin(transaction, "a")
            write(transaction, "a", b"one")
            commit = row(known(transaction, "a"), b"two", kind=COMMIT, at=START + 10)
            head = transaction.append(known(transaction, "a"), commit)
            assert (head.seq, head.node, head.node_at) == (2, 2, START + 10)
            assert (head.epoch_key, head.chain) == (commit.next_epoch_key, commit.chain)
        with store.transaction() as transaction:
            after = write(transaction, "a", b"three", at=START + 20)
            assert (after.seq, after.at) == (3, START + 20)
            assert (after.node, after.node_at, after.epoch_key) == (2, START + 10, head.epoch_key)

    def test_nodes(self, store: Store) -> None:
        with store.transaction() as transaction:
            begin(transaction, "a")
            first = write(transaction, "a", b"one", b"two")
            ends = write(transaction, "a", b"commit", kind=COMMIT)
            last = write(transaction, "a", b"three")
            assert first.node == 0
        with store.transaction() as transaction:
            found = [transaction.node(last.key, Node(number)) for number in range(6)]
        current = NodeState(ends.epoch_key, Node(0), last.seq, last.chain)
        ended = NodeState(node_key("a"), Node(3), Seq(3), ends.chain)
        assert found == [ended, None, None, current, None, None]
        assert [node_of(store, "a", number) for number in range(6)] == found
        with store.transaction() as transaction:
            assert transaction.node(LogKey(last.key + 999), Node(0)) is None
        assert store.reader().node(LogKey(last.key + 999), Node(0)) is None

    def test_an_empty_log_has_its_root(self, store: Store) -> None:
        head = fill(store, "a")
        assert node_of(store, "a", 0) == NodeState(node_key("a"), Node(0), Seq(0), head.chain)

    def test_a_ticket_is_spent_once(self, store: Store) -> None:
        with store.transaction() as transaction:
            assert transaction.spend(b"1" * 16, TODAY)
            assert not transaction.spend(b"1" * 16, TODAY)
            assert transaction.spend(b"2" * 16, TODAY)
        with store.transaction() as transaction:
            assert not transaction.spend(b"1" * 16, TODAY)
            assert not transaction.spend(b"1" * 16, TODAY + 1)


class TestPosted:
    def test_of_this_transaction_and_of_old_ones(self, store: Store) -> None:
        with store.transaction() as transaction:
            begin(transaction, "a")
            made = row(known(transaction, "a"), b"old")
            head = transaction.append(known(transaction, "a"), made)
            assert bare(transaction.posted(head.key, made.idem)) == bare(made)
        with store.transaction() as transaction:
            head = write(transaction, "a", b"new")
            old, new = (transaction.posted(head.key, idem((head.log_id, seq))) for seq in (1, 2))
            assert old is not None
            assert old.body is None
            assert new is not None
        assert [bare(entry) for entry in read(store, "a")] == [bare(old), bare(new)]

    def test_unknown(self, store: Store) -> None:
        head = fill(store, "a", b"one")
        other = fill(store, "b")
        with store.transaction() as transaction:
            assert transaction.posted(head.key, idem("never")) is None
            assert transaction.posted(other.key, idem((head.log_id, 1))) is None, "of another log"

    def test_unknown_becomes_known(self, store: Store) -> None:
        head = fill(store, "a")
        with store.transaction() as transaction:
            transaction.prefetch([(log_id("a"), idem("x"))])
            assert transaction.posted(head.key, idem("x")) is None
            write(transaction, "a", b"x", idem=idem("x"))
            assert transaction.posted(head.key, idem("x")) is not None

    @pytest.mark.parametrize("count", [0, 1, 8, 41, 169, 300])
    def test_prefetched(self, store: Store, count: int) -> None:
        """Half of the logs and half of the ids are unknown; telling them changes no answer."""
        for name in ("a", "b"):
            fill(store, name, *[b"%d" % number for number in range(100)])
        names = ["a", "b", "unknown"]
        wanted = [(log_id(names[n % 3]), idem((log_id(names[n % 2]), n % 200))) for n in range(count)]
        with store.transaction() as transaction:
            heads = {name: transaction.head(log_id(name)) for name in names}
            asked = [(head.key, name) for log, name in wanted for head in heads.values() if head and head.log_id == log]
            plain = [transaction.posted(*pair) for pair in asked]
        with store.transaction() as transaction:
            transaction.prefetch(wanted)
            assert [transaction.posted(*pair) for pair in asked] == plain
            assert transaction.head(log_id("a")) == heads["a"]
            assert transaction.head(log_id("unknown")) is None
        assert count < 41 or None in plain
        assert count < 41 or any(plain)

    @pytest.mark.parametrize("count", [0, 1, 9, 170])
    def test_prefetched_logs(self, store: Store, count: int) -> None:
        """Empty ones, some with messages and commits, and unknown ones: their heads are what they would be."""
        for number in range(count):
            fill(store, f"log {number}", *[b"body"] * (number % 3))
            if number % 5 == 0:
                with store.transaction() as transaction:
                    write(transaction, f"log {number}", b"commit", kind=COMMIT)
        names = [log_id(f"log {number}") for number in range(count + 3)]
        store.tidy()
        with store.transaction() as transaction:
            plain = [transaction.head(name) for name in names]
        take_back(store, lambda transaction: begin(transaction, "a store that failed remembers nothing"))
        with store.transaction() as transaction:
            transaction.prefetch([], logs=[*names, *names])
            assert [transaction.head(name) for name in names] == plain
        assert sum(head is None for head in plain) == 3

    def test_prefetched_after_a_post_of_the_same_transaction(self, store: Store) -> None:
        fill(store, "a", b"one")
        with store.transaction() as transaction:
            after = write(transaction, "a", b"two")
            transaction.prefetch([], logs=[log_id("a")])
            assert known(transaction, "a").seq == after.seq


class TestNothingIsLeft:
    """After an exception inside a transaction, or a rule broken."""

    def test_of_an_exception(self, store: Store) -> None:
        before = fill(store, "a", b"one")
        with store.transaction() as transaction:
            assert transaction.head(log_id("a")) == before

        def change(transaction: Transaction) -> None:
            write(transaction, "a", b"lost", kind=COMMIT)
            begin(transaction, "b")
            transaction.spend(b"n" * 16, TODAY)
            transaction.write()

        take_back(store, change)
        assert [entry.body for entry in read(store, "a")] == [b"one"]
        assert store.reader().find_log(log_id("b")) is None
        with store.transaction() as transaction:
            assert transaction.head(log_id("a")) == before
            assert transaction.head(log_id("b")) is None
            assert transaction.node(before.key, Node(2)) is None
            assert transaction.posted(before.key, idem((log_id("a"), 2))) is None
            assert transaction.spend(b"n" * 16, TODAY)
            assert write(transaction, "a", b"two").seq == 2

    @pytest.mark.parametrize("broken", [{"seq": Seq(1)}, {"idem": idem("first")}], ids=["seq", "idem"])
    def test_of_an_entry_that_is_there(self, store: Store, broken: dict[str, object]) -> None:
        with store.transaction() as transaction:
            begin(transaction, "a")
            before = write(transaction, "a", b"one", idem=idem("first"))
            begin(transaction, "b")

        def change(transaction: Transaction) -> None:
            write(transaction, "b", b"innocent")
            transaction.append(before, row(before, b"twice", **broken))

        with pytest.raises(StoreRefused):
            change_all(store, change)
        assert [entry.body for entry in read(store, "a")] == [b"one"]
        assert read(store, "b") == []
        with store.transaction() as transaction:
            assert transaction.head(log_id("a")) == before
            write(transaction, "b", b"first", idem=idem("first"))  # in another log it is another id
            assert known(transaction, "b").seq == 1

    def test_of_a_log_that_is_there(self, store: Store) -> None:
        before = fill(store, "a", b"one")
        for first, second in ("ba", "cc"):
            with pytest.raises(StoreRefused):
                change_all(store, lambda transaction, names=(first, second): [begin(transaction, n) for n in names])
        with store.transaction() as transaction:
            assert [transaction.head(log_id(name)) for name in "abc"] == [before, None, None]

    def test_whoever_decides_is_told_in_the_words_of_the_store(self, store: Store) -> None:
        """At once, while still inside the transaction."""
        fill(store, "a")

        def change(transaction: Transaction) -> None:
            with pytest.raises(StoreRefused):
                begin(transaction, "a")

        take_back(store, change)
