"""What clients asked of a host and what it told them, and the host's logs held against that."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Final

from nacl.signing import SigningKey

from aparte.server.store.sqlite.retention import STUB_DAYS
from aparte.wire.entries import NO_KEY, Entry, EntryForm, Pass, body_hash, first_chain, make_receipt, next_chain
from aparte.wire.ids import Chain, EntryKind, Idem, LinkNonce, LogId, Millis, Node, Request, Seq
from aparte.wire.log_frames import Accepted, EpochProof, OpenItem, Post
from aparte.wire.statements import open_statement

DAY: Final = 86_400_000
ROOT: Final = Node(0)
NEVER: Final = Millis(0)


def key_of(secret: bytes) -> SigningKey:
    """The epoch key that members derive from a commit (its idem) or from the log's beginning (its id)."""
    return SigningKey(hashlib.sha256(b"epoch" + secret).digest())


@dataclass
class Talk:
    """A log as its members know it: the keys of its nodes. `node` is the last that they know of."""

    log_id: LogId
    retention_days: int = 30
    node: Node = ROOT
    keys: dict[Node, SigningKey] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.keys[Node(0)] = key_of(self.log_id)

    @property
    def root_key(self) -> bytes:
        return bytes(self.keys[Node(0)].verify_key)

    def learns(self, entry: Entry | Accepted, idem: Idem) -> None:
        """A commit was read, or accepted."""
        node = Node(entry.seq)
        self.keys[node] = key_of(idem)
        self.node = max(self.node, node)

    def item(self, node: Node, nonce: LinkNonce, *, host: str, shown: Pass | None = None, after: int = 0) -> OpenItem:
        """What opens a node on a link: a pass, or else a proof."""
        if shown is not None:
            return OpenItem(self.log_id, node, Seq(after), shown, None)
        key = self.keys[node]
        statement = open_statement(host, nonce, log_id=self.log_id, node=node)
        proof = EpochProof(bytes(key.verify_key), key.sign(statement).signature)
        return OpenItem(self.log_id, node, Seq(after), None, proof)

    def post(self, idem: bytes, body: bytes, *, request: int, commits: bool = False, shown: Pass | None = None) -> Post:
        """A post under the last node."""
        kind = EntryKind.COMMIT if commits else EntryKind.APP
        next_key = bytes(key_of(idem).verify_key) if commits else NO_KEY
        return Post(Request(request), self.log_id, self.node, Idem(idem), kind, next_key, shown, body)


@dataclass
class Reading:
    """All of a log that can be read: its entries in order, and seq and chain that the host names for its end."""

    entries: list[Entry]
    head: Seq
    chain: Chain


