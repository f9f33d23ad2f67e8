"""A host's lives on a lossy disk: a session, the end of the power, and what the next life finds of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing, suppress
from dataclasses import dataclass, field
from random import Random
from typing import Final

import apsw
import pytest

from aparte.server.store import StoreError
from aparte.server.store.sqlite import SqliteStore
from aparte.wire.ids import EntryKind, Millis
from aparte.wire.log_frames import Post
from tests.disk import Losses, LossyDisk
from tests.hosting import START
from tests.reliability.ledger import Ledger
from tests.reliability.session import OF_THE_DISK, Session

#: Opens the store on a disk. Raises `StoreError`.
Opens = Callable[[LossyDisk], SqliteStore]

STEPS: Final = 24  # of a session
OPERATIONS: Final = 400  # of the disk, about, in one session: the power goes somewhere in it


def opens(disk: LossyDisk) -> SqliteStore:
    """The store as it should be."""
    return SqliteStore(disk.folder / "host.db", vfs=disk.name)


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Index and checkpoint after a few entries and pages: sessions are short."""
    store = "aparte.server.store.sqlite"
    for name, value in {"store._INDEX_AT": 8, "store._MOST_RECENT": 20, "store._VACUUM_PAGES": 8}.items():
        patch.setattr(f"{store}.{name}", value)
    for name, value in {"_SOME": 12, "_MANY": 60}.items():
        patch.setattr(f"{store}.checkpoints.{name}", value)


@dataclass(slots=True)
class Outcome:
    """What one schedule showed. `wrong` is empty for a host that keeps its promises."""

    wrong: list[str] = field(default_factory=list)
    acknowledged: int = 0
    uncertain: int = 0  # posts without an answer when the power went
    revived: int = 0  # of these, those that were there nevertheless
    cuts: list[Losses] = field(default_factory=list)


def schedule(seed: int, opens: Opens = opens) -> Outcome:
    """One or two sessions on one disk, each cut somewhere, perhaps while it recovers; a check after each."""
    rng = Random(f"power {seed}")
    outcome, ledger, now = Outcome(), Ledger(), START
    with LossyDisk(seed) as disk:
        for _ in range(rng.randint(1, 2)):
            disk.cut_at(disk.operations + rng.randint(1, OPERATIONS))
            now = live(disk, ledger, rng, now=now, opens=opens, outcome=outcome)
            try:
                now = check(disk, ledger, rng, now=now, opens=opens, outcome=outcome)
            except (StoreError, apsw.Error) as error:
                outcome.wrong.append(repr(error))
            if outcome.wrong:
                break
    outcome.acknowledged = len(ledger.accepted)
    return outcome


def live(disk: LossyDisk, ledger: Ledger, rng: Random, *, now: Millis, opens: Opens, outcome: Outcome) -> Millis:
    """A session until the power goes, and then the loss of it. Returns the time."""
    store = None
    with suppress(StoreError):
        store = opens(disk)
        session = Session(store, ledger, rng, now=now)
        for _ in range(STEPS):
            if disk.is_on:
                session.step()
                now = session.scene.now
        outcome.wrong += session.wrong
    outcome.cuts.append(disk.power_loss())
    if store is not None:
        with suppress(StoreError):
            store.close()
    return now


def check(disk: LossyDisk, ledger: Ledger, rng: Random, *, now: Millis, opens: Opens, outcome: Outcome) -> Millis:
    """Open what survived, hold it against the ledger, repeat what is uncertain, and go on. Returns the time."""
    uncertain = ledger.unacknowledged
    with closing(opens(disk)) as store:
        session = Session(store, ledger, rng, now=now)
        _audit(session)
        outcome.uncertain += len(uncertain)
        outcome.revived += sum(post.idem in session.found for post in uncertain)
        session.repeats()
        outcome.wrong += [f"log {i.hex()} was not created again" for i in ledger.talks.keys() - ledger.created]
        outcome.wrong += [f"{p.idem.hex()} was not taken again" for p in ledger.unacknowledged if _is_message(p)]
        outcome.wrong += [
            "a ticket is good again" for log_id in sorted(ledger.created)[:2] if not session.spent(log_id)
        ]
        for _ in range(4):
            session.step()
        _audit(session)
        outcome.wrong += session.wrong
        outcome.wrong += [f"problem {code}, and the disk is well" for code in OF_THE_DISK & session.problems.keys()]
    outcome.wrong += damages(disk)
    return session.scene.now


def _audit(session: Session) -> None:
    for log_id in sorted(session.ledger.created):
        session.audits(session.ledger.talks[log_id])


def _is_message(post: Post) -> bool:
    return post.kind is EntryKind.APP


def damages(disk: LossyDisk) -> list[str]:
    """What SQLite finds wrong with the file."""
    with closing(apsw.Connection(str(disk.folder / "host.db"), vfs=disk.name)) as connection:
        verdict = connection.pragma("integrity_check")
        return [] if verdict == "ok" else [str(verdict)]
