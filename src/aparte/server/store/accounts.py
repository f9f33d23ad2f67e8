"""What a store keeps of accounts: one interface for each subject, used inside a `Transaction`, and one for reading.

The rules of `api` hold here as well. `tests/contracts/accounts_contract.py` tells what each method promises. What
the methods are given has been decided and checked: a store looks up, writes, and forgets.

A day is a number of days since 1970-01-01, UTC. Nothing here has a finer time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, NewType, Protocol

from aparte.wire.ids import AccountId, DeviceId, Idem, InboxSeq, Lane, TicketKind

__all__ = [
    "NEVER",
    "AccountRef",
    "AccountRow",
    "AccountStore",
    "AccountsReader",
    "Device",
    "DeviceRef",
    "Devices",
    "Directory",
    "FoundAccount",
    "GivenPackage",
    "Horizon",
    "Inboxes",
    "Invite",
    "KeyPackages",
    "NameRow",
    "ReadItem",
    "StockCount",
]

#: What a store calls an account and a device; they mean nothing outside of that store.
AccountRef = NewType("AccountRef", int)
DeviceRef = NewType("DeviceRef", int)
#: The day of what is not to happen.
NEVER = 0


class AccountRow(NamedTuple):
    """An account; `name` is empty if it has none, `deletion_day` is NEVER unless it is to be deleted."""

    ref: AccountRef
    account_id: AccountId
    genesis: bytes
    name: str
    is_operator: bool
    is_suspended: bool
    deletion_day: int


class NameRow(NamedTuple):
    """Whose a name is (`freed_day` is NEVER), or was until that day. The owner is None if it was deleted."""

    owner: AccountRef | None
    freed_day: int


class Invite(NamedTuple):
    """What a code to sign up is good for."""

    uses_left: int
    expires_day: int
    is_operator: bool


class Device(NamedTuple):
    """A device that its account's manifest lists, and the number of the last item that came into its inbox."""

    ref: DeviceRef
    inbox_head: InboxSeq


class StockCount(NamedTuple):
    """The key packages that a device could be added by, today."""

    key_packages: int
    has_last_resort: bool


class GivenPackage(NamedTuple):
    """A key package as its device published it."""

    key_package: bytes
    is_last_resort: bool


class ReadItem(NamedTuple):
    """An item of an inbox, and the day on which it came."""

    seq: InboxSeq
    lane: Lane
    day: int
    item: bytes


class FoundAccount(NamedTuple):
    """What anybody may know of an account that is not suspended."""

    name: str
    genesis: bytes
    manifest: bytes


@dataclass(frozen=True, slots=True)
class Horizon:
    """Up to when things are kept: what is of an earlier day is forgotten."""

    #: Names that rest, and accounts that were deleted.
    rested: int
    #: Items that nobody fetched; the ids of items that somebody did.
    waiting: int
    fetched: int
    #: Key packages, invites, allowances.
    today: int


class Directory(Protocol):
    """Accounts, their names, and who may make one."""

    def find(self, account_id: AccountId) -> AccountRow | None:
        """The account as it is now."""

    def add(self, account_id: AccountId, genesis: bytes, *, is_operator: bool, day: int) -> AccountRef:
        """A new account; its id must not be in use."""

    def has_operator(self) -> bool:
        """Whether some account is the operator's."""

    def suspend(self, account: AccountRef, *, is_suspended: bool) -> None:
        """Suspend an account, or let it be used again."""

    def set_deletion(self, account: AccountRef, day: int) -> None:
        """When the account is to be deleted; NEVER takes that back."""

    def due(self, day: int, *, limit: int) -> Sequence[AccountId]:
        """Accounts that were to be deleted by this day."""

    def erase(self, account: AccountRef, day: int) -> None:
        """Forget all of an account. Its names rest from `day` on, and nobody's any more; H(its id) stays as long."""

    def was_deleted(self, account_id: AccountId) -> bool:
        """Whether an account of this id was erased, and that was not yet forgotten."""

    def name(self, name: str) -> NameRow | None:
        """Whose a name is, or was. None: nobody's for long."""

    def resting(self, account: AccountRef) -> int:
        """How many names rest that were the account's."""

    def give_name(self, name: str, account: AccountRef) -> None:
        """The name is the account's, whoever had it; the account must have no other."""

    def free_name(self, name: str, day: int) -> None:
        """The name rests from this day on."""

    def forget_name(self, name: str) -> bool:
        """A name that rests is free for anybody, at once. False if it does not rest."""

    def invite(self, code_hash: bytes) -> Invite | None:
        """What a code is good for."""

    def add_invite(self, code_hash: bytes, invite: Invite) -> None:
        """A new code."""

    def use_invite(self, code_hash: bytes) -> None:
        """One use less; the code is forgotten with its last."""

    def forget_operator_invites(self) -> None:
        """No code makes an operator any more."""

    def issued(self, account: AccountRef, kind: TicketKind, *, day: int) -> int:
        """How many tickets of this kind the account was given on this day."""

    def issue(self, account: AccountRef, kind: TicketKind, *, day: int, count: int) -> None:
        """Count some more."""

    def forget(self, horizon: Horizon, *, limit: int) -> int:
        """Forget what is out of date, of all subjects, about `limit` rows; how many it was."""


