"""The end of accounts: at once by root, after seven days by a device, for a while by the operator."""

from __future__ import annotations

from aparte.crypto import CryptoError
from aparte.server.accounts.paces import JournaledPaces
from aparte.server.accounts.presence import Presence
from aparte.server.accounts.settings import DAY, DELETION_DAYS, ROOT_PROOFS, AccountSettings, horizon
from aparte.server.accounts.turn import Turn
from aparte.server.journal import Journal
from aparte.server.opening import day_of
from aparte.server.step import Refusal, Send, answer, done
from aparte.server.store import Transaction
from aparte.server.store.accounts import NEVER, AccountRef, AccountRow, AccountStore
from aparte.trust import Genesis
from aparte.wire import ErrorCode
from aparte.wire.account_frames import CancelDeletion, DeleteAccount, DeletionAt
from aparte.wire.ids import AccountId, Millis
from aparte.wire.statements import deletion_statement

__all__ = ["Ending", "erase", "suspend", "sweep"]


class Ending:
    """Deletes, on request."""

    def __init__(self, settings: AccountSettings, presence: Presence, *, journal: Journal) -> None:
        self._settings = settings
        self._presence = presence
        self._root_proofs = JournaledPaces[AccountRef](ROOT_PROOFS, journal)

    def delete(self, turn: Turn, frame: DeleteAccount) -> list[Send]:
        """At once if root signed, otherwise later; a repeat does not put it off. Raises `Refusal`."""
        account = turn.account()
        if frame.root_signature:
            self._require_root(turn, account, signature=frame.root_signature)
            erase(turn.transaction, account.account_id, day=turn.day, presence=self._presence)
            return [answer(turn.link, DeletionAt(frame.request, turn.now))]
        day = account.deletion_day
        if day == NEVER:
            day = turn.day + DELETION_DAYS + 1  # the next midnight after seven whole days
            turn.store.directory.set_deletion(account.ref, day)
        return [answer(turn.link, DeletionAt(frame.request, Millis(day * DAY)))]

    def cancel(self, turn: Turn, frame: CancelDeletion) -> list[Send]:
        """Keep the account after all."""
        account = turn.account()
        if account.deletion_day != NEVER:
            turn.store.directory.set_deletion(account.ref, NEVER)
        return [done(turn.link, frame.request)]

    def _require_root(self, turn: Turn, account: AccountRow, *, signature: bytes) -> None:
        if wait := self._root_proofs.admit(account.ref, turn.now):
            raise Refusal(ErrorCode.RATE_LIMITED, "too many tries", wait=wait)
        statement = deletion_statement(self._settings.host, turn.link.nonce, account_id=account.account_id)
        try:
            self._settings.suite.verify(Genesis.decode(account.genesis).root_key, statement, signature)
        except CryptoError as error:
            raise Refusal(ErrorCode.REFUSED, "root has not signed for this link") from error


def suspend(transaction: Transaction, account_id: AccountId, *, is_suspended: bool, presence: Presence) -> bool:
    """Suspend an account, or let it be used again; False if there is none."""
    store = transaction.accounts()
    account = store.directory.find(account_id)
    if account is None:
        return False
    store.directory.suspend(account.ref, is_suspended=is_suspended)
    if is_suspended:
        _expel(store, account.ref, presence=presence)
    return True


def erase(transaction: Transaction, account_id: AccountId, *, day: int, presence: Presence) -> bool:
    """Delete an account; False if there is none."""
    store = transaction.accounts()
    account = store.directory.find(account_id)
    if account is None:
        return False
    _expel(store, account.ref, presence=presence)
    store.directory.erase(account.ref, day)
    return True


def sweep(transaction: Transaction, now: Millis, *, limit: int, presence: Presence) -> int:
    """One step: delete an account whose day has come, and forget about `limit` rows; 0 when all is done."""
    directory, day = transaction.accounts().directory, day_of(now)
    due = directory.due(day, limit=1)  # one at a time: its inboxes may be long
    for account_id in due:
        erase(transaction, account_id, day=day, presence=presence)
    return len(due) + directory.forget(horizon(day), limit=limit)


def _expel(store: AccountStore, account: AccountRef, *, presence: Presence) -> None:
    """The links of the account's devices stand for nobody any more."""
    for device in store.devices.listed(account).values():
        presence.expel(device.ref)
