"""Where frames come in: each is decoded, judged, and brought to whoever answers it."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final
from weakref import WeakValueDictionary

from aparte.codec import DecodeError
from aparte.server.accounts import answer_question
from aparte.server.core import Arrival, LinkClosed
from aparte.server.links import Link, LinkKind, LinkNumber, OpenNodes
from aparte.server.pace import Pace, Paces
from aparte.server.reads import LogReads
from aparte.server.shell.connections import Connections, SocketConnection
from aparte.server.shell.doorstep import Doorstep
from aparte.server.shell.judging import Judge
from aparte.server.shell.pacing import Allowance, is_this_machine
from aparte.server.shell.writer import Writer
from aparte.server.step import Answer, Refusal, answer, problem
from aparte.server.store import Store, StoreError
from aparte.wire import ANONYMOUS_FRAMES, IDENTITY_FRAMES, ErrorCode, UnknownFrame, decode_frame
from aparte.wire import account_frames as a
from aparte.wire.hot import unpack_message
from aparte.wire.ids import LinkNonce, Millis, Request
from aparte.wire.limits import MAX_BODY, MAX_TICKETS
from aparte.wire.log_frames import CheckReceipt, Close, Create, FetchEntry, Open, Post, Read

__all__ = ["Malformed", "Reception"]


#: Accounts that one address may make: a family, then one every twelve minutes.
SIGN_UPS: Final = Pace(interval=720_000, burst=10)


class Malformed(Exception):
    """What came is not a frame."""


@dataclass(frozen=True, slots=True)
class _Unknown:
    """A frame of a type that this version does not know."""

    request: Request


class Reception:
    """Takes frames from links, in order for each link."""

    def __init__(
        self, store: Store, *, reads: LogReads, writer: Writer, judge: Judge, clock: Callable[[], Millis]
    ) -> None:
        self.connections = Connections()
        self.doorstep = Doorstep()
        self._store = store
        self._reads = reads
        self._writer = writer
        self._judge = judge
        self._clock = clock
        self._sign_ups = Paces[str](SIGN_UPS)
        self._numbers = itertools.count(1)
        self._addresses: WeakValueDictionary[str, OpenNodes] = WeakValueDictionary()
        self._readers = ThreadPoolExecutor(1, thread_name_prefix="aparte-reader")

    def link(self, kind: LinkKind, nonce: LinkNonce, *, block: str = "") -> Link:
        """A new link, from an address. This machine itself, and nobody, may open as much as each link may."""
        address = None
        if block and not is_this_machine(block):
            address = self._addresses.setdefault(block, OpenNodes())
        return Link(LinkNumber(next(self._numbers)), kind, nonce=nonce, address=address)

    def closed(self, link: Link) -> None:
        """The link is down."""
        self.connections.remove(link)
        self._writer.submit(Arrival(link, LinkClosed()))

    def close(self) -> None:
        """Let the threads go."""
        self._readers.shutdown()
        self._judge.close()

    def door(self, connection: SocketConnection, allowance: Allowance) -> Callable[[bytes], bool]:
        """What takes a link's messages as they arrive: posts, which are nearly all, while nothing has to wait."""
        link, submit = connection.link, self._writer.submit

        def takes(data: bytes) -> bool:
            if allowance.left < 1 or not connection.has_room:
                return False
            frame = unpack_message(data)
            if frame is None or len(frame.body) > MAX_BODY:
                return False
            allowance.left -= 1
            connection.begin()
            submit(Arrival(link, frame))
            return True

        return takes

    async def take(self, connection: SocketConnection, data: bytes, *, allowance: Allowance) -> None:
        """Take one frame of a link, when it may have another under way. Raises `Malformed`."""
        frame = self._decode(data)
        if not connection.has_room:
            await connection.room()
        connection.begin()
        if type(frame) is a.SignUp and (wait := self._wait_for_sign_up(connection.block)):
            often = Refusal(ErrorCode.RATE_LIMITED, "too many accounts from one address", wait=wait)
            self.connections.release([self._refused(connection.link, frame.request, refusal=often)])
            return
        allowance.left -= _extra_work(frame)  # before it is done: other links of the address spend meanwhile
        send = await self._bring(connection.link, frame, over_http=False)
        if send is not None:
            self.connections.release([send])

    def _wait_for_sign_up(self, block: str) -> int:
        """Milliseconds; this machine itself never waits."""
        return 0 if is_this_machine(block) else self._sign_ups.admit(block, self._clock())

    async def exchange(self, data: bytes) -> bytes:
        """Take one frame over HTTP; returns the answer's bytes. Raises `Malformed`."""
        frame = self._decode(data)
        link = self.link(LinkKind.ANONYMOUS, LinkNonce(bytes(32)))
        waiting = self.connections.exchange(link)
        try:
            send = await self._bring(link, frame, over_http=True)
            return await waiting if send is None else send.payload
        finally:
            self.connections.remove(link)  # it has opened nothing, so the core need not hear of its end

    def _decode(self, data: bytes) -> object:
        try:
            return decode_frame(data)
        except UnknownFrame:
            return _Unknown(Request(int.from_bytes(data[1:5])))
        except DecodeError as error:
            self.doorstep.refusals[ErrorCode.MALFORMED] += 1
            raise Malformed(str(error)) from error

    async def _bring(self, link: Link, frame: object, *, over_http: bool) -> Answer | None:
        """Bring a frame to the writer, or answer it here."""
        request = getattr(frame, "request", Request(0))
        try:
            return await self._answer(link, frame, over_http=over_http)
        except Refusal as refusal:
            return self._refused(link, request, refusal=refusal)
        except StoreError:
            return self._refused(link, request, refusal=Refusal(ErrorCode.UNAVAILABLE, wait=2_000))

    def _refused(self, link: Link, request: Request, *, refusal: Refusal) -> Answer:
        self.doorstep.refusals[refusal.code] += 1
        return problem(link, request, refusal=refusal)

    async def _answer(self, link: Link, frame: object, *, over_http: bool) -> Answer | None:
        takes = ANONYMOUS_FRAMES if link.kind is LinkKind.ANONYMOUS else IDENTITY_FRAMES
        if type(frame) not in takes:
            raise Refusal(ErrorCode.UNEXPECTED, "not on this link")
        match frame:
            case Post():
                if len(frame.body) > MAX_BODY and not over_http:
                    raise Refusal(ErrorCode.TOO_LARGE, "long commits go over HTTP")
                self._writer.submit(Arrival(link, frame))
            case Close():
                self._writer.submit(Arrival(link, frame))
            case Open():
                if over_http:
                    raise Refusal(ErrorCode.UNEXPECTED, "nodes are opened on a link")
                self._writer.submit(Arrival(link, await self._judge.open(frame, link)))
            case Create():
                self._writer.submit(Arrival(link, await self._judge.create(frame)))
            case Read():
                return await self._read(link, lambda: self._reads.read(self._store.reader(), frame, now=self._clock()))
            case FetchEntry():
                if not over_http:
                    raise Refusal(ErrorCode.UNEXPECTED, "entries are fetched over HTTP")
                return await self._read(link, lambda: self._reads.fetch(self._store.reader(), frame, now=self._clock()))
            case CheckReceipt():
                return answer(link, self._reads.check_receipt(frame))
            case _:
                return await self._answer_account(link, frame)
        return None

    async def _answer_account(self, link: Link, frame: object) -> Answer | None:
        match frame:
            case a.LookUpName() | a.LookUpAccount() | a.FetchManifests() | a.FetchInbox():
                return await self._read(link, lambda: answer_question(self._store.reader(), link, frame=frame))
            case (
                a.SignUp()
                | a.Prove()
                | a.PutManifest()
                | a.PutRootManifest()
                | a.FetchKeyPackages()
                | a.Drop()
                | a.GetTickets()
            ):
                self._writer.submit(Arrival(link, await self._judge.account(frame, link)))
            case (
                a.PutKeyPackages()
                | a.AckInbox()
                | a.SetCapabilities()
                | a.TakeName()
                | a.ReleaseName()
                | a.DeleteAccount()
                | a.CancelDeletion()
            ):
                self._writer.submit(Arrival(link, frame))
            case _:
                raise Refusal(ErrorCode.UNEXPECTED, "not served here")
        return None

    async def _read(self, link: Link, work: Callable[[], object]) -> Answer:
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, lambda: answer(link, work()))


def _extra_work(frame: object) -> int:
    """An `Open` looks up a log for each item, and checks a signature for each proof; a ticket has to be signed."""
    if type(frame) is a.GetTickets:
        return min(frame.count, MAX_TICKETS) // 2
    if type(frame) is not Open:
        return 0
    return len(frame.items) // 2 + sum(item.proof is not None for item in frame.items)
