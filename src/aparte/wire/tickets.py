"""Tickets: what an account may spend on the anonymous side (docs/design.md §4.3)."""

from __future__ import annotations

from typing import Annotated

from aparte.codec import encode_vector
from aparte.wire import fields as f
from aparte.wire.layout import U8, U32, Opaque, Text, encode, structure
from aparte.wire.limits import MAX_HOST_NAME

__all__ = ["TICKET_VERSION", "Ticket", "TicketBody", "ticket_statement"]

TICKET_VERSION = 1
_TICKET = encode_vector(b"aparte/1 ticket")


@structure
class TicketBody:
    """What the issuer signs: for which host and what, until the end of which day; the nonce is spent once."""

    version: Annotated[int, U8]
    issuer: Annotated[str, Text(MAX_HOST_NAME)]
    acceptor: Annotated[str, Text(MAX_HOST_NAME)]
    kind: f.TicketKind
    day: Annotated[int, U32]
    nonce: Annotated[bytes, Opaque(16)]


@structure
class Ticket:
    """A `TicketBody` and its issuer's signature by the ticket key that `/.well-known/aparte` names."""

    version: Annotated[int, U8]
    issuer: Annotated[str, Text(MAX_HOST_NAME)]
    acceptor: Annotated[str, Text(MAX_HOST_NAME)]
    kind: f.TicketKind
    day: Annotated[int, U32]
    nonce: Annotated[bytes, Opaque(16)]
    signature: f.Signature

    @property
    def body(self) -> TicketBody:
        """All but the signature."""
        return TicketBody(self.version, self.issuer, self.acceptor, self.kind, self.day, self.nonce)


def ticket_statement(body: TicketBody) -> bytes:
    """What the ticket key signs: label<V>, TicketBody."""
    return _TICKET + encode(body)
