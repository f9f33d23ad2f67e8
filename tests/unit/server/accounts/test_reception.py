"""Frames about accounts on their way through the shell: bytes in, judged, decided or read, bytes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from nacl.signing import SigningKey

from aparte.server.accounts import AccountSettings, SignUpPolicy
from aparte.server.core import Core
from aparte.server.links import LinkKind
from aparte.server.policy import LogPolicy
from aparte.server.reads import LogReads
from aparte.server.shell.connections import MAX_PENDING, SocketConnection
from aparte.server.shell.judging import Judge
from aparte.server.shell.reception import Reception
from aparte.server.shell.writer import Writer
from aparte.server.store.sqlite import SqliteStore
from aparte.trust import create_genesis, device_id_of, first_manifest
from aparte.wire import ErrorCode, decode_frame, encode_frame
from aparte.wire import account_frames as a
from aparte.wire.ids import Idem, InboxSeq, Lane, LinkNonce, Request, TicketKind
from aparte.wire.link_frames import Done
from aparte.wire.statements import identity_statement
from tests.hosting import HOST, KEYS, START, code
from tests.hosting_accounts import SUITE, sign, signer

R = Request(7)
ROOT, PHONE = signer("root"), signer("phone")
ACCOUNT = create_genesis(ROOT, PHONE, nonce=bytes(32))
DEVICE = device_id_of(PHONE.public_key)


class Wire:
    """What a socket would carry away."""

    def __init__(self) -> None:
        self.frames: asyncio.Queue[Any] = asyncio.Queue()

    def write(self, data: bytes) -> None:
        while data:
            length, start = data[1], 2
            if length >= 126:
                width = 2 if length == 126 else 8
                length, start = int.from_bytes(data[2 : 2 + width]), 2 + width
            self.frames.put_nowait(decode_frame(data[start : start + length]))
            data = data[start + length :]

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


class Caller:
    """An identity link over a wire."""

    def __init__(self, reception: Reception) -> None:
        self.reception = reception
        self.wire = Wire()
        link = reception.link(LinkKind.IDENTITY, LinkNonce(b"n" * 32))
        transport: Any = self.wire
        self.connection = SocketConnection(link, transport, block="")
        reception.connections.add(self.connection)

    async def hears(self) -> Any:
        return await asyncio.wait_for(self.wire.frames.get(), 10)

    async def asks(self, frame: object) -> Any:
        await self.reception.take(self.connection, encode_frame(frame))
        return await self.hears()

    async def signs_up(self) -> Any:
        statement = identity_statement(HOST, LinkNonce(b"n" * 32), account_id=ACCOUNT.account_id, device_id=DEVICE)
        manifest = first_manifest(PHONE, account=ACCOUNT, inbox_key=b"inbox key").encode()
        return await self.asks(a.SignUp(R, "alice", "", ACCOUNT.genesis.encode(), manifest, PHONE.sign(statement)))


@asynccontextmanager
async def hosted(folder: Path) -> AsyncIterator[Reception]:
    loop = asyncio.get_running_loop()
    store = SqliteStore(folder / "host.db")
    settings = AccountSettings(HOST, SUITE, sign, lambda length: b"r" * length, SignUpPolicy.OPEN)
    core = Core(store, KEYS, policy=LogPolicy(), report=lambda _: None, accounts=settings)
    ticket_key = bytes(SigningKey(KEYS.ticket_seed).verify_key)
    judge = Judge(HOST, KEYS, ticket_key=ticket_key, clock=lambda: START)
    release: Callable[[Any], object] = lambda sends: loop.call_soon_threadsafe(reception.connections.release, sends)  # noqa: E731
    writer = Writer(core, clock=lambda: START, release=release)
    reception = Reception(store, reads=LogReads(KEYS), writer=writer, judge=judge, clock=lambda: START)
    writer.start()
    try:
        yield reception
    finally:
        await loop.run_in_executor(None, writer.stop)
        reception.close()
        store.close()


async def over_http(reception: Reception, frame: object) -> Any:
    return decode_frame(await reception.exchange(encode_frame(frame)))


def test_from_signing_up_to_an_item_in_the_inbox(tmp_path: Path) -> None:
    async def scene() -> None:
        async with hosted(tmp_path) as reception:
            alice = Caller(reception)
            assert code(await alice.asks(a.FetchInbox(R, InboxSeq(0)))) == ErrorCode.WRONG_STATE
            assert (await alice.signs_up()).name == "alice"
            (ticket,) = (await alice.asks(a.GetTickets(R, HOST, TicketKind.KNOCK, 1))).tickets
            assert (await over_http(reception, a.LookUpName(R, "Alice"))).name == "alice"
            knock = a.Drop(R, ACCOUNT.account_id, DEVICE, Lane.REQUEST, Idem(b"i" * 16), ticket.ticket, b"hello")
            assert await over_http(reception, knock) == Done(R)
            assert await alice.hears() == a.InboxArrived(InboxSeq(1))
            assert [item.item for item in (await alice.asks(a.FetchInbox(R, InboxSeq(0)))).items] == [b"hello"]

    asyncio.run(scene())


def test_each_side_takes_its_own_frames(tmp_path: Path) -> None:
    async def scene() -> None:
        async with hosted(tmp_path) as reception:
            assert code(await over_http(reception, a.ReleaseName(R))) == ErrorCode.UNEXPECTED
            assert code(await Caller(reception).asks(a.LookUpName(R, "alice"))) == ErrorCode.UNEXPECTED

    asyncio.run(scene())


def test_what_comes_unasked_is_no_answer(tmp_path: Path) -> None:
    """Otherwise a link that gets many notices could have more requests under way than it may."""

    async def scene() -> None:
        async with hosted(tmp_path) as reception:
            alice = Caller(reception)
            await alice.signs_up()
            card = a.CapabilityHash(sha256(b"card").digest())
            await alice.asks(a.SetCapabilities(R, Lane.CONTACT, (card,)))
            for number in range(5):
                item_id = Idem(bytes([number]) * 16)
                drop = a.Drop(R, ACCOUNT.account_id, DEVICE, Lane.CONTACT, item_id, b"card", b"item")
                assert await over_http(reception, drop) == Done(R)
                assert (await alice.hears()).head == number + 1
            for _ in range(MAX_PENDING):
                assert alice.connection.has_room
                alice.connection.begin()
            assert not alice.connection.has_room

    asyncio.run(scene())
