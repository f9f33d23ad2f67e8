"""A world to tell stories in: a host's core, engines on disk, and a driver that carries what they send to each other.

After every step each engine's old views, changed by what the step says, are compared with what its store shows.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from aparte.client.api import (
    Answered,
    Ask,
    Connect,
    FrameArrived,
    LinkDown,
    LinkUp,
    Send,
    SendFrame,
    Unanswered,
)
from aparte.client.engine import Engine
from aparte.client.lines import Line, LineKind
from aparte.client.store.sqlite import SqliteClientStore
from aparte.crypto.native import NativeProvider
from aparte.server.core import JudgedCreate
from aparte.server.links import LinkKind
from aparte.server.step import Refusal
from aparte.wire import decode_frame, encode_frame
from aparte.wire import log_frames as f
from aparte.wire.ids import Incarnation, Millis, TicketKind
from aparte.wire.link_frames import PROTOCOL_VERSION, Greeting, Problem
from tests import hosting_accounts
from tests.hosting import HOST, JUDGE
from tests.hosting_accounts import Town, town
from tests.scenes.actor import Actor

__all__ = ["KEY", "Actor", "Cut", "World", "world"]

KEY = b"k" * 32
KINDS = {LineKind.IDENTITY: LinkKind.IDENTITY, LineKind.ANONYMOUS: LinkKind.ANONYMOUS}


@dataclass(frozen=True)
class Cut:
    """All links of somebody end."""


@dataclass(frozen=True)
class _Heard:
    """A frame on its way from the host."""

    line: Line
    frame: Any


class World:
    """Everybody."""

    def __init__(self, folder: Path, place: Town) -> None:
        self.folder = folder
        self.town = place
        self.actors: list[Actor] = []
        self.under_way: deque[tuple[Actor, Send | _Heard | Cut]] = deque()
        #: Whether the host can be reached, and what it calls itself.
        self.is_open = True
        self.calls_itself = HOST
        #: What happens to a frame on its way to the host: what goes on instead.
        #: Whose answers are lost, together with the link, and after how many more.
        self._deaf: tuple[Actor, int] | None = None
        #: Whose process ends, and after how many more steps.
        self._doomed: tuple[Actor, int] | None = None
        self.on_the_way: Callable[[Actor, Any], Any | None] = lambda _actor, frame: frame

    @property
    def now(self) -> Millis:
        return self.town.now

    def loses_answer(self, actor: Actor, nth: int) -> None:
        """The nth answer from now on is lost."""
        self._deaf = (actor, nth)

    def dies_after(self, actor: Actor, nth: int) -> None:
        """Its process ends after the nth step from now on."""
        self._doomed = (actor, nth)

    def doomed(self, actor: Actor) -> bool:
        """Whether this was the step."""
        if self._doomed is None or self._doomed[0] is not actor:
            return False
        left = self._doomed[1] - 1
        self._doomed = (actor, left) if left else None
        return not left

    def _is_lost(self, actor: Actor) -> bool:
        if self._deaf is None or self._deaf[0] is not actor:
            return False
        left = self._deaf[1] - 1
        self._deaf = (actor, left) if left else None
        return not left

    def cut(self, actor: Actor) -> None:
        """All of its links end, and what was under way on them is lost."""
        for line in list(actor.lines):
            self.hangs_up(actor, line)
            actor.takes(lambda gone=line: actor.engine.receive(LinkDown(gone, "cut"), actor.now))  # type: ignore[misc]

    def actor(self, name: str) -> Actor:
        """Somebody with a new, empty store."""
        rng = random.Random(name)
        provider = NativeProvider(rng.randbytes)
        actor = Actor(self, name, self.engine_of(name, provider), provider)
        self.actors.append(actor)
        return actor

    def engine_of(self, name: str, provider: NativeProvider) -> Engine:
        """The engine of a device over its file."""
        return Engine(SqliteClientStore(self.folder / f"{name}.db", KEY), provider)

    def runs(self) -> None:
        """Carry everything until nothing is under way."""
        while self.under_way:
            self._carry(*self.under_way.popleft())

    def passes(self, seconds: float) -> None:
        """Time goes by; whoever wants to be woken is woken."""
        until = self.now + int(seconds * 1000)
        while (due := min(self._wakes(), default=until)) < until:
            self.town.passes(max(0, due - self.now))
            self._wakes_all()
        self.town.passes(until - self.now)
        self._wakes_all()

    def forgets(self, actor: Actor) -> None:
        """Its process is gone: its links are, too, and what it had not sent."""
        for line in list(actor.lines):
            self.hangs_up(actor, line)
        self.under_way = deque((other, send) for other, send in self.under_way if other is not actor)

    def cuts(self, actor: Actor) -> None:
        """All of its links end."""
        self.cut(actor)
        self.runs()

    def hangs_up(self, actor: Actor, line: Line) -> None:
        """A link ends, or the attempt at it: whatever is under way on it is lost."""
        there = actor.lines.pop(line, None)
        gone = Connect | SendFrame | _Heard
        self.under_way = deque(
            (who, what)
            for who, what in self.under_way
            if who is not actor or not isinstance(what, gone) or what.line != line
        )
        if there is not None:
            self.town.links.pop(there.link.number, None)
            there.leaves()

    def _wakes(self) -> Iterator[Millis]:
        times = (actor.wake_at - actor.skew for actor in self.actors if actor.wake_at is not None)
        return (Millis(time) for time in times if time > self.now)

    def _wakes_all(self) -> None:
        for actor in self.actors:
            if actor.wake_at is not None and actor.wake_at <= actor.now:
                actor.takes(lambda who=actor: who.engine.wake(who.now))  # type: ignore[misc]
        self.runs()

    def _carry(self, actor: Actor, send: Send | _Heard | Cut) -> None:
        match send:
            case Connect(line):
                self._connect(actor, line)
            case SendFrame(line, data):
                self._ask(actor, line, data=data)
            case Ask():
                self._ask_once(actor, send)
            case _Heard(line, frame):
                if line not in actor.lines:
                    return
                if self._is_lost(actor):
                    self.cut(actor)
                else:
                    self.says(actor, line, frame=frame)
            case Cut():
                self.cut(actor)

    def _connect(self, actor: Actor, line: Line) -> None:
        if not self.is_open or line.host != HOST:
            actor.takes(lambda: actor.engine.receive(LinkDown(line, "nobody answers"), actor.now))
            return
        there = actor.lines[line] = self.town.line(KINDS[line.kind])
        greeting = Greeting(PROTOCOL_VERSION, self.calls_itself, there.link.nonce, Incarnation(b"i" * 16), self.now)
        actor.takes(lambda: actor.engine.receive(LinkUp(line), actor.now))
        self.says(actor, line, frame=greeting)

    def _ask(self, actor: Actor, line: Line, *, data: bytes) -> None:
        there = actor.lines.get(line)
        frame = self.on_the_way(actor, decode_frame(data))
        if there is not None and frame is not None:
            answer = self._answer(there, frame)
            if not any(answer is each for each in there.received):
                there.received.append(answer)
            self._delivers()

    def _answer(self, there: hosting_accounts.Line, frame: Any) -> Any:
        """What the host says, as its shell would have it judged."""
        try:
            match frame:
                case f.Open():
                    return there.sends(JUDGE.judge(frame, there.link, now=self.now))
                case f.Create():
                    ticket = self.town._ticket(frame.ticket, TicketKind.CREATE_LOG)
                    return there.sends(JudgedCreate(frame, ticket))
                case f.Read():
                    return self.town.reads.read(self.town.store.reader(), frame, now=self.now)
                case f.FetchEntry():
                    return self.town.reads.fetch(self.town.store.reader(), frame, now=self.now)
        except Refusal as refusal:
            return Problem(frame.request, refusal.code, refusal.wait, refusal.detail)
        return there.asks(frame)

    def _delivers(self) -> None:
        """What the host has sent on links goes on its way."""
        for actor in self.actors:
            for line, there in actor.lines.items():
                frames, there.received = there.received, []
                self.under_way.extend((actor, _Heard(line, frame)) for frame in frames)

    def _ask_once(self, actor: Actor, send: Ask) -> None:
        frame = self.on_the_way(actor, decode_frame(send.data)) if self.is_open and send.host == HOST else None
        if frame is None:
            actor.takes(lambda: actor.engine.receive(Unanswered(send.ask, "nobody answers"), actor.now))
            return
        answer = encode_frame(self._answer(self.town.line(LinkKind.ANONYMOUS), frame))
        self._delivers()
        if self._is_lost(actor):
            actor.takes(lambda: actor.engine.receive(Unanswered(send.ask, "lost"), actor.now))
            return
        actor.takes(lambda: actor.engine.receive(Answered(send.ask, answer), actor.now))

    def says(self, actor: Actor, line: Line, *, frame: object) -> None:
        """The host sends something."""
        data = encode_frame(frame)
        actor.takes(lambda: actor.engine.receive(FrameArrived(line, data), actor.now))


@contextmanager
def world(folder: Path, **settings: Any) -> Iterator[World]:
    """A host and nobody else yet."""
    with town(folder, **settings) as place:
        made = World(folder, place)
        try:
            yield made
        finally:
            for actor in made.actors:
                actor.engine.close()
