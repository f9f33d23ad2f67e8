"""Other hosts whose tickets this one may take: their keys, asked for when first needed and then now and again.

Asking is what a stranger can make a host do by a name alone. So it is done once for all who wait, a few at a time, at
a bounded pace, and after a failure not again for minutes.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aparte.server.pace import Pace, Paces
from aparte.server.shell.well_known import PATIENCE, WellKnown, has_usual_port, is_public_name
from aparte.server.step import Refusal
from aparte.server.tickets import FOREIGN_TICKETS, Acquaintance, ForeignBudget, Issuer, family_of
from aparte.wire import ErrorCode
from aparte.wire.ids import Millis

__all__ = ["NOBODY", "IssuerPolicy", "Issuers", "issuers_by"]

_HOUR: Final = 3_600_000
#: Milliseconds until a host is asked again: as a rule, after it failed, and when a signature was not by its key.
_KEPT: Final = _HOUR
_FAILED: Final = 300_000
_DOUBTED: Final = 60_000
#: How long a key is believed while its host cannot be asked, and from when on a host is no stranger.
_BELIEVED: Final = 24 * _HOUR
_ACQUAINTED: Final = 24 * _HOUR
#: Hosts that are asked at one time, how fast others may follow, and how many are remembered, besides as many that
#: did not answer. Those whose key has grown old have as much again, so that strangers are not in their way.
_AT_ONCE: Final = 32
_QUESTIONS: Final = Pace(interval=100, burst=100)
_REMEMBERED: Final = 4_096
#: When somebody should come back whose ticket's issuer is not known yet. Milliseconds.
_SOON: Final = 2_000


@dataclass(frozen=True, slots=True)
class IssuerPolicy:
    """Whose tickets are taken besides the host's own: of these hosts; of all hosts if None. And how many of each."""

    hosts: frozenset[str] | None = None
    pace: Pace = FOREIGN_TICKETS

    def takes(self, issuer: str) -> bool:
        """Whether it may be an issuer here. Whoever has made a ticket must not choose just any port."""
        is_wanted = has_usual_port if self.hosts is None else self.hosts.__contains__
        return is_public_name(issuer) and is_wanted(issuer)


NOBODY: Final = IssuerPolicy(frozenset())


@dataclass(slots=True)
class _Known:
    """A host's key, since when it has had one, when it said this one, and when to ask again."""

    key: bytes
    since: Millis
    said: Millis
    again: Millis
    #: Set by other threads, here alone: what they do to a record that was replaced meanwhile is lost, and does no harm.
    is_doubted: bool = False

    def is_due(self, now: Millis) -> bool:
        return now >= (min(self.again, self.said + _DOUBTED) if self.is_doubted else self.again)

    def is_believed(self, now: Millis) -> bool:
        return now - self.said < _BELIEVED

    def is_regular(self, now: Millis) -> bool:
        return now - self.since >= _ACQUAINTED


