"""A driver with a puppet in the engine's place; and what is left open when it has ended."""

from __future__ import annotations

import asyncio
import gc
import os
import stat
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from aparte.client.api import Change, Connect, Event, FrameArrived, LinkDown, LinkUp, Send, Step
from aparte.client.lines import Line, LineKind
from aparte.client.views import LineView
from aparte.drivers.asyncio_ws import Driver
from aparte.wire.ids import Millis

#: Seconds. Only a failing test waits that long.
PATIENCE = 60.0


def clock() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


@dataclass
class Puppet:
    """Says what a test tells it to, and remembers what it was told."""

    #: What it sends for an event; None stands for being woken.
    answer: Callable[[Event | None], Iterable[Send]] = lambda _: ()
    told: list[Any] = field(default_factory=list)
    #: What it raises next, if anything.
    faults: list[BaseException] = field(default_factory=list)
    wake_at: Millis | None = None
    #: What it sends for commands, which here are what it sends.
    changes: tuple[Change, ...] = (Change(LineView, b"", None),)

    def handle(self, command: Iterable[Send], _now: Millis) -> Step:
        return self._step(command, "command")

    def receive(self, event: Event, _now: Millis) -> Step:
        return self._step(self.answer(event), event)

    def wake(self, _now: Millis) -> Step:
        return self._step(self.answer(None), None)

    def _step(self, sends: Iterable[Send], what: Any) -> Step:
        self.told.append(what)
        if self.faults:
            raise self.faults.pop(0)
        return Step(tuple(sends), self.changes, self.wake_at)

    def events(self, line: Line) -> list[Any]:
        """What came of one line, in short: up, the words of a frame, or why it is down."""
        found: list[Any] = []
        for each in self.told:
            match each:
                case LinkUp(up) if up == line:
                    found.append(LinkUp)
                case FrameArrived(of, data) if of == line:
                    found.append(data)
                case LinkDown(of, reason) if of == line:
                    found.append(reason)
        return found

    def down(self, line: Line) -> str:
        """Why the line went down last; empty if it did not."""
        return next(
            (each.reason for each in reversed(self.told) if isinstance(each, LinkDown) and each.line == line), ""
        )


@asynccontextmanager
async def driving(engine: Any, **options: Any) -> AsyncIterator[Driver]:
    """The engine on the network; a fault of the driver's fails the test."""
    driver = Driver(engine, **{"clock": clock, "listen": lambda _: None, **options})
    task = asyncio.create_task(driver.run())
    try:
        yield driver
        if task.done():
            task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def connects(line: Line) -> Puppet:
    """An engine that wants one link, each time that it is woken."""
    return Puppet(lambda event: [Connect(line)] if event is None else [])


async def ended(name: str) -> str:
    """Why a link to that host ends."""
    line = Line(name, LineKind.ANONYMOUS)
    puppet = connects(line)
    async with driving(puppet):
        reason = await until(lambda: puppet.down(line))
        assert sum(isinstance(each, LinkDown) for each in puppet.told) == 1
    assert str(reason).isprintable()
    return str(reason)


async def until(found: Callable[[], Any]) -> Any:
    """What is found, once it is."""
    async with asyncio.timeout(PATIENCE):
        while not (value := found()):
            await asyncio.sleep(0.005)
    return value


def play(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene. Afterwards no socket is open and no task goes on."""
    before = open_sockets()

    async def whole() -> None:
        await scene
        await until(lambda: asyncio.all_tasks() == {asyncio.current_task()})

    asyncio.run(whole())
    gc.collect()  # what was not closed warns now, and a warning is an error
    assert open_sockets() <= before


def open_sockets() -> int:
    """How many this process has."""
    count = 0
    for number in range(3, 1024):
        with suppress(OSError):
            count += stat.S_ISSOCK(os.fstat(number).st_mode)
    return count
