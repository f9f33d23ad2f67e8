"""A conversation that a step works on: its row, its place in the log, its group. Read once, written once."""

from __future__ import annotations

from dataclasses import replace

from aparte import mls
from aparte.client.groups import load_group, save_group
from aparte.client.lines import Line, LineKind
from aparte.client.log_states import LogState
from aparte.client.session import Session
from aparte.client.store.api import Transaction
from aparte.client.store.rows import ConversationRow, EpochRow
from aparte.conversation import EpochKeys
from aparte.crypto import DEFAULT_CIPHER_SUITE, Provider, Suite
from aparte.wire.entries import Pass
from aparte.wire.ids import Millis

__all__ = ["OpenLog"]


class OpenLog:
    """Whatever changes is set anew, and kept when the step ends (`save`)."""

    def __init__(self, row: ConversationRow, *, provider: Provider, session: Session, transaction: Transaction) -> None:
        self._row = self._saved_row = row
        self.number = row.id
        self._store = transaction
        self._session = session
        self._provider = provider
        self._epoch = self._saved_epoch = transaction.epochs.get(row.id)
        self._keys: EpochKeys | None = None
        self._group: mls.Group | None = session.groups.get(row.id)
        self._saved_group = self._group

    @property
    def row(self) -> ConversationRow:
        """The conversation as it is now."""
        return self._row

    @row.setter
    def row(self, row: ConversationRow) -> None:
        queried = (row.state, row.peer, row.shown_in) != (self._row.state, self._row.peer, self._row.shown_in)
        if queried:
            self._store.conversations.put(row)  # also in this very step
        self._row = row

    @property
    def state(self) -> LogState:
        """What is so of it on its host's link."""
        line = self._session.line(Line(self.row.host, LineKind.ANONYMOUS))
        return line.logs.setdefault(self.number, LogState())

    @property
    def epoch(self) -> EpochRow:
        """Where this device stands. Raises `ValueError` if there is no log yet."""
        if self._epoch is None:
            raise ValueError(f"conversation {self.number} has no log yet")
        return self._epoch

    @epoch.setter
    def epoch(self, epoch: EpochRow) -> None:
        if self._epoch is not None and self._epoch.keys is not epoch.keys:
            self._keys = None
        self._epoch = epoch

    @property
    def keys(self) -> EpochKeys:
        """The keys of the present epoch."""
        if self._keys is None:
            self._keys = EpochKeys.decode(self.epoch.keys)
        return self._keys

    @property
    def pass_(self) -> Pass | None:
        """The pass for the present node."""
        epoch = self.epoch
        return Pass(epoch.pass_day, epoch.pass_mac) if epoch.pass_day else None

    @property
    def group(self) -> mls.Group:
        """The MLS group. Raises `ValueError` if there is none yet."""
        if self._group is None:
            suite = self._suite
            self._group = self._saved_group = load_group(self._store, self.number, provider=self._provider, suite=suite)
        if self._group is None:
            raise ValueError(f"conversation {self.number} has no group yet")
        return self._group

    @group.setter
    def group(self, group: mls.Group) -> None:
        self._group = group

    @property
    def _suite(self) -> Suite:
        return self._provider.suite(DEFAULT_CIPHER_SUITE)

    @property
    def is_changed(self) -> bool:
        """Whether the row is another than it was."""
        return self.row is not self._saved_row

    def spoke(self, at: Millis) -> None:
        """Something was said in it."""
        if at > self.row.last_at:
            self.row = replace(self.row, last_at=at)

    def save(self) -> None:
        """Keep what has changed."""
        if self.is_changed:
            self._store.conversations.put(self.row)
        if self._epoch is not None and self._epoch is not self._saved_epoch:
            self._store.epochs.put(self._epoch)
        if self._group is not None and self._group is not self._saved_group:
            save_group(self._store, self.number, before=self._saved_group, after=self._group)
            self._session.groups[self.number] = self._group
