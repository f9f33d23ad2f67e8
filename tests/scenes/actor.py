"""Somebody's device in a world: an engine, its file, its links, and a screen that only changes tell."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, TypeVar

from aparte.client.api import Disconnect, Step
from aparte.client.commands import Command, SendText
from aparte.client.engine import Engine
from aparte.client.lines import Line, LineKind
from aparte.client.store import StoreError
from aparte.client.views import ConversationView, LineView, MessageView, View, key_of, line_key
from aparte.crypto.native import NativeProvider
from aparte.wire.ids import Millis
from tests import hosting_accounts
from tests.hosting import HOST

if TYPE_CHECKING:
    from tests.scenes.world import World

__all__ = ["Actor"]

V = TypeVar("V")


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
    #: Milliseconds by which its clock is ahead.
    skew: int = 0

    @property
    def now(self) -> Millis:
        """Its own clock, which may be wrong."""
        return Millis(self.world.now + self.skew)

    def does(self, command: Command) -> Step:
        """Give the engine a command, and let everything happen that comes of it."""
        step = self.takes(lambda: self.engine.handle(command, self.now))
        self.world.runs()
        return step

    def takes(self, verb: Callable[[], Step]) -> Step:
        """One step, carried out. If the disk fails it does what drivers do: it wakes the engine, later if need be."""
        try:
            step = verb()
        except StoreError:
            self.failures += 1
            try:
                step = self.engine.wake(self.now)
            except StoreError:
                self.wake_at = Millis(self.now + 1_000)
                return Step((), (), self.wake_at)
        if self.world.doomed(self):
            self.dies()
            return step
        assert step.wake_at is None or step.wake_at > self.now, "woken for nothing, again and again"
        self.steps.append(step)
        self.wake_at = step.wake_at
        for kind, key, view in step.changes:
            if view is None:
                self.screen.pop((kind, key), None)
            else:
                self.screen[kind, key] = view
        self.looks()
        for send in step.sends:
            if isinstance(send, Disconnect):
                self.world.hangs_up(self, send.line)
            else:
                self.world.under_way.append((self, send))
        return step

    def looks(self) -> None:
        """What the screen shows is what the store says."""
        self.is_looking = True
        fresh = self.fresh()
        self.is_looking = False
        assert self.screen == fresh, self.name

    def fresh(self) -> dict[tuple[type[View], bytes], View]:
        """Everything as the store has it, all messages included."""
        views: list[View] = list(self.engine.views())
        for view in tuple(views):
            if isinstance(view, ConversationView):
                views += self.engine.messages(view.conversation_id, limit=1 << 20)
        return {(type(view), key_of(view)): view for view in views}

    def chat(self, other: str) -> ConversationView:
        """The conversation with somebody of this name, or of this title."""
        found = [each for each in self.screen.values() if isinstance(each, ConversationView)]
        (view,) = (each for each in found if other in {each.title, each.address.partition("@")[0]})
        return view

    def chats(self) -> list[ConversationView]:
        """All of them."""
        return [each for each in self.screen.values() if isinstance(each, ConversationView)]

    def timeline(self, view: ConversationView) -> list[MessageView]:
        """What the screen shows of a conversation, in order."""
        found = [each for each in self.screen.values() if isinstance(each, MessageView)]
        here = [each for each in found if each.conversation_id == view.conversation_id]
        return sorted(here, key=lambda each: (each.place, each.seq, each.number))

    def reads(self, other: str) -> list[str]:
        """The words of the conversation with somebody."""
        return [each.text for each in self.timeline(self.chat(other))]

    def says(self, other: str, text: str) -> None:
        """In the conversation with somebody."""
        self.does(SendText(self.chat(other).conversation_id, text))

    def sees(self, kind: type[V], key: bytes = b"") -> V:
        """What the screen shows of something."""
        found: Any = self.screen[kind, key]  # type: ignore[index]
        assert isinstance(found, kind)
        return found

    def line(self) -> LineView:
        """How the identity link stands."""
        return self.sees(LineView, line_key(Line(HOST, LineKind.IDENTITY)))

    def dies(self) -> None:
        """The process ends between a step and what was to be done of it; it begins again at once."""
        self.restarts()

    def restarts(self) -> None:
        """The process ends without a word, and begins again."""
        self.engine.close()
        self.world.forgets(self)
        self.engine = self.world.engine_of(self.name, self.provider)
        self.is_looking = True
        self.screen = self.fresh()
        self.is_looking = False
        self.takes(lambda: self.engine.wake(self.now))
        self.world.runs()
