"""The store's interface. One contract suite (`tests/contracts/store_contract.py`) tells what each method promises.

Whoever decides holds a `Transaction`: what it reads is as of now, its own writes included, and nobody else writes
meanwhile. What it writes is durable once `Store.transaction()` has been left without an error, and not there at all
after one. A `Reader` sees what is durable, on a thread of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, NewType, Protocol

from aparte.server.store.accounts import AccountsReader, AccountStore
from aparte.wire.ids import Chain, EntryKind, Idem, Incarnation, LogId, Millis, Node, Seq

__all__ = [
    "EntryRow",
    "LogHead",
    "LogKey",
    "NodeState",
    "Pruned",
    "Reader",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreRefused",
    "Transaction",
]

#: What a store calls a log; it means nothing outside of that store.
LogKey = NewType("LogKey", int)


class StoreError(Exception):
    """The store could not read or write. The transaction left nothing behind; trying again later may work."""


class StoreFull(StoreError):
    """The disk is full."""


class StoreRefused(StoreError):
    """What was to be written breaks a rule of the store: a fault of whoever decided. Other writes may go well."""


class EntryRow(NamedTuple):
    """One entry as it is kept. `body` is None when pruned, or when only the head was asked for."""

    seq: Seq
    at: Millis
    node: Node
    kind: EntryKind
    idem: Idem
    next_epoch_key: bytes
    chain: Chain
    body_hash: bytes
    body_length: int
    body: bytes | None


class LogHead(NamedTuple):
    """A log and its last entry; before the first entry, `seq` and `node` are 0 and `chain` is chain_0."""

    key: LogKey
    log_id: LogId
    seq: Seq
    at: Millis
    chain: Chain
    node: Node
    node_at: Millis
    epoch_key: bytes


@dataclass(frozen=True, slots=True)
class NodeState:
    """A node that was: its key, its child (0 if it has none), and the last entry that its key may read."""

    epoch_key: bytes
    child: Node
    last_seq: Seq
    last_chain: Chain


class Pruned(NamedTuple):
    """A step of a sweep: how many entries were touched, and where the next step begins (None: the sweep is done)."""

    touched: int
    after: LogKey | None


class Transaction(Protocol):
    """Reading and writing for whoever decides."""

    def prefetch(self, posts: Iterable[tuple[LogId, Idem]], *, logs: Iterable[LogId] = ()) -> None:
        """Say what `head` and `posted` will be asked about, and `head` of other logs, so that it is fetched at once."""

    def head(self, log_id: LogId) -> LogHead | None:
        """The log as it is now."""

    def posted(self, log: LogKey, idem: Idem) -> EntryRow | None:
        """The entry that was posted under `idem`, without its body."""

    def node(self, log: LogKey, node: Node) -> NodeState | None:
        """A node of the log, unless it was never there or its time is over."""

    def add_log(self, log_id: LogId, *, epoch_key: bytes, retention_days: int, now: Millis) -> LogHead:
        """A new log; its id must not be in use."""

    def append(self, head: LogHead, entry: EntryRow) -> LogHead:
        """Append to the log whose head this is; returns the new head."""

    def write(self) -> None:
        """Write what was appended so far, as the end of the transaction would; it is durable then, not now."""

    def spend(self, nonce: bytes, day: int) -> bool:
        """Mark a ticket's nonce as spent until the end of `day`; False if it was already."""

    def accounts(self) -> AccountStore:
        """What is kept of accounts."""


class Reader(Protocol):
    """Reading what is durable."""

    def find_log(self, log_id: LogId) -> LogKey | None:
        """What the store calls the log."""

    def node(self, log: LogKey, node: Node) -> NodeState | None:
        """As `Transaction.node`."""

    def entries(self, log: LogKey, *, after: Seq, until: Seq, max_bytes: int) -> Sequence[EntryRow]:
        """Entries with `after` < seq <= `until` in order, as many as fit, at least one if there is one.

        An entry's size is its body's, if that is at most 64 KiB, and 256 bytes more; a longer body stays away.
        """

    def entry(self, log: LogKey, seq: Seq) -> EntryRow | None:
        """One entry with its body."""

    def accounts(self) -> AccountsReader:
        """What is kept of accounts."""


class Store(Protocol):
    """All that a host keeps but blobs."""

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Decide and write; durable when left. One at a time. Raises `StoreError` on entering or leaving."""

    def reader(self) -> Reader:
        """A reader for the calling thread."""

    def incarnation(self, rng: Callable[[int], bytes]) -> Incarnation:
        """Which life of the store this is: made at the first call, changed by a restore."""

    def swept(self) -> Millis | None:
        """When the last sweep began, or would have."""

    def believed(self) -> Millis | None:
        """When the last sweep began whose clock was believed: it is later than that."""

    def note_sweep(self, now: Millis, *, is_believed: bool = True) -> None:
        """A sweep begins, or would if the clock were believed."""

    def prune(self, now: Millis, *, after: LogKey, limit: int) -> Pruned:
        """One step of a sweep over the logs after `after`: forget what is out of date, about `limit` entries."""

    def tidy(self) -> None:
        """Do some of what can wait, between two transactions."""

    def checkpoint(self) -> None:
        """Do some of what can be done beside the writer, in another thread. Raises `StoreError`."""

    def close(self) -> None:
        """Write back and let go of the files."""
