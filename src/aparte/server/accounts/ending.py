"""The end of accounts: at once by root, after seven days by a device, for a while by the operator."""

from __future__ import annotations

from aparte.crypto import CryptoError
from aparte.server.accounts.presence import Presence
from aparte.server.accounts.settings import DAY, DELETION_DAYS, ROOT_PROOFS, AccountSettings, horizon
from aparte.server.accounts.turn import Turn
from aparte.server.opening import day_of
from aparte.server.pace import Paces
from aparte.server.step import Refusal, Send, answer, done
from aparte.server.store import Transaction
from aparte.server.store.accounts import NEVER, AccountRef, AccountRow, AccountStore
from aparte.trust import Genesis
from aparte.wire import ErrorCode
from aparte.wire.account_frames import CancelDeletion, DeleteAccount, DeletionAt
from aparte.wire.ids import AccountId, Millis
from aparte.wire.statements import deletion_statement

__all__ = ["Ending"]


class Ending:
    """Deletes and suspends."""

    def __init__(self, settings: AccountSettings, presence: Presence) -> None:
        self._settings = settings
        self._presence = presence
        self._root_proofs = Paces[AccountRef](ROOT_PROOFS)

    def delete(self, turn: Turn, frame: DeleteAccount) -> list[Send]:
        """At once if root signed, otherwise later; a repeat does not put it off. Raises `Refusal`."""
        account = turn.account()
        if frame.root_signature:
            self._require_root(turn, account, signature=frame.root_signature)
            self._erase(turn.store, account, day=turn.day)
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

    def suspend(self, transaction: Transaction, account_id: AccountId, *, is_suspended: bool) -> bool:
        """Suspend an account, or let it be used again; False if there is none."""
        store = transaction.accounts()
        account = store.directory.find(account_id)
        if account is None:
            return False
        store.directory.suspend(account.ref, is_suspended=is_suspended)
        if is_suspended:
            self._expel(store, account)
        return True

    def sweep(self, transaction: Transaction, now: Millis, *, limit: int) -> int:
        """One step: delete an account whose day has come, and forget about `limit` rows; 0 when all is done."""
        store, day = transaction.accounts(), day_of(now)
        touched = 0
        for account_id in store.directory.due(day, limit=1):  # one at a time: its inboxes may be long
            account = store.directory.find(account_id)
            if account is not None:
                self._erase(store, account, day=day)
                touched += 1
        return touched + store.directory.forget(horizon(day), limit=limit)

    def _erase(self, store: AccountStore, account: AccountRow, *, day: int) -> None:
        self._expel(store, account)
        store.directory.erase(account.ref, day)

    def _expel(self, store: AccountStore, account: AccountRow) -> None:
        for device in store.devices.listed(account.ref).values():
            self._presence.expel(device.ref)

    def _require_root(self, turn: Turn, account: AccountRow, *, signature: bytes) -> None:
        if wait := self._root_proofs.admit(account.ref, turn.now):
            raise Refusal(ErrorCode.RATE_LIMITED, "too many tries", wait=wait)
        statement = deletion_statement(self._settings.host, turn.link.nonce, account_id=account.account_id)
        try:
            self._settings.suite.verify(Genesis.decode(account.genesis).root_key, statement, signature)
        except CryptoError as error:
            raise Refusal(ErrorCode.REFUSED, "root has not signed for this link") from error
