"""The engine: three verbs and one answer."""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never

from aparte.client import receiving
from aparte.client.api import Answered, Disconnect, Event, FrameArrived, LinkDown, LinkUp, Step, Unanswered
from aparte.client.commands import Command, CommandRefused, ConfirmPhrase, SignUp
from aparte.client.registration import Registration
from aparte.client.session import Session
from aparte.client.store.api import ClientStore
from aparte.client.views import View, account_view, line_view
from aparte.client.work import Work
from aparte.crypto import Provider
from aparte.wire.ids import Millis

__all__ = ["Engine"]


class Engine:
    """One device of one account. Not to be called by two threads at once.

    Whatever a verb raises, nothing of its step was kept, and the next call goes on from what is on disk; only
    `CommandRefused` leaves the links as they are.
    """

    def __init__(self, store: ClientStore, provider: Provider) -> None:
        """`provider` is the only source of randomness."""
        self._store = store
        self._provider = provider
        self._session = Session()
        self._registration = Registration()

    def handle(self, command: Command, now: Millis) -> Step:
        """Do what somebody asks. Raises `CommandRefused`, and `StoreError`."""

        def decide(work: Work) -> None:
            match command:
                case SignUp():
                    self._registration.sign_up(work, command)
                case ConfirmPhrase():
                    self._registration.confirm_phrase(work, command)
                case _:
                    assert_never(command)

        return self._step(decide, now)

    def receive(self, event: Event, now: Millis) -> Step:
        """Take what came from outside. What a host or a peer did wrong is dealt with; raises `StoreError`."""

        def decide(work: Work) -> None:
            match event:
                case LinkUp(line):
                    receiving.link_up(work, line)
                case LinkDown(line, reason):
                    receiving.link_down(work, line, reason=reason)
                case FrameArrived(line, data):
                    receiving.frame_arrived(work, line, data=data)
                case Answered() | Unanswered():
                    pass
                case _:
                    assert_never(event)

        return self._step(decide, now)

    def wake(self, now: Millis) -> Step:
        """Do what has become due. Raises `StoreError`."""
        return self._step(lambda _: None, now)

    def views(self) -> tuple[View, ...]:
        """Everything as it looks now. Raises `StoreError`."""
        with self._store.transaction() as transaction:
            row = transaction.accounts.get()
        lines = tuple(line_view(line, state) for line, state in self._session.lines.items())
        return lines if row is None else (account_view(row), *lines)

    def close(self) -> None:
        """Let go of the store."""
        self._store.close()

    def _step(self, decide: Callable[[Work], None], now: Millis) -> Step:
        try:
            with self._store.transaction() as transaction:
                work = Work(transaction, self._session, provider=self._provider, now=now)
                work.sends += map(Disconnect, sorted(self._session.strays, key=str))
                decide(work)
                self._registration.pump(work)
        except CommandRefused:
            raise
        except BaseException:
            self._session.lose()
            raise
        self._session.strays.clear()
        return Step(tuple(work.sends), work.changes, self._session.next_time())