@dataclass
class Ledger:
    """Posts sent and what came of them. Idems are never used for two posts, in any log."""

    talks: dict[LogId, Talk] = field(default_factory=dict)
    created: set[LogId] = field(default_factory=set)
    sent: dict[Idem, Post] = field(default_factory=dict)
    accepted: dict[Idem, Accepted] = field(default_factory=dict)
    contradictions: list[str] = field(default_factory=list)
    #: The latest time by which something was to be forgotten.
    swept: Millis = NEVER

    def sends(self, post: Post) -> Post:
        """A post is on its way."""
        self.sent.setdefault(post.idem, post)
        return post

    def hears(self, idem: Idem, answer: Accepted) -> None:
        """A post was accepted, perhaps again: then word for word as before."""
        told = replace(answer, request=Request(0))
        before = self.accepted.setdefault(idem, told)
        if before != told:
            self.contradictions.append(f"{idem.hex()} was accepted as {before} and then as {told}")
        if self.sent[idem].kind is EntryKind.COMMIT:
            self.talks[self.sent[idem].log_id].learns(answer, idem)

    @property
    def unacknowledged(self) -> list[Post]:
        """Posts that may have been carried out or not."""
        return [post for idem, post in self.sent.items() if idem not in self.accepted]

    @property
    def repeatable(self) -> list[Post]:
        """Posts whose idem the host cannot have forgotten yet."""
        kept_since = self.swept - STUB_DAYS * DAY
        old = {idem for idem, told in self.accepted.items() if told.at < kept_since}
        return [post for idem, post in self.sent.items() if idem not in old]

    def audit(self, log_id: LogId, reading: Reading, *, receipt_key: bytes) -> list[str]:
        """What is wrong with a log: with itself, and by what was told. Nothing, if all is well."""
        return [
            *self.contradictions,
            *_order(reading),
            *self._contents(log_id, reading.entries, receipt_key=receipt_key),
            *self._chains(log_id, reading),
            *self._promises(log_id, reading),
            *self._forgotten(log_id, reading.entries),
        ]

    def _contents(self, log_id: LogId, entries: Sequence[Entry], *, receipt_key: bytes) -> list[str]:
        wrong: list[str] = []
        for entry in entries:
            post = self.sent.get(entry.idem)
            if post is None or post.log_id != log_id:
                wrong.append(f"entry {entry.seq} was posted by nobody")
                continue
            same = (entry.kind, entry.next_epoch_key, entry.body_hash, entry.body_length)
            if same != (post.kind, post.next_epoch_key, body_hash(post.body), len(post.body)):
                wrong.append(f"entry {entry.seq} is not what was posted")
            if entry.form is EntryForm.WHOLE and entry.body != post.body:
                wrong.append(f"entry {entry.seq} has another body")
            if entry.receipt != make_receipt(receipt_key, log_id, head=entry.head, body=entry.body_hash):
                wrong.append(f"the receipt of entry {entry.seq} is not the host's")
        return wrong

    def _chains(self, log_id: LogId, reading: Reading) -> list[str]:
        """The chain, from the log's beginning, or else from the first value that somebody knows."""
        known = {a.seq: a.chain for idem, a in self.accepted.items() if self.sent[idem].log_id == log_id}
        known.setdefault(reading.head, reading.chain)
        begins = not reading.entries or reading.entries[0].seq == 1
        chain = first_chain(log_id, self.talks[log_id].root_key) if begins else None
        wrong = []
        for entry in reading.entries:
            if chain is not None:
                chain = next_chain(chain, log_id, head=entry.head, body=entry.body_hash)
            told = known.get(entry.seq)
            if chain is not None and told not in (None, chain):
                wrong.append(f"the chain at {entry.seq} is not what was told")
            chain = told if chain is None else chain
        if chain not in (None, reading.chain):
            wrong.append("the chain does not lead to the log's end")
        return wrong

    def _promises(self, log_id: LogId, reading: Reading) -> list[str]:
        there = {entry.seq: entry for entry in reading.entries}
        first = min(there, default=Seq(1))
        wrong = []
        for idem, told in self.accepted.items():
            if self.sent[idem].log_id != log_id or told.seq < first:
                continue
            entry = there.get(told.seq)
            if entry is None:
                wrong.append(f"entry {told.seq} was acknowledged and is lost")
            elif (entry.idem, entry.at, entry.node) != (idem, told.at, told.node):
                wrong.append(f"another entry stands in the place {told.seq} that was acknowledged")
            elif (entry.receipt, entry.body_hash) != (told.receipt, told.body_hash):
                wrong.append(f"entry {told.seq} is not as it was acknowledged")
        return wrong

    def _forgotten(self, log_id: LogId, entries: Sequence[Entry]) -> list[str]:
        """Nothing is forgotten before its time."""
        kept_since = self.swept - self.talks[log_id].retention_days * DAY
        first = min((entry.seq for entry in entries), default=Seq(1))
        pruned = [f"entry {e.seq} lost its body early" for e in entries if _is_pruned(e) and e.at >= kept_since]
        told = [a for idem, a in self.accepted.items() if self.sent[idem].log_id == log_id and a.seq < first]
        return pruned + [f"entry {a.seq} is gone early" for a in told if a.at >= self.swept - STUB_DAYS * DAY]


def _is_pruned(entry: Entry) -> bool:
    return entry.form is EntryForm.PRUNED


def _order(reading: Reading) -> list[str]:
    entries = reading.entries
    wrong = []
    for before, entry in pairwise(entries):
        if entry.seq != before.seq + 1:
            wrong.append(f"a gap: entry {entry.seq} follows {before.seq}")
        if entry.at < before.at:
            wrong.append(f"entry {entry.seq} is older than the one before it")
        node = Node(before.seq) if before.kind is EntryKind.COMMIT else before.node
        if entry.node != node:
            wrong.append(f"entry {entry.seq} stands under node {entry.node} instead of {node}")
    if len({entry.idem for entry in entries}) != len(entries):
        wrong.append("something was posted once and stands there twice")
    if reading.head != (entries[-1].seq if entries else 0):
        wrong.append(f"the log is said to end at {reading.head}")
    return wrong
