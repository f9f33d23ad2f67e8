"""The store contract, continued: what a sweep forgets, what it must not, and how much it does at a time."""

from __future__ import annotations

import pytest

from aparte.server.store import LogHead, LogKey, Pruned, Store
from aparte.wire.ids import EntryKind, Millis, Node
from tests.contracts.store_writing import (
    DAY,
    START,
    OpenStore,
    begin,
    fill,
    idem,
    known,
    log_id,
    node_of,
    read,
    sweep,
    take_back,
    write,
)

COMMIT = EntryKind.COMMIT


def bodies(store: Store, name: str) -> list[bytes | None]:
    return [entry.body for entry in read(store, name)]


class TestBodies:
    @pytest.mark.parametrize("days", [1, 30, 90])
    def test_stay_for_the_days_of_their_log(self, store: Store, days: int) -> None:
        fill(store, "a", b"one", days=days)
        sweep(store, START + days * DAY)
        assert bodies(store, "a") == [b"one"]
        whole = read(store, "a")[0]
        sweep(store, START + days * DAY + 1)
        assert read(store, "a") == [whole._replace(body=None)]

    def test_each_log_has_its_own_days(self, store: Store) -> None:
        for name, days in (("a", 1), ("b", 7), ("c", 90)):
            fill(store, name, name.encode(), days=days)
        sweep(store, START + 8 * DAY)
        assert [bodies(store, name) for name in "abc"] == [[None], [None], [b"c"]]

    def test_go_one_by_one_as_they_grow_old(self, store: Store) -> None:
        fill(store, "a", days=1)
        for day in range(5):
            with store.transaction() as transaction:
                write(transaction, "a", b"%d" % day, at=START + day * DAY)
        sweep(store, START + 3 * DAY)
        assert bodies(store, "a") == [None, None, b"2", b"3", b"4"]
        sweep(store, START + 4 * DAY)
        assert bodies(store, "a") == [None, None, None, b"3", b"4"]

    def test_of_commits_stay_for_180_days(self, store: Store) -> None:
        with store.transaction() as transaction:
            begin(transaction, "a", days=1)
            write(transaction, "a", b"one")
            write(transaction, "a", b"commit", kind=COMMIT)
            write(transaction, "a", b"two")
            write(transaction, "a", b"last", at=START + 170 * DAY)
        sweep(store, START + 180 * DAY)
        assert bodies(store, "a") == [None, b"commit", None, None]
        sweep(store, START + 180 * DAY + 1)
        assert bodies(store, "a") == [None]

    def test_a_pruned_post_is_still_known(self, store: Store) -> None:
        head = fill(store, "a", b"one", b"two", days=1)
        entries = read(store, "a")
        sweep(store, START + 2 * DAY)
        with store.transaction() as transaction:
            assert transaction.posted(head.key, idem((log_id("a"), 1))) == entries[0]._replace(body=None)


class TestStubs:
    def test_stay_for_180_days_and_the_last_as_long_as_the_log(self, store: Store) -> None:
        head = fill(store, "a", b"one", b"two", b"three")
        sweep(store, START + 180 * DAY)
        assert [entry.seq for entry in read(store, "a")] == [1, 2, 3]
        for late in (1, DAY, 185 * DAY):
            sweep(store, START + 180 * DAY + late)
            assert [entry.seq for entry in read(store, "a")] == [3]
        with store.transaction() as transaction:
            assert known(transaction, "a") == head
            assert transaction.posted(head.key, idem((log_id("a"), 1))) is None

    def test_a_log_goes_on_after_all_was_dropped(self, open_store: OpenStore) -> None:
        store = open_store()
        fill(store, "a", b"one")
        with store.transaction() as transaction:
            head = write(transaction, "a", b"two", kind=COMMIT)
        sweep(store, START + 300 * DAY)
        store.close()
        again = open_store()
        with again.transaction() as transaction:
            assert known(transaction, "a") == head
            after = write(transaction, "a", b"three", b"four", at=START + 300 * DAY)
        assert [entry.seq for entry in read(again, "a")] == [2, 3, 4]
        assert after.chain != head.chain
        sweep(again, START + 600 * DAY)
        assert [entry.seq for entry in read(again, "a")] == [4]
        assert node_of(again, "a", 2).last_chain == after.chain

    def test_an_empty_log_stays(self, store: Store) -> None:
        head = fill(store, "a")
        sweep(store, START + 365 * DAY)
        assert node_of(store, "a", 0).last_chain == head.chain
        with store.transaction() as transaction:
            assert known(transaction, "a") == head


