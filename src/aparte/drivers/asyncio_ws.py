"""Drives an engine by asyncio: WebSockets, requests over HTTP, one timer. It decides nothing.

The engine is called in the loop's own thread, one call at a time, by whoever runs `run` and by `do`. A call writes to
disk, which takes milliseconds in which nothing else is read. A thread of its own would win those, and for that make
each command wait its turn behind what a host has sent, and the order of events a matter of two queues.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Coroutine
from functools import partial
from typing import Any, Final, assert_never

from aparte.client import Engine
from aparte.client.api import Ask, Change, Connect, Disconnect, Event, LinkDown, Send, SendFrame, Step
from aparte.client.commands import Command, CommandRefused
from aparte.client.lines import Line
from aparte.client.store import StoreError
from aparte.drivers.network import Outgoing, Tls, ask, talk
from aparte.wire.ids import Millis

__all__ = ["Driver", "Listener"]

#: Seconds after which the disk is tried again once it has failed: twice as long each time, up to the second.
_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 10.0
#: Seconds after which the clock is looked at again: it may have been set, or the machine been asleep.
_LONGEST_SLEEP: Final = 60.0

#: Told after each step what looks different now, even if nothing does: what is under way may have changed.
Listener = Callable[[tuple[Change, ...]], None]


class _Link:
    """One link that was asked for, until it is down or asked to end. The next of its line is another one."""

    def __init__(self, line: Line) -> None:
        self.line = line
        self.task: asyncio.Task[None] | None = None
        self.outgoing = Outgoing()
        #: Why it is to be given up, if that was found on this side.
        self.fault = ""


class Driver:
    """An engine on the network. `run` once, until cancelled; `do` in between, and before."""

    def __init__(
        self,
        engine: Engine,
        *,
        clock: Callable[[], Millis],
        listen: Listener,
        trouble: Callable[[str], None] = lambda _: None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`trouble` is told about the disk. `tls` says who is believed about names; by default whom the system does."""
        self._engine = engine
        self._clock = clock
        self._listen = listen
        self._trouble = trouble
        self._tls: Tls = True if tls is None else tls
        self._links: dict[Line, _Link] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        #: What `run` is to do next: at most one thing for each link and request, and one for the timer.
        self._next: asyncio.Queue[Callable[[], None]] = asyncio.Queue()
        self._timer: asyncio.TimerHandle | None = None
        self._pause = 0.0
        self._is_over = False

    async def run(self) -> None:
        """Begin, and go on until this is cancelled. All connections are closed then.

        Raises what engine and listener raise that they should not: nothing goes on as if it had not been.
        """
        try:
            self._wake()
            while True:
                (await self._next.get())()
        finally:
            self._is_over = True
            self._set_timer(None)
            self._links.clear()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)

    def do(self, command: Command) -> tuple[Change, ...]:
        """Give the engine a command; what looks different now. Raises `CommandRefused` and `StoreError`.

        After `run` has ended it is kept, and nothing is sent.
        """
        try:
            step = self._engine.handle(command, self._clock())
        except CommandRefused:
            raise
        except BaseException:
            self._failed()
            raise
        self._carry_out(step)
        return step.changes

    # ------------------------------------------------------------------------------------------------ steps

    def _receive(self, event: Event) -> None:
        self._step(lambda: self._engine.receive(event, self._clock()))

    def _wake(self) -> None:
        self._step(lambda: self._engine.wake(self._clock()))

    def _step(self, verb: Callable[[], Step]) -> None:
        try:
            step = verb()
        except StoreError as error:
            self._failed()
            self._trouble(str(error))
        else:
            self._carry_out(step)

    def _failed(self) -> None:
        """The engine has forgotten its links. When it is woken it begins with new ones."""
        for line in list(self._links):
            self._end(line)
        self._pause = min(_LONGEST_PAUSE, max(_FIRST_PAUSE, 2 * self._pause))
        self._set_timer(self._pause, self._wake)

    def _carry_out(self, step: Step) -> None:
        self._pause = 0.0
        if not self._is_over:
            for send in step.sends:
                self._send(send)
            self._arm(step.wake_at)
        self._listen(step.changes)

    def _arm(self, wake_at: Millis | None) -> None:
        if wake_at is None:
            self._set_timer(None)
        else:
            seconds = max(0, wake_at - self._clock()) / 1000
            self._set_timer(min(seconds, _LONGEST_SLEEP), partial(self._ring, wake_at))

    def _ring(self, wake_at: Millis) -> None:
        if self._clock() < wake_at:
            self._arm(wake_at)
        else:
            self._wake()

    def _set_timer(self, seconds: float | None, then: Callable[[], None] = lambda: None) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if seconds is not None and not self._is_over:
            self._timer = asyncio.get_running_loop().call_later(seconds, self._next.put_nowait, then)

    # ------------------------------------------------------------------------------------------------ sends

    def _send(self, send: Send) -> None:
        match send:
            case Connect(line):
                self._end(line)
                link = self._links[line] = _Link(line)
                link.task = self._start(self._hold(link))
            case Disconnect(line):
                self._end(line)
            case SendFrame(line, data):
                self._write(line, data)
            case Ask():
                self._start(self._ask(send))
            case _:
                assert_never(send)

    def _write(self, line: Line, data: bytes) -> None:
        link = self._links.get(line)
        if link is None or link.task is None or link.fault:
            return
        if not link.outgoing.put(data):
            link.fault = f"{line.host} reads too slowly"
            link.task.cancel()

    def _end(self, line: Line) -> None:
        link = self._links.pop(line, None)
        if link is not None and link.task is not None:
            link.task.cancel()

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return task

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            self._next.put_nowait(task.result)  # a fault of this program's own comes out of `run`

    # ---------------------------------------------------------------------------------------------- network

    async def _hold(self, link: _Link) -> None:
        """One link from beginning to end."""
        try:
            reason = await talk(link.line, link.outgoing, deliver=partial(self._deliver, link), tls=self._tls)
        except asyncio.CancelledError:
            if not link.fault:
                raise
            reason = link.fault
        self._next.put_nowait(partial(self._went_down, link, reason))

    async def _deliver(self, link: _Link, event: Event) -> None:
        """Return when the engine has taken it, or nobody wants it any more."""
        taken = asyncio.get_running_loop().create_future()
        self._next.put_nowait(partial(self._take, link, event, taken=taken))
        await taken

    def _take(self, link: _Link, event: Event, *, taken: asyncio.Future[None]) -> None:
        if self._links.get(link.line) is link:
            self._receive(event)
        if not taken.done():
            taken.set_result(None)

    def _went_down(self, link: _Link, reason: str) -> None:
        if self._links.get(link.line) is link:
            del self._links[link.line]
            self._receive(LinkDown(link.line, reason))

    async def _ask(self, send: Ask) -> None:
        event = await ask(send, tls=self._tls)
        self._next.put_nowait(partial(self._receive, event))
