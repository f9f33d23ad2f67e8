"""Tickets: each account gets so many a day, and spends them where nobody asks for its name."""

from __future__ import annotations

import re
from typing import Final

from aparte.server.accounts.settings import AccountSettings
from aparte.server.accounts.turn import Turn
from aparte.server.step import Refusal, Send, answer
from aparte.wire import ErrorCode, encode
from aparte.wire.account_frames import GetTickets, IssuedTicket, Tickets
from aparte.wire.limits import MAX_TICKETS
from aparte.wire.tickets import TICKET_VERSION, Ticket, TicketBody, ticket_statement

__all__ = ["Issuing"]

_NONCE_LENGTH: Final = 16
#: A ticket is good for the rest of today and all of tomorrow.
_DAYS: Final = 1
#: docs/protocol/README.md, Hosts: lower case, a port if it is not 443.
_HOST_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


class Issuing:
    """Gives out tickets. How many is counted; which they are is not kept."""

    def __init__(self, settings: AccountSettings) -> None:
        self._settings = settings

    def get(self, turn: Turn, frame: GetTickets) -> list[Send]:
        """As many as were asked for and may be had. Raises `Refusal`."""
        standing, directory = turn.standing(), turn.store.directory
        if not _HOST_NAME.fullmatch(frame.acceptor):
            raise Refusal(ErrorCode.REFUSED, "not the name of a host")
        had = directory.issued(standing.account, frame.kind, day=turn.day)
        left = max(0, self._settings.tickets.daily.get(frame.kind, 0) - had)
        if frame.count and not left:
            raise Refusal(ErrorCode.QUOTA_EXCEEDED, f"no more tickets to {frame.kind.name} today")
        count = min(frame.count, left, MAX_TICKETS)
        tickets = tuple(self._ticket(turn, frame) for _ in range(count))
        if count:
            directory.issue(standing.account, frame.kind, day=turn.day, count=count)
        return [answer(turn.link, Tickets(frame.request, left - count, tickets))]

    def _ticket(self, turn: Turn, frame: GetTickets) -> IssuedTicket:
        nonce = self._settings.rng(_NONCE_LENGTH)
        fields = (TICKET_VERSION, self._settings.host, frame.acceptor, frame.kind, turn.day + _DAYS, nonce)
        signature = self._settings.sign(ticket_statement(TicketBody(*fields)))
        return IssuedTicket(encode(Ticket(*fields, signature)))