class TestNodes:
    def test_the_last_node_stays_however_old(self, store: Store) -> None:
        fill(store, "a", b"one")
        with store.transaction() as transaction:
            head = write(transaction, "a", b"commit", kind=COMMIT)
            write(transaction, "a", b"two", at=START + 300 * DAY)
        sweep(store, START + 300 * DAY)
        assert node_of(store, "a", 0) is None
        assert node_of(store, "a", 2).epoch_key == head.epoch_key
        assert node_of(store, "a", 2).last_seq == 3

    def test_a_node_stays_as_long_as_the_commit_that_ended_it(self, store: Store) -> None:
        """Else whoever was away when a long epoch ended could never read how it ended."""
        fill(store, "a", b"one")
        with store.transaction() as transaction:
            write(transaction, "a", b"first", kind=COMMIT)
        with store.transaction() as transaction:
            write(transaction, "a", b"two", b"three", at=START + 199 * DAY)
            write(transaction, "a", b"second", kind=COMMIT)
        sweep(store, START + 200 * DAY)
        assert node_of(store, "a", 0) is None
        ended = node_of(store, "a", 2)
        assert (ended.child, ended.last_seq) == (5, 5)
        assert bodies(store, "a") == [b"two", b"three", b"second"]
        sweep(store, START + 380 * DAY)
        assert node_of(store, "a", 2) is not None, "the last entry stays, and so does its node"
        with store.transaction() as transaction:
            write(transaction, "a", b"four", at=START + 380 * DAY)
        sweep(store, START + 380 * DAY)
        assert node_of(store, "a", 2) is None
        assert node_of(store, "a", 5) is not None

    def test_the_root_stays_as_long_as_the_first_commit(self, store: Store) -> None:
        fill(store, "a", b"one")
        with store.transaction() as transaction:
            write(transaction, "a", b"first", kind=COMMIT, at=START + 170 * DAY)
            write(transaction, "a", b"two", at=START + 170 * DAY)
        sweep(store, START + 300 * DAY)
        assert node_of(store, "a", 0).child == 2
        sweep(store, START + 351 * DAY)
        assert node_of(store, "a", 0) is None


class TestSteps:
    def test_an_empty_store_is_done_at_once(self, store: Store) -> None:
        assert sweep(store, START) == [0]

    @pytest.mark.parametrize("limit", [1, 2, 3, 7, 100])
    def test_any_limit_ends_and_does_the_same(self, store: Store, limit: int) -> None:
        for name in "abcd":
            fill(store, name, *[b"body"] * 5, days=1)
        fill(store, "young", b"body", at=START + 200 * DAY)
        sweep(store, START + 2 * DAY, limit=limit)
        assert [bodies(store, name) for name in "abcd"] == [[None] * 5] * 4
        touched = sweep(store, START + 200 * DAY, limit=limit)
        assert [len(read(store, name)) for name in "abcd"] == [1] * 4
        assert bodies(store, "young") == [b"body"]
        assert max(touched) <= 2 * limit

    @pytest.mark.parametrize("limit", [1, 5, 1000])
    def test_a_second_sweep_touches_nothing(self, store: Store, limit: int) -> None:
        for name in "abcdefgh":
            fill(store, name, b"one", b"two", days=1)
        for late in (2 * DAY, 200 * DAY):
            assert sum(sweep(store, START + late, limit=limit))
            assert sum(sweep(store, START + late, limit=limit)) == 0

    def test_a_thousand_logs_in_bounded_steps(self, store: Store) -> None:
        with store.transaction() as transaction:
            for number in range(1000):
                begin(transaction, f"{number}")
                write(transaction, f"{number}", b"one", b"two", b"three")
        touched = sweep(store, START + 31 * DAY, limit=100)
        assert sum(touched) == 3000
        assert max(touched) <= 200
        assert len(touched) <= 60
        assert bodies(store, "0") == bodies(store, "999") == [None] * 3

    def test_a_step_says_where_the_next_begins(self, store: Store) -> None:
        first, second = (fill(store, name, b"one", days=1).key for name in "ab")
        now = Millis(START + 2 * DAY)
        assert store.prune(now, after=second, limit=10) == Pruned(0, None)
        assert store.prune(now, after=first, limit=10).after == second
        assert bodies(store, "a") == [b"one"]
        assert bodies(store, "b") == [None]

    def test_a_sweep_between_transactions_disturbs_none(self, store: Store) -> None:
        fill(store, "a", *[b"body"] * 10, days=1)
        for number in range(5):
            store.prune(Millis(START + 2 * DAY), after=LogKey(0), limit=2)
            with store.transaction() as transaction:
                assert write(transaction, "a", b"new", at=START + 2 * DAY).seq == 11 + number
            take_back(store, lambda transaction: write(transaction, "a", b"lost"))
        assert bodies(store, "a") == [None] * 10 + [b"new"] * 5


