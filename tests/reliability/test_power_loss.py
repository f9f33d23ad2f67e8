"""The power goes at a random moment of a session: what was acknowledged is there afterwards, and the host goes on."""

from __future__ import annotations

import pytest

from tests.disk import Losses
from tests.reliability import mutants
from tests.reliability.lives import Opens, Outcome, hurry, schedule

SCHEDULES = range(500)
FEWER = range(1_000, 1_040)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def figures(outcomes: list[Outcome]) -> str:
    losses, cuts = Losses(), [cut for outcome in outcomes for cut in outcome.cuts]
    for cut in cuts:
        losses.add(cut)
    in_flight = sum(cut.in_flight > 0 for cut in cuts)
    uncertain, revived = (sum(getattr(o, name) for o in outcomes) for name in ("uncertain", "revived"))
    assert in_flight > len(cuts) / 2
    assert min(losses.kept, losses.dropped, losses.torn) > len(outcomes) / 4
    assert 0 < revived < uncertain
    return (
        f"{len(outcomes)} schedules, {len(cuts)} losses of power, {in_flight} with unsynced writes in flight"
        f" ({losses.kept} kept, {losses.dropped} dropped, {losses.torn} torn); {sum(o.acknowledged for o in outcomes)}"
        f" posts acknowledged, {uncertain} without an answer, {revived} of those there nevertheless"
    )


def test_what_was_acknowledged_survives(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [schedule(seed) for seed in SCHEDULES]
    for seed, outcome in zip(SCHEDULES, outcomes, strict=True):
        assert not outcome.wrong, f"seed {seed}: {outcome.wrong[:5]}"
    with capsys.disabled():
        print(f"\npower: {figures(outcomes)}")
    assert sum(outcome.acknowledged for outcome in outcomes) > 20 * len(outcomes)


@pytest.mark.soak
def test_for_a_long_time() -> None:
    for seed in range(10_000, 20_000):
        outcome = schedule(seed)
        assert not outcome.wrong, f"seed {seed}: {outcome.wrong[:5]}"


@pytest.mark.parametrize("mutant", [mutants.without_syncs, mutants.without_a_sync_for_each_commit, mutants.hasty])
def test_who_acknowledges_what_is_not_durable_is_noticed(mutant: Opens, capsys: pytest.CaptureFixture[str]) -> None:
    noticed = [outcome for seed in FEWER if (outcome := schedule(seed, mutant)).wrong]
    with capsys.disabled():
        print(f"\n{mutant.__name__}: noticed in {len(noticed)} of {len(FEWER)} schedules")
    assert any("acknowledged" in fault or "another entry" in fault for outcome in noticed for fault in outcome.wrong)


def test_one_seed_is_one_history() -> None:
    assert schedule(7) == schedule(7)
    assert schedule(7) != schedule(8)