class Devices(Protocol):
    """The manifests of accounts, and the devices that the last of them lists."""

    def manifest(self, account: AccountRef) -> bytes:
        """The newest."""

    def first_manifest(self, account: AccountRef) -> bytes:
        """The oldest that is kept: with it the current generation began."""

    def manifest_sizes(self, account: AccountRef) -> tuple[int, int]:
        """How many manifests there are since the current generation began, and how many bytes they take."""

    def add_manifest(self, account: AccountRef, manifest: bytes, *, n: int) -> None:
        """One that follows the newest."""

    def begin_generation(self, account: AccountRef, manifest: bytes) -> None:
        """One with n = 0, in place of all that there are."""

    def listed(self, account: AccountRef) -> Mapping[DeviceId, Device]:
        """All devices of an account, in the order of their ids."""

    def find(self, account: AccountRef, device_id: DeviceId) -> Device | None:
        """One device."""

    def add(self, account: AccountRef, device_id: DeviceId) -> DeviceRef:
        """A device with an empty inbox."""

    def remove(self, device: DeviceRef) -> None:
        """Forget a device with its inbox and its key packages. Nobody finds them; `forget` erases what is much."""


class KeyPackages(Protocol):
    """What devices can be added to groups by."""

    def stock(self, device: DeviceRef, day: int) -> StockCount:
        """Those that have not expired by `day`."""

    def knows(self, device: DeviceRef, key_package: bytes) -> bool:
        """Whether it is there, or was until it was given out or replaced, and has not been forgotten."""

    def add(self, device: DeviceRef, key_package: bytes, *, expires_day: int, is_last_resort: bool) -> None:
        """One more, which is not known yet. One of last resort takes the place of another."""

    def take(self, device: DeviceRef, day: int) -> GivenPackage | None:
        """The oldest of the stock that has not expired by `day`; it is not there any more, but known."""

    def last_resort(self, device: DeviceRef, day: int) -> GivenPackage | None:
        """The one of last resort, if it has not expired by `day`; it stays."""


class Inboxes(Protocol):
    """Sealed items for devices, and the capabilities to drop them."""

    def knows(self, device: DeviceRef, item_id: Idem) -> bool:
        """Whether an item of this id is there, or was acknowledged and has not been forgotten."""

    def waiting(self, device: DeviceRef, lane: Lane) -> int:
        """How many items of a lane were not acknowledged."""

    def add(self, device: DeviceRef, lane: Lane, *, item_id: Idem, item: bytes, day: int) -> InboxSeq:
        """Put in an item; its number is one more than the last that the inbox ever had."""

    def acknowledge(self, device: DeviceRef, up_to: InboxSeq, *, day: int) -> None:
        """Forget items up to this number, but for their ids."""

    def set_capabilities(self, account: AccountRef, lane: Lane, *, hashes: Iterable[bytes]) -> None:
        """Those that open a lane of the account's inboxes, in place of the others."""

    def is_capability(self, account: AccountRef, lane: Lane, *, hashed: bytes) -> bool:
        """Whether the capability with this hash opens the lane."""


@dataclass(frozen=True, slots=True)
class AccountStore:
    """A transaction's view of accounts, subject by subject."""

    directory: Directory
    devices: Devices
    packages: KeyPackages
    inboxes: Inboxes


class AccountsReader(Protocol):
    """Reading what is durable of accounts. Those that are suspended are not there."""

    def by_name(self, name: str) -> FoundAccount | None:
        """The account that has this name now."""

    def by_id(self, account_id: AccountId) -> FoundAccount | None:
        """The account of this id."""

    def manifests(self, account_id: AccountId, *, from_n: int, max_bytes: int) -> Sequence[tuple[int, bytes]]:
        """(n, manifest) since the current generation began, from `from_n` on, in order.

        As many as fit, at least one if there is one.
        """

    def items(
        self, account_id: AccountId, device_id: DeviceId, *, after: InboxSeq, most: int, max_bytes: int
    ) -> Sequence[ReadItem]:
        """Items of a device's inbox after a number, in order: as many as fit, at least one if there is one.

        At most so many, however small. An item's size is its own and 64 bytes more.
        """
