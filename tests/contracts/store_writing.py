"""What the store contract writes: logs as a host would write them, with right seqs, nodes and chains."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from typing import Any

from aparte.server.store import EntryRow, LogHead, LogKey, Store, Transaction
from aparte.wire import encode
from aparte.wire.entries import NO_KEY, EntryHead, body_hash, next_chain
from aparte.wire.ids import EntryKind, Idem, LogId, Millis, Node, Seq

START = Millis(1_800_000_000_000)
DAY = 86_400_000

OpenStore = Callable[[], Store]


class TakenBack(Exception):
    """Raised inside a transaction, so that it leaves nothing."""


def log_id(name: str) -> LogId:
    return LogId(sha256(b"log " + name.encode()).digest()[:16])


def idem(name: object) -> Idem:
    return Idem(sha256(b"idem %r" % (name,)).digest()[:16])


def node_key(name: str, seq: int = 0) -> bytes:
    """The epoch key of a node."""
    return sha256(b"key %s %d" % (name.encode(), seq)).digest()


def begin(transaction: Transaction, name: str, *, days: int = 30, at: int = START) -> LogHead:
    """A new log."""
    return transaction.add_log(log_id(name), epoch_key=node_key(name), retention_days=days, now=Millis(at))


def row(head: LogHead, body: bytes, *, at: int | None = None, **changes: Any) -> EntryRow:
    """The entry that would come next: a message, unless `kind` says otherwise."""
    kind = changes.get("kind", EntryKind.APP)
    key = NO_KEY if kind is EntryKind.APP else sha256(b"%d" % head.seq + head.log_id).digest()
    seq, when = Seq(head.seq + 1), Millis(head.at if at is None else at)
    name = changes.get("idem", idem((head.log_id, seq)))
    encoded = encode(EntryHead(seq, when, head.node, kind, name, key))
    chain = next_chain(head.chain, head.log_id, head=encoded, body=body_hash(body))
    made = EntryRow(seq, when, head.node, kind, name, key, chain, body_hash(body), len(body), body)
    return made._replace(**changes)


def write(transaction: Transaction, name: str, *bodies: bytes, at: int | None = None, **changes: Any) -> LogHead:
    """Append messages, or what `kind` says, to a log that was begun."""
    head = known(transaction, name)
    for body in bodies:
        head = transaction.append(head, row(head, body, at=at, **changes))
    return head


def known(transaction: Transaction, name: str) -> LogHead:
    """The head of a log that must be there."""
    head = transaction.head(log_id(name))
    assert head is not None, name
    return head


def fill(store: Store, name: str, *bodies: bytes, days: int = 30, at: int = START) -> LogHead:
    """A new log with these messages, in a transaction of its own."""
    with store.transaction() as transaction:
        begin(transaction, name, days=days, at=at)
        return write(transaction, name, *bodies)


def change_all(store: Store, change: Callable[[Transaction], object]) -> None:
    """Change something in a transaction of its own."""
    with store.transaction() as transaction:
        change(transaction)


def take_back(store: Store, change: Callable[[Transaction], object]) -> None:
    """Change something in a transaction that then fails."""
    with suppress(TakenBack), store.transaction() as transaction:
        change(transaction)
        raise TakenBack


def read(store: Store, name: str, *, after: int = 0, until: int = 1 << 40, max_bytes: int = 1 << 40) -> list[EntryRow]:
    """What a reader sees of a log."""
    reader = store.reader()
    key = reader.find_log(log_id(name))
    assert key is not None, name
    return list(reader.entries(key, after=Seq(after), until=Seq(until), max_bytes=max_bytes))


def bare(entry: EntryRow | None) -> EntryRow | None:
    """An entry without its body."""
    return entry and entry._replace(body=None)


def sweep(store: Store, now: int, *, limit: int = 1000) -> list[int]:
    """Prune until the sweep is done; how many entries each step touched."""
    touched: list[int] = []
    after: LogKey | None = LogKey(0)
    while after is not None:
        assert len(touched) < 10_000, "the sweep does not end"
        step = store.prune(Millis(now), after=after, limit=limit)
        touched.append(step.touched)
        after = step.after
    return touched


def node_of(store: Store, name: str, node: int) -> Any:
    """What a reader knows of a node."""
    reader = store.reader()
    key = reader.find_log(log_id(name))
    assert key is not None, name
    return reader.node(key, Node(node))
