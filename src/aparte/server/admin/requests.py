"""What an operator may ask of a host, and what comes back. The same whether the host runs or not.

An account is named by its name, or by `id:` and its id in hex, as not every account has a name.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

__all__ = [
    "ANSWERS",
    "PAGE",
    "REQUESTS",
    "AccountPurged",
    "Answer",
    "BackupMade",
    "CertificateStatus",
    "ExpiredPurged",
    "GetStatus",
    "Invited",
    "ListUsers",
    "MakeBackup",
    "MakeInvite",
    "NameReleased",
    "PurgeAccount",
    "PurgeExpired",
    "Quota",
    "ReleaseName",
    "Request",
    "SetSuspended",
    "ShowQuota",
    "Status",
    "Suspension",
    "TicketQuota",
    "User",
    "Users",
]

#: Accounts in one answer.
PAGE: Final = 500


@dataclass(frozen=True, slots=True)
class GetStatus:
    """How the host is."""


@dataclass(frozen=True, slots=True)
class CertificateStatus:
    """Moments as YYYY-MM-DDTHH:MM:SSZ. `ends` is None if there is none that can be read."""

    ends: str | None
    #: Since that certificate: when the latest try to get another failed, and why.
    failed_at: str | None
    failure: str | None


@dataclass(frozen=True, slots=True)
class Status:
    """Sizes in bytes. What only a running host knows is None otherwise. Names nobody."""

    version: str
    is_running: bool
    host: str | None
    schema: int
    incarnation: str | None
    uptime_seconds: int | None
    links: int | None
    logs: int
    entries: int
    accounts: int
    devices: int
    blobs: int
    database_bytes: int
    wal_bytes: int
    blob_bytes: int
    free_bytes: int
    #: In words, because the disk is nearly full.
    refused: str | None
    #: Files, and so links, that the host may have open at once.
    open_files: int | None
    #: None if the host does not encrypt by itself.
    certificate: CertificateStatus | None


@dataclass(frozen=True, slots=True)
class ListUsers:
    """A page of accounts in the order in which they came; `after` is 0, or what the page before said."""

    after: int


@dataclass(frozen=True, slots=True)
class User:
    """An account. `name` is empty if it has none, `deletes_on` None unless it is to be deleted."""

    name: str
    account_id: str
    created_on: str
    devices: int
    is_operator: bool
    is_suspended: bool
    deletes_on: str | None


@dataclass(frozen=True, slots=True)
class Users:
    """`after` is None on the last page."""

    users: tuple[User, ...]
    after: int | None


@dataclass(frozen=True, slots=True)
class MakeInvite:
    """A code to sign up with: for so many accounts, until the end of the day in so many days."""

    uses: int
    days: int


@dataclass(frozen=True, slots=True)
class Invited:
    """The code is shown this once: the host keeps only its hash. No link if the host's name is not known."""

    code: str
    link: str | None
    uses: int
    expires_on: str


@dataclass(frozen=True, slots=True)
class SetSuspended:
    """Suspend an account, or let it be used again."""

    account: str
    is_suspended: bool


@dataclass(frozen=True, slots=True)
class Suspension:
    """How the account stands now; `has_changed` is false if it already did."""

    account: str
    is_suspended: bool
    has_changed: bool


@dataclass(frozen=True, slots=True)
class ReleaseName:
    """Let anybody have a name that rests; with `takes`, take a name in use from its account: then it rests."""

    name: str
    takes: bool


@dataclass(frozen=True, slots=True)
class NameReleased:
    """`rests_until` is None if anybody may take the name now."""

    name: str
    rests_until: str | None


@dataclass(frozen=True, slots=True)
class ShowQuota:
    """The tickets that an account may have today."""

    account: str


@dataclass(frozen=True, slots=True)
class TicketQuota:
    """Tickets of one kind: had today, and allowed a day."""

    kind: str
    issued: int
    daily: int


@dataclass(frozen=True, slots=True)
class Quota:
    """Allowances are the same for all accounts."""

    account: str
    tickets: tuple[TicketQuota, ...]


@dataclass(frozen=True, slots=True)
class PurgeExpired:
    """Forget now what the sweeps would forget in time; if the clock has leapt, only with `trusts_clock`."""

    trusts_clock: bool


@dataclass(frozen=True, slots=True)
class ExpiredPurged:
    """How much it was: entries touched, rows about accounts, blobs and uploads."""

    entries: int
    account_rows: int
    blobs: int
    uploads: int


@dataclass(frozen=True, slots=True)
class PurgeAccount:
    """Delete an account at once."""

    account: str


@dataclass(frozen=True, slots=True)
class AccountPurged:
    """`name` rests from now on; empty if there was none."""

    account: str
    name: str
    devices: int


@dataclass(frozen=True, slots=True)
class MakeBackup:
    """A consistent copy in a new folder; an absolute path, as the host sees it."""

    destination: str


@dataclass(frozen=True, slots=True)
class BackupMade:
    """`lost_blobs`: the index names them, and their files are not there. Look at the disk."""

    destination: str
    database_bytes: int
    blobs: int
    blob_bytes: int
    linked_blobs: int
    lost_blobs: int


Request = (
    GetStatus
    | ListUsers
    | MakeInvite
    | SetSuspended
    | ReleaseName
    | ShowQuota
    | PurgeExpired
    | PurgeAccount
    | MakeBackup
)
Answer = Status | Users | Invited | Suspension | NameReleased | Quota | ExpiredPurged | AccountPurged | BackupMade

#: What a request is called on the control socket.
REQUESTS: Final[Mapping[str, type[Request]]] = MappingProxyType(
    {
        "status": GetStatus,
        "users": ListUsers,
        "invite": MakeInvite,
        "suspend": SetSuspended,
        "release-name": ReleaseName,
        "quota": ShowQuota,
        "purge-expired": PurgeExpired,
        "purge-account": PurgeAccount,
        "backup": MakeBackup,
    }
)

ANSWERS: Final[Mapping[type[Request], type[Answer]]] = MappingProxyType(
    {
        GetStatus: Status,
        ListUsers: Users,
        MakeInvite: Invited,
        SetSuspended: Suspension,
        ReleaseName: NameReleased,
        ShowQuota: Quota,
        PurgeExpired: ExpiredPurged,
        PurgeAccount: AccountPurged,
        MakeBackup: BackupMade,
    }
)
