"""What an operator may set about accounts, what the host lends its core for them, and the limits of the protocol."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import MappingProxyType
from typing import Final

from aparte.crypto import Suite
from aparte.server.pace import Pace
from aparte.server.store.accounts import Horizon
from aparte.wire.ids import Lane, TicketKind

__all__ = [
    "DAY",
    "DELETION_DAYS",
    "DROPS",
    "FETCHES",
    "LANE_LIMITS",
    "MANIFESTS",
    "MAX_HISTORY",
    "MAX_LIFETIME",
    "MAX_RESTING",
    "MAX_STOCK",
    "PUTS",
    "REST_DAYS",
    "ROOT_PROOFS",
    "WAITING_DAYS",
    "AccountSettings",
    "SignUpPolicy",
    "TicketPolicy",
    "horizon",
]

#: Milliseconds.
DAY: Final = 86_400_000
#: Names that are given up, and ids of accounts that were deleted.
REST_DAYS: Final = 180
#: Whole days until an account is deleted that root did not sign away.
DELETION_DAYS: Final = 7
#: Items that nobody fetches, and the ids of those that were.
WAITING_DAYS: Final = 30
_FETCHED_DAYS: Final = 7
#: Names of one account that may rest before it takes another.
MAX_RESTING: Final = 3
#: Key packages of a device, besides the one of last resort; and days until they expire.
MAX_STOCK: Final = 100
MAX_LIFETIME: Final = 180
#: Bytes of an account's manifests since its generation began.
MAX_HISTORY: Final = 1024 * 1024
#: Items that wait in a lane of a device's inbox.
LANE_LIMITS: Final[Mapping[Lane, int]] = MappingProxyType({Lane.CONTACT: 1_000, Lane.INVITE: 200, Lane.REQUEST: 50})

#: Manifests of an account: 20 a day. Each costs a signature check while everybody waits.
MANIFESTS: Final = Pace(interval=DAY // 20, burst=20)
#: Tries to delete an account at once: each costs a signature check as well.
ROOT_PROOFS: Final = Pace(interval=DAY // 20, burst=5)
#: Key packages that a device may add: about 300 a day. The host remembers each of them until it expires.
PUTS: Final = Pace(interval=DAY // 300, burst=300)
#: Key packages that anybody may have of an account's stock: 200 an hour. Beyond that there is the last resort.
FETCHES: Final = Pace(interval=DAY // 24 // 200, burst=200)
#: Items that a lane of an inbox takes beyond what it holds: one a minute. Their ids are remembered for days.
DROPS: Final[Mapping[Lane, Pace]] = MappingProxyType(
    {lane: Pace(interval=60_000, burst=limit) for lane, limit in LANE_LIMITS.items()}
)


class SignUpPolicy(Enum):
    """Who may make an account here."""

    OPEN = "open"
    INVITE = "invite"
    CLOSED = "closed"


_DAILY: Final[Mapping[TicketKind, int]] = MappingProxyType(
    {
        TicketKind.CREATE_LOG: 50,
        TicketKind.FETCH_KEY_PACKAGES: 200,
        TicketKind.KNOCK: 50,
        TicketKind.UPLOAD_BLOB: 200,
    }
)


@dataclass(frozen=True, slots=True)
class TicketPolicy:
    """How many tickets an account may have a day."""

    daily: Mapping[TicketKind, int] = field(default_factory=lambda: _DAILY)


@dataclass(frozen=True, slots=True)
class AccountSettings:
    """Under which name, by whose rules and with which means a host serves accounts."""

    host: str
    #: Checks what accounts sign; its signatures are Ed25519.
    suite: Suite = field(repr=False)
    sign_up: SignUpPolicy = SignUpPolicy.INVITE
    tickets: TicketPolicy = field(default_factory=TicketPolicy)


def horizon(day: int) -> Horizon:
    """Up to when things are kept, if today is this day."""
    return Horizon(rested=day - REST_DAYS, waiting=day - WAITING_DAYS, fetched=day - _FETCHED_DAYS, today=day)
