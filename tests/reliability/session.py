"""A session on a host's core: several links create logs, post in batches, commit, repeat, read; time goes by.

From one seed comes one session. What is promised goes into the ledger, whatever becomes of the disk meanwhile.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any, Final

from aparte.server.core import Arrival, JudgedCreate
from aparte.server.opening import JudgedOpen, new_pass
from aparte.server.pace import Pace
from aparte.server.policy import LogPolicy
from aparte.server.store import LogKey, Store, StoreError
from aparte.server.store.sqlite.retention import LOG_DAYS
from aparte.server.tickets import JudgedTicket
from aparte.wire import ErrorCode
from aparte.wire.ids import EntryKind, Idem, LogId, Millis, Request, Seq
from aparte.wire.link_frames import Problem
from aparte.wire.log_frames import Accepted, Create, Created, Delivered, Open, Opened, Post, Stale
from tests.hosting import KEYS, START, Client, Scene
from tests.reliability.following import Follower
from tests.reliability.ledger import DAY, Ledger, Talk
from tests.reliability.walking import opening, read_in_scene

QUICK: Final = Pace(0, 1)
#: Nobody is ever asked to wait.
NO_LIMITS: Final = LogPolicy(posts=QUICK, kibibytes=QUICK, ephemerals=QUICK, commits=QUICK, min_node_age=0)
LINKS: Final = 3
#: What a host may answer when its disk fails.
OF_THE_DISK: Final = {ErrorCode.UNAVAILABLE, ErrorCode.DISK_FULL}
#: What it may answer otherwise: a ticket was spent, a node is forgotten.
OF_THE_RULES: Final = {ErrorCode.TICKET_SPENT, ErrorCode.NOT_FOUND}


@dataclass
class Member:
    """A link, what it follows, and the requests that it waits for."""

    client: Client
    follower: Follower = field(default_factory=Follower)
    waiting: dict[Request, Post | Create | Open] = field(default_factory=dict)
    heard: int = 0


class Session:
    """The time from a host's start to its end."""

    def __init__(self, store: Store, ledger: Ledger, rng: Random, *, now: Millis) -> None:
        self.store = store
        self.ledger = ledger
        self.rng = rng
        self.scene = Scene(store, NO_LIMITS, now=now)
        self.members = [Member(self.scene.client()) for _ in range(LINKS)]
        self.problems: Counter[int] = Counter()
        self.sweeps_at = LogKey(-1)
        self.wrong: list[str] = []
        #: What was read, and where logs ended.
        self.heads: dict[LogId, Seq] = {}
        self.found: set[Idem] = set()
        self._requests = iter(range(1, 1 << 30))

    # ------------------------------------------------------------------------------------------ what is done
    def step(self) -> None:
        """Something or other."""
        if not self.ledger.created:
            self.creates(1)
            return
        kinds: list[Callable[[], object]] = [self.posts] * 12
        kinds += [self.opens, self.opens, self.housekeeping, self.reads, self.sweeps, lambda: self.creates(2)]
        self.rng.choice(kinds)()

    def creates(self, count: int) -> None:
        """New logs, in one batch."""
        batch = []
        for _ in range(count):
            talk = Talk(LogId(self.rng.randbytes(16)), self.rng.randint(1, 3))
            self.ledger.talks[talk.log_id] = talk
            batch.append(self._brings(self.rng.choice(self.members), self._creation(talk, ticket_of(talk.log_id))))
        self._batch(batch)
        for log_id in self.ledger.created:
            self.opens(self.ledger.talks[log_id])

    def posts(self) -> None:
        """A batch of posts by several links to several logs; some commit, some repeat what was sent before."""
        batch = []
        for _ in range(self.rng.randint(1, 8)):
            member = self.rng.choice(self.members)
            known = self.ledger.repeatable if self.rng.random() < 0.2 else []
            post = self.rng.choice(known) if known else self._new_post()
            batch.append(self._brings(member, replace(self._with_pass(post), request=self._request())))
        self._batch(batch)

    def opens(self, talk: Talk | None = None) -> None:
        """Everybody opens the last node of a log."""
        talk = talk or self._some_talk()
        made = [(m, opening(m.client, talk, node=talk.node, request=self._request())) for m in self.members]
        self._batch([self._brings(member, frame) for member, frame in made])

    def reads(self) -> None:
        """One reads a whole log and finds what was promised."""
        with suppress(StoreError):
            self.audits(self._some_talk())

    def audits(self, talk: Talk) -> None:
        """Hold a log against the ledger. Raises `StoreError`."""
        reader = self.scene.client()
        try:
            reading = read_in_scene(reader, talk)
        finally:
            reader.leaves()
        if reading is None:
            self.wrong.append("a log is gone")
        else:
            self.heads[talk.log_id] = reading.head
            self.found |= {entry.idem for entry in reading.entries}
            self.wrong += self.ledger.audit(talk.log_id, reading, receipt_key=KEYS.receipt_key)

    def sweeps(self) -> None:
        """Days go by, now and then half a year, but never so many that a log is forgotten; a step of a sweep."""
        left = (START - self.scene.now) // DAY + LOG_DAYS
        self.scene.passes(min(self.rng.choice([1, 1, 2, 100]), left) * DAY)
        self.ledger.swept = max(self.ledger.swept, self.scene.now)
        try:
            after = self.store.prune(self.scene.now, after=self.sweeps_at, limit=self.rng.randint(2, 16)).after
        except StoreError:
            return
        self.sweeps_at = LogKey(-1) if after is None else after

    def housekeeping(self) -> None:
        """What a host does between batches, and beside them."""
        self.scene.core.tidy()
        try:
            self.store.checkpoint()
        except StoreError:
            self.problems[0] += 1

    def repeats(self) -> None:
        """Everything that was not acknowledged is asked for again: messages under the last node, the rest as it was."""
        lost = [talk for talk in self.ledger.talks.values() if talk.log_id not in self.ledger.created]
        self._batch([self._brings(self.members[0], self._creation(talk, ticket_of(talk.log_id))) for talk in lost])
        for kind in EntryKind.COMMIT, EntryKind.APP:
            batch = []
            for post in [post for post in self.ledger.unacknowledged if post.kind is kind]:
                node = post.node if kind is EntryKind.COMMIT else self.ledger.talks[post.log_id].node
                again = self._with_pass(replace(post, node=node, request=self._request()))
                batch.append(self._brings(self.rng.choice(self.members), again))
            self._batch(batch)

    def calls(self) -> None:
        """One says something in every log: whoever has it open hears that."""
        caller, *others = self.members
        for talk in [self.ledger.talks[log_id] for log_id in sorted(self.ledger.created)]:
            post = self.ledger.sends(
                talk.post(self.rng.randbytes(16), b"does everybody hear?", request=self._request())
            )
            self._batch([self._brings(caller, self._with_pass(post))])
            told = self.ledger.accepted.get(post.idem)
            heard = {other.follower.at.get(talk.log_id) for other in others} - {None}
            if told is not None and heard - {told.seq}:
                self.wrong.append(f"a link heard nothing of entry {told.seq}")

    def spent(self, log_id: LogId) -> bool:
        """Whether the ticket that a log cost is good for no other log."""
        member = self.members[0]
        other = Talk(LogId(self.rng.randbytes(16)))
        self.ledger.talks[other.log_id] = other
        self._batch([self._brings(member, self._creation(other, ticket_of(log_id)))])
        is_spent = other.log_id not in self.ledger.created
        if is_spent:
            del self.ledger.talks[other.log_id]
        return is_spent

    # --------------------------------------------------------------------------------------- how it is done
    def _some_talk(self) -> Talk:
        return self.ledger.talks[self.rng.choice(sorted(self.ledger.created))]

    def _new_post(self) -> Post:
        talk, body = self._some_talk(), self.rng.randbytes(self.rng.choice([30, 300, 3_000]))
        commits = self.rng.random() < 0.15
        return self.ledger.sends(talk.post(self.rng.randbytes(16), body, request=0, commits=commits))

    def _with_pass(self, post: Post) -> Post:
        shown = new_pass(KEYS.pass_key, post.log_id, node=post.node, now=self.scene.now)
        return replace(post, pass_=shown)

    def _creation(self, talk: Talk, ticket: JudgedTicket) -> JudgedCreate:
        return JudgedCreate(Create(self._request(), talk.log_id, talk.root_key, talk.retention_days, b""), ticket)

    def _request(self) -> Request:
        return Request(next(self._requests))

    def _brings(self, member: Member, frame: Post | JudgedCreate | JudgedOpen) -> Arrival:
        asked = frame if isinstance(frame, Post) else frame.frame
        member.waiting[asked.request] = asked
        return member.client.brings(frame)

    def _batch(self, batch: list[Arrival]) -> None:
        """Hand a batch to the core, and take in what everybody hears. Each request gets one answer."""
        self.scene.accept(*batch)
        for member in self.members:
            news = member.client.received[member.heard :]
            member.heard = len(member.client.received)
            for frame in news:
                self._hears(member, frame)
            if member.waiting:
                self.wrong.append(f"{len(member.waiting)} requests were not answered")
                member.waiting.clear()
            self.wrong += member.follower.holes
            member.follower.holes = []

    def _hears(self, member: Member, frame: Any) -> None:
        if isinstance(frame, Delivered):
            member.follower.delivered(frame.log_id, frame.entry)
            return
        asked = member.waiting.pop(frame.request, None)
        match frame, asked:
            case Accepted(), Post():
                self.ledger.hears(asked.idem, frame)
                member.follower.accepted(asked.log_id, frame.seq, asked.kind)
            case Created(), Create():
                self.ledger.created.add(asked.log_id)
            case Opened(), Open():
                for item in frame.items:
                    member.follower.opened(item)
            case Problem(), (Post() | Create() | Open()):
                self.problems[frame.code] += 1
                if frame.code not in OF_THE_DISK | OF_THE_RULES:
                    self.wrong.append(f"{asked} was answered by {frame}")
            case Stale(), Post():
                pass
            case _:
                self.wrong.append(f"{asked} was answered by {frame}")


def ticket_of(log_id: LogId) -> JudgedTicket:
    """The ticket that a log costs."""
    return JudgedTicket(hashlib.sha256(b"ticket" + log_id).digest()[:16], 1 << 20)
