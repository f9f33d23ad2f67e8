"""People at a host whose clock steps, and what they find wrong with it. True time only ever goes on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import pairwise
from random import Random
from typing import Any, Final

from aparte.server.core import JudgedCreate
from aparte.server.forgetting import ForgettingClock
from aparte.server.opening import day_of
from aparte.server.pace import Pace
from aparte.server.policy import LogPolicy
from aparte.server.store import LogKey
from aparte.server.tickets import JudgedTicket
from aparte.wire.entries import EntryForm, Pass
from aparte.wire.ids import EntryKind, LogId, Millis, Node, Request, Seq
from aparte.wire.link_frames import Done, Problem
from aparte.wire.log_frames import Accepted, Busy, Create, Created, OpenStatus, Post
from tests.hosting import Log, Scene, chain_over
from tests.hosting_accounts import Town

HOUR: Final = 3_600_000
DAY: Final = 24 * HOUR
YEAR: Final = 365 * DAY
#: A log that soon has to wait, and how long at most: for its next commit.
BRISK: Final = LogPolicy(posts=Pace(500, 5), ephemerals=Pace(500, 3), commits=Pace(10_000, 2))
LONGEST: Final = 10_000
#: By how much a clock is off for a while.
_OFF: Final = (0, 0, 0, -HOUR, -2_000, 2_000, YEAR)


@dataclass
class Clock:
    """The host's: `off` from the true time, which goes on evenly."""

    scene: Scene
    off: int = 0

    @property
    def true(self) -> int:
        return self.scene.now - self.off

    def goes_on(self, milliseconds: int) -> None:
        self.scene.passes(milliseconds)

    def steps_to(self, off: int) -> None:
        """Be off by so much from now on."""
        self.scene.now = Millis(self.true + off)
        self.off = off


@dataclass
class Talkers:
    """Two who talk while the clock steps."""

    scene: Scene
    rng: Random
    wrong: list[str] = field(default_factory=list)
    accepted: list[Accepted] = field(default_factory=list)
    #: A pass, and its node.
    shown: tuple[Node, Pass] | None = None

    def __post_init__(self) -> None:
        self.clock = Clock(self.scene)
        self.alice, self.bob = self.scene.client(), self.scene.client()
        self.log = self.alice.creates()
        self._opens_again()

    def talk(self, steps: int) -> list[str]:
        """Returns what is wrong."""
        for _ in range(steps):
            self.clock.goes_on(self.rng.choice([0, 0, 0, 5, 900, 9_000]))
            if self.rng.random() < 0.3:
                self.clock.steps_to(self.rng.choice(_OFF))
            self._says(self.rng.choice([self._message] * 6 + [self._commit, self._ephemeral]))
            if self.rng.random() < 0.2:
                self._opens_again()
        return self.wrong + self._order()

    def _says(self, make: Callable[[], Post]) -> None:
        """Post; whoever is told to wait does, and is not told so again."""
        post = make()
        answer = self.alice.sends(post)
        if isinstance(answer, Busy):
            if not 0 < answer.wait <= LONGEST:
                self.wrong.append(f"a wait of {answer.wait} ms")
                return
            self.clock.goes_on(answer.wait)
            answer = self.alice.sends(post)
        if isinstance(answer, Accepted):
            self.accepted.append(answer)
            if post.kind is EntryKind.COMMIT:
                self.log.node = Node(answer.seq)
                self._opens_again()
        elif not (post.kind is EntryKind.EPHEMERAL and isinstance(answer, Done)):
            self.wrong.append(f"{answer}, after having waited")

    def _message(self) -> Post:
        return self.alice.message(self.log, b"hello")

    def _ephemeral(self) -> Post:
        return self.alice.message(self.log, b"typing", kind=EntryKind.EPHEMERAL)

    def _commit(self) -> Post:
        return self.alice.commit(self.log, seq=len(self.accepted) + 1)

    def _opens_again(self) -> None:
        """By proof, which knows no clock; and by a pass: one from a moment when the clock was right does it then."""
        for who in self.alice, self.bob:
            item = who.opens(self.log)
            if item.status is not OpenStatus.LIVE:
                self.wrong.append(f"a proof was answered by {item}")
        if self.clock.off:
            return
        if self.shown is not None and self.shown[0] == self.log.node:
            item = self.bob.opens(self.log, shown=self.shown[1])
            if item.status is not OpenStatus.LIVE:
                self.wrong.append(f"a pass was answered by {item}")
        else:
            self.shown = (self.log.node, item.pass_)

    def _order(self) -> list[str]:
        """One log, without holes, whose time never goes back; and Bob was sent all of it."""
        nodes = sorted({answer.node for answer in self.accepted} | {self.log.node})
        entries = [entry for node in nodes for entry in self.alice.reads(self.log, node=node)]
        wrong = []
        if [entry.seq for entry in entries] != [answer.seq for answer in self.accepted]:
            wrong.append("a hole")
        if any(later.at < entry.at for entry, later in pairwise(entries)):
            wrong.append("time went back")
        if entries and chain_over(self.log, entries) != self.accepted[-1].chain:
            wrong.append("another chain")
        if [entry.seq for entry in self.bob.delivered] != [entry.seq for entry in entries]:
            wrong.append("not all was delivered in order")
        return wrong


