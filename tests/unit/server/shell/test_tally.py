"""Counting: every outcome of a post, among other requests and alone, against the answers that really came."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import pytest

from aparte.server.core import Arrival, LinkClosed
from aparte.server.shell.tally import OUTCOMES, Buckets, Tally
from aparte.server.step import Send
from aparte.wire import ErrorCode
from aparte.wire.ids import EntryKind, LogId, Request
from aparte.wire.log_frames import Close, Post
from tests.hosting import Client, Log, Scene


class Counted:
    """A core whose batches are tallied as the writer's are."""

    def __init__(self, town: Scene, tally: Tally) -> None:
        self.town = town
        self.tally = tally

    def accept(self, *batch: Arrival) -> None:
        sends: Sequence[Send] = self.town.core.accept(batch, self.town.now)
        self.tally.note(batch, sends, seconds=0.002)

    def outcomes(self) -> dict[str, int]:
        return {outcome: self.tally.posts[number] for number, outcome in OUTCOMES.items() if self.tally.posts[number]}


@pytest.fixture
def tally() -> Tally:
    return Tally()


@pytest.fixture
def counted(town: Scene, tally: Tally) -> Counted:
    return Counted(town, tally)


@pytest.fixture
def log(alice: Client, bob: Client) -> Log:
    made = alice.creates()
    bob.opens(made)
    return made


@pytest.mark.parametrize("among", [False, True], ids=["posts alone", "among others"])
def test_every_outcome(counted: Counted, alice: Client, bob: Client, log: Log, among: bool) -> None:
    stranger = counted.town.client()
    others = [alice.brings(Close(Request(77), LogId(bytes(16))))] * 3 if among else []
    posts = [alice.message(log, b"one", request=Request(n)) for n in (10, 11)]
    posts.append(alice.message(log, b"typing", kind=EntryKind.EPHEMERAL, request=Request(12)))
    refused = stranger.message(log, b"from nobody", request=Request(10))
    counted.accept(*others, *map(alice.brings, posts), stranger.brings(refused), *others)
    assert counted.outcomes() == {"accepted": 2, "passed_on": 1, "refused": 1}
    assert counted.tally.refusals == {ErrorCode.NOT_OPEN: 1}
    assert counted.tally.requests == Counter({Post: 4}) + (Counter({Close: 6}) if among else Counter())
    counted.accept(*others, *[bob.brings(bob.message(log, b"%d" % n, request=Request(n))) for n in range(70)])
    assert counted.outcomes()["accepted"] + counted.outcomes()["busy"] == 72
    assert counted.outcomes()["busy"] > 0
    late = alice.message(log, b"late", request=Request(13))
    counted.town.passes(60_000)
    commit = bob.commit(log, seq=1_000, request=Request(99))
    counted.accept(*others, bob.brings(commit), alice.brings(late))
    assert counted.outcomes()["stale"] == 1


def test_deliveries_leave_out_the_poster(counted: Counted, alice: Client, bob: Client, log: Log) -> None:
    counted.town.client().opens(log)
    counted.accept(alice.brings(alice.message(log, b"one")), bob.brings(bob.message(log, b"two")))
    assert counted.tally.deliveries == 4
    stranger = counted.town.client()
    shown = stranger.pass_for(log, 0)
    counted.accept(stranger.brings(stranger.message(log, b"by pass", pass_=shown)))
    assert counted.tally.deliveries == 4 + 3


def test_links_that_close_are_no_batch(counted: Counted, alice: Client, log: Log) -> None:
    counted.accept(Arrival(alice.link, LinkClosed()))
    assert sum(counted.tally.batches.counts) == sum(counted.tally.seconds.counts) == 0
    bob = counted.town.client()
    bob.opens(log)
    counted.accept(bob.brings(bob.message(log, b"one")), Arrival(alice.link, LinkClosed()))
    assert (counted.tally.batches.total, sum(counted.tally.batches.counts)) == (1.0, 1)
    assert LinkClosed not in counted.tally.requests
    assert counted.outcomes() == {"accepted": 1}


def test_buckets_end_where_they_say() -> None:
    buckets = Buckets((1, 2, 4))
    for value in (0.5, 1, 1.5, 2, 3, 4, 5, 100):
        buckets.note(value)
    assert buckets.counts == [2, 2, 2, 2]
    assert buckets.total == 117
