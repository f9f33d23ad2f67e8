"""The host's core: batches of frames in, frames out, one transaction a batch. No sockets, no threads, no clock.

The shell brings frames from links in the order they came, calls `accept` with a batch, and sends what comes back:
by then all of it is durable. What needs no store is judged first (`judge`), what changes nothing is read elsewhere
(`read`), so that posts wait for neither.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final, NamedTuple, TypeVar, cast

from aparte.server.accounts import AccountFrame, Accounts, AccountSettings, JudgedAccountFrame
from aparte.server.journal import Journal
from aparte.server.links import Link
from aparte.server.logs import Logs
from aparte.server.opening import JudgedOpen
from aparte.server.policy import HostKeys, LogPolicy
from aparte.server.posting import Posting
from aparte.server.room import Room
from aparte.server.step import Refusal, Send, problem
from aparte.server.store import Store, StoreError, StoreFull, StoreRefused, Transaction
from aparte.server.subscriptions import Subscriptions
from aparte.server.tickets import JudgedTicket
from aparte.wire import ErrorCode
from aparte.wire.ids import Millis
from aparte.wire.log_frames import Close, Create, Post

__all__ = ["Arrival", "Core", "JudgedCreate", "LinkClosed", "WriterFrame"]

T = TypeVar("T")

#: How long a client should wait when the disk fails. Milliseconds.
_RETRY: Final = 2_000
#: From so many posts on it pays to decide elsewhere.
_MANY: Final = 16


@dataclass(frozen=True, slots=True)
class JudgedCreate:
    """A `Create` whose ticket was judged."""

    frame: Create
    ticket: JudgedTicket


@dataclass(frozen=True, slots=True)
class LinkClosed:
    """The link is gone: nothing more comes from it, nothing more goes to it."""


_Judged = JudgedOpen | JudgedCreate | JudgedAccountFrame
WriterFrame = Post | JudgedOpen | JudgedCreate | Close | AccountFrame


class Arrival(NamedTuple):
    """A frame that came on a link, judged if it has to be."""

    link: Link
    frame: WriterFrame | LinkClosed


class _Request(NamedTuple):
    """An arrival that wants an answer."""

    link: Link
    frame: WriterFrame


class Core:
    """Decides, one batch at a time. Its memory is never ahead of the store's."""

    def __init__(
        self,
        store: Store,
        keys: HostKeys,
        *,
        policy: LogPolicy,
        report: Callable[[Exception], None],
        accounts: AccountSettings | None = None,
    ) -> None:
        self._store = store
        self._report = report
        #: Where a batch of many posts is decided, which does not wait for the disk: what it has to read has been
        #: prefetched, and what it writes stays in memory until the COMMIT. Here, unless the shell has a better place.
        self.elsewhere: Callable[[Callable[[], list[Send]]], list[Send]] = _here
        self._journal = Journal()
        self.subscriptions = Subscriptions()
        #: What the disk still takes: everything, unless the shell has measured it.
        self.room = room = Room()
        room.earliest = store.believed() or room.earliest
        self._logs = Logs(keys, subscriptions=self.subscriptions, journal=self._journal, room=room)
        self._posting = Posting(keys, policy, subscriptions=self.subscriptions, journal=self._journal, room=room)
        #: None: the host serves logs only.
        self.accounts = None if accounts is None else Accounts(accounts, self._journal, room=room)

    def accept(self, batch: Sequence[Arrival], now: Millis) -> list[Send]:
        """Carry out a batch, in order, in one transaction; returns what to send, in order.

        If the store fails, nothing of the batch was done and every request in it is told so. A frame that breaks a
        rule of the store, or that this code fails on, is left out, and the others are carried out without it.
        """
        requests = _requests(batch)
        sends = self._try(requests, now) if requests else []
        if len(requests) < len(batch):
            self._close(batch)
        return sends

    def apart(self, work: Callable[[Transaction], T]) -> T:
        """Do something in a transaction of its own, for the sweep or the operator. Raises `StoreError`."""
        try:
            with self._store.transaction() as transaction:
                result = work(transaction)
        except BaseException:
            self._journal.take_back()
            raise
        self._journal.keep()
        return result

    def give_up(self, batch: Sequence[Arrival], error: Exception) -> list[Send]:
        """Something failed that should not: say so to everybody in the batch."""
        self._report(error)
        self._close(batch)
        return _refuse(_requests(batch), Refusal(ErrorCode.INTERNAL))

    def _close(self, batch: Sequence[Arrival]) -> None:
        """Forget the links that are gone. It needs no disk, and is not taken back."""
        for link, frame in batch:
            if isinstance(frame, LinkClosed):
                self._logs.closed(link)
                if self.accounts is not None:
                    self.accounts.closed(link)

    def tidy(self) -> None:
        """Let the store do what can wait."""
        try:
            self._store.tidy()
        except StoreError as error:
            self._report(error)

    def _try(self, batch: Sequence[_Request], now: Millis) -> list[Send]:
        try:
            return self._carry_out(batch, now)
        except StoreFull:
            return _refuse(batch, Refusal(ErrorCode.DISK_FULL, wait=_RETRY))
        except StoreRefused as error:
            return self._apart(batch, now, error=error)
        except StoreError as error:
            self._report(error)
            return _refuse(batch, Refusal(ErrorCode.UNAVAILABLE, wait=_RETRY))
        except _Fault as fault:
            self._report(fault.error)
            return self._around(batch, now, at=fault.index)

    def _carry_out(self, batch: Sequence[_Request], now: Millis) -> list[Send]:
        try:
            with self._store.transaction() as transaction:
                posts = [(frame.log_id, frame.idem) for _, frame in batch if type(frame) is Post]
                logs = [claim.item.log_id for _, frame in batch if type(frame) is JudgedOpen for claim in frame.claims]
                transaction.prefetch(posts, logs=logs)
                decide = partial(self._all, transaction, batch, now=now)
                sends = self.elsewhere(decide) if len(posts) == len(batch) >= _MANY else decide()
        except BaseException:
            self._journal.take_back()
            raise
        self._journal.keep()
        return sends

    def _all(self, transaction: Transaction, batch: Sequence[_Request], *, now: Millis) -> list[Send]:
        """Decide everything, and leave nothing for the transaction's end but the flush."""
        sends: list[Send] = []
        for index, request in enumerate(batch):
            try:
                sends += self._decide(transaction, request, now=now)
            except Refusal as refusal:
                sends.append(_problem(request, refusal))
            except StoreError:
                raise
            except Exception as error:
                raise _Fault(index, error) from error
        transaction.write()
        return sends

    def _decide(self, transaction: Transaction, request: _Request, *, now: Millis) -> list[Send]:
        """Raises `Refusal`, and does so before anything is written."""
        link, frame = request
        match frame:
            case Post():
                return self._posting.post(transaction, link, frame=frame, now=now)
            case JudgedOpen():
                return self._logs.open(transaction, link, judged=frame, now=now)
            case JudgedCreate():
                return self._logs.create(transaction, link, frame=frame.frame, ticket=frame.ticket, now=now)
            case Close():
                return self._logs.close(transaction, link, frame=frame)
            case _:
                if self.accounts is None:
                    raise Refusal(ErrorCode.UNEXPECTED, "this host serves no accounts")
                return self.accounts.decide(transaction, link, frame=frame, now=now)

    def _around(self, batch: Sequence[_Request], now: Millis, *, at: int) -> list[Send]:
        """Carry out what comes before the request at `at`, and by halves what comes after: that may hold others."""
        refused = _refuse(batch[at : at + 1], Refusal(ErrorCode.INTERNAL))
        middle = at + 1 + len(batch[at + 1 :]) // 2
        before, after, last = batch[:at], batch[at + 1 : middle], batch[middle:]
        sends = [self._try(part, now) if part else [] for part in (before, after, last)]
        return [*sends[0], *refused, *sends[1], *sends[2]]

    def _apart(self, batch: Sequence[_Request], now: Millis, *, error: StoreRefused) -> list[Send]:
        """Some frame spoils the batch: find it by halves."""
        if len(batch) == 1:
            self._report(error)
            return _refuse(batch, Refusal(ErrorCode.INTERNAL))
        middle = len(batch) // 2
        return [*self._try(batch[:middle], now), *self._try(batch[middle:], now)]


def _requests(batch: Sequence[Arrival]) -> list[_Request]:
    """Those that want an answer."""
    return cast("list[_Request]", [arrival for arrival in batch if type(arrival.frame) is not LinkClosed])


def _here(decide: Callable[[], list[Send]]) -> list[Send]:
    return decide()


class _Fault(Exception):
    """This code failed on the request at `index` of a batch."""

    def __init__(self, index: int, error: Exception) -> None:
        super().__init__(f"request {index} of the batch")
        self.index = index
        self.error = error


def _refuse(batch: Sequence[_Request], refusal: Refusal) -> list[Send]:
    return [_problem(request, refusal) for request in batch]


def _problem(request: _Request, refusal: Refusal) -> Send:
    frame = request.frame
    number = frame.frame.request if isinstance(frame, _Judged) else frame.request
    return problem(request.link, number, refusal=refusal)
