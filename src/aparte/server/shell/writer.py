"""The one thread that writes. It commits whatever has come while the last commit was flushed: no timer, no waiting."""

from __future__ import annotations

import asyncio
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Final, Protocol, TypeVar, cast

from aparte.server.core import Arrival, Core
from aparte.server.step import Delivery, Send
from aparte.wire.ids import Millis

__all__ = ["Watch", "Writer"]

#: Requests to a transaction, so that the first of them does not wait too long for the last.
_BATCH: Final = 256
#: Deliveries that keep the loop busy for longer than it takes to hear of them.
_LONG: Final = 512

T = TypeVar("T")


class Watch(Protocol):
    """Is told of each batch, on the writer's thread, once its answers are on their way."""

    def __call__(self, batch: Sequence[Arrival], sends: Sequence[Send], *, seconds: float) -> None: ...


class Writer:
    """Feeds the core from a queue; hands over what is to be sent once it is durable."""

    def __init__(
        self,
        core: Core,
        *,
        clock: Callable[[], Millis],
        release: Callable[[list[Send]], None],
        watch: Watch | None = None,
    ) -> None:
        self._core = core
        self._clock = clock
        self._release = release
        self._watch = watch
        self._loop = asyncio.get_running_loop()
        self._queue: queue.SimpleQueue[Arrival | Callable[[], None] | None] = queue.SimpleQueue()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="aparte-writer", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def submit(self, arrival: Arrival) -> None:
        """Take a request; its answers come through `release`."""
        self._queue.put(arrival)

    @property
    def waiting(self) -> int:
        """How many requests, and other things to do, have not been begun."""
        return self._queue.qsize()

    def between(self, work: Callable[[], None]) -> None:
        """Do something to the store between two batches, on the writer's thread."""
        self._queue.put(work)

    def on_loop(self, decide: Callable[[], list[Send]]) -> list[Send]:
        """Carry out `decide` on the event loop while this, the writer's thread, waits.

        Two threads that both run Python keep taking its lock from each other. So the loop's thread runs it, and this
        one has SQLite and the disk to wait for, which need no lock.
        """
        decided: Future[list[Send]] = Future()

        def carry_out() -> None:
            try:
                decided.set_result(decide())
            except BaseException as error:  # noqa: BLE001 - whoever waits hears of it
                decided.set_exception(error)

        self._loop.call_soon_threadsafe(carry_out)
        return decided.result()

    async def ask(self, work: Callable[[], T]) -> T:
        """`between`, and wait for what comes of it."""
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[T] = loop.create_future()

        def settle(found: T | None, error: Exception | None) -> None:
            if answer.done():
                return
            if error is not None:
                answer.set_exception(error)
            else:
                answer.set_result(cast("T", found))

        def carry_out() -> None:
            try:
                found = work()
            except Exception as error:  # noqa: BLE001 - whoever asked hears of it, and the writer goes on
                loop.call_soon_threadsafe(settle, None, error)
            else:
                loop.call_soon_threadsafe(settle, found, None)

        self.between(carry_out)
        return await answer

    async def end(self) -> None:
        """Return when the thread has ended. Raises what it failed on: a host that cannot write must not look alive."""
        await asyncio.shield(self._ended)

    def stop(self) -> None:
        """Carry out what was submitted, then end. Returns when done."""
        self._queue.put(None)
        self._thread.join()

    def _carry_out(self, batch: list[Arrival]) -> list[Send]:
        try:
            return self._core.accept(batch, self._clock())
        except Exception as error:  # noqa: BLE001 - one fault must not silence the host
            return self._core.give_up(batch, error)

    def _gather(self) -> None:
        """Wait until the loop has written what was released, and has read once since.

        What comes by then is one batch. Each would have to wait for the loop alone, and be written to all links alone.
        """
        has_read = threading.Event()
        self._loop.call_soon_threadsafe(self._loop.call_soon, has_read.set)
        has_read.wait()

    def _run(self) -> None:
        try:
            self._serve()
        except BaseException as error:  # noqa: BLE001 - `end` raises it
            self._loop.call_soon_threadsafe(self._ended.set_exception, error)

    def _serve(self) -> None:
        while True:
            item = self._queue.get()
            batch: list[Arrival] = []
            while isinstance(item, Arrival):
                batch.append(item)
                if len(batch) == _BATCH:
                    break
                try:
                    item = self._queue.get_nowait()
                except queue.Empty:
                    break
            if batch:
                begun = time.perf_counter()
                sends = self._carry_out(batch)
                self._release(sends)
                if sum(len(send.links) for send in sends if isinstance(send, Delivery)) >= _LONG:
                    self._gather()
                if self._watch is not None:
                    self._watch(batch, sends, seconds=time.perf_counter() - begun)
            if self._queue.empty():
                self._core.tidy()
            if item is None:
                return
            if not isinstance(item, Arrival):
                item()
