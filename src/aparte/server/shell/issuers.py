"""Other hosts whose tickets this one may take: their keys, asked for when first needed and then now and again.

Asking is what a stranger can make a host do by a name alone. So it is done once for all who wait, a few at a time, at
a bounded pace, and after a failure not again for minutes.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Final

from aparte.server.pace import Pace, Paces
from aparte.server.shell.well_known import WellKnown, is_public_name
from aparte.server.step import Refusal
from aparte.server.tickets import FOREIGN_TICKETS, ForeignBudget, Issuer
from aparte.wire import ErrorCode
from aparte.wire.ids import Millis

__all__ = ["NOBODY", "IssuerPolicy", "Issuers", "issuers_by"]

_HOUR: Final = 3_600_000
#: Milliseconds until a host is asked again: as a rule, after it failed, and when a signature was not by its key.
_KEPT: Final = _HOUR
_FAILED: Final = 300_000
_DOUBTED: Final = 60_000
#: How long a key is believed while its host cannot be asked.
_BELIEVED: Final = 24 * _HOUR
#: Hosts that are asked at one time, how fast others may follow, and how many are remembered.
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
        """Whether it may be an issuer here."""
        return is_public_name(issuer) and (self.hosts is None or issuer in self.hosts)


NOBODY: Final = IssuerPolicy(frozenset())


@dataclass(frozen=True, slots=True)
class _Known:
    """What a host has said: its key (None: nothing that helps), when, and when to ask again."""

    key: bytes | None
    said: Millis
    again: Millis


class Issuers:
    """Whom this host knows. `clock` only counts. Of the loop's thread, but for `of`, `doubt` and `introduce`."""

    def __init__(
        self,
        policy: IssuerPolicy,
        *,
        ask: Callable[[str], Awaitable[bytes]],
        clock: Callable[[], Millis],
    ) -> None:
        self._policy = policy
        self._ask = ask
        self._clock = clock
        self._loop = asyncio.get_running_loop()
        self._budget = ForeignBudget(policy.pace)
        self._known: dict[str, _Known] = {}
        self._asking: dict[str, asyncio.Task[None]] = {}
        self._questions = Paces[None](_QUESTIONS)

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
        known = self._known.get(issuer)
        if known is None:
            raise Refusal(ErrorCode.UNAVAILABLE, "the ticket's issuer is not known yet", wait=_SOON)
        if known.key is None:
            wait = max(_SOON, known.again - self._clock())
            raise Refusal(ErrorCode.UNAVAILABLE, "the ticket's issuer does not say its key", wait=wait)
        return Issuer(known.key, self._budget)

    def doubt(self, issuer: str) -> None:
        """It did not sign a ticket that bears its name: it may have another key by now."""
        known = self._known.get(issuer)
        if known is not None and known.key is not None:
            again = Millis(min(known.again, known.said + _DOUBTED))
            self._known[issuer] = _Known(known.key, known.said, again)

    async def close(self) -> None:
        """Ask nobody any more."""
        for task in list(self._asking.values()):
            task.cancel()
        await asyncio.gather(*self._asking.values(), return_exceptions=True)

    def _begin(self, issuer: str) -> asyncio.Task[None] | None:
        known, now = self._known.get(issuer), self._clock()
        if not self._policy.takes(issuer) or (known is not None and now < known.again):
            return None
        # Hosts that the operator has named are asked at any time: strangers cannot be in their way.
        if self._policy.hosts is None and (len(self._asking) >= _AT_ONCE or self._questions.admit(None, now)):
            return None
        task = self._asking[issuer] = self._loop.create_task(self._learn(issuer))
        task.add_done_callback(lambda _: self._asking.pop(issuer, None))
        return task

    async def _learn(self, issuer: str) -> None:
        try:
            key: bytes | None = await self._ask(issuer)
        except Exception:  # noqa: BLE001 - whatever it was, there is no key; and whom strangers name is not written down
            key = None
        now, before = self._clock(), self._known.pop(issuer, None)
        if key is not None:
            self._known[issuer] = _Known(key, now, Millis(now + _KEPT))
        elif before is not None and before.key is not None and now - before.said < _BELIEVED:
            self._known[issuer] = _Known(before.key, before.said, Millis(now + _FAILED))
        else:
            self._known[issuer] = _Known(None, now, Millis(now + _FAILED))
        while len(self._known) > _REMEMBERED:
            del self._known[next(iter(self._known))]


def _steady() -> Millis:
    return Millis(time.monotonic_ns() // 1_000_000)


@asynccontextmanager
async def issuers_by(policy: IssuerPolicy) -> AsyncIterator[Issuers]:
    """Those of the whole internet; nobody is asked any more when it is left."""
    well_known = WellKnown()
    issuers = Issuers(policy, ask=well_known.ticket_key, clock=_steady)
    try:
        yield issuers
    finally:
        await issuers.close()
        well_known.close()
