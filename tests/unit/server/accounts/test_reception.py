"""Frames about accounts on their way through the shell: bytes in, judged, decided or read, bytes out."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
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
from aparte.server.shell.issuers import NOBODY, IssuerPolicy, Issuers
from aparte.server.shell.judging import Judge
from aparte.server.shell.pacing import Allowance
from aparte.server.shell.reception import Reception
from aparte.server.shell.well_known import Unreachable
from aparte.server.shell.writer import Writer
from aparte.server.store.sqlite import SqliteStore
from aparte.trust import create_genesis, device_id_of, first_manifest
from aparte.wire import ErrorCode, decode_frame, encode, encode_frame
from aparte.wire import account_frames as a
from aparte.wire.ids import Idem, InboxSeq, Lane, LinkNonce, LogId, Request, TicketKind
from aparte.wire.link_frames import Done
from aparte.wire.log_frames import Create
from aparte.wire.statements import identity_statement
from aparte.wire.tickets import Ticket, TicketBody, ticket_statement
from tests.hosting import HOST, KEYS, START, code
from tests.hosting_accounts import SUITE, signer

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
        self.allowance = Allowance(1000.0)
        reception.connections.add(self.connection)

    async def hears(self) -> Any:
        return await asyncio.wait_for(self.wire.frames.get(), 10)

    async def asks(self, frame: object) -> Any:
        await self.reception.take(self.connection, encode_frame(frame), allowance=self.allowance)
        return await self.hears()

    async def signs_up(self) -> Any:
        statement = identity_statement(HOST, LinkNonce(b"n" * 32), account_id=ACCOUNT.account_id, device_id=DEVICE)
        manifest = first_manifest(PHONE, account=ACCOUNT, inbox_key=b"inbox key").encode()
        return await self.asks(a.SignUp(R, "alice", "", ACCOUNT.genesis.encode(), manifest, PHONE.sign(statement)))


async def nobody_answers(host: str) -> bytes:
    raise AssertionError(f"{host} was asked")


@asynccontextmanager
async def hosted(
    folder: Path, policy: IssuerPolicy = NOBODY, ask: Callable[[str], Awaitable[bytes]] = nobody_answers
) -> AsyncIterator[Reception]:
    loop = asyncio.get_running_loop()
    store = SqliteStore(folder / "host.db")
    settings = AccountSettings(HOST, SUITE, SignUpPolicy.OPEN)
    core = Core(store, KEYS, policy=LogPolicy(), report=lambda _: None, accounts=settings)
    ticket_key = bytes(SigningKey(KEYS.ticket_seed).verify_key)
    issuers = Issuers(policy, ask=ask, clock=lambda: START)
    judge = Judge(HOST, KEYS, ticket_key=ticket_key, clock=lambda: START, issuers=issuers)
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


class ElsewhereKey:
    """Another host, and how often it was asked for its key."""

    def __init__(self) -> None:
        self.key = SigningKey(b"e" * 32)
        self.asked: list[str] = []
        self.answers = True

    async def ask(self, host: str) -> bytes:
        self.asked.append(host)
        if not self.answers:
            raise Unreachable(host)
        return bytes(self.key.verify_key)

    def ticket(self, kind: TicketKind, number: int = 0, **changes: Any) -> bytes:
        named: dict[str, Any] = {"version": 1, "issuer": "else.example", "acceptor": HOST, "kind": kind}
        named |= {"day": START // 86_400_000 + 1, "nonce": b"%016d" % number}
        fields = named | changes
        signature = self.key.sign(ticket_statement(TicketBody(**fields))).signature
        return encode(Ticket(**fields, signature=signature))


def knock(ticket: bytes, number: int = 0) -> a.Drop:
    return a.Drop(R, ACCOUNT.account_id, DEVICE, Lane.REQUEST, Idem(b"%016d" % number), ticket, b"hello")


def test_a_ticket_of_another_host_opens_the_same_doors(tmp_path: Path) -> None:
    """To create a log, to fetch key packages, to knock; its issuer is asked for its key once."""
    elsewhere = ElsewhereKey()

    async def scene() -> None:
        async with hosted(tmp_path, IssuerPolicy(), elsewhere.ask) as reception:
            await Caller(reception).signs_up()
            create = elsewhere.ticket(TicketKind.CREATE_LOG, 1)
            log_id, key = LogId(b"l" * 16), bytes(SigningKey(b"k" * 32).verify_key)
            assert type(await over_http(reception, Create(R, log_id, key, 30, create))).__name__ == "Created"
            fetch = elsewhere.ticket(TicketKind.FETCH_KEY_PACKAGES, 2)
            fetched = await over_http(reception, a.FetchKeyPackages(R, ACCOUNT.account_id, fetch))
            assert fetched == a.KeyPackages(R, ())
            once = elsewhere.ticket(TicketKind.KNOCK, 3)
            assert await over_http(reception, knock(once, 1)) == Done(R)
            assert code(await over_http(reception, knock(once, 2))) == ErrorCode.TICKET_SPENT
            for wrong in ({"acceptor": "third.example"}, {"issuer": HOST}, {"day": 1 << 30}):
                ticket = elsewhere.ticket(TicketKind.KNOCK, 4, **wrong)
                assert code(await over_http(reception, knock(ticket, 3))) == ErrorCode.TICKET_REFUSED
        assert elsewhere.asked == ["else.example"]

    asyncio.run(scene())


def test_tickets_of_hosts_that_are_not_welcome(tmp_path: Path) -> None:
    elsewhere = ElsewhereKey()

    async def scene(policy: IssuerPolicy, folder: Path) -> Any:
        async with hosted(folder, policy, elsewhere.ask) as reception:
            await Caller(reception).signs_up()
            return await over_http(reception, knock(elsewhere.ticket(TicketKind.KNOCK)))

    folders = [tmp_path / name for name in ("nobody", "friends", "named")]
    for folder in folders:
        folder.mkdir()
    for folder, policy in zip(folders, (NOBODY, IssuerPolicy(frozenset({"friends.example"}))), strict=False):
        refused = asyncio.run(scene(policy, folder))
        assert (code(refused), refused.detail) == (ErrorCode.TICKET_REFUSED, "tickets of that host are not taken")
    assert elsewhere.asked == []
    assert asyncio.run(scene(IssuerPolicy(frozenset({"else.example"})), folders[-1])) == Done(R)


def test_an_issuer_that_does_not_answer(tmp_path: Path) -> None:
    """The ticket may be good: it is not spent, and who has it is told when to come again."""
    elsewhere = ElsewhereKey()
    elsewhere.answers = False

    async def scene() -> None:
        async with hosted(tmp_path, IssuerPolicy(), elsewhere.ask) as reception:
            await Caller(reception).signs_up()
            for _ in range(3):
                refused = await over_http(reception, knock(elsewhere.ticket(TicketKind.KNOCK)))
                assert code(refused) == ErrorCode.UNAVAILABLE
                assert refused.wait > 60_000
        assert elsewhere.asked == ["else.example"]

    asyncio.run(scene())


def test_links_of_one_address_count_together(tmp_path: Path) -> None:
    async def scene() -> None:
        async with hosted(tmp_path) as reception:

            def address(block: str) -> object:
                return reception.link(LinkKind.ANONYMOUS, LinkNonce(b"n" * 32), block=block)._address

            here = reception.link(LinkKind.ANONYMOUS, LinkNonce(b"n" * 32), block="192.0.2.1")
            assert address("192.0.2.1") is here._address is not None
            assert address("192.0.2.2") not in (None, here._address)
            assert address("127.0.0.1") is address("") is None
            del here
            assert len(reception._addresses) == 0

    asyncio.run(scene())


def test_tickets_are_work_for_the_address_that_asks(tmp_path: Path) -> None:
    """They are signed before anybody has counted whether they may be had."""

    async def scene() -> None:
        async with hosted(tmp_path) as reception:
            alice = Caller(reception)
            await alice.signs_up()
            before = alice.allowance.left
            await alice.asks(a.GetTickets(R, HOST, TicketKind.KNOCK, 64))
            assert before - alice.allowance.left == 32

    asyncio.run(scene())
