"""A request's turn: what it is decided against, and who asks."""

from __future__ import annotations

from typing import Final

from aparte.server.links import Link, Standing
from aparte.server.opening import day_of
from aparte.server.step import Refusal
from aparte.server.store import Transaction
from aparte.server.store.accounts import AccountRow, AccountStore
from aparte.wire import ErrorCode
from aparte.wire.ids import Millis

__all__ = ["MOST", "Turn"]

#: The largest number that a store takes; what a client means by a larger one is "all".
MOST: Final = (1 << 63) - 1


class Turn:
    """One request of a batch: its transaction, its link, its time."""

    __slots__ = ("day", "link", "now", "store", "transaction")

    def __init__(self, transaction: Transaction, link: Link, *, now: Millis) -> None:
        self.transaction = transaction
        self.store: AccountStore = transaction.accounts()
        self.link = link
        self.now = now
        self.day = day_of(now)

    def standing(self) -> Standing:
        """The device that the link has proved. Raises `Refusal` if none."""
        if self.link.standing is None:
            raise Refusal(ErrorCode.WRONG_STATE, "the link has proved no device")
        return self.link.standing

    def account(self) -> AccountRow:
        """The account of that device. Raises `Refusal`."""
        account = self.store.directory.find(self.standing().account_id)
        if account is None:
            raise Refusal(ErrorCode.WRONG_STATE, "the account is not there any more")
        return account
