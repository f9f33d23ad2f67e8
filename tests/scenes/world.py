"""A world to tell stories in: a host's core, engines on disk, and a driver that carries what they send to each other.

After every step each engine's old views, changed by what the step says, are compared with what its store shows.
"""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from aparte.client.api import Connect, Disconnect, FrameArrived, LinkDown, LinkUp, Send, SendFrame, Step
from aparte.client.commands import Command
from aparte.client.engine import Engine
from aparte.client.lines import Line, LineKind
from aparte.client.store import StoreError
from aparte.client.store.sqlite import SqliteClientStore
from aparte.client.views import AccountView, LineView, View, line_key
from aparte.crypto.native import NativeProvider
from aparte.server.links import LinkKind
from aparte.wire import decode_frame, encode_frame
from aparte.wire.ids import Incarnation, Millis
from aparte.wire.link_frames import PROTOCOL_VERSION, Greeting
from tests import hosting_accounts
from tests.hosting import HOST
from tests.hosting_accounts import Town, town

__all__ = ["Actor", "World", "world"]

KEY = b"k" * 32
KINDS = {LineKind.IDENTITY: LinkKind.IDENTITY, LineKind.ANONYMOUS: LinkKind.ANONYMOUS}
V = TypeVar("V")


def view_key(view: View) -> bytes:
    """How a view is named."""
    match view:
        case AccountView():
            return b""
        case LineView(host, kind):
            return line_key(Line(host, kind))


@dataclass
class Actor:
    """Somebody's device: an engine, its file, its links, and a screen that only changes tell."""

    world: World
    name: str
    engine: Engine
    provider: NativeProvider
    screen: dict[tuple[type[View], bytes], View] = field(default_factory=dict)
    lines: dict[Line, hosting_accounts.Line] = field(default_factory=dict)
    steps: list[Step] = field(default_factory=list)
    wake_at: Millis | None = None
    #: How often the disk failed.
    failures: int = 0
    is_looking: bool = False

    def does(self, command: Command) -> Step:
        """Give the engine a command, and let everything happen that comes of it."""
        step = self.takes(lambda: self.engine.handle(command, self.world.now))
        self.world.runs()
        return step

    def takes(self, verb: Callable[[], Step]) -> Step:
        """One step, carried out. If the disk fails the driver does what drivers do: it wakes the engine."""
        try:
            step = verb()
        except StoreError:
            self.failures += 1
            step = self.engine.wake(self.world.now)
        self.steps.append(step)
        self.wake_at = step.wake_at
        for kind, key, view in step.changes:
            if view is None:
                self.screen.pop((kind, key), None)
            else:
                self.screen[kind, key] = view
        self.looks()
        for send in step.sends:
            self.world.under_way.append((self, send))
        return step

    def looks(self) -> None:
        """What the screen shows is what the store says."""
        self.is_looking = True
        fresh = {(type(view), view_key(view)): view for view in self.engine.views()}
        self.is_looking = False
        assert self.screen == fresh, self.name

    def sees(self, kind: type[V], key: bytes = b"") -> V:
        """What the screen shows of something."""
        found: Any = self.screen[kind, key]  # type: ignore[index]
        assert isinstance(found, kind)
        return found

    def line(self) -> LineView:
        """How the identity link stands."""
        return self.sees(LineView, line_key(Line(HOST, LineKind.IDENTITY)))

    def restarts(self) -> None:
        """The process ends without a word, and begins again."""
        self.engine.close()
        self.world.forgets(self)
        self.engine = Engine(SqliteClientStore(self.world.folder / f"{self.name}.db", KEY), self.provider)
        self.screen = {(type(view), view_key(view)): view for view in self.engine.views()}
        self.takes(lambda: self.engine.wake(self.world.now))
        self.world.runs()


class World:
    """Everybody."""

    def __init__(self, folder: Path, place: Town) -> None:
        self.folder = folder
        self.town = place
        self.actors: list[Actor] = []
        self.under_way: deque[tuple[Actor, Send]] = deque()
        #: Whether the host can be reached, and what it calls itself.
        self.is_open = True
        self.calls_itself = HOST
        #: What happens to a frame on its way to the host: what goes on instead.
        self.on_the_way: Callable[[Actor, Any], Any | None] = lambda _actor, frame: frame

    @property
    def now(self) -> Millis:
        return self.town.now

    def actor(self, name: str) -> Actor:
        """Somebody with a new, empty store."""
        rng = random.Random(name)
        provider = NativeProvider(rng.randbytes)
        engine = Engine(SqliteClientStore(self.folder / f"{name}.db", KEY), provider)
        actor = Actor(self, name, engine, provider)
        self.actors.append(actor)
        return actor

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
        actor.lines.clear()
        self.under_way = deque((other, send) for other, send in self.under_way if other is not actor)

    def cuts(self, actor: Actor) -> None:
        """All of its links end."""
        for line in list(actor.lines):
            del actor.lines[line]
            actor.takes(lambda gone=line: actor.engine.receive(LinkDown(gone, "cut"), self.now))  # type: ignore[misc]
        self.runs()

    def _wakes(self) -> Iterator[Millis]:
        return (actor.wake_at for actor in self.actors if actor.wake_at is not None and actor.wake_at > self.now)

    def _wakes_all(self) -> None:
        for actor in self.actors:
            if actor.wake_at is not None and actor.wake_at <= self.now:
                actor.takes(lambda who=actor: who.engine.wake(self.now))  # type: ignore[misc]
        self.runs()

    def _carry(self, actor: Actor, send: Send) -> None:
        match send:
            case Connect(line):
                self._connect(actor, line)
            case Disconnect(line):
                actor.lines.pop(line, None)
            case SendFrame(line, data):
                self._ask(actor, line, data=data)
            case _:
                raise AssertionError(send)

    def _connect(self, actor: Actor, line: Line) -> None:
        if not self.is_open or line.host != HOST:
            actor.takes(lambda: actor.engine.receive(LinkDown(line, "nobody answers"), self.now))
            return
        there = actor.lines[line] = self.town.line(KINDS[line.kind])
        greeting = Greeting(PROTOCOL_VERSION, self.calls_itself, there.link.nonce, Incarnation(b"i" * 16), self.now)
        actor.takes(lambda: actor.engine.receive(LinkUp(line), self.now))
        self.says(actor, line, frame=greeting)

    def _ask(self, actor: Actor, line: Line, *, data: bytes) -> None:
        there = actor.lines.get(line)
        frame = self.on_the_way(actor, decode_frame(data))
        if there is not None and frame is not None:
            answer = there.asks(frame)
            self.says(actor, line, frame=answer)

    def says(self, actor: Actor, line: Line, *, frame: object) -> None:
        """The host sends something."""
        data = encode_frame(frame)
        actor.takes(lambda: actor.engine.receive(FrameArrived(line, data), self.now))


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
