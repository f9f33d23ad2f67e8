"""Random histories: after each commit all views are equal, and the tree is one that honest members would leave."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import SOAK
from tests.properties.operations import OPERATIONS
from tests.properties.village import LIMIT, Village, check_roster

#: Suite → (histories, longest history): the first suite is cheap, and X-Wing's keys are large.
RUNS = {0x0001: (50, 60), 0x0003: (10, 40), 0xF0A2: (10, 30)}

#: Besides the operations by their name: what has to have occurred on the way.
ON_THE_WAY = (
    "PublicMessage handshake",
    "PrivateMessage handshake",
    "Welcome each",
    "Welcome for all",
    "tree in Welcome",
    "tree beside Welcome",
    "update of the signature key",
    "self-remove in an external commit",
    "messages lost",
    "removed members shut out",
    "commits",
)

#: Each operation where it can be done, and what depends on an order of two.
TOUR = (
    ["add many", "save and reload", "messages out of order", "empty commit", "add without path"]
    + ["self remove", "external join", "empty commit", "empty commit", "resumption psk", "external psk"]
    + ["update", "commit what is pending"] * 3
    + ["remove by proposal", "commit what is pending", "add by proposal", "commit what is pending", "resync"]
    + ["self remove", "commit what is pending", "remove by value", "add by value", "commit with a new signer"]
    + ["lost race", "group context extensions", "messages out of order", "save and reload", "add many"]
)

counts: Counter[str] = Counter()


def play(suite: int, seed: int, script: list[str]) -> None:
    village = Village(suite, seed, counts)
    for name in script:
        if OPERATIONS[name](village):
            counts[name] += 1
    OPERATIONS["empty commit"](village)


@pytest.mark.parametrize("suite", RUNS, ids=hex)
def test_all_views_stay_equal(suite: int) -> None:
    histories, longest = RUNS[suite]

    @settings(
        max_examples=histories * 6 if SOAK else histories,
        suppress_health_check=list(HealthCheck),
        phases=(Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink),
    )
    @given(
        seed=st.integers(0, 2**32 - 1),
        script=st.lists(st.sampled_from(sorted(OPERATIONS)), min_size=longest // 2, max_size=longest),
    )
    def histories_hold(seed: int, script: list[str]) -> None:
        play(suite, seed, script)

    histories_hold()


def test_a_full_village() -> None:
    """64 members, and every operation at that size."""
    play(0x0001, 64, ["add many"] * 12 + [name for name in sorted(OPERATIONS) for _ in range(2)])
    assert counts["most members"] == LIMIT


def test_control_a_false_roster_is_noticed() -> None:
    village = Village(0x0001, 1, Counter())
    OPERATIONS["add many"](village)
    before = village.roster()
    author = village.anyone()
    changes = author.drafts().staged.changes
    after = {**before, changes.updated[0][0]: changes.updated[0][2]}
    check_roster(before, after, changes)
    for false in (replace(changes, updated=()), replace(changes, removed=tuple(before.items())[:1])):
        with pytest.raises(AssertionError):
            check_roster(before, after, false)


def test_every_operation_ran(capsys: pytest.CaptureFixture[str]) -> None:
    """Counts over the tests above, and over a tour that leaves nothing to chance."""
    for seed in range(3):
        play(0x0001, seed, TOUR)
    with capsys.disabled():
        print("\nhistories: " + ", ".join(f"{name} {count}" for name, count in sorted(counts.items())))
    never = [name for name in (*OPERATIONS, *ON_THE_WAY) if not counts[name]]
    assert not never
