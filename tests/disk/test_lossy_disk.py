"""SQLite keeps its promises on the lossy disk, and whoever breaks one is noticed."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from tests.disk import AfterFailedSync, Losses
from tests.disk.ledger import TRANSACTIONS, Outcome, Promise, schedule

SCHEDULES = range(400)
FEWER = range(1_000, 1_060)


def total(outcomes: Iterable[Outcome]) -> Losses:
    losses = Losses()
    for outcome in outcomes:
        losses.add(outcome.losses)
    return losses


def broken(outcomes: list[Outcome]) -> tuple[list[int], list[int]]:
    """The schedules, by number, that lost what was acknowledged, and those whose database was damaged."""
    lost = [number for number, outcome in enumerate(outcomes) if outcome.lost]
    corrupt = [number for number, outcome in enumerate(outcomes) if outcome.corrupt]
    return lost, corrupt


def test_what_was_acknowledged_survives(capsys: pytest.CaptureFixture[str]) -> None:
    outcomes = [schedule(seed, promise=Promise()) for seed in SCHEDULES]
    cuts = [cut for outcome in outcomes for cut in outcome.cuts]
    in_flight = sum(cut.in_flight > 0 for cut in cuts)
    acknowledged = sum(outcome.acknowledged for outcome in outcomes)
    losses = total(outcomes)
    with capsys.disabled():
        print(
            f"\ndisk: {len(outcomes)} schedules, {len(cuts)} cuts, {in_flight} with unsynced writes in flight: "
            f"{losses.kept} kept, {losses.dropped} dropped, {losses.torn} torn; {acknowledged} commits acknowledged"
        )
    for seed, outcome in zip(SCHEDULES, outcomes, strict=True):
        assert not outcome.lost, f"seed {seed}: acknowledged and lost: {sorted(outcome.lost)}"
        assert not outcome.corrupt, f"seed {seed}: {outcome.corrupt}"
    assert in_flight > len(cuts) / 2
    assert min(losses.kept, losses.dropped, losses.torn) > len(outcomes)
    assert acknowledged > len(outcomes) * TRANSACTIONS / 4


@pytest.mark.parametrize("cache", AfterFailedSync)
def test_failed_syncs_and_a_full_disk_on_the_way_lose_nothing_either(cache: AfterFailedSync) -> None:
    outcomes = [schedule(seed, promise=Promise(), failed_syncs=cache) for seed in FEWER]
    assert broken(outcomes) == ([], [])
    assert sum(outcome.failed for outcome in outcomes) > len(outcomes) / 2
    assert sum(outcome.acknowledged for outcome in outcomes) > len(outcomes) * TRANSACTIONS / 4


def test_without_syncs_rows_are_lost_and_databases_damaged() -> None:
    lost, corrupt = broken([schedule(seed, promise=Promise(synchronous="OFF")) for seed in FEWER])
    assert lost
    assert corrupt


def test_without_a_sync_for_each_commit_rows_are_lost_and_nothing_is_damaged() -> None:
    lost, corrupt = broken([schedule(seed, promise=Promise(synchronous="NORMAL")) for seed in FEWER])
    assert lost
    assert not corrupt


def test_acknowledging_before_the_commit_is_noticed() -> None:
    lost, corrupt = broken([schedule(seed, promise=Promise(acknowledges_early=True)) for seed in FEWER])
    assert lost
    assert not corrupt


def test_a_disk_that_lies_about_syncs_is_noticed() -> None:
    lost, corrupt = broken([schedule(seed, promise=Promise(syncs_lie=True)) for seed in FEWER])
    assert lost
    assert corrupt


def test_a_rollback_journal_whose_deletion_is_not_synced_undoes_commits() -> None:
    """The folder's own losses: FULL deletes the journal without a sync of the folder, EXTRA with one."""
    full, damaged = broken([schedule(seed, promise=Promise(journal_mode="DELETE")) for seed in FEWER])
    assert full
    assert not damaged
    extra = Promise(journal_mode="DELETE", synchronous="EXTRA")
    assert broken([schedule(seed, promise=extra) for seed in FEWER]) == ([], [])


def test_one_seed_is_one_history() -> None:
    assert schedule(7, promise=Promise()) == schedule(7, promise=Promise())
    assert schedule(7, promise=Promise()) != schedule(8, promise=Promise())
