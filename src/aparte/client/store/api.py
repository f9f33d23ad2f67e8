"""The store interface of the engine, and the rows that cross it."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Protocol

from aparte.client.store.tables import (
    Conversations,
    Drops,
    Epochs,
    GroupPieces,
    Messages,
    Outbox,
    OwnCommits,
    Peers,
    Tickets,
)
from aparte.wire import ErrorCode
from aparte.wire.ids import AccountId, InboxSeq, Millis

__all__ = [
    "AccountRow",
    "AccountState",
    "Accounts",
    "ClientStore",
    "KeyPackageRow",
    "KeyPackages",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreInUse",
    "StoreLocked",
    "StoreNewer",
    "Transaction",
]


class StoreError(Exception):
    """The disk, or the file on it, does not do what it should; the step was not taken."""


class StoreFull(StoreError):
    """There is no room."""


class StoreInUse(StoreError):
    """Another process has it open."""


class StoreLocked(StoreError):
    """The key does not fit."""


class StoreNewer(StoreError):
    """A newer version of Aparte wrote it."""


class StoreDamaged(StoreError):
    """What stands there no version of Aparte has written."""


class AccountState(IntEnum):
    """How far the account has come with its host."""

    SIGNING_UP = 1
    READY = 2
    #: The host would not make it.
    REFUSED = 3


@dataclass(frozen=True, slots=True)
class AccountRow:
    """The account of this store and its device, with their secrets."""

    account_id: AccountId
    host: str
    name: str
    state: AccountState
    genesis: bytes
    #: The newest manifest that is known to stand.
    manifest: bytes
    #: The seed of the device's Ed25519 key, and the private key that opens its inbox.
    device_key: bytes = field(repr=False)
    inbox_key: bytes = field(repr=False)
    #: The entropy of the recovery phrase, until its owner has confirmed that it is written down.
    phrase: bytes | None = field(default=None, repr=False)
    invite: str = field(default="", repr=False)
    refused: ErrorCode | None = None
    detail: str = ""
    is_operator: bool = False
    #: Items of its inbox up to this are on this disk.
    inbox_seq: InboxSeq = InboxSeq(0)  # noqa: RUF009 - a number


@dataclass(frozen=True, slots=True)
class KeyPackageRow:
    """A key package of this device that may come back in a Welcome."""

    reference: bytes
    #: `mls.encode_key_package_secrets`.
    secrets: bytes = field(repr=False)
    expires: Millis
    is_last_resort: bool
    #: Whether the host has said that it holds it.
    is_published: bool = False


class Accounts(Protocol):
    """The one account of a store."""

    def get(self) -> AccountRow | None:
        """The account; None before there is one."""

    def put(self, row: AccountRow) -> None:
        """Keep it as it is now."""


class KeyPackages(Protocol):
    """Own key packages, by reference."""

    def add(self, rows: Sequence[KeyPackageRow]) -> None:
        """Keep them; their references are new."""

    def unpublished(self) -> Sequence[KeyPackageRow]:
        """Those of which the host has not said that it holds them, oldest first."""

    def published(self, references: Sequence[bytes]) -> None:
        """The host holds these."""

    def find(self, reference: bytes) -> KeyPackageRow | None:
        """The package, unless it is gone."""

    def remove(self, reference: bytes) -> None:
        """Its keys were used: nobody may use them again."""

    def expire(self, now: Millis) -> int:
        """Remove those that nobody may use any more; how many."""


class Transaction(Protocol):
    """What one step reads and writes."""

    @property
    def accounts(self) -> Accounts:
        """The account."""

    @property
    def key_packages(self) -> KeyPackages:
        """Its key packages."""

    @property
    def peers(self) -> Peers:
        """Other accounts."""

    @property
    def conversations(self) -> Conversations:
        """Conversations."""

    @property
    def epochs(self) -> Epochs:
        """Where this device stands in their logs."""

    @property
    def pieces(self) -> GroupPieces:
        """Their MLS groups."""

    @property
    def own_commits(self) -> OwnCommits:
        """Commits of one's own on their way."""

    @property
    def messages(self) -> Messages:
        """What was said."""

    @property
    def outbox(self) -> Outbox:
        """What is to be posted."""

    @property
    def drops(self) -> Drops:
        """What is to be dropped into inboxes."""

    @property
    def tickets(self) -> Tickets:
        """Tickets."""

    def pending(self) -> int:
        """How many messages, drops and commits wait, and conversations are being begun."""


class ClientStore(Protocol):
    """All that an engine knows."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Everything in it becomes durable together when it is left, or nothing does. Raises `StoreError`."""

    def close(self) -> None:
        """Let go of it."""
