"""Tickets on their way in: whether this host takes one, judged before any transaction, and its nonce spent within."""

from __future__ import annotations

from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Final, NamedTuple

from aparte.codec import DecodeError, encode_vector
from aparte.server.opening import Verify, day_of
from aparte.server.pace import Pace, Paces
from aparte.server.step import Refusal
from aparte.server.store import Transaction
from aparte.wire import ErrorCode, layout_of
from aparte.wire.ids import Millis, TicketKind
from aparte.wire.tickets import TICKET_VERSION, Ticket, ticket_statement

__all__ = ["FOREIGN_TICKETS", "ForeignBudget", "Issuer", "JudgedTicket", "TicketJudge", "Unsigned", "read_ticket"]

_DAY: Final = 86_400_000
#: Tickets of one other host that are taken: 1,000 a day. And of all other hosts together.
FOREIGN_TICKETS: Final = Pace(interval=_DAY // 1_000, burst=500)
_ALL_FOREIGN_TICKETS: Final = Pace(interval=_DAY // 50_000, burst=5_000)
#: Days after today that another host's ticket may be good for: a nonce is remembered as long. Clocks differ.
_LONGEST: Final = 2


class ForeignBudget:
    """How many tickets of other hosts are taken. They count when they are spent: what is only shown costs nobody."""

    def __init__(self, each: Pace = FOREIGN_TICKETS) -> None:
        self._of = Paces[str](each)
        self._all = Paces[None](_ALL_FOREIGN_TICKETS)

    def require(self, issuer: str, now: Millis) -> None:
        """Raises `Refusal` if no more are taken now."""
        if wait := max(self._of.wait(issuer, now), self._all.wait(None, now)):
            raise Refusal(ErrorCode.RATE_LIMITED, "too many tickets of other hosts", wait=wait)

    def take(self, issuer: str, now: Millis) -> None:
        """One was spent."""
        self._of.take(issuer, now)
        self._all.take(None, now)


class Issuer(NamedTuple):
    """Another host: the key that it signs its tickets with, and the budget that they count in."""

    key: bytes
    budget: ForeignBudget


class _Claim(NamedTuple):
    """On whose budget a ticket is."""

    budget: ForeignBudget
    issuer: str
    now: Millis


@dataclass(frozen=True, slots=True)
class JudgedTicket:
    """A ticket whose signature, host, kind and day are right; whether it was spent, only the store knows."""

    nonce: bytes
    day: int
    #: None: the host's own, which were counted when they were issued.
    claim: _Claim | None = None

    def spend(self, transaction: Transaction) -> None:
        """Take it. Raises `Refusal` if it was taken before, or if no more of its issuer's are taken now."""
        claim = self.claim
        if claim is not None:
            claim.budget.require(claim.issuer, claim.now)
        if not transaction.spend(self.nonce, self.day):
            raise Refusal(ErrorCode.TICKET_SPENT)
        if claim is not None:
            claim.budget.take(claim.issuer, claim.now)


def read_ticket(data: bytes) -> Ticket:
    """The ticket in these bytes. Raises `Refusal`."""
    try:
        ticket = layout_of(Ticket).decode(data)
    except DecodeError as error:
        raise Refusal(ErrorCode.TICKET_REFUSED, f"not a ticket: {error.problem}") from error
    if ticket.version != TICKET_VERSION:
        raise Refusal(ErrorCode.TICKET_REFUSED, f"a ticket of version {ticket.version}")
    return ticket


class Unsigned(Refusal):
    """The ticket is not signed by the key that its issuer is known to have."""


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
            raise Unsigned(ErrorCode.TICKET_REFUSED, "the issuer did not sign it")
        # Nonces are the issuer's own: no other issuer can spend them.
        nonce = sha256(encode_vector(ticket.issuer.encode()) + ticket.nonce).digest()[:16]
        return JudgedTicket(nonce, ticket.day)

    def judge_other(self, ticket: Ticket, kind: TicketKind, *, issuer: Issuer, now: Millis) -> JudgedTicket:
        """One that another host has issued, as far as its budget goes. Raises `Refusal`."""
        if ticket.day > day_of(now) + _LONGEST:
            raise Refusal(ErrorCode.TICKET_REFUSED, "a ticket that is good for too long")
        judged = self.judge(ticket, kind, issuer_key=issuer.key, now=now)
        return replace(judged, claim=_Claim(issuer.budget, ticket.issuer, now))
