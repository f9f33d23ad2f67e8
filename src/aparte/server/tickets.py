"""Tickets on their way in: whether this host takes one, judged before any transaction, and its nonce spent within."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256

from aparte.codec import DecodeError, encode_vector
from aparte.server.opening import Verify, day_of
from aparte.server.step import Refusal
from aparte.server.store import Transaction
from aparte.wire import ErrorCode, layout_of
from aparte.wire.ids import Millis, TicketKind
from aparte.wire.tickets import TICKET_VERSION, Ticket, ticket_statement

__all__ = ["JudgedTicket", "TicketJudge", "read_ticket"]


@dataclass(frozen=True, slots=True)
class JudgedTicket:
    """A ticket whose signature, host, kind and day are right; whether it was spent, only the store knows."""

    nonce: bytes
    day: int

    def spend(self, transaction: Transaction) -> None:
        """Take it. Raises `Refusal` if it was taken before."""
        if not transaction.spend(self.nonce, self.day):
            raise Refusal(ErrorCode.TICKET_SPENT)


def read_ticket(data: bytes) -> Ticket:
    """The ticket in these bytes. Raises `Refusal`."""
    try:
        ticket = layout_of(Ticket).decode(data)
    except DecodeError as error:
        raise Refusal(ErrorCode.TICKET_REFUSED, f"not a ticket: {error.problem}") from error
    if ticket.version != TICKET_VERSION:
        raise Refusal(ErrorCode.TICKET_REFUSED, f"a ticket of version {ticket.version}")
    return ticket


class TicketJudge:
    """Decides whether a host takes a ticket."""

    def __init__(self, host: str, *, verify: Verify) -> None:
        self._host = host
        self._verify = verify

    def judge(self, ticket: Ticket, kind: TicketKind, *, issuer_key: bytes, now: Millis) -> JudgedTicket:
        """For `kind`, today. Raises `Refusal`."""
        if ticket.acceptor != self._host:
            raise Refusal(ErrorCode.TICKET_REFUSED, "a ticket for another host")
        if ticket.kind is not kind:
            raise Refusal(ErrorCode.TICKET_REFUSED, f"a ticket to {ticket.kind.name}")
        if ticket.day < day_of(now):
            raise Refusal(ErrorCode.TICKET_REFUSED, "a ticket of the past")
        if not self._verify(issuer_key, ticket_statement(ticket.body), ticket.signature):
            raise Refusal(ErrorCode.TICKET_REFUSED, "the issuer did not sign it")
        # Nonces are the issuer's own: no other issuer can spend them.
        nonce = sha256(encode_vector(ticket.issuer.encode()) + ticket.nonce).digest()[:16]
        return JudgedTicket(nonce, ticket.day)