class Issuers:
    """Whom this host knows. `clock` only counts. Of the loop's thread, but for `of`, `doubt` and `introduce`.

    A failure is told after `patience` seconds, whatever it was: a port that is closed looks like one that is silent.
    """

    def __init__(
        self,
        policy: IssuerPolicy,
        *,
        ask: Callable[[str], Awaitable[bytes]],
        clock: Callable[[], Millis],
        patience: float = 0.0,
    ) -> None:
        self._policy = policy
        self._patience = patience
        self._ask = ask
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._budget = ForeignBudget(policy.pace)
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        #: Who did not answer, and when to ask again.
        self._silent: dict[str, Millis] = {}
        self._under_way = 0
        self._questions = Paces[None](_QUESTIONS)
        self._renewals = Paces[None](_QUESTIONS)

    async def meet(self, issuer: str) -> None:
        """Ask the host for its key if that is due; returns when it is known, or as soon as it will not be."""
        asking = self._asking.get(issuer) or self._begin(issuer)
        if asking is not None:
            await asyncio.shield(asking)

    def introduce(self, issuer: str) -> None:
        """`meet`, for a thread that cannot wait."""
        self._loop.call_soon_threadsafe(lambda: self._asking.get(issuer) or self._begin(issuer))

    def of(self, issuer: str) -> Issuer:
        """The issuer of a ticket. Raises `Refusal`."""
        if not self._policy.takes(issuer):
            raise Refusal(ErrorCode.TICKET_REFUSED, "tickets of that host are not taken")
        known, silent_until, now = self._known.get(issuer), self._silent.get(issuer), self._clock()
        if known is not None and known.is_believed(now):
            return Issuer(known.key, self._budget, self._acquaintance(known, now))
        if silent_until is not None:
            wait = max(_SOON, silent_until - now)
            raise Refusal(ErrorCode.UNAVAILABLE, "the ticket's issuer does not say its key", wait=wait)
        raise Refusal(ErrorCode.UNAVAILABLE, "the ticket's issuer is not known yet", wait=_SOON)

    def doubt(self, issuer: str) -> None:
        """It did not sign a ticket that bears its name: it may have another key by now."""
        known = self._known.get(issuer)
        if known is not None:
            known.is_doubted = True

    async def close(self) -> None:
        """Ask nobody any more."""
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _begin(self, issuer: str) -> asyncio.Task[None] | None:
        known, now = self._known.get(issuer), self._clock()
        is_due = now >= self._silent.get(issuer, 0) and (known is None or known.is_due(now))
        if not self._policy.takes(issuer) or not is_due or not self._may_ask(known, now):
            return None
        self._under_way += 1
        task = self._asking[issuer] = self._loop.create_task(self._learn(issuer))
        task.add_done_callback(lambda _: self._asking.pop(issuer, None))
        return task

    def _may_ask(self, known: _Known | None, now: Millis) -> bool:
        """Hosts that the operator has named are asked at any time, others at a bounded pace."""
        if self._policy.hosts is not None:
            return True
        is_renewal = known is not None and now >= known.again
        paces, at_once = (self._renewals, 2 * _AT_ONCE) if is_renewal else (self._questions, _AT_ONCE)
        return self._under_way < at_once and not paces.admit(None, now)

    async def _learn(self, issuer: str) -> None:
        loop = self._loop
        begun = loop.time()
        try:
            key: bytes | None = await self._ask(issuer)
        except Exception:  # noqa: BLE001 - whatever it was, there is no key; and whom strangers name is not written down
            key = None
        finally:
            self._under_way -= 1
        if key is None:
            await asyncio.sleep(begun + self._patience - loop.time())
            self._heard_nothing(issuer)
        else:
            self._heard(issuer, key)

    def _heard(self, issuer: str, key: bytes) -> None:
        now, before = self._clock(), self._known.pop(issuer, None)
        self._silent.pop(issuer, None)
        self._known[issuer] = _Known(key, now if before is None else before.since, now, Millis(now + _KEPT))
        if len(self._known) > _REMEMBERED:
            # Of the largest family, so that nobody drives out others by inventing names; strangers first, then the
            # one that was asked longest ago.
            sizes = Counter(map(family_of, self._known))
            known = self._known
            del known[min(known, key=lambda name: (-sizes[family_of(name)], known[name].is_regular(now)))]

    def _heard_nothing(self, issuer: str) -> None:
        now, known = self._clock(), self._known.get(issuer)
        again = Millis(now + _FAILED)
        if known is not None and known.is_believed(now):
            self._known[issuer] = _Known(known.key, known.since, known.said, again)
            return
        self._known.pop(issuer, None)
        self._silent.pop(issuer, None)
        self._silent[issuer] = again
        if len(self._silent) > _REMEMBERED:
            del self._silent[next(iter(self._silent))]

    def _acquaintance(self, known: _Known, now: Millis) -> Acquaintance:
        if self._policy.hosts is not None:
            return Acquaintance.NAMED
        return Acquaintance.REGULAR if known.is_regular(now) else Acquaintance.STRANGER


def _steady() -> Millis:
    return Millis(time.monotonic_ns() // 1_000_000)


@asynccontextmanager
async def issuers_by(policy: IssuerPolicy) -> AsyncIterator[Issuers]:
    """Those of the whole internet; nobody is asked any more when it is left."""
    well_known = WellKnown()
    issuers = Issuers(policy, ask=well_known.ticket_key, clock=_steady, patience=PATIENCE)
    try:
        yield issuers
    finally:
        await issuers.close()
        well_known.close()
