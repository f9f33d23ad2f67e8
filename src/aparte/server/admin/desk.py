"""Where the operator's requests are carried out: at a running host, or on the folder of one that is at rest.

The operations see no difference. What changes something goes through `writing`, which returns when it was done on the
thread that writes; what only looks has a reading connection of its own (`census`) and holds nobody up.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol, TypeVar

from aparte.server.accounts import TicketPolicy
from aparte.server.accounts.presence import Presence
from aparte.server.admin.certificate import CertificateFiles
from aparte.server.admin.errors import AdminError, Fault
from aparte.server.core import Core
from aparte.server.journal import Journal
from aparte.server.shell.folder import locked
from aparte.server.shell.writer import Writer
from aparte.server.store import Store, Transaction
from aparte.server.store.sqlite import SqliteStore
from aparte.wire.ids import Millis

__all__ = ["Desk", "Live", "LiveWriting", "Writing", "desk_at_rest", "require_host", "system_clock"]

#: Seconds that a change waits for the writer.
_PATIENCE: Final = 60.0

T = TypeVar("T")


def system_clock() -> Millis:
    """The real clock."""
    return Millis(time.time_ns() // 1_000_000)


class Writing(Protocol):
    """Who changes things."""

    def store(self, work: Callable[[Store], T]) -> T:
        """Do something to the store on the thread that writes. Raises what it raises."""

    def apart(self, work: Callable[[Transaction], T]) -> T:
        """Do something in a transaction of its own, there. Raises what it raises."""


@dataclass(frozen=True, slots=True)
class Live:
    """What only a running host has."""

    links: Callable[[], int]
    #: Blocks; (blobs, uploads) removed.
    sweep_blobs: Callable[[], tuple[int, int]]
    presence: Presence | None
    #: What the host refuses because the disk is nearly full.
    refused: Callable[[], str]
    started_at: float = field(default_factory=time.monotonic)

    def uptime(self) -> int:
        """Seconds."""
        return int(time.monotonic() - self.started_at)


@dataclass(frozen=True, slots=True)
class Desk:
    """One folder, and how to work on it."""

    data: Path
    writing: Writing
    #: The host's name; None if nobody said.
    domain: str | None = None
    live: Live | None = None
    #: None if the host does not encrypt by itself.
    certificate: CertificateFiles | None = None
    tickets: TicketPolicy = field(default_factory=TicketPolicy)
    clock: Callable[[], Millis] = system_clock
    rng: Callable[[int], bytes] = os.urandom
    stopping: threading.Event = field(default_factory=threading.Event)

    @property
    def presence(self) -> Presence:
        """The links that have proved a device: nobody's at rest."""
        if self.live is None or self.live.presence is None:
            return Presence(Journal())
        return self.live.presence

    def go_on(self) -> None:
        """Raises `AdminError` if the host is about to stop: long work asks now and then."""
        if self.stopping.is_set():
            raise AdminError(Fault.STOPPING, "the host is stopping")


class LiveWriting:
    """`Writing` at a running host: between two batches of the writer's. For threads other than that and the loop's."""

    def __init__(self, core: Core, writer: Writer, *, store: Store) -> None:
        self._core = core
        self._writer = writer
        self._store = store

    def store(self, work: Callable[[Store], T]) -> T:
        return self._between(lambda: work(self._store))

    def apart(self, work: Callable[[Transaction], T]) -> T:
        return self._between(lambda: self._core.apart(work))

    def _between(self, work: Callable[[], T]) -> T:
        done: Future[T] = Future()

        def carry_out() -> None:
            if not done.set_running_or_notify_cancel():
                return
            try:
                found = work()
            except Exception as error:  # noqa: BLE001 - whoever asked hears of it, and the writer goes on
                done.set_exception(error)
            else:
                done.set_result(found)

        self._writer.between(carry_out)
        try:
            return done.result(_PATIENCE)
        except TimeoutError as error:
            if done.cancel():
                raise AdminError(Fault.FAILED, "the host is too busy: nothing was changed") from error
            return done.result()


class _WritingAtRest:
    """`Writing` by whoever has the folder's lock. The store is opened, and brought up to date, when it is needed."""

    def __init__(self, data: Path) -> None:
        self._data = data
        self._opened: Store | None = None

    def store(self, work: Callable[[Store], T]) -> T:
        if self._opened is None:
            self._opened = SqliteStore(self._data / "host.db")
        return work(self._opened)

    def apart(self, work: Callable[[Transaction], T]) -> T:
        def within(store: Store) -> T:
            with store.transaction() as transaction:
                return work(transaction)

        return self.store(within)

    def close(self) -> None:
        if self._opened is not None:
            self._opened.close()


def require_host(data: Path) -> None:
    """Raises `AdminError` unless a host has once been started on this folder."""
    if not data.is_dir():
        raise AdminError(Fault.NO_HOST, f"there is no folder {data}")
    if not (data / "host.db").is_file():
        raise AdminError(Fault.NO_HOST, f"{data} is not the folder of a host: it has no host.db")


@contextmanager
def desk_at_rest(data: Path, domain: str | None, *, certificate: CertificateFiles | None) -> Iterator[Desk]:
    """The desk of a host that does not run, and will not meanwhile. Raises `AdminError`, `AlreadyRunning`."""
    require_host(data)
    with locked(data):
        writing = _WritingAtRest(data)
        try:
            yield Desk(data, writing, domain, certificate=certificate)
        finally:
            writing.close()
