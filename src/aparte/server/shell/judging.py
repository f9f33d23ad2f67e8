"""Before the core: which frames need judging, and where that is done.

Signatures are checked on a thread of their own (libsodium lets go of Python's lock meanwhile), passes at once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError

from aparte.crypto import DEFAULT_CIPHER_SUITE
from aparte.crypto.native import NativeProvider
from aparte.server.accounts import AccountJudge, JudgedAccountFrame, ToJudge
from aparte.server.core import JudgedCreate
from aparte.server.links import Link
from aparte.server.opening import JudgedOpen, OpenJudge
from aparte.server.policy import HostKeys
from aparte.server.step import Refusal
from aparte.server.tickets import JudgedTicket, TicketJudge, read_ticket
from aparte.wire import ErrorCode
from aparte.wire.ids import Millis, TicketKind
from aparte.wire.log_frames import Create, Open

__all__ = ["Judge", "verify"]

T = TypeVar("T")


def verify(public_key: bytes, message: bytes, signature: bytes) -> bool:
    """Whether an Ed25519 signature is good (RFC 8032; small-order keys are refused)."""
    try:
        crypto_sign_open(signature + message, public_key)
    except (BadSignatureError, ValueError, TypeError):
        return False
    return True


class Judge:
    """Checks what needs no store."""

    def __init__(self, host: str, keys: HostKeys, *, ticket_key: bytes, clock: Callable[[], Millis]) -> None:
        self._host = host
        self._opens = OpenJudge(host, pass_key=keys.pass_key, verify=verify)
        self._tickets = TicketJudge(host, verify=verify)
        self._ticket_key = ticket_key
        self._clock = clock
        suite = NativeProvider().suite(DEFAULT_CIPHER_SUITE)
        self._accounts = AccountJudge(host, suite=suite, ticket=lambda *shown: self.ticket(*shown, now=clock()))
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="aparte-judge")

    async def open(self, frame: Open, link: Link) -> JudgedOpen:
        """Passes and proofs of an `Open`."""
        if any(item.proof is not None for item in frame.items):
            return await self._apart(lambda: self._opens.judge(frame, link, now=self._clock()))
        return self._opens.judge(frame, link, now=self._clock())

    async def create(self, frame: Create) -> JudgedCreate:
        """The ticket of a `Create`. Raises `Refusal`."""
        return await self._apart(lambda: self._create(frame))

    async def account(self, frame: ToJudge, link: Link) -> JudgedAccountFrame:
        """Signatures, structures and tickets of a frame about accounts. Raises `Refusal`."""
        return await self._apart(lambda: self._accounts.judge(frame, link))

    def ticket(self, data: bytes, kind: TicketKind, *, now: Millis) -> JudgedTicket:
        """A ticket for `kind`, in the calling thread. Raises `Refusal`."""
        ticket = read_ticket(data)
        if ticket.issuer != self._host:
            raise Refusal(ErrorCode.TICKET_REFUSED, "tickets of other hosts are not taken yet")
        return self._tickets.judge(ticket, kind, issuer_key=self._ticket_key, now=now)

    def close(self) -> None:
        self._pool.shutdown()

    async def _apart(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _create(self, frame: Create) -> JudgedCreate:
        return JudgedCreate(frame, self.ticket(frame.ticket, TicketKind.CREATE_LOG, now=self._clock()))
