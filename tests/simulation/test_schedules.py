"""Schedules with real cryptography; each fault, and each way out of one, has to have occurred."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aparte.client import outbox
from aparte.client.open_logs import OpenLog
from aparte.client.outbox import _seal
from tests.conftest import SOAK
from tests.simulation.simulation import FAULTS, simulate

#: A schedule that failed is played again by its number.
ONE = os.environ.get("APARTE_SEED")
SEEDS = [int(ONE)] if ONE else range(2_000 if SOAK else 100)
#: What has to happen besides the faults themselves.
WAYS = ("posted again", "Problem", "Entries", "Accepted", "Created", "InboxItems")


def test_nothing_is_lost(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    total: Counter[str] = Counter()
    for seed in SEEDS:
        folder = tmp_path / f"{seed}"
        folder.mkdir()
        total += simulate(folder, seed)
    with capsys.disabled():
        print(f"\n{len(SEEDS)} schedules: {dict(sorted(total.items()))}")
    if not ONE:
        assert [what for what in (*FAULTS, *WAYS) if not total[what]] == []


def noticed(tmp_path: Path) -> bool:
    """Whether one of some schedules fails."""
    for seed in range(40):
        folder = tmp_path / f"{seed}"
        folder.mkdir()
        try:
            simulate(folder, seed)
        except AssertionError:
            return True
    return False


def forgets_what_it_sealed(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was sealed is sealed again when it is posted again: a key is used twice."""
    original = outbox._post_message

    def anew(work: Any, log: Any, *, waiting: Any) -> None:
        original(work, log, waiting=type(waiting)(waiting.message, waiting.conversation))

    monkeypatch.setattr(outbox, "_post_message", anew)


def keeps_ratchets_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    """The ratchet's step is not on disk when what it sealed goes out."""
    save = OpenLog.save

    def saved(self: Any) -> None:
        group, self._group = self._group, self._saved_group
        save(self)
        self._group = group
        if group is not None:
            self._session.groups[self.number] = group

    monkeypatch.setattr(OpenLog, "save", saved)


def posts_before_it_has_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """A new idem each time that something is sealed: what was accepted before is said again."""

    def sealed(work: Any, log: Any, *, message: Any, place: Any) -> bytes:
        del place
        from aparte.conversation import Place
        from aparte.wire.ids import EntryKind, Idem

        other = Place(log.row.log_id, log.epoch.node, EntryKind.APP, Idem(work.suite.random(16)))
        return _seal(work, log, message=message, place=other)

    monkeypatch.setattr(outbox, "_seal", sealed)


@pytest.mark.parametrize("mutant", [forgets_what_it_sealed, keeps_ratchets_in_memory, posts_before_it_has_read])
def test_faults_of_an_engine_are_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, mutant: Callable[[pytest.MonkeyPatch], None]
) -> None:
    mutant(monkeypatch)
    assert noticed(tmp_path)
