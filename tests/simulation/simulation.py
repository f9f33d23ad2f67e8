"""One schedule: people who talk, and what goes wrong meanwhile, all from one seed and on one thread.

What is under way on one link keeps its order; apart from that anything may come next. When the schedule is over all
faults end, time goes by, and everything that was said has to be where it belongs, once.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aparte.client import key_packages
from aparte.client.api import Answered, Ask, Connect, Unanswered
from aparte.client.commands import Command, CommandRefused, SendText, SignUp, StartChat
from aparte.client.engine import Engine
from aparte.client.store import StoreError
from aparte.client.store.rows import MessageKind, MessageState
from aparte.client.store.sqlite import SqliteClientStore
from aparte.client.views import AccountView, MessageView, Standing
from aparte.crypto.native import NativeProvider
from aparte.server.core import Core
from aparte.wire import ErrorCode, decode_frame, encode_frame
from aparte.wire import log_frames as f
from aparte.wire.ids import EntryKind
from aparte.wire.link_frames import Problem
from tests.hosting import HOST
from tests.hosting_accounts import Town, town
from tests.scenes.actor import Actor
from tests.scenes.world import KEY, World

__all__ = ["FAULTS", "Simulation", "simulate"]

NAMES: Final = ("alice", "bobby", "carol")
COMMANDS: Final = 60
FAULTS: Final = (
    "a link is cut",
    "a frame is lost with its link",
    "what is asked is lost",
    "what is answered is lost",
    "what is asked comes twice",
    "a process ends after a step",
    "a disk fails",
    "the host starts anew",
    "the host is busy",
    "a clock is set",
    "nobody is reached for a while",
)


class Failing:
    """The store of an engine, which fails when it is told to: before anything of a step is durable."""

    def __init__(self, store: SqliteClientStore, is_looked_at: Callable[[], bool]) -> None:
        self._store = store
        self.is_looked_at = is_looked_at
        self.fails = 0

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        with self._store.transaction() as transaction:
            yield transaction
            if self.fails and not self.is_looked_at():
                self.fails -= 1
                raise StoreError("the disk is gone")

    def close(self) -> None:
        self._store.close()


class Simulation(World):
    """A world in which everything comes in any order."""

    def __init__(self, folder: Path, place: Town, *, seed: int) -> None:
        super().__init__(folder, place)
        self.rng = random.Random(seed)
        self.counts: Counter[str] = Counter()
        self.said: dict[tuple[str, str], list[str]] = {}
        #: The bodies of posts, by place and idem.
        self.bodies: dict[tuple[bytes, int, bytes], bytes] = {}
        self.is_calm = False
        self._stores: dict[str, Failing] = {}
        self.on_the_way = self._sees
        for name in NAMES:
            self.actor(f"{name}-{seed}")

    # -------------------------------------------------------------------------------------------- the world

    def engine_of(self, name: str, provider: NativeProvider) -> Engine:
        def is_looked_at() -> bool:
            return any(actor.is_looking for actor in self.actors if actor.name == name)

        store = self._stores[name] = Failing(SqliteClientStore(self.folder / f"{name}.db", KEY), is_looked_at)
        return Engine(store, provider)

    def runs(self) -> None:
        """Nothing happens by itself: the schedule says what comes next."""

    def advances(self) -> None:
        """One thing that is under way arrives."""
        if not self.under_way:
            return
        at = self.rng.randrange(len(self.under_way))
        who, what = self.under_way[at]
        if not isinstance(what, Ask):
            line = getattr(what, "line", None)
            same = (i for i, (w, x) in enumerate(self.under_way) if w is who and getattr(x, "line", None) == line)
            at = next(same)
            who, what = self.under_way[at]
        del self.under_way[at]
        self._carry(who, what)

    def _sees(self, _: Actor, frame: Any) -> Any:
        """Whatever is posted again under the same epoch and idem is the same, byte for byte."""
        if isinstance(frame, f.Post) and frame.kind is not EntryKind.EPHEMERAL:
            place = (frame.log_id, frame.node, frame.idem)
            self.counts["posted again"] += place in self.bodies
            assert self.bodies.setdefault(place, frame.body) == frame.body, "a key was used for two things"
        return frame

    def _answer(self, there: Any, frame: Any) -> Any:
        if self.busy and hasattr(frame, "request"):
            self.busy -= 1
            self.counts["the host is busy"] += 1
            code = self.rng.choice([ErrorCode.RATE_LIMITED, ErrorCode.UNAVAILABLE, ErrorCode.DISK_FULL])
            return Problem(frame.request, code, self.rng.choice([1, 1_000, 30_000]), "not now")
        answer = super()._answer(there, frame)
        self.counts[type(answer).__name__] += 1
        return answer

    busy = 0

    # ----------------------------------------------------------------------------------------- the schedule

    def plays(self) -> None:
        """The whole of it."""
        for actor in self.actors:
            actor.does(SignUp(actor.name, HOST))
            self.settles(30)
        faults = [self.rng.choice(FAULTS) for _ in range(10)]
        todo: list[Callable[[], None]] = [self._commands] * COMMANDS
        todo += [lambda fault=fault: self._fault(fault) for fault in faults]  # type: ignore[misc]
        self.rng.shuffle(todo)
        for each in todo:
            each()
            for _ in range(self.rng.choice([0, 1, 3, 10, 40])):
                self.advances()
            if self.rng.random() < 0.3:
                self.passes(self.rng.choice([0.1, 1, 10, 100]))
        self.calms_down()

    def settles(self, seconds: float) -> None:
        """Everything arrives, and time goes by."""
        for _ in range(10):
            while self.under_way:
                self.advances()
            self.passes(seconds / 10)

    def calms_down(self) -> None:
        """No fault any more; and as long as any of them makes an engine wait."""
        self.is_open, self.busy, self.is_calm = True, 0, True
        for store in self._stores.values():
            store.fails = 0
        for actor in self.actors:
            if actor.skew:
                actor.skew = 0
                actor.takes(lambda who=actor: who.engine.wake(who.now))  # type: ignore[misc]
        for _ in range(8):
            self.settles(600)

    def _commands(self) -> None:
        who, other = self.rng.sample(self.actors, 2)
        if not any(view.address == f"{other.name}@{HOST}" for view in who.chats()):
            self._gives(who, StartChat(f"{other.name}@{HOST}"))
            return
        # For a moment there may be two: one was begun, and one is being looked up.
        chat = next(view for view in who.chats() if view.address == f"{other.name}@{HOST}")
        text = f"{who.name} {len(self.said.get((who.name, other.name), []))}"
        if self._gives(who, SendText(chat.conversation_id, text)):
            self.said.setdefault((who.name, other.name), []).append(text)

    def _gives(self, who: Actor, command: Command) -> bool:
        """Whether it was kept."""
        failures = who.failures
        try:
            who.does(command)
        except CommandRefused as refused:
            self.counts[f"refused: {refused}"] += 1
            return False
        return who.failures == failures

    # ------------------------------------------------------------------------------------------- the faults

    def _fault(self, what: str) -> None:
        who = self.rng.choice(self.actors)
        self.counts[what] += 1
        match what:
            case "a link is cut":
                self.cut(who)
            case "a frame is lost with its link":
                self._loses_frame(who)
            case "what is asked is lost" | "what is answered is lost" | "what is asked comes twice":
                self._spoils_ask(what)
            case "a process ends after a step":
                self.dies_after(who, self.rng.randrange(1, 8))
            case "a disk fails":
                self._stores[who.name].fails = self.rng.choice([1, 1, 3])
            case "the host starts anew":
                self._host_restarts()
            case "the host is busy":
                self.busy = self.rng.randrange(1, 6)
            case "a clock is set":
                who.skew = self.rng.choice([-3_600_000, -5_000, 5_000, 3_600_000])
            case "nobody is reached for a while":
                self.is_open = False
                for each in self.actors:
                    self.cut(each)
                self.passes(self.rng.choice([1, 100]))
                self.is_open = True

    def _loses_frame(self, who: Actor) -> None:
        for at, (actor, what) in enumerate(self.under_way):
            if actor is who and not isinstance(what, Ask | Connect) and hasattr(what, "line"):
                del self.under_way[at]
                break
        self.cut(who)

    def _spoils_ask(self, what: str) -> None:
        asks = [at for at, (_, item) in enumerate(self.under_way) if isinstance(item, Ask)]
        if not asks:
            self.counts[what] -= 1
            return
        at = self.rng.choice(asks)
        who, ask = self.under_way[at]
        assert isinstance(ask, Ask)
        if what == "what is asked comes twice":
            self._asked_once(ask)
            return
        del self.under_way[at]
        if what == "what is answered is lost":
            self._asked_once(ask)
        who.takes(lambda: who.engine.receive(Unanswered(ask.ask, "lost"), who.now))

    def _asked_once(self, ask: Ask) -> None:
        """The host does it, and nobody hears of it."""
        answer = self._answer(self.town.stranger(), decode_frame(ask.data))
        assert Answered(ask.ask, encode_frame(answer))
        self._delivers()

    def _host_restarts(self) -> None:
        """Its memory is gone; its disk is not, which its own tests see to."""
        old = self.town.core
        for actor in self.actors:
            self.cut(actor)
        self.town.links.clear()
        fresh = Town(self.town.store)
        self.town.core, self.town.accounts = fresh.core, fresh.accounts
        assert isinstance(self.town.core, Core)
        assert self.town.core is not old

    # --------------------------------------------------------------------------------------- the invariants

    def checks(self) -> None:
        """Everything that was said stands with both, once, in one order, and as sent."""
        for (one, other), words in self.said.items():
            self._check(self._named(one), self._named(other), words=words)
        for actor in self.actors:
            assert actor.sees(AccountView).standing is Standing.READY
            assert actor.engine.pending() == 0, f"{actor.name} still waits for something"
            assert actor.engine.is_settled(), actor.name
            for view in actor.screen.values():
                assert not isinstance(view, MessageView) or view.kind is not MessageKind.GAP, view

    def _named(self, name: str) -> Actor:
        (found,) = (actor for actor in self.actors if actor.name == name)
        return found

    def _check(self, one: Actor, other: Actor, *, words: list[str]) -> None:
        sent = self._timeline(one, other)
        received = self._timeline(other, one)
        own = [view for view in sent if view.is_own]
        assert [view.text for view in own] == words
        assert {view.state for view in own} <= {MessageState.SENT}
        assert [view.text for view in received if not view.is_own] == words
        ids = [view.message_id for view in sent]
        assert len(set(ids)) == len(ids)
        assert sorted(ids) == sorted(view.message_id for view in received)
        if self._is_one(one, other):
            assert ids == [view.message_id for view in received], "they see another order"

    def _timeline(self, who: Actor, other: Actor) -> list[MessageView]:
        (chat,) = (view for view in who.chats() if view.address == f"{other.name}@{HOST}")
        return who.timeline(chat)

    def _is_one(self, one: Actor, other: Actor) -> bool:
        """Whether they never had two conversations, whose logs have no common order."""
        return len({place[0] for place in self.bodies}) <= 3 and one is not other


def simulate(folder: Path, seed: int) -> Counter[str]:
    """Play a schedule; what happened in it, how often. Raises `AssertionError`, with the seed."""
    before = key_packages._ENOUGH, key_packages._FEW
    key_packages._ENOUGH, key_packages._FEW = 6, 3  # type: ignore[misc] # X-Wing keys take their time
    try:
        with town(folder) as place:
            simulation = Simulation(folder, place, seed=seed)
            try:
                simulation.plays()
                simulation.checks()
            except Exception as error:
                raise AssertionError(f"seed {seed}: {error!r}") from error
            finally:
                for actor in simulation.actors:
                    actor.engine.close()
            return simulation.counts
    finally:
        key_packages._ENOUGH, key_packages._FEW = before  # type: ignore[misc]
