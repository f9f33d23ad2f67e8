"""Names: one for each account, compared in their normal form only. What was given up rests."""

from __future__ import annotations

from aparte.server.accounts.settings import MAX_RESTING, horizon
from aparte.server.accounts.turn import Turn
from aparte.server.step import Refusal, Send, done
from aparte.server.store.accounts import NEVER, AccountRef, NameRow
from aparte.trust import Name, NameRefused, normalize_name
from aparte.wire import ErrorCode
from aparte.wire.account_frames import ReleaseName, TakeName

__all__ = ["free_for", "release_name", "take_name"]


def free_for(turn: Turn, text: str, *, account: AccountRef | None, is_operator: bool) -> Name:
    """The name that was meant, if the account (None: a new one) may have it. Raises `Refusal`."""
    try:
        name = normalize_name(text, allow_reserved=is_operator)
    except NameRefused as error:
        raise Refusal(ErrorCode.NAME_REFUSED, str(error)) from error
    row = turn.store.directory.name(name)
    is_own = row is not None and account is not None and row.owner == account
    if row is not None and not is_own and not _has_rested(row, turn.day):
        raise Refusal(ErrorCode.NAME_TAKEN)
    return name


def take_name(turn: Turn, frame: TakeName) -> list[Send]:
    """A name instead of the one before. Raises `Refusal`."""
    account, directory = turn.account(), turn.store.directory
    name = free_for(turn, frame.name, account=account.ref, is_operator=account.is_operator)
    if name != account.name:
        row = directory.name(name)
        takes_back = row is not None and row.owner == account.ref
        if not takes_back and directory.resting(account.ref) >= MAX_RESTING:
            raise Refusal(ErrorCode.QUOTA_EXCEEDED, "too many of the account's names rest already")
        if account.name:
            directory.free_name(account.name, turn.day)
        directory.give_name(name, account.ref)
    return [done(turn.link, frame.request)]


def release_name(turn: Turn, frame: ReleaseName) -> list[Send]:
    """No name any more."""
    account = turn.account()
    if account.name:
        turn.store.directory.free_name(account.name, turn.day)
    return [done(turn.link, frame.request)]


def _has_rested(row: NameRow, day: int) -> bool:
    return row.freed_day != NEVER and row.freed_day < horizon(day).rested
