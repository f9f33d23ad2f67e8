"""A host's core without sockets, and clients that speak frames to it: `alice.opens(log)`, `alice.posts(log, b"…")`."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey, VerifyKey

from aparte.server.core import Arrival, Core, JudgedCreate, LinkClosed
from aparte.server.links import Link, LinkKind, LinkNumber, OpenNodes
from aparte.server.opening import JudgedOpen, OpenJudge, new_pass
from aparte.server.policy import HostKeys, LogPolicy
from aparte.server.reads import LogReads
from aparte.server.step import Answer, Refusal, Send
from aparte.server.store import Store
from aparte.server.store.sqlite import SqliteStore
from aparte.server.tickets import JudgedTicket
from aparte.wire import decode_frame
from aparte.wire.entries import NO_KEY, Entry, Pass, first_chain, next_chain
from aparte.wire.ids import Chain, EntryKind, Idem, LinkNonce, LogId, Millis, Node, Request, Seq
from aparte.wire.link_frames import Problem
from aparte.wire.log_frames import (
    Accepted,
    Close,
    Create,
    Created,
    Delivered,
    EpochProof,
    FetchEntry,
    Open,
    Opened,
    OpenItem,
    Post,
    Read,
)
from aparte.wire.statements import open_statement

HOST = "host.example"
START = Millis(1_800_000_000_000)
ROOT = Node(0)
KEYS = HostKeys(receipt_key=b"r" * 32, pass_key=b"p" * 32, ticket_seed=b"t" * 32)

T = TypeVar("T")


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether the signature is good."""
    try:
        VerifyKey(public_key).verify(message, signature)
    except (BadSignatureError, ValueError):
        return False
    return True


JUDGE = OpenJudge(HOST, pass_key=KEYS.pass_key, verify=verify)


def epoch_key(log_id: LogId, node: Node, salt: bytes = b"") -> SigningKey:
    """A node's key pair, as members would derive it."""
    return SigningKey(hashlib.sha256(b"epoch" + log_id + node.to_bytes(8) + salt).digest())


@dataclass
class Scene:
    """A core over a real store, a clock that stands still until moved, and everybody's links."""

    store: Store
    policy: LogPolicy = field(default_factory=LogPolicy)
    now: Millis = START
    faults: list[Exception] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.core = Core(self.store, KEYS, policy=self.policy, report=self.faults.append)
        self.reads = LogReads(KEYS)
        self.links: dict[LinkNumber, Client] = {}
        self._numbers = iter(range(1, 1 << 30))
        self._ids = iter(range(1, 1 << 30))

    def client(self) -> Client:
        """Somebody with a new anonymous link."""
        number = LinkNumber(next(self._numbers))
        nonce = LinkNonce(hashlib.sha256(b"nonce %d" % number).digest())
        client = Client(self, Link(number, LinkKind.ANONYMOUS, nonce=nonce))
        self.links[number] = client
        return client

    def neighbours(self, count: int) -> list[Client]:
        """So many new anonymous links from one address."""
        address, clients = OpenNodes(), [self.client() for _ in range(count)]
        for client in clients:
            client.link = Link(client.link.number, client.link.kind, nonce=client.link.nonce, address=address)
        return clients

    def fresh(self, label: bytes = b"id") -> bytes:
        """16 bytes never seen before."""
        return hashlib.sha256(label + b"%d" % next(self._ids)).digest()[:16]

    def passes(self, milliseconds: int) -> None:
        """Time goes by."""
        self.now = Millis(self.now + milliseconds)

    def accept(self, *arrivals: Arrival) -> None:
        """One batch; what comes of it reaches everybody's `received`."""
        for send in self.core.accept(arrivals, self.now):
            self._dispatch(send)

    def _dispatch(self, send: Send) -> None:
        numbers = [send.link] if isinstance(send, Answer) else [n for n in send.links if n != send.poster]
        for number in numbers:
            if number in self.links:
                self.links[number].received.append(decode_frame(send.payload))


@dataclass
class Log:
    """A log as its members know it: the current node."""

    log_id: LogId
    node: Node = ROOT
    salt: bytes = b""

    @property
    def key(self) -> SigningKey:
        return epoch_key(self.log_id, self.node, self.salt)


