"""Before the core: which frames need judging, and where that is done.

Signatures are checked on a thread of their own (libsodium lets go of Python's lock meanwhile), passes at once.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nacl.bindings import crypto_sign_open
from nacl.exceptions import BadSignatureError
from nacl.signing import SigningKey

from aparte.crypto import DEFAULT_CIPHER_SUITE
from aparte.crypto.native import NativeProvider
from aparte.server.accounts import AccountJudge, JudgedAccountFrame, Minting, ToJudge
from aparte.server.core import JudgedCreate
from aparte.server.links import Link
from aparte.server.opening import JudgedOpen, OpenJudge
from aparte.server.policy import HostKeys
from aparte.server.shell.issuers import Issuers
from aparte.server.step import Refusal
from aparte.server.tickets import JudgedTicket, TicketJudge, Unsigned, read_ticket
from aparte.wire.account_frames import Drop, FetchKeyPackages
from aparte.wire.ids import Lane, Millis, TicketKind
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


def _signer(seed: bytes) -> Callable[[bytes], bytes]:
    key = SigningKey(seed)
    return lambda message: key.sign(message).signature


class Judge:
    """Checks what needs no store."""

    def __init__(
        self, host: str, keys: HostKeys, *, ticket_key: bytes, clock: Callable[[], Millis], issuers: Issuers
    ) -> None:
        self._host = host
        self._opens = OpenJudge(host, pass_key=keys.pass_key, verify=verify)
        self._tickets = TicketJudge(host, verify=verify)
        self._ticket_key = ticket_key
        self._issuers = issuers
        self._clock = clock
        suite = NativeProvider().suite(DEFAULT_CIPHER_SUITE)
        minting = Minting(host, sign=_signer(keys.ticket_seed), rng=os.urandom, clock=clock)
        self._accounts = AccountJudge(
            host, suite=suite, ticket=lambda *shown: self.ticket(*shown, now=clock()), minting=minting
        )
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="aparte-judge")

    async def open(self, frame: Open, link: Link) -> JudgedOpen:
        """Passes and proofs of an `Open`."""
        if any(item.proof is not None for item in frame.items):
            return await self._apart(lambda: self._opens.judge(frame, link, now=self._clock()))
        return self._opens.judge(frame, link, now=self._clock())

    async def create(self, frame: Create) -> JudgedCreate:
        """The ticket of a `Create`. Raises `Refusal`."""
        await self._meet(frame.ticket)
        return await self._apart(lambda: self._create(frame))

    async def account(self, frame: ToJudge, link: Link) -> JudgedAccountFrame:
        """Signatures, structures and tickets of a frame about accounts. Raises `Refusal`."""
        match frame:
            case FetchKeyPackages():
                await self._meet(frame.ticket)
            case Drop(lane=Lane.REQUEST):
                await self._meet(frame.proof)
        return await self._apart(lambda: self._accounts.judge(frame, link))

    def ticket(self, data: bytes, kind: TicketKind, *, now: Millis) -> JudgedTicket:
        """A ticket for `kind`, in the calling thread. Raises `Refusal`."""
        ticket = read_ticket(data)
        if ticket.issuer == self._host:
            return self._tickets.judge(ticket, kind, issuer_key=self._ticket_key, now=now)
        issuer = self._issuers.of(ticket.issuer)
        try:
            return self._tickets.judge_other(ticket, kind, issuer=issuer, now=now)
        except Unsigned:
            self._issuers.doubt(ticket.issuer)
            raise

    def introduce(self, data: bytes) -> None:
        """Have the issuer of a ticket asked for its key, if that is due, from a thread that cannot wait for it."""
        if issuer := self._other_issuer(data):
            self._issuers.introduce(issuer)

    def close(self) -> None:
        self._pool.shutdown()

    async def _meet(self, data: bytes) -> None:
        if issuer := self._other_issuer(data):
            await self._issuers.meet(issuer)

    def _other_issuer(self, data: bytes) -> str | None:
        """Who says to have issued a ticket for this host; None if it is this host, or if it is no such ticket."""
        try:
            ticket = read_ticket(data)
        except Refusal:
            return None
        return ticket.issuer if ticket.acceptor == self._host != ticket.issuer else None

    async def _apart(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._pool, work)

    def _create(self, frame: Create) -> JudgedCreate:
        return JudgedCreate(frame, self.ticket(frame.ticket, TicketKind.CREATE_LOG, now=self._clock()))
