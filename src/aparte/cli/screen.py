"""What an engine shows, kept by its changes; and waiting for something to be shown."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeVar

from aparte.client import Engine
from aparte.client.api import Change
from aparte.client.commands import Command
from aparte.client.views import AccountView, ConversationView, LineView, MessageView, PeerView, View, key_of
from aparte.content import ConversationId
from aparte.drivers.asyncio_ws import Driver
from aparte.wire.ids import AccountId

__all__ = ["Screen"]

T = TypeVar("T")
V = TypeVar("V", bound=View)


class Screen:
    """Everything but messages, as it looks now; and messages that came since."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self.driver: Driver | None = None
        #: Set when nothing more will happen.
        self.is_over = asyncio.Event()
        self._views: dict[tuple[type[View], bytes], View] = {}
        self._has_changed = asyncio.Event()
        self._listeners: list[Callable[[MessageView], None]] = []
        for view in engine.views():
            self._views[type(view), key_of(view)] = view

    def takes(self, changes: tuple[Change, ...]) -> None:
        """What looks different now."""
        for kind, key, view in changes:
            if isinstance(view, MessageView):
                for listener in self._listeners:
                    listener(view)
            elif view is None:
                self._views.pop((kind, key), None)
            else:
                self._views[kind, key] = view
        self._has_changed.set()

    def do(self, command: Command) -> tuple[Change, ...]:
        """Give the engine a command. Raises `CommandRefused` and `StoreError`."""
        if self.driver is None:
            raise ValueError("nothing drives the engine")
        return self.driver.do(command)

    def listen(self, listener: Callable[[MessageView], None]) -> None:
        """Tell of every message that is new or looks different."""
        self._listeners.append(listener)

    def of(self, kind: type[V]) -> list[V]:
        """All that is shown of a kind."""
        return [view for view in self._views.values() if isinstance(view, kind)]

    @property
    def account(self) -> AccountView | None:
        """The account."""
        return next(iter(self.of(AccountView)), None)

    def conversation(self, conversation_id: ConversationId) -> ConversationView | None:
        """A conversation by its id."""
        return next((each for each in self.of(ConversationView) if each.conversation_id == conversation_id), None)

    def name_of(self, account_id: AccountId | None) -> str:
        """`name@host`, or the id of an account that no host has vouched for."""
        if account_id is None:
            return ""
        account = self.account
        if account is not None and account.account_id == account_id:
            return f"{account.name}@{account.host}"
        found = next((each.address for each in self.of(PeerView) if each.account_id == account_id), "")
        return found or account_id.hex()

    def trouble(self) -> str:
        """Why links are down, if some are."""
        return "; ".join(sorted({line.trouble for line in self.of(LineView) if line.trouble and not line.is_online}))

    async def until(self, found: Callable[[], T | None], *, seconds: float) -> T | None:
        """Wait until there is something, at most so long; None if there was nothing, or nothing more will come."""
        try:
            async with asyncio.timeout(seconds):
                while (value := found()) is None and not self.is_over.is_set():
                    self._has_changed.clear()
                    waits = [asyncio.ensure_future(each.wait()) for each in (self._has_changed, self.is_over)]
                    try:
                        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED, timeout=0.2)
                    finally:
                        for each in waits:
                            each.cancel()
                return value
        except TimeoutError:
            return found()