@dataclass
class Kept:
    """What a host has taken, and when it was, truly: bodies by seq, inbox items by content."""

    bodies: dict[Seq, int] = field(default_factory=dict)
    calm: dict[Seq, int] = field(default_factory=dict)
    items: dict[bytes, int] = field(default_factory=dict)
    #: Tickets that were spent, and the first day on which they are of no use anyway.
    spent: list[tuple[JudgedTicket, int]] = field(default_factory=list)


class Keepers:
    """Some weeks at a host that sweeps four times a day, whose clock is wrong now and then, never for a whole day."""

    def __init__(self, town: Town, rng: Random) -> None:
        self.town = town
        self.rng = rng
        self.clock = Clock(town)
        self.phone = town.resident("alice")
        self.member = town.client()
        #: `calm` is posted to while the clock is right.
        self.log, self.calm = self.member.creates(retention_days=2), self.member.creates(retention_days=2)
        self.phone.stocks(b"for the last of days", days=32)
        self.kept = Kept()
        self.believes = ForgettingClock()
        self.wrong: list[str] = []
        self.forgotten = 0
        town.store.note_sweep(town.now)

    def live(self, days: int) -> list[str]:
        """Returns what is wrong."""
        begin, wrong_for = self.clock.true, 0
        for tick in range(4 * days):
            self.clock.goes_on(DAY // 4)
            off = self.rng.choice([0, 0, 0, -HOUR, YEAR]) if wrong_for < 3 else 0
            wrong_for = wrong_for + 1 if off else 0
            self.clock.steps_to(off)
            self._sweeps()
            if not self._posts():
                return [*self.wrong, "a log is gone early"]
            if tick % 4 == 0:
                self._takes()
            if tick % 4 == 3:
                self.clock.steps_to(0)
                self._looks()
        if (
            self.clock.true - begin < 31 * DAY
            and not self.town.stranger().fetches_packages(self.phone.account_id).packages
        ):
            self.wrong.append("a key package is gone early")
        return self.wrong

    def _posts(self) -> bool:
        """Whether the logs are there."""
        talks = [(self.log, self.kept.bodies)] + [(self.calm, self.kept.calm)] * (not self.clock.off)
        for log, kept in talks:
            answer = self.member.posts(log, b"for two days")
            if not isinstance(answer, Accepted):
                return False
            kept[answer.seq] = self.clock.true
        return True

    def _takes(self) -> None:
        now = self.clock.true
        item = self.town.fresh(b"item")
        answer = self.town.stranger().drops(self.phone, item)
        if not isinstance(answer, Done):
            self.wrong.append(f"a drop was answered by {answer}")
        self.kept.items[item] = now
        ticket = JudgedTicket(self.town.fresh(b"spent"), day_of(Millis(now)) + 1)
        if not isinstance(self._spends(ticket), Created):
            self.wrong.append("a ticket was not taken")
        self.kept.spent.append((ticket, ticket.day + 1))

    def _spends(self, ticket: JudgedTicket) -> Any:
        log = Log(LogId(self.town.fresh(b"log")))
        frame = Create(Request(1), log.log_id, bytes(log.key.verify_key), 1, b"")
        return self.member.sends(JudgedCreate(frame, ticket))

    def _sweeps(self) -> None:
        """As the shell does."""
        store, now = self.town.store, self.town.now
        swept = store.swept()
        if not self.believes.may_forget(now, swept=swept, steady=self.clock.true):
            return
        store.note_sweep(now)
        after: LogKey | None = LogKey(-1)
        while after is not None:
            after = store.prune(now, after=after, limit=64).after
        self.town.sweeps()

    def _looks(self) -> None:
        """With a clock that is right again: nothing is gone early, and what was taken under a right clock not late."""
        self._sweeps()
        now = self.clock.true
        pruned = self._pruned(self.log)
        self.wrong += [f"body {seq} is gone early" for seq in pruned if now - self.kept.bodies[seq] < 2 * DAY - HOUR]
        pruned = self._pruned(self.calm)
        self.forgotten = len(pruned)
        late = {seq for seq, then in self.kept.calm.items() if now - then > 3 * DAY} - pruned
        self.wrong += [f"body {seq} is there still" for seq in late]
        due = {item for item, then in self.kept.items.items() if now - then < 30 * DAY - HOUR}
        if not due <= set(self.phone.items()):
            self.wrong.append("an item is gone early")
        for ticket, end in self.kept.spent:
            if day_of(Millis(now)) < end and not isinstance(self._spends(ticket), Problem):
                self.wrong.append("a ticket was taken twice")

    def _pruned(self, log: Log) -> set[Seq]:
        return {entry.seq for entry in self.member.reads(log, node=0) if entry.form is EntryForm.PRUNED}
