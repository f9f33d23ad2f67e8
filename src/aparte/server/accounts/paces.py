"""What accounts may do how often, counted as the store is written: what is taken back there is not counted here."""

from __future__ import annotations

from aparte.server.journal import Journal
from aparte.server.pace import Pace, Paces, Subject
from aparte.wire.ids import Millis

__all__ = ["JournaledPaces"]


class JournaledPaces(Paces[Subject]):
    """Keeps many subjects to one pace; gives back what a batch took that fails, or that is gone around."""

    __slots__ = ("_journal",)

    def __init__(self, pace: Pace, journal: Journal) -> None:
        super().__init__(pace)
        self._journal = journal

    def take(self, subject: Subject, now: Millis, *, count: int = 1) -> None:
        """Take `count` now, unless the batch is taken back."""
        Paces.take(self, subject, now, count=count)
        self._journal.note(lambda: Paces.take(self, subject, now, count=-count))