class TestTickets:
    def test_are_forgotten_after_their_day(self, store: Store) -> None:
        today = START // DAY
        with store.transaction() as transaction:
            for nonce, day in ((b"1", today - 1), (b"2", today), (b"3", today + 1)):
                assert transaction.spend(nonce * 16, day)
        sweep(store, START)
        with store.transaction() as transaction:
            assert [transaction.spend(nonce * 16, today) for nonce in (b"1", b"2", b"3")] == [True, False, False]


class TestLogs:
    """A log to which nobody has posted for a year is gone: whoever still used it would have refreshed a leaf."""

    YEAR = 365 * DAY

    def is_there(self, store: Store, name: str) -> bool:
        with store.transaction() as transaction:
            return transaction.head(log_id(name)) is not None

    def begun(self, store: Store, *names: str) -> None:
        """Logs begun, one after the other, with one entry; and a younger one behind them."""
        for name in names:
            fill(store, name, b"one")
        fill(store, "younger", at=START + 300 * DAY)

    def test_go_a_year_after_their_last_entry(self, store: Store) -> None:
        self.begun(store, "a", "b")
        with store.transaction() as transaction:
            write(transaction, "b", b"two", at=START + 1000)
        head, key = known_head(store, "a"), known_head(store, "a").key
        sweep(store, START + self.YEAR)
        assert self.is_there(store, "a")
        assert [entry.seq for entry in read(store, "a")] == [head.seq]
        sweep(store, START + self.YEAR + 1)
        assert (self.is_there(store, "a"), self.is_there(store, "b")) == (False, True)
        assert store.reader().find_log(log_id("a")) is None
        assert store.reader().node(key, Node(0)) is None
        with store.transaction() as transaction:
            assert transaction.node(key, Node(0)) is None
            assert transaction.posted(key, idem((log_id("a"), 1))) is None
        sweep(store, START + self.YEAR + 1001)
        assert not self.is_there(store, "b")
        assert self.is_there(store, "younger")

    def test_go_a_year_after_they_began_if_nobody_ever_posted(self, store: Store) -> None:
        fill(store, "empty")
        self.begun(store)
        sweep(store, START + self.YEAR)
        assert self.is_there(store, "empty")
        sweep(store, START + self.YEAR + 1)
        assert not self.is_there(store, "empty")

    def test_a_commit_keeps_a_log_as_well_as_a_message(self, store: Store) -> None:
        self.begun(store, "a")
        with store.transaction() as transaction:
            after = write(transaction, "a", b"refresh", kind=COMMIT, at=START + 200 * DAY)
        sweep(store, START + self.YEAR + DAY)
        assert self.is_there(store, "a")
        assert node_of(store, "a", after.node) is not None
        sweep(store, START + 200 * DAY + self.YEAR + 1)
        assert not self.is_there(store, "a")

    def test_a_log_that_is_gone_may_be_begun_anew_and_is_another(self, store: Store) -> None:
        """Links that had opened the old one must not find themselves in the new."""
        self.begun(store, "a")
        before = known_head(store, "a").key
        sweep(store, START + self.YEAR + 1)
        with store.transaction() as transaction:
            begin(transaction, "a", at=START + self.YEAR + 2)
            assert write(transaction, "a", b"anew", at=START + self.YEAR + 3).seq == 1
        assert known_head(store, "a").key != before
        assert [entry.body for entry in read(store, "a")] == [b"anew"]

    def test_no_key_is_ever_given_twice(self, open_store: OpenStore) -> None:
        store = open_store()
        given = set()
        for number in range(5):
            at = START + number * 2 * self.YEAR
            given |= {fill(store, f"{number} {name}", at=at).key for name in "abc"}
            sweep(store, at + self.YEAR + 1)
            store.close()
            store = open_store()
        assert len(given) == 15

    def test_many_go_a_few_at_a_time(self, store: Store) -> None:
        names = [f"{n}" for n in range(30)]
        self.begun(store, *names)
        sweep(store, START + self.YEAR)
        after, steps, total = LogKey(-1), 0, 0
        while True:
            touched, following = store.prune(Millis(START + self.YEAR + 1), after=after, limit=4)
            assert touched <= 4
            steps, total = steps + 1, total + touched
            if following is None:
                break
            after = following
        assert (total, steps >= 7) == (30, True)
        assert not [name for name in names if self.is_there(store, name)]


def known_head(store: Store, name: str) -> LogHead:
    with store.transaction() as transaction:
        return known(transaction, name)
