"""Tickets on their way in: whether this host takes one, judged before any transaction, and its nonce spent within."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from hashlib import sha256
from typing import Final, NamedTuple, assert_never

from aparte.codec import DecodeError, encode_vector
from aparte.server.opening import Verify, day_of
from aparte.server.pace import Pace, Paces
from aparte.server.step import Refusal
from aparte.server.store import Transaction
from aparte.wire import ErrorCode, layout_of
from aparte.wire.ids import Millis, TicketKind
from aparte.wire.tickets import TICKET_VERSION, Ticket, ticket_statement

__all__ = [
    "FOREIGN_TICKETS",
    "Acquaintance",
    "ForeignBudget",
    "Issuer",
    "JudgedTicket",
    "TicketJudge",
    "Unsigned",
    "family_of",
    "read_ticket",
]

_DAY: Final = 86_400_000
#: Tickets of one other host that are taken: 1,000 a day. And of all strangers together, and of all regulars.
FOREIGN_TICKETS: Final = Pace(interval=_DAY // 1_000, burst=500)
_ALL_STRANGERS: Final = Pace(interval=_DAY // 50_000, burst=5_000)
_ALL_REGULARS: Final = Pace(interval=_DAY // 500_000, burst=50_000)
#: Names below one registered name cost nothing: together they have the budgets of so many hosts.
_FAMILY: Final = 4
#: Tickets that are remembered as counted, in case that the store failed to spend them: many batches' worth.
_COUNTED: Final = 8_192
#: Days after today that another host's ticket may be good for: a nonce is remembered as long. Clocks differ.
_LONGEST: Final = 2


class Acquaintance(Enum):
    """How well another host is known."""

    STRANGER = "stranger"
    #: For a day.
    REGULAR = "regular"
    #: The operator has named it.
    NAMED = "named"


def family_of(issuer: str) -> str:
    """The name that was registered, as far as that can be told without a list: two labels, three as in `a.co.uk`."""
    labels = issuer.partition(":")[0].split(".")
    is_under_country = len(labels[-1]) == 2 and len(labels[-2:][0]) <= 3
    return ".".join(labels[-3:] if is_under_country else labels[-2:])


class ForeignBudget:
    """How many tickets of other hosts are taken. They count when they are spent: what is only shown costs nobody.

    A host is its name without the port, which costs nothing; those that the operator has named wait for nobody else.
    """

    def __init__(self, each: Pace = FOREIGN_TICKETS) -> None:
        self._of = Paces[str](each)
        self._families = Paces[str](Pace(each.interval / _FAMILY, each.burst * _FAMILY))
        self._strangers = Paces[None](_ALL_STRANGERS)
        self._regulars = Paces[None](_ALL_REGULARS)
        self._counted: dict[bytes, None] = {}

    def require(self, issuer: str, now: Millis, *, known: Acquaintance = Acquaintance.STRANGER) -> None:
        """Raises `Refusal` if no more are taken now."""
        name, all_such = issuer.partition(":")[0], self._all(known)
        wait = self._of.wait(issuer if all_such is None else name, now)
        if all_such is not None:
            wait = max(wait, self._families.wait(family_of(name), now), all_such.wait(None, now))
        if wait:
            raise Refusal(ErrorCode.RATE_LIMITED, "too many tickets of other hosts", wait=wait)

    def take(self, issuer: str, now: Millis, *, known: Acquaintance = Acquaintance.STRANGER) -> None:
        """One was spent."""
        name, all_such = issuer.partition(":")[0], self._all(known)
        self._of.take(issuer if all_such is None else name, now)
        if all_such is not None:
            self._families.take(family_of(name), now)
            all_such.take(None, now)

    def spend(self, transaction: Transaction, ticket: JudgedTicket, *, claim: _Claim) -> None:
        """Spend a ticket, and count it once, however often the store fails before it is spent. Raises `Refusal`."""
        is_counted = ticket.nonce in self._counted
        if not is_counted:
            self.require(claim.issuer, claim.now, known=claim.known)
        if not transaction.spend(ticket.nonce, ticket.day):
            raise Refusal(ErrorCode.TICKET_SPENT)
        if not is_counted:
            self.take(claim.issuer, claim.now, known=claim.known)
            self._counted[ticket.nonce] = None
            if len(self._counted) > _COUNTED:
                del self._counted[next(iter(self._counted))]

    def _all(self, known: Acquaintance) -> Paces[None] | None:
        """Those with which it counts together."""
        match known:
            case Acquaintance.STRANGER:
                return self._strangers
            case Acquaintance.REGULAR:
                return self._regulars
            case Acquaintance.NAMED:
                return None
            case _:
                assert_never(known)


class Issuer(NamedTuple):
    """Another host: the key that it signs its tickets with, and the budget that they count in."""

    key: bytes
    budget: ForeignBudget
    known: Acquaintance = Acquaintance.STRANGER


class _Claim(NamedTuple):
    """On whose budget a ticket is."""

    budget: ForeignBudget
    issuer: str
    now: Millis
    known: Acquaintance = Acquaintance.STRANGER


@dataclass(frozen=True, slots=True)
class JudgedTicket:
    """A ticket whose signature, host, kind and day are right; whether it was spent, only the store knows."""

    nonce: bytes
    day: int
    #: None: the host's own, which were counted when they were issued.
    claim: _Claim | None = None

    def spend(self, transaction: Transaction) -> None:
        """Take it. Raises `Refusal` if it was taken before, or if no more of its issuer's are taken now."""
        if self.claim is not None:
            self.claim.budget.spend(transaction, self, claim=self.claim)
        elif not transaction.spend(self.nonce, self.day):
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
        return replace(judged, claim=_Claim(issuer.budget, ticket.issuer, now, issuer.known))
