"""Everything that is decided about accounts: one place that knows which frame goes where."""

from __future__ import annotations

from typing import assert_never

from aparte.server.accounts import ending, naming
from aparte.server.accounts.access import Access
from aparte.server.accounts.allowance import Issuing
from aparte.server.accounts.delivery import InboxDelivery
from aparte.server.accounts.judging import (
    JudgedAccountFrame,
    JudgedDrop,
    JudgedFetch,
    JudgedGetTickets,
    JudgedManifest,
    JudgedProve,
    JudgedSignUp,
)
from aparte.server.accounts.manifests import Publishing
from aparte.server.accounts.presence import Presence
from aparte.server.accounts.settings import AccountSettings
from aparte.server.accounts.stock import Stocking
from aparte.server.accounts.turn import Turn
from aparte.server.journal import Journal
from aparte.server.links import Link
from aparte.server.room import Room
from aparte.server.step import Send
from aparte.server.store import Transaction
from aparte.wire.account_frames import (
    AckInbox,
    CancelDeletion,
    DeleteAccount,
    PutKeyPackages,
    ReleaseName,
    SetCapabilities,
    TakeName,
)
from aparte.wire.ids import Millis

__all__ = ["AccountFrame", "Accounts", "BareAccountFrame"]

#: Frames that need no judging.
BareAccountFrame = PutKeyPackages | AckInbox | SetCapabilities | TakeName | ReleaseName | DeleteAccount | CancelDeletion
AccountFrame = BareAccountFrame | JudgedAccountFrame


class Accounts:
    """The accounts' part of the core."""

    def __init__(self, settings: AccountSettings, journal: Journal, *, room: Room) -> None:
        self.presence = Presence(journal)
        self._access = Access(settings.sign_up, self.presence, room=room)
        self._publishing = Publishing(settings.suite, self.presence, journal=journal)
        self._stocking = Stocking(room, journal)
        self._delivery = InboxDelivery(self.presence, room=room, journal=journal)
        self._issuing = Issuing(settings.tickets)
        self._ending = ending.Ending(settings, self.presence, journal=journal)

    def decide(self, transaction: Transaction, link: Link, *, frame: AccountFrame, now: Millis) -> list[Send]:
        """Raises `Refusal`, and does so before anything is written."""
        turn = Turn(transaction, link, now=now)
        match frame:
            case JudgedSignUp():
                return self._access.sign_up(turn, frame)
            case JudgedProve():
                return self._access.prove(turn, frame)
            case JudgedManifest():
                return self._publishing.put(turn, frame)
            case JudgedFetch():
                return self._stocking.fetch(turn, frame)
            case JudgedDrop():
                return self._delivery.drop(turn, frame)
            case JudgedGetTickets():
                return self._issuing.get(turn, frame)
            case TakeName():
                return naming.take_name(turn, frame)
            case ReleaseName():
                return naming.release_name(turn, frame)
            case _:
                return self._decide_own(turn, frame)

    def _decide_own(
        self,
        turn: Turn,
        frame: PutKeyPackages | AckInbox | SetCapabilities | DeleteAccount | CancelDeletion,
    ) -> list[Send]:
        match frame:
            case PutKeyPackages():
                return self._stocking.put(turn, frame)
            case AckInbox():
                return self._delivery.acknowledge(turn, frame)
            case SetCapabilities():
                return self._delivery.set_capabilities(turn, frame)
            case DeleteAccount():
                return self._ending.delete(turn, frame)
            case CancelDeletion():
                return self._ending.cancel(turn, frame)
            case _:
                assert_never(frame)

    def sweep(self, transaction: Transaction, now: Millis, *, limit: int) -> int:
        """One step of forgetting what is out of date; how much it was, 0 when all is done."""
        return ending.sweep(transaction, now, limit=limit, presence=self.presence)

    def closed(self, link: Link) -> None:
        """The link is gone."""
        self.presence.leave(link)
