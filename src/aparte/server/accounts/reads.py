"""Reading about accounts: what changes nothing, and so needs no place in the writer's queue."""

from __future__ import annotations

from typing import assert_never

from aparte.server.accounts.settings import DAY
from aparte.server.accounts.turn import MOST
from aparte.server.links import Link
from aparte.server.step import Refusal
from aparte.server.store import Reader
from aparte.server.store.accounts import FoundAccount
from aparte.trust import NameRefused, normalize_name
from aparte.wire import ErrorCode
from aparte.wire.account_frames import (
    FetchInbox,
    FetchManifests,
    Found,
    InboxItem,
    InboxItems,
    LookUpAccount,
    LookUpName,
    Manifests,
    SignedManifest,
)
from aparte.wire.ids import InboxSeq, Millis, Request
from aparte.wire.limits import MAX_INBOX_PAGE, MAX_MANIFESTS_PAGE

__all__ = ["AccountQuestion", "answer_question"]

AccountQuestion = LookUpName | LookUpAccount | FetchManifests | FetchInbox
AccountAnswer = Found | Manifests | InboxItems

#: Items to a page.
_PAGE = 64


def answer_question(reader: Reader, link: Link, *, frame: AccountQuestion) -> AccountAnswer:
    """The answer, from what is durable. Raises `Refusal`."""
    match frame:
        case LookUpName():
            return _look_up_name(reader, frame)
        case LookUpAccount():
            return _found(reader.accounts().by_id(frame.account_id), frame.request)
        case FetchManifests():
            return _manifests(reader, frame)
        case FetchInbox():
            return _inbox(reader, link, frame=frame)
        case _:
            assert_never(frame)


def _look_up_name(reader: Reader, frame: LookUpName) -> Found:
    try:
        name = normalize_name(frame.name, allow_reserved=True)
    except NameRefused as error:
        raise Refusal(ErrorCode.NAME_REFUSED, str(error)) from error
    return _found(reader.accounts().by_name(name), frame.request)


def _found(account: FoundAccount | None, request: Request) -> Found:
    if account is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such account")
    return Found(request, *account)


def _manifests(reader: Reader, frame: FetchManifests) -> Manifests:
    accounts, account_id = reader.accounts(), frame.account_id
    rows = accounts.manifests(account_id, from_n=frame.from_n, max_bytes=MAX_MANIFESTS_PAGE)
    if not rows and accounts.by_id(account_id) is None:
        raise Refusal(ErrorCode.NOT_FOUND, "no such account")
    more = bool(rows) and bool(accounts.manifests(account_id, from_n=rows[-1][0] + 1, max_bytes=0))
    return Manifests(frame.request, more, tuple(SignedManifest(manifest) for _, manifest in rows))


def _inbox(reader: Reader, link: Link, *, frame: FetchInbox) -> InboxItems:
    standing = link.standing
    if standing is None:
        raise Refusal(ErrorCode.WRONG_STATE, "the link has proved no device")
    whose = standing.account_id, standing.device_id
    accounts, after = reader.accounts(), InboxSeq(min(frame.after, MOST))
    rows = accounts.items(*whose, after=after, most=_PAGE, max_bytes=MAX_INBOX_PAGE)
    more = bool(rows) and bool(accounts.items(*whose, after=rows[-1].seq, most=1, max_bytes=0))
    items = tuple(InboxItem(row.seq, row.lane, Millis(row.day * DAY), row.item) for row in rows)
    return InboxItems(frame.request, more, items)
