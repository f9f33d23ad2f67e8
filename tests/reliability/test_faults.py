"""The n-th write or flush of a session fails, for every n: no wrong answer, and the host is well when the disk is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from contextlib import closing, suppress
from random import Random

import apsw
import pytest

from aparte.server.journal import Journal
from aparte.server.store import StoreError
from aparte.wire import ErrorCode
from tests.conftest import SOAK
from tests.disk import AfterFailedSync, LossyDisk, Operation
from tests.hosting import START
from tests.reliability import mutants
from tests.reliability.failures import Damage, Failure, suffer
from tests.reliability.ledger import Ledger
from tests.reliability.lives import Opens, damages, hurry, opens
from tests.reliability.session import Session

ERRORS = (apsw.SQLITE_IOERR, apsw.SQLITE_FULL)


@pytest.fixture(autouse=True)
def _hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def of_writes(count: int) -> list[Failure]:
    """Each write fails once and lastingly, with one error or the other; in a soak with both."""
    every = [(n, e, lasting) for n in range(1, count + 1) for e in (0, 1) for lasting in (0, 1)]
    return [
        Failure(n, error=ERRORS[e], lasting=lasting == 1) for n, e, lasting in every if SOAK or (n + lasting) % 2 == e
    ]


def of_syncs(count: int) -> list[Failure]:
    lasting = [Failure(n, Operation.SYNC, error=e, lasting=True) for n in range(1, count + 1) for e in ERRORS]
    return lasting + [Failure(n, Operation.SYNC, cache=c) for n in range(1, count + 1) for c in AfterFailedSync]


def sufferings(failures: Iterable[Failure], opens: Opens = opens) -> list[tuple[Failure, Damage]]:
    return [(failure, suffer(failure, opens)) for failure in failures]


def test_nothing_fails() -> None:
    damage = suffer(None)
    assert not damage.wrong
    assert not damage.problems
    assert damage.writes > 150
    assert damage.syncs > 20
    assert damage.acknowledged > 20


@pytest.mark.parametrize("operation", [Operation.WRITE, Operation.SYNC])
def test_every_write_and_every_flush(operation: Operation, capsys: pytest.CaptureFixture[str]) -> None:
    well = suffer(None)
    failures = of_writes(well.writes) if operation is Operation.WRITE else of_syncs(well.syncs)
    problems: Counter[int] = Counter()
    noticed = 0
    for failure, damage in sufferings(failures):
        assert not damage.wrong, f"{failure}: {damage.wrong[:5]}"
        problems += damage.problems
        noticed += bool(damage.problems)
        told = damage.problems.keys() & {ErrorCode.UNAVAILABLE, ErrorCode.DISK_FULL}
        assert told <= {ErrorCode.DISK_FULL if failure.error == apsw.SQLITE_FULL else ErrorCode.UNAVAILABLE}
    with capsys.disabled():
        print(
            f"\n{operation}: {len(failures)} sessions, somebody was told in {noticed}: "
            f"{problems[ErrorCode.UNAVAILABLE]} times UNAVAILABLE, {problems[ErrorCode.DISK_FULL]} times DISK_FULL"
        )
    assert noticed > len(failures) / 2
    assert min(problems[ErrorCode.UNAVAILABLE], problems[ErrorCode.DISK_FULL]) > 50


@pytest.mark.parametrize("operation", [Operation.WRITE, Operation.SYNC])
def test_a_start_that_fails_harms_nothing(operation: Operation) -> None:
    """The first start, in which the tables are made, and one after a loss of power."""
    with LossyDisk(3) as disk, closing(opens(disk)):
        count = disk.counts[operation]
    failed = 0
    for nth in range(1, count + 1):
        with LossyDisk(nth) as disk:
            disk.fail(nth, operation, error=ERRORS[nth % 2], lasting=nth % 3 == 0)
            with suppress(StoreError):
                failed += 1
                opens(disk).close()
                failed -= 1
            disk.heal()
            with closing(opens(disk)) as store:
                session = Session(store, Ledger(), Random(nth), now=START)
                for _ in range(4):
                    session.step()
                assert not session.wrong, nth
            assert not damages(disk), nth
    assert failed > count / 2


@pytest.mark.parametrize("mutant", [mutants.stubborn, mutants.hasty])
def test_stores_that_remember_what_failed_are_noticed(mutant: Opens, capsys: pytest.CaptureFixture[str]) -> None:
    failures = of_writes(200)[::20] + of_syncs(24)[::5]
    noticed = sum(bool(damage.wrong) for _, damage in sufferings(failures, mutant))
    with capsys.disabled():
        print(f"\n{mutant.__name__}: noticed in {noticed} of {len(failures)} sessions")
    assert noticed


def test_a_core_that_takes_nothing_back_is_noticed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(Journal, "take_back", Journal.keep)
    failures = of_writes(200)[::10] + of_syncs(24)
    noticed = sum(bool(damage.wrong) for _, damage in sufferings(failures))
    with capsys.disabled():
        print(f"\ntakes nothing back: noticed in {noticed} of {len(failures)} sessions")
    assert noticed
