"""Whether the host can take one more blob. Pure: the figures come in, and a refusal goes out.

A full disk refuses blobs first; the log, which needs little, goes on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address
from typing import Final, TypeAlias

from aparte.server.blobs.errors import Refusal, Refused
from aparte.server.blobs.index import Unfinished
from aparte.server.blobs.limits import Limits

__all__ = ["Admission", "SpendTicket", "address_key", "require_disk", "require_room"]

_SOON: Final = 60
_LATER: Final = 3600


@dataclass(frozen=True, slots=True)
class Admission:
    """What a spent ticket has paid for."""

    #: The longest retention.
    keep_days: int


#: `spend_ticket(ticket, size, now)`: mark the ticket as used, durably, and say what it pays for. Raises `Refused`
#: with TICKET_REFUSED, TICKET_SPENT or QUOTA. Called in the index's thread.
SpendTicket: TypeAlias = Callable[[bytes, int, int], Admission]


def require_disk(free: int, limits: Limits) -> None:
    """Enough is free to go on writing what was admitted. Raises `Refused`."""
    if free < limits.free_bytes:
        raise Refused(Refusal.DISK_FULL, "the host's disk is nearly full; blobs wait", retry_after=_LATER)


def require_room(unfinished: Unfinished, size: int, *, free: int, limits: Limits) -> None:
    """Room for `size` more bytes beside what other uploads may still send. Raises `Refused`."""
    require_disk(free - unfinished.missing - size, limits)
    if unfinished.count >= limits.unfinished_count or unfinished.missing + size > limits.unfinished_bytes:
        raise Refused(Refusal.OVERLOADED, "the host has as many unfinished uploads as it may", retry_after=_SOON)


def address_key(address: str) -> str:
    """What counts as one address: an IPv6 customer has a /64 at the least, and may use all of it."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if not isinstance(parsed, IPv6Address):
        return address
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return parsed.packed[:8].hex()
