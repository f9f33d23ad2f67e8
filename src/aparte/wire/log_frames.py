"""Frames of the anonymous link: logs and their entries (docs/design.md §4.2)."""

from __future__ import annotations

from enum import IntEnum
from typing import Annotated

from aparte.wire import fields as f
from aparte.wire.entries import NO_KEY, Entry, Pass
from aparte.wire.frames import frame
from aparte.wire.ids import EntryKind
from aparte.wire.layout import Choice, ListOf, Maybe, Nested, Vector, structure
from aparte.wire.limits import (
    MAX_COMMIT,
    MAX_ENTRIES_PAGE,
    MAX_EPHEMERAL,
    MAX_OPEN_ITEMS,
    MAX_RETENTION_DAYS,
    MAX_TICKET,
)

__all__ = [
    "Accepted",
    "Busy",
    "CheckReceipt",
    "Close",
    "Create",
    "Created",
    "Delivered",
    "Entries",
    "EpochProof",
    "FetchEntry",
    "Fetched",
    "Lagged",
    "Open",
    "OpenItem",
    "OpenStatus",
    "Opened",
    "OpenedItem",
    "Passed",
    "Post",
    "Read",
    "ReceiptChecked",
    "Stale",
]


@frame(0x01)
class Create:
    """Begin a log. A repeat with the same key is answered as the first was, and costs no second ticket.

    `retention_days` is how long messages stay (1 to 90); commits and the stubs of messages stay 180 days.
    """

    request: f.Request
    log_id: f.LogId
    epoch_key: f.PublicKey
    retention_days: f.Days
    ticket: Annotated[bytes, Vector(MAX_TICKET)]

    def __post_init__(self) -> None:
        if not 1 <= self.retention_days <= MAX_RETENTION_DAYS:
            raise ValueError(f"retention of {self.retention_days} days: 1 to {MAX_RETENTION_DAYS} are allowed")


@frame(0x91)
class Created:
    """The log exists. `chain` is chain_0."""

    request: f.Request
    chain: f.Chain


@structure
class EpochProof:
    """Possession of a node's key: its signature over the statement of `open_statement`."""

    epoch_key: f.PublicKey
    signature: f.Signature


@structure
class OpenItem:
    """One node of one log, with a pass or a proof, never both. `after_seq` is what the client has read up to."""

    log_id: f.LogId
    node: f.Node
    after_seq: f.Seq
    pass_: Annotated[Pass | None, Maybe(Nested(Pass))]
    proof: Annotated[EpochProof | None, Maybe(Nested(EpochProof))]

    def __post_init__(self) -> None:
        if (self.pass_ is None) == (self.proof is None):
            raise ValueError("a node is opened by a pass or by a proof")


@frame(0x02)
class Open:
    """Open nodes: posts under them are taken from this link, and what is appended to them is delivered to it.

    With `only_news`, nodes without anything after `after_seq` are left out of the answer, unless their pass should be
    renewed (it ends in three days or sooner).
    """

    request: f.Request
    only_news: f.Flag
    items: Annotated[tuple[OpenItem, ...], ListOf(OpenItem, MAX_OPEN_ITEMS)]


class OpenStatus(IntEnum):
    """How the opening of one node went."""

    #: Opened: live until a commit ends the node.
    LIVE = 1
    #: The node has a child: it can be read, up to the commit that ended it, and nothing will be added.
    ENDED = 2
    #: The host knows no such log, or no such node in it.
    NOT_FOUND = 3
    #: Pass or proof do not fit.
    REFUSED = 4
    #: This link has as many open nodes as a link may have.
    TOO_MANY = 5


@structure
class OpenedItem:
    """`head_seq` and `chain` are those of the last entry that this node's key can read.

    `child` is the node that follows if ENDED. All but log and node are zero unless LIVE or ENDED.
    """

    log_id: f.LogId
    node: f.Node
    status: Annotated[OpenStatus, Choice(OpenStatus)]
    head_seq: f.Seq
    child: f.Node
    chain: f.Chain
    pass_: Annotated[Pass, Nested(Pass)]


