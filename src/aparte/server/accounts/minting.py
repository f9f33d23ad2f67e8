"""Tickets, signed before anybody has counted them, so that nobody waits for the store meanwhile (see `allowance`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

from aparte.server.opening import day_of
from aparte.server.step import Refusal
from aparte.wire import ErrorCode, encode
from aparte.wire.account_frames import GetTickets, IssuedTicket
from aparte.wire.ids import Millis
from aparte.wire.limits import MAX_TICKETS
from aparte.wire.tickets import TICKET_VERSION, Ticket, TicketBody, ticket_statement

__all__ = ["Minting"]

_NONCE_LENGTH: Final = 16
#: A ticket is good for the rest of today and all of tomorrow.
_DAYS: Final = 1
#: docs/protocol/README.md, Hosts: lower case, a port if it is not 443.
_HOST_NAME: Final = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?(:[0-9]{1,5})?")


class Minting:
    """Signs with the host's ticket key. What is not given out nobody has seen."""

    def __init__(
        self,
        host: str,
        *,
        sign: Callable[[bytes], bytes],
        rng: Callable[[int], bytes],
        clock: Callable[[], Millis],
    ) -> None:
        self._host = host
        self._sign = sign
        self._rng = rng
        self._clock = clock

    def tickets(self, frame: GetTickets) -> tuple[IssuedTicket, ...]:
        """As many as were asked for, or go into a frame. Raises `Refusal`."""
        if not _HOST_NAME.fullmatch(frame.acceptor):
            raise Refusal(ErrorCode.REFUSED, "not the name of a host")
        until = day_of(self._clock()) + _DAYS
        return tuple(self._ticket(frame, until) for _ in range(min(frame.count, MAX_TICKETS)))

    def _ticket(self, frame: GetTickets, until: int) -> IssuedTicket:
        fields = (TICKET_VERSION, self._host, frame.acceptor, frame.kind, until, self._rng(_NONCE_LENGTH))
        return IssuedTicket(encode(Ticket(*fields, self._sign(ticket_statement(TicketBody(*fields))))))
