"""This device's inbox, and others': fetched when something came; dropped into, by requests that tell nothing more."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from aparte.client.joining import take_item
from aparte.client.lines import Line
from aparte.client.store.rows import DropRow
from aparte.client.tickets import take_ticket
from aparte.client.work import Work
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.ids import InboxSeq, Lane, Request, TicketKind
from aparte.wire.link_frames import Done, Problem

__all__ = ["inbox_arrived", "pump_drops", "pump_inbox"]

_R: Final = Request(1)
_FETCHING: Final = "inbox"
#: The account or its device is gone: nobody will ever take it.
_FINAL: Final = frozenset({ErrorCode.NOT_FOUND, ErrorCode.TOO_LARGE, ErrorCode.REFUSED})


def inbox_arrived(work: Work, head: InboxSeq) -> None:
    """The host has items up to `head`."""
    work.session.inbox_head = max(work.session.inbox_head, head)


def pump_inbox(work: Work, line: Line) -> None:
    """On an identity link that is proven: fetch what came."""
    state, account = work.session.line(line), work.account
    if work.session.inbox_head <= account.inbox_seq or _FETCHING in state.under_way:
        return
    if work.now < state.not_before.get(_FETCHING, 0):
        return
    state.under_way.add(_FETCHING)

    def fetched(later: Work, answer: Any) -> None:
        later.session.line(line).under_way.discard(_FETCHING)
        match answer:
            case a.InboxItems():
                _take(later, line, answer=answer)
            case Problem():
                later.wait(line, _FETCHING, problem=answer)
            case _:
                later.hang_up(line, "the host answered something else than what it was asked")

    work.request(line, lambda number: a.FetchInbox(number, account.inbox_seq), then=fetched)


def _take(work: Work, line: Line, *, answer: a.InboxItems) -> None:
    """Everything that came is on disk together with the word that it is: the host may forget it."""
    seq = work.account.inbox_seq
    for item in answer.items:
        if item.seq > seq:
            take_item(work, item.item, lane=item.lane)
            seq = item.seq
    if not answer.more:
        seq = max(seq, work.session.inbox_head)
    work.keep_account(replace(work.account, inbox_seq=seq))
    work.request(line, lambda number: a.AckInbox(number, seq), then=lambda *_: None)


# -------------------------------------------------------------------------------------------------- others'


def pump_drops(work: Work) -> None:
    """Send what is due."""
    session = work.session
    if not session.may_have_drops:
        return
    rows = work.store.drops.everything()
    session.may_have_drops = bool(rows)
    for row in rows:
        errand = ("drop", row.item_id)
        if work.now < row.due:
            session.errands.put_off(errand, row.due)
        elif (row.proof or (row := _with_ticket(work, row)).proof) and work.begin(errand):
            _drop(work, row)


def _with_ticket(work: Work, row: DropRow) -> DropRow:
    ticket = take_ticket(work, row.host, kind=TicketKind.KNOCK) if row.lane is Lane.REQUEST else None
    if ticket is None:
        return row
    row = replace(row, proof=ticket)
    work.store.drops.put(row)
    return row


def _drop(work: Work, row: DropRow) -> None:
    errand = ("drop", row.item_id)

    def dropped(later: Work, answer: Any) -> None:
        match answer:
            case Done():
                later.done(errand)
                later.store.drops.remove(row.item_id)
            case Problem() if answer.code in {ErrorCode.TICKET_REFUSED, ErrorCode.TICKET_SPENT}:
                later.store.drops.put(replace(row, proof=b""))
                later.later(errand, answer.wait)
            case Problem() if answer.code in _FINAL:
                later.done(errand)
                later.store.drops.remove(row.item_id)
                log = later.log(row.conversation)
                log.row = replace(log.row, trouble="an invitation could not be delivered: the device is gone")
            case Problem():
                later.later(errand, answer.wait)
            case _:
                later.later(errand)

    frame = a.Drop(_R, row.account_id, row.device_id, row.lane, row.item_id, row.proof, row.item)
    work.ask(errand, row.host, frame=frame, then=dropped)