@frame(0x92)
class Opened:
    """Answers `Open`, item for item in the order of the request."""

    request: f.Request
    items: Annotated[tuple[OpenedItem, ...], ListOf(OpenedItem, MAX_OPEN_ITEMS)]


@frame(0x03)
class Read:
    """Entries after `after_seq` that `node`'s key can read: its own, and the commit that ends it.

    The answer has at most `max_bytes` of entries, and at least one if there is one.
    """

    request: f.Request
    log_id: f.LogId
    node: f.Node
    after_seq: f.Seq
    max_bytes: f.Length
    pass_: Annotated[Pass, Nested(Pass)]


@frame(0x93)
class Entries:
    """Answers `Read`. `more` says that further entries follow the last of these."""

    request: f.Request
    log_id: f.LogId
    more: f.Flag
    entries: Annotated[tuple[Entry, ...], ListOf(Entry, MAX_ENTRIES_PAGE // 256)]


@frame(0x04)
class Post:
    """Append to a log, or, if EPHEMERAL, only pass on to those who are there.

    Without `pass` the link must have opened the node. `idem` is looked up before anything else is judged.
    `next_epoch_key` is the key of the node that a COMMIT makes, and 32 zero bytes in anything else.
    A body longer than 64 KiB, which only a commit may have, goes over HTTP.
    """

    request: f.Request
    log_id: f.LogId
    node: f.Node
    idem: f.Idem
    kind: f.EntryKind
    next_epoch_key: f.PublicKey
    pass_: Annotated[Pass | None, Maybe(Nested(Pass))]
    body: Annotated[bytes, Vector(MAX_COMMIT)]

    def __post_init__(self) -> None:
        if (self.kind is EntryKind.COMMIT) == (self.next_epoch_key == NO_KEY):
            raise ValueError("a commit, and nothing else, has a next epoch key")


@frame(0x94)
class Accepted:
    """The post is entry `seq`, durably. `body_hash` is of the body that was posted first under this `idem`.

    The poster gets this instead of a `Delivered`.
    """

    request: f.Request
    seq: f.Seq
    at: f.Millis
    node: f.Node
    chain: f.Chain
    body_hash: f.Hash
    receipt: f.Receipt


@frame(0x95)
class Stale:
    """The post came under a node that has ended; `child` is the node that follows it."""

    request: f.Request
    child: f.Node


@frame(0x96)
class Busy:
    """The log takes no such post yet: try again after `wait`."""

    request: f.Request
    wait: f.Wait


@frame(0x97)
class Delivered:
    """A new entry of a node that this link has opened."""

    log_id: f.LogId
    entry: Annotated[Entry, Nested(Entry)]


@frame(0x98)
class Passed:
    """An ephemeral body of a node that this link has opened. Nothing of it is kept."""

    log_id: f.LogId
    node: f.Node
    body: Annotated[bytes, Vector(MAX_EPHEMERAL)]


@frame(0x99)
class Lagged:
    """The link was too slow: entries up to `seq` may not have been delivered. Read them; delivery goes on after it."""

    log_id: f.LogId
    seq: f.Seq


@frame(0x05)
class Close:
    """Deliver nothing more of this log on this link. Answered by `Done`."""

    request: f.Request
    log_id: f.LogId


@frame(0x06)
class FetchEntry:
    """One entry with its body, however long. Over HTTP only."""

    request: f.Request
    log_id: f.LogId
    node: f.Node
    seq: f.Seq
    pass_: Annotated[Pass, Nested(Pass)]


@frame(0x9A)
class Fetched:
    """Answers `FetchEntry`. The entry's form is WHOLE, or PRUNED."""

    request: f.Request
    entry: Annotated[Entry, Nested(Entry)]


@frame(0x07)
class CheckReceipt:
    """Ask whether this host gave a receipt. Needs no log to be opened, nor to exist any more."""

    request: f.Request
    log_id: f.LogId
    seq: f.Seq
    at: f.Millis
    node: f.Node
    kind: f.EntryKind
    idem: f.Idem
    next_epoch_key: f.PublicKey
    body_hash: f.Hash
    receipt: f.Receipt


@frame(0x9B)
class ReceiptChecked:
    """Whether the receipt is this host's, for exactly these values."""

    request: f.Request
    genuine: f.Flag
