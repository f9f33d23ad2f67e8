"""Subscriptions against a dict of sets, and what one costs."""

from __future__ import annotations

import gc
import tracemalloc
from collections import defaultdict

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from aparte.server.links import Link, LinkKind, LinkNumber
from aparte.server.store import LogKey
from aparte.server.subscriptions import Subscriptions
from aparte.wire.ids import LinkNonce, Node

LOGS = st.integers(1, 6) | st.integers(1, 5000)
LINKS = st.integers(1, 30)


class Machine(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.real = Subscriptions()
        self.model: defaultdict[int, set[int]] = defaultdict(set)

    @rule(log=LOGS, link=LINKS)
    def add(self, log: int, link: int) -> None:
        assert self.real.add(LogKey(log), LinkNumber(link)) == (link not in self.model[log])
        self.model[log].add(link)

    @rule(log=LOGS, link=LINKS)
    def remove(self, log: int, link: int) -> None:
        assert self.real.remove(LogKey(log), LinkNumber(link)) == (link in self.model[log])
        self.model[log].discard(link)

    @rule(log=LOGS)
    def drop(self, log: int) -> None:
        assert sorted(self.real.drop(LogKey(log))) == sorted(self.model.pop(log, set()))

    @rule(log=st.integers(1, 6), links=st.sets(LINKS, min_size=10))
    def crowd(self, log: int, links: set[int]) -> None:
        for link in sorted(links):
            self.add(log, link)

    @rule(log=st.integers(1, 6), links=st.sets(LINKS, min_size=10))
    def disperse(self, log: int, links: set[int]) -> None:
        for link in sorted(links):
            self.remove(log, link)

    @rule(first=st.integers(1, 4000), count=st.integers(100, 1000), link=LINKS)
    def many_logs(self, first: int, count: int, link: int) -> None:
        for log in range(first, first + count):
            self.add(log, link)

    @rule(first=st.integers(1, 4000), count=st.integers(100, 1000))
    def end_many(self, first: int, count: int) -> None:
        for log in range(first, first + count, 3):
            self.drop(log)

    @rule(log=LOGS)
    def ask(self, log: int) -> None:
        self.agrees(log)

    @invariant()
    def agree(self) -> None:
        assert len(self.real) == sum(map(len, self.model.values()))
        for log in range(1, 8):
            self.agrees(log)

    def agrees(self, log: int) -> None:
        found = self.real.links(LogKey(log))
        assert len(found) == len(set(found))
        assert set(found) == self.model.get(log, set())

    def teardown(self) -> None:
        for log in range(1, 5001):
            self.agrees(log)


Machine.TestCase.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)
TestAsADictOfSets = Machine.TestCase


def test_what_was_handed_out_does_not_change() -> None:
    """A delivery is sent after later frames of its batch were decided."""
    for crowd in (3, 40):
        subscriptions = Subscriptions()
        for link in range(crowd):
            subscriptions.add(LogKey(1), LinkNumber(link))
        handed = subscriptions.links(LogKey(1))
        before = list(handed)
        subscriptions.add(LogKey(1), LinkNumber(99))
        subscriptions.remove(LogKey(1), LinkNumber(0))
        subscriptions.drop(LogKey(1))
        assert list(handed) == before


def test_empty() -> None:
    subscriptions = Subscriptions()
    assert len(subscriptions) == 0
    assert not subscriptions.links(LogKey(1))
    assert not subscriptions.remove(LogKey(1), LinkNumber(1))
    assert not subscriptions.drop(LogKey(1))


def test_a_subscription_costs_64_bytes() -> None:
    """Beyond the link itself, the link's share included: 100,000 subscriptions of 1,000 links to 50,000 logs."""
    links = [Link(LinkNumber(n), LinkKind.ANONYMOUS, nonce=LinkNonce(bytes(32))) for n in range(1000)]
    gc.collect()
    tracemalloc.start()
    subscriptions = Subscriptions()
    for number in range(100_000):
        log, link = LogKey(number % 50_000 + 1), links[(number * 7 + number // 50_000) % 1000]
        assert link.hold(log, Node(0))
        assert subscriptions.add(log, link.number)
    idle = tracemalloc.get_traced_memory()[0]
    for log in range(50_000):
        subscriptions.links(LogKey(log))
    lively = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert len(subscriptions) == 100_000
    print(f"{idle / 100_000:.1f} bytes a subscription, {lively / 100_000:.1f} after all logs were asked for")
    assert max(idle, lively) / 100_000 <= 64
