"""How fast a log takes posts, and what happens when many race for one place."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aparte.server.pace import Pace
from aparte.server.policy import LogPolicy
from aparte.wire.ids import EntryKind
from aparte.wire.link_frames import Done
from aparte.wire.log_frames import Accepted, Busy, Stale
from tests.hosting import Client, Scene, scene

COMMIT, EPHEMERAL = EntryKind.COMMIT, EntryKind.EPHEMERAL
HOUR = 3_600_000


def burst(client: Client, log: object, count: int, **changes: object) -> int:
    """Post that often; how many were taken."""
    return sum(not isinstance(client.posts(log, b"x", **changes), Busy) for _ in range(count))  # type: ignore[arg-type]


class TestPosts:
    def test_sixty_at_once_then_ten_a_second(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        assert burst(alice, log, 100) == 60
        assert alice.posts(log, b"x").wait == 100
        town.passes(99)
        assert alice.posts(log, b"x").wait == 1
        town.passes(1)
        assert burst(alice, log, 100) == 1
        town.passes(1000)
        assert burst(alice, log, 100) == 10
        town.passes(HOUR)
        assert burst(alice, log, 100) == 60

    def test_in_one_batch(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        town.accept(*[alice.brings(alice.message(log, b"x")) for _ in range(70)])
        assert [type(answer) for answer in alice.answers[-70:]] == [Accepted] * 60 + [Busy] * 10

    def test_ephemerals_are_counted_by_themselves(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        assert burst(alice, log, 100, kind=EPHEMERAL) == 60
        assert alice.posts(log, b"x", kind=EPHEMERAL).wait == 100
        assert burst(alice, log, 100) == 60
        town.passes(100)
        assert isinstance(alice.posts(log, b"x", kind=EPHEMERAL), Done)
        assert isinstance(alice.posts(log, b"x", kind=EPHEMERAL), Busy)

    def test_commits_count(self, alice: Client) -> None:
        log = alice.creates()
        assert burst(alice, log, 60) == 60
        assert alice.commits(log, seq=61).wait == 100

    def test_of_all_links_together(self, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        assert burst(alice, log, 40) + burst(bob, log, 40) == 60

    def test_of_one_log_disturb_no_other(self, alice: Client) -> None:
        one, two = alice.creates(), alice.creates()
        assert burst(alice, one, 100) == burst(alice, two, 100) == 60

    def test_what_was_refused_is_not_counted(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        assert burst(alice, log, 500) == 60
        town.passes(6000)
        assert burst(alice, log, 500) == 60


class TestBytes:
    """A log grows by so many KiB, and each body begins one."""

    @pytest.fixture
    def town(self, tmp_path: Path) -> Iterator[Scene]:
        with scene(tmp_path, policy=LogPolicy(kibibytes=Pace(64, 10))) as made:
            yield made

    def test_a_burst_then_one_at_a_time(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        assert isinstance(alice.posts(log, b"x" * 5 * 1024), Accepted)
        assert burst(alice, log, 10) == 4
        assert alice.posts(log, b"x").wait == 64
        town.passes(64)
        assert burst(alice, log, 10) == 1

    def test_a_long_body_is_paid_for_in_full(self, town: Scene, alice: Client) -> None:
        """It may come when the burst is nearly used up; then nothing may for as long as its length says."""
        log = alice.creates()
        assert burst(alice, log, 9) == 9
        assert isinstance(alice.posts(log, b"x" * 50 * 1024), Accepted)
        assert alice.posts(log, b"x").wait == 51 * 64
        town.passes(51 * 64 - 1)
        assert alice.posts(log, b"x").wait == 1
        town.passes(1)
        assert burst(alice, log, 10) == 1

    def test_ephemerals_are_not_kept(self, alice: Client) -> None:
        log = alice.creates()
        assert burst(alice, log, 60, kind=EPHEMERAL) == 60
        assert burst(alice, log, 60) == 10

    def test_commits_too(self, alice: Client) -> None:
        log = alice.creates()
        assert isinstance(alice.commits(log, b"x" * 30 * 1024, seq=1), Accepted)
        alice.opens(log)
        assert alice.commits(log, seq=2).wait == 22 * 64


class TestCommits:
    def test_a_node_has_no_child_in_its_first_second(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        alice.commits(log, seq=1)
        alice.opens(log)
        assert alice.commits(log, seq=2).wait == 1000
        town.passes(999)
        assert alice.commits(log, seq=2).wait == 1
        assert isinstance(alice.posts(log, b"messages may"), Accepted)
        town.passes(1)
        assert isinstance(alice.commits(log, seq=3), Accepted)

    def test_five_quick_ones_then_one_in_ten_seconds(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        for seq in range(1, 6):
            assert isinstance(alice.commits(log, seq=seq), Accepted)
            alice.opens(log)
            town.passes(1000)
        waits = []
        for seq in range(6, 9):
            waits.append(alice.commits(log, seq=seq).wait)
            town.passes(waits[-1])
            assert isinstance(alice.commits(log, seq=seq), Accepted)
            alice.opens(log)
        assert waits == [5000, 10_000, 10_000]

    def test_messages_take_nothing_from_commits(self, alice: Client) -> None:
        log = alice.creates()
        assert burst(alice, log, 50) == 50
        assert isinstance(alice.commits(log, seq=51), Accepted)

    def test_a_refused_commit_takes_nothing(self, town: Scene, alice: Client) -> None:
        """Neither of the commits' pace nor of the posts'."""
        log = alice.creates()
        alice.commits(log, seq=1)
        alice.opens(log)
        for _ in range(100):
            assert alice.commits(log, seq=2).wait == 1000
        assert burst(alice, log, 100) == 59
        town.passes(1000)
        assert isinstance(alice.commits(log, seq=61), Accepted)


class TestClock:
    def test_set_back_by_an_hour(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        assert burst(alice, log, 100) == 60
        town.passes(-HOUR)
        assert alice.posts(log, b"x").wait == 100
        town.passes(100)
        assert burst(alice, log, 10) == 1
        town.passes(6000)
        assert burst(alice, log, 100) == 60

    def test_times_of_a_log_never_go_back(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        for step in (0, 5, -HOUR, 500, HOUR, -2 * HOUR, 3 * HOUR, -1):
            town.passes(step)
            assert isinstance(alice.posts(log, b"x"), Accepted)
        times = [entry.at for entry in alice.reads(log, node=0)]
        assert times == sorted(times)
        assert times[-1] == town.now + 1
        assert times[0] < times[-1]

    def test_commits_after_a_step_back(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        for seq in range(1, 6):
            assert isinstance(alice.commits(log, seq=seq), Accepted)
            alice.opens(log)
            town.passes(1000)
        town.passes(-HOUR)
        assert alice.commits(log, seq=6).wait == 6000, "as if the clock had stood still since the last commit"
        town.passes(6000)
        assert isinstance(alice.commits(log, seq=6), Accepted)

    def test_passes_and_links_outlive_a_step_back(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        shown = alice.pass_for(log, 0)
        town.passes(-HOUR)
        assert isinstance(bob.posts(log, b"x", pass_=shown), Accepted)
        assert isinstance(alice.posts(log, b"x"), Accepted)
        assert bob.opens(log, shown=shown).status.name == "LIVE"


class TestRaces:
    def test_one_of_400_racing_commits_wins(self, town: Scene, alice: Client) -> None:
        log = alice.creates()
        alice.posts(log, b"before")
        racers = [town.client() for _ in range(400)]
        for racer in racers:
            racer.opens(log)
        arrivals = [r.brings(r.commit(log, b"%d" % n, seq=n + 1000)) for n, r in enumerate(racers)]
        for start in range(0, 400, 64):
            town.accept(*arrivals[start : start + 64])
        answers = [racer.answer() for racer in racers]
        assert [type(answer) for answer in answers] == [Accepted] + [Stale] * 399
        assert {answer.child for answer in answers[1:]} == {answers[0].seq} == {2}
        assert [len(racer.delivered) for racer in racers] == [0] + [1] * 399
        assert [entry.body for entry in alice.reads(log, node=0)] == [b"before", b"0"]

    def test_the_next_race_waits_a_second(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        alice.commits(log, seq=1)
        for client in (alice, bob):
            client.opens(log)
        town.accept(*[c.brings(c.commit(log, seq=2)) for c in (alice, bob) * 50])
        assert {type(answer) for answer in [*alice.answers[-50:], *bob.answers[-50:]]} == {Busy}
        town.passes(1000)
        town.accept(*[c.brings(c.commit(log, seq=2)) for c in (alice, bob) * 50])
        answers = [*alice.answers[-50:], *bob.answers[-50:]]
        assert sorted(type(answer).__name__ for answer in answers) == ["Accepted"] + ["Stale"] * 99

    def test_messages_that_cross_a_commit(self, town: Scene, alice: Client, bob: Client) -> None:
        log = alice.creates()
        bob.opens(log)
        town.accept(
            bob.brings(bob.message(log, b"before")),
            alice.brings(alice.commit(log, seq=2)),
            bob.brings(bob.message(log, b"after")),
        )
        assert [type(answer) for answer in bob.answers[-2:]] == [Accepted, Stale]
        assert [entry.body for entry in alice.reads(log, node=0)] == [b"before", b"commit"]
