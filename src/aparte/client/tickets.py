"""Tickets (docs/protocol/identity.md): taken from one's own host in batches, so that none is seen to be spent."""

from __future__ import annotations

from typing import Any, Final

from aparte.client.lines import Line
from aparte.client.store.rows import TicketRow
from aparte.client.work import Work
from aparte.codec import DecodeError
from aparte.wire import account_frames as a
from aparte.wire import layout_of
from aparte.wire.ids import TicketKind
from aparte.wire.link_frames import Problem
from aparte.wire.tickets import Ticket

__all__ = ["pump_tickets", "take_ticket"]

#: Of each kind for one's own host: when fewer are left, so many more are taken.
_FEW: Final = 4
_BATCH: Final = {TicketKind.CREATE_LOG: 8, TicketKind.FETCH_KEY_PACKAGES: 16, TicketKind.KNOCK: 16}
#: Of those for another host, which are taken when one is needed.
_BATCH_ELSEWHERE: Final = 4


def take_ticket(work: Work, acceptor: str, *, kind: TicketKind) -> bytes | None:
    """A ticket to be spent. None if there is none: more are asked for, and whoever needs it asks again then."""
    found = work.store.tickets.take(acceptor, kind, today=work.today)
    if found is None:
        work.session.tickets_wanted.add((acceptor, kind))
        return None
    return found.ticket


def pump_tickets(work: Work, line: Line) -> None:
    """On an identity link that is proven: take what is needed, and what may be needed."""
    session, state = work.session, work.session.line(line)
    if session.tickets_seen != work.today:
        session.tickets_seen = work.today
        work.store.tickets.expire(work.today)
        own = {(line.host, kind) for kind in _BATCH}
        session.tickets_wanted |= {each for each in own if work.store.tickets.count(*each, today=work.today + 1) < _FEW}
    for acceptor, kind in tuple(session.tickets_wanted):
        errand = ("tickets", acceptor, kind)
        if errand not in state.under_way and not work.waits(errand):
            _ask(work, line, acceptor=acceptor, kind=kind)


def _ask(work: Work, line: Line, *, acceptor: str, kind: TicketKind) -> None:
    errand = ("tickets", acceptor, kind)
    count = _BATCH[kind] if acceptor == line.host else _BATCH_ELSEWHERE

    work.session.line(line).under_way.add(errand)

    def given(later: Work, answer: Any) -> None:
        later.session.line(line).under_way.discard(errand)
        match answer:
            case a.Tickets() if answer.tickets:
                for issued in answer.tickets:
                    _keep(later, issued.ticket, acceptor=acceptor, kind=kind)
                later.session.tickets_wanted.discard((acceptor, kind))
                later.done(errand)
            case Problem() | a.Tickets():
                later.later(errand, answer.wait if isinstance(answer, Problem) else 0)
            case _:
                later.hang_up(line, "the host answered something else than what it was asked")

    work.request(line, lambda number: a.GetTickets(number, acceptor, kind, count), then=given)


def _keep(work: Work, encoded: bytes, *, acceptor: str, kind: TicketKind) -> None:
    try:
        ticket = layout_of(Ticket).decode(encoded)
    except DecodeError:
        return
    if (ticket.acceptor, ticket.kind) == (acceptor, kind):
        work.store.tickets.put(TicketRow(encoded, acceptor, kind, ticket.day))