@dataclass
class Client:
    """One link, and the frames that came on it."""

    scene: Scene
    link: Link
    received: list[Any] = field(default_factory=list)

    def brings(self, frame: Any) -> Arrival:
        """A frame on this link, not handed in: for `Scene.accept`."""
        return Arrival(self.link, frame)

    def sends(self, frame: Any) -> Any:
        """Send one frame as a batch of its own; returns its answer."""
        self.scene.accept(self.brings(frame))
        return self.answer()

    def answer(self) -> Any:
        """The latest frame that answers a request."""
        return self.answers[-1]

    @property
    def answers(self) -> list[Any]:
        """The frames that answer requests, in the order in which they came."""
        return [frame for frame in self.received if hasattr(frame, "request")]

    def creates(self, *, retention_days: int = 30, log_id: bytes | None = None) -> Log:
        """A new log, opened."""
        log = Log(LogId(log_id or self.scene.fresh(b"log")))
        made = self.sends(self.creation(log, retention_days=retention_days))
        assert isinstance(made, Created), made
        self.opens(log)
        return log

    def creation(self, log: Log, *, retention_days: int = 30) -> JudgedCreate:
        frame = Create(Request(1), log.log_id, bytes(log.key.verify_key), retention_days, b"")
        return JudgedCreate(frame, JudgedTicket(self.scene.fresh(b"ticket"), 1 << 20))

    def opens(self, log: Log, *, after: int = 0, shown: Pass | None = None, node: Node | None = None) -> Any:
        """Open a node (the log's current one) by proof or pass; returns the `OpenedItem`."""
        return self.open_many([self.item(log, after=after, shown=shown, node=node)]).items[0]

    def open_many(self, items: list[OpenItem], *, only_news: bool = False) -> Opened:
        opened = self.sends(self.opening(items, only_news=only_news))
        assert isinstance(opened, Opened), opened
        return opened

    def opening(self, items: list[OpenItem], *, only_news: bool = False) -> JudgedOpen:
        """An `Open`, judged and not sent."""
        frame = Open(Request(2), only_news, tuple(items))
        return JUDGE.judge(frame, self.link, now=self.scene.now)

    def item(self, log: Log, *, after: int = 0, shown: Pass | None = None, node: Node | None = None) -> OpenItem:
        at = log.node if node is None else node
        if shown is not None:
            return OpenItem(log.log_id, at, Seq(after), shown, None)
        key = epoch_key(log.log_id, at, log.salt)
        statement = open_statement(HOST, self.link.nonce, log_id=log.log_id, node=at)
        proof = EpochProof(bytes(key.verify_key), key.sign(statement).signature)
        return OpenItem(log.log_id, at, Seq(after), None, proof)

    def message(self, log: Log, body: bytes, **changes: Any) -> Post:
        """A post of a message, not sent."""
        fields: dict[str, Any] = {
            "request": Request(3),
            "log_id": log.log_id,
            "node": log.node,
            "idem": Idem(self.scene.fresh(b"idem")),
            "kind": EntryKind.APP,
            "next_epoch_key": NO_KEY,
            "pass_": None,
            "body": body,
        }
        return Post(**(fields | changes))

    def posts(self, log: Log, body: bytes, **changes: Any) -> Any:
        """Post a message; returns the answer."""
        return self.sends(self.message(log, body, **changes))

    def commits(self, log: Log, body: bytes = b"commit", *, seq: int, **changes: Any) -> Any:
        """Post a commit that will be entry `seq`; the log moves on if it is accepted."""
        found = self.sends(self.commit(log, body, seq=seq, **changes))
        if isinstance(found, Accepted):
            log.node = Node(found.seq)
        return found

    def commit(self, log: Log, body: bytes = b"commit", *, seq: int, **changes: Any) -> Post:
        """A post of a commit that would be entry `seq`, not sent."""
        key = epoch_key(log.log_id, Node(seq), log.salt)
        return self.message(log, body, kind=EntryKind.COMMIT, next_epoch_key=bytes(key.verify_key), **changes)

    def closes(self, log: Log) -> Any:
        return self.sends(Close(Request(4), log.log_id))

    def leaves(self) -> None:
        """The link goes down."""
        self.scene.accept(Arrival(self.link, LinkClosed()))

    def reads(self, log: Log, *, node: int, after: int = 0, max_bytes: int = 1 << 18) -> list[Entry]:
        """All that a node's key can read, page by page."""
        found: list[Entry] = []
        while True:
            frame = Read(Request(5), log.log_id, Node(node), Seq(after), max_bytes, self.pass_for(log, node))
            page = self.scene.reads.read(self.scene.store.reader(), frame, now=self.scene.now)
            found += page.entries
            if not page.more:
                return found
            after = page.entries[-1].seq

    def fetches(self, log: Log, *, node: int, seq: int) -> Entry:
        frame = FetchEntry(Request(6), log.log_id, Node(node), Seq(seq), self.pass_for(log, node))
        return self.scene.reads.fetch(self.scene.store.reader(), frame, now=self.scene.now).entry

    def pass_for(self, log: Log, node: int) -> Pass:
        return new_pass(KEYS.pass_key, log.log_id, node=Node(node), now=self.scene.now)

    @property
    def delivered(self) -> list[Entry]:
        """The entries that came without being asked for."""
        return [frame.entry for frame in self.received if isinstance(frame, Delivered)]


@contextmanager
def scene(folder: Path, *, policy: LogPolicy | None = None) -> Iterator[Scene]:
    """A scene over a new SQLite store."""
    store = SqliteStore(folder / "host.db")
    try:
        made = Scene(store, policy or LogPolicy())
        yield made
        assert not made.faults, made.faults
    finally:
        store.close()


def chain_over(log: Log, entries: Iterable[Entry]) -> Chain:
    """The chain after these entries, which are the log's first."""
    chain = first_chain(log.log_id, bytes(epoch_key(log.log_id, ROOT, log.salt).verify_key))
    for entry in entries:
        chain = next_chain(chain, log.log_id, head=entry.head, body=entry.body_hash)
    return chain


def refused(call: Callable[[], object]) -> Refusal:
    """The refusal that a call raises."""
    try:
        found = call()
    except Refusal as refusal:
        return refusal
    raise AssertionError(f"not refused: {found}")


def code(answer: Any) -> int:
    """The error code of a `Problem`."""
    assert isinstance(answer, Problem), answer
    return answer.code
