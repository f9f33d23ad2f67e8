"""A log that was forgotten, for links that had it open."""

from __future__ import annotations

from aparte.server.store import LogKey
from aparte.server.store.sqlite.retention import LOG_DAYS
from aparte.wire import ErrorCode
from aparte.wire.ids import Millis
from aparte.wire.link_frames import Done
from aparte.wire.log_frames import Accepted, OpenStatus
from tests.hosting import Client, Log, Scene, code

DAY = 86_400_000


def forget(town: Scene, log: Log) -> None:
    """A year goes by in which nobody posts to the log."""
    town.passes((LOG_DAYS + 1) * DAY)
    town.client().creates()
    after: LogKey | None = LogKey(-1)
    while after is not None:
        after = town.store.prune(Millis(town.now), after=after, limit=100).after
    assert town.store.reader().find_log(log.log_id) is None


def test_who_had_it_open_finds_it_lost(town: Scene, alice: Client) -> None:
    log = alice.creates()
    alice.posts(log, b"one")
    forget(town, log)
    assert code(alice.posts(log, b"two")) == ErrorCode.NOT_OPEN
    assert alice.opens(log).status is OpenStatus.NOT_FOUND
    assert alice.closes(log) == Done(4)


def test_who_had_it_open_has_no_other_in_its_place(town: Scene, alice: Client, bob: Client) -> None:
    """Links know logs by numbers, which a store must not give out again."""
    log = alice.creates()
    forget(town, log)
    for other in [bob.creates() for _ in range(3)]:
        bob.posts(other, b"hello")
        assert code(alice.posts(other, b"I was here before")) == ErrorCode.NOT_OPEN
    assert alice.delivered == []


def test_a_log_under_its_id_is_another(town: Scene, alice: Client, bob: Client) -> None:
    log = alice.creates()
    alice.posts(log, b"one")
    forget(town, log)
    again = bob.creates(log_id=log.log_id)
    answer = bob.posts(again, b"anew")
    assert isinstance(answer, Accepted)
    assert answer.seq == 1
    assert alice.delivered == []
    assert alice.opens(again).status is OpenStatus.LIVE
