"""A session on a disk that fails at one operation, once or until it heals, and on which the power goes afterwards."""

from __future__ import annotations

from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

import apsw

from aparte.server.store import StoreError
from aparte.server.store.sqlite import SqliteStore
from tests.disk import AfterFailedSync, LossyDisk, Operation
from tests.hosting import START
from tests.reliability.ledger import Ledger
from tests.reliability.lives import Opens, Outcome, check, opens
from tests.reliability.session import OF_THE_DISK, Session

SCRIPT: Final = (
    *("creates", "posts", "posts", "opens", "housekeeping", "posts", "sweeps", "opens", "posts", "reads"),
    *("posts", "housekeeping", "opens", "posts", "sweeps", "sweeps", "posts", "creates", "posts"),
    *("posts", "housekeeping", "posts", "opens", "creates", "posts", "sweeps", "posts"),
)
#: Steps of the script with a disk that goes on failing.
ILL: Final = 3


@dataclass(frozen=True, slots=True)
class Failure:
    """The nth write or sync after the store was opened fails."""

    nth: int
    operation: Operation = Operation.WRITE
    error: int = apsw.SQLITE_IOERR
    lasting: bool = False
    cache: AfterFailedSync = AfterFailedSync.FORGOTTEN


@dataclass(slots=True)
class Damage:
    """What came of a failure."""

    wrong: list[str] = field(default_factory=list)
    problems: Counter[int] = field(default_factory=Counter)
    writes: int = 0
    syncs: int = 0
    acknowledged: int = 0


def suffer(failure: Failure | None, opens: Opens = opens) -> Damage:
    """The scripted session with one failure, or none."""
    rng, ledger, damage = Random("failures"), Ledger(), Damage()
    with LossyDisk(11) as disk:
        store = opens(disk)
        before = disk.counts
        if failure is not None:
            disk.fail(failure.nth, failure.operation, error=failure.error, lasting=failure.lasting, cache=failure.cache)
        session = Session(store, ledger, rng, now=START)
        try:
            _play(session, disk, failure, strikes_at=before[_operation(failure)] + (failure.nth if failure else 0))
            damage.problems = session.problems.copy()
            _get_well(session, store)
        except (StoreError, apsw.Error) as error:
            session.wrong.append(repr(error))
        damage.writes, damage.syncs = (disk.counts[k] - before[k] for k in (Operation.WRITE, Operation.SYNC))
        damage.acknowledged = len(ledger.accepted)
        damage.wrong = session.wrong or _afterwards(disk, session, opens)
        with suppress(StoreError):
            store.close()
    return damage


def _operation(failure: Failure | None) -> Operation:
    return failure.operation if failure else Operation.WRITE


def _play(session: Session, disk: LossyDisk, failure: Failure | None, *, strikes_at: int) -> None:
    """The script. The disk heals some steps after it began to fail."""
    ill_for = 0
    lasts = ILL if failure and failure.lasting else 1
    for name in SCRIPT:
        if name == "creates":
            session.creates(2)
        elif session.ledger.created or name == "housekeeping":
            getattr(session, name)()
        ill_for += failure is not None and disk.counts[failure.operation] >= strikes_at
        if ill_for == lasts:
            disk.heal()
            session.calls()
            ill_for += 1  # that is over
    disk.heal()


def _get_well(session: Session, store: SqliteStore) -> None:
    """The disk is well: so is the host, all that was told holds, and nobody missed anything."""
    session.problems.clear()
    session.repeats()
    session.posts()
    store.checkpoint()
    store.prune(session.scene.now, after=session.sweeps_at, limit=8)
    for log_id in sorted(session.ledger.created):
        talk = session.ledger.talks[log_id]
        session.audits(talk)
        head = session.heads.get(log_id, 0)
        behind = [m.follower.at[log_id] for m in session.members if m.follower.at.get(log_id, head) != head]
        session.wrong += [f"a link heard nothing after {seq}, the log ends at {head}" for seq in behind]
    session.wrong += [f"problem {code}, and the disk is well" for code in OF_THE_DISK & session.problems.keys()]


def _afterwards(disk: LossyDisk, session: Session, opens: Opens) -> list[str]:
    """Then the power goes, too, and all holds still."""
    disk.power_loss()
    outcome = Outcome()
    try:
        check(disk, session.ledger, session.rng, now=session.scene.now, opens=opens, outcome=outcome)
    except (StoreError, apsw.Error) as error:
        outcome.wrong.append(repr(error))
    return outcome.wrong
