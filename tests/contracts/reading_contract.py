"""The store contract, continued: a reader sees what is durable, in pages."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from aparte.server.store import LogKey, Store
from aparte.wire.ids import EntryKind, Node, Seq
from aparte.wire.limits import MAX_BODY
from tests.contracts.store_writing import begin, fill, known, log_id, read, write

COMMIT = EntryKind.COMMIT


class TestReader:
    def test_sees_only_what_is_durable(self, store: Store) -> None:
        """On a thread of its own, which asks for its reader while a transaction is open."""
        fill(store, "a", b"one")
        with ThreadPoolExecutor(1) as other:
            with store.transaction() as transaction:
                write(transaction, "a", b"two")
                transaction.node(known(transaction, "a").key, Node(0))
                begin(transaction, "b")
                seen = other.submit(read, store, "a").result(4)
                assert [entry.body for entry in seen] == [b"one"]
                assert other.submit(lambda: store.reader().find_log(log_id("b"))).result(4) is None
            assert [entry.body for entry in other.submit(read, store, "a").result(4)] == [b"one", b"two"]
            assert other.submit(lambda: store.reader().find_log(log_id("b"))).result(4) is not None

    def test_a_page_left_early_does_not_hold_back_what_comes_later(self, store: Store) -> None:
        fill(store, "a", *[b"body"] * 10)
        assert len(read(store, "a", max_bytes=1)) == 1
        with store.transaction() as transaction:
            write(transaction, "a", b"later")
        assert read(store, "a")[-1].body == b"later"

    def test_bounds(self, store: Store) -> None:
        fill(store, "a", *[b"%d" % number for number in range(1, 11)])
        fill(store, "b", b"other")
        for after, until, seqs in ((0, 10, range(1, 11)), (3, 7, range(4, 8)), (9, 99, [10]), (10, 99, []), (5, 5, [])):
            assert [entry.seq for entry in read(store, "a", after=after, until=until)] == list(seqs)

    def test_pages_by_size(self, store: Store) -> None:
        """An entry's size is its body's and 256 bytes more; one comes at least."""
        fill(store, "a", *[b"x" * 1000] * 5)
        for max_bytes, count in ((-1, 1), (0, 1), (1255, 1), (2511, 1), (2512, 2), (3768, 3), (1 << 20, 5)):
            assert len(read(store, "a", max_bytes=max_bytes)) == count

    def test_long_bodies_stay_away(self, store: Store) -> None:
        just, over = b"j" * MAX_BODY, b"o" * (MAX_BODY + 1)
        head = fill(store, "a", just)
        with store.transaction() as transaction:
            write(transaction, "a", over, kind=COMMIT)
        entries = read(store, "a", max_bytes=MAX_BODY + 512)
        assert [(entry.body, entry.body_length) for entry in entries] == [(just, MAX_BODY), (None, MAX_BODY + 1)]
        whole = store.reader().entry(head.key, Seq(2))
        assert whole is not None
        assert whole.body == over
        assert whole._replace(body=None) == entries[1]

    def test_one_entry(self, store: Store) -> None:
        head = fill(store, "a", b"one", b"two")
        assert [store.reader().entry(head.key, Seq(seq)) for seq in (1, 2)] == read(store, "a")
        assert store.reader().entry(head.key, Seq(3)) is None
        assert store.reader().entry(LogKey(head.key + 9), Seq(1)) is None

    def test_find_log(self, store: Store) -> None:
        head = fill(store, "a")
        assert store.reader().find_log(log_id("a")) == head.key
        assert store.reader().find_log(log_id("b")) is None
