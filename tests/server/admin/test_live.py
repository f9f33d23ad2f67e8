"""Commands to a host with people on it: over real links, what they do to those who are there."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from aparte.wire import ErrorCode, decode_frame, encode_frame
from aparte.wire.account_frames import GetTickets, Prove, Proven, SignUp, Tickets
from aparte.wire.entries import Entry
from aparte.wire.ids import LogId, Request, TicketKind
from aparte.wire.link_frames import Greeting, Problem
from aparte.wire.log_frames import Accepted, CheckReceipt, Create, Created
from aparte.wire.statements import identity_statement
from tests.hosting import HOST, Log, epoch_key
from tests.hosting_accounts import Gadget, Town, town
from tests.server.admin.hosts import Host, Member, aparte, clock, fill, keys_of, people, running

R = Request(1)
Ask = Callable[[Any], Awaitable[Any]]


class Phone:
    """Somebody's device, with its keys, that calls over a socket."""

    def __init__(self, folder: Path, name: str) -> None:
        with town(folder, now=clock()) as place:
            self.gadget: Gadget = Town.person(place, name).phone

    @asynccontextmanager
    async def calls(self, host: Host) -> AsyncIterator[tuple[Ask, Greeting]]:
        async with aiohttp.ClientSession() as session, session.ws_connect(f"{host.url}/v1/identity") as link:
            greeting = decode_frame((await link.receive(10)).data)

            async def ask(frame: Any) -> Any:
                await link.send_bytes(encode_frame(frame))
                return decode_frame((await link.receive(10)).data)

            assert isinstance(greeting, Greeting)
            yield ask, greeting

    def _signature(self, greeting: Greeting) -> bytes:
        where = {"account_id": self.gadget.account_id, "device_id": self.gadget.device_id}
        return self.gadget.key.sign(identity_statement(HOST, greeting.nonce, **where))

    def proof(self, greeting: Greeting) -> Prove:
        return Prove(R, self.gadget.account_id, self.gadget.key.public_key, self._signature(greeting))

    def sign_up(self, name: str, code: str, greeting: Greeting) -> SignUp:
        owner = self.gadget.owner
        genesis, manifest = owner.account.genesis.encode(), owner.manifest.encode()
        return SignUp(R, name, code, genesis, manifest, self._signature(greeting))


def test_who_is_suspended_is_put_out_at_once(tmp_path: Path) -> None:
    fill(tmp_path / "data", blobs=0)
    alice = Phone(tmp_path / "data", "alice")

    async def story(host: Host) -> None:
        async with alice.calls(host) as (ask, greeting):
            assert isinstance(await ask(alice.proof(greeting)), Proven)
            wanted = GetTickets(R, HOST, TicketKind.KNOCK, 2)
            assert isinstance(await ask(wanted), Tickets)
            told = await asyncio.to_thread(aparte, "admin", "quota", "--data", host.data, "alice", "--json")
            assert {t["kind"]: t["issued"] for t in told.json["tickets"]}["knock"] == 2
            status = await asyncio.to_thread(aparte, "admin", "status", "--data", host.data, "--json")
            assert status.json["links"] == 1
            await asyncio.to_thread(aparte, "admin", "suspend", "--data", host.data, "alice")
            assert isinstance(await ask(wanted), Problem)
        async with alice.calls(host) as (ask, greeting):
            refused = await ask(alice.proof(greeting))
            assert isinstance(refused, Problem)
            assert refused.code == ErrorCode.SUSPENDED
            await asyncio.to_thread(aparte, "admin", "unsuspend", "--data", host.data, "alice")
        async with alice.calls(host) as (ask, greeting):
            assert isinstance(await ask(alice.proof(greeting)), Proven)
            said = await asyncio.to_thread(
                aparte, "admin", "purge", "account", "--data", host.data, "alice", "--yes", "--json"
            )
            assert said.json["devices"] == 1
            assert isinstance(await ask(wanted), Problem)

    with running(tmp_path / "data") as host:
        asyncio.run(story(host))


def test_an_invite_lets_so_many_in(tmp_path: Path) -> None:
    fill(tmp_path / "data", blobs=0)
    phones = {name: Phone(tmp_path / "data", name) for name in ("dave", "erin", "frank")}

    async def story(host: Host, code: str) -> list[type]:
        found: list[type] = []
        for name, phone in phones.items():
            async with phone.calls(host) as (ask, greeting):
                found.append(type(await ask(phone.sign_up(name, code, greeting))))
        return found

    with running(tmp_path / "data") as host:
        code = aparte("admin", "invite", "--data", host.data, "--uses", 2, "--json").json["code"]
        assert asyncio.run(story(host, code)) == [Proven, Proven, Problem]
        assert {"dave", "erin"} <= people(host.data).keys()


def test_a_ticket_that_was_spent_after_the_backup_is_good_for_nothing_after_the_restore(tmp_path: Path) -> None:
    fill(tmp_path / "data", blobs=0)
    alice = Phone(tmp_path / "data", "alice")

    async def tickets(host: Host) -> list[bytes]:
        async with alice.calls(host) as (ask, greeting):
            await ask(alice.proof(greeting))
            found = await ask(GetTickets(R, HOST, TicketKind.CREATE_LOG, 2))
            return [issued.ticket for issued in found.tickets]

    def create(ticket: bytes, number: int) -> Create:
        log = Log(LogId(bytes([number]) * 16))
        return Create(R, log.log_id, bytes(epoch_key(log.log_id, log.node).verify_key), 30, ticket)

    with running(tmp_path / "data") as host:
        spent, unspent = asyncio.run(tickets(host))
        assert aparte("admin", "backup", "--data", host.data, tmp_path / "backup").code == 0
        assert isinstance(host.asks(create(spent, 1)), Created)
    assert aparte("admin", "restore", tmp_path / "backup", "--data", tmp_path / "new").code == 0
    with running(tmp_path / "new") as host:
        for number, ticket in enumerate((spent, unspent), 2):
            refused = host.asks(create(ticket, number))
            assert isinstance(refused, Problem)
            assert refused.code == ErrorCode.TICKET_REFUSED
        [fresh, _] = asyncio.run(tickets(host))
        assert isinstance(host.asks(create(fresh, 4)), Created)


def test_who_had_all_tickets_of_the_day_has_others_after_a_restore(tmp_path: Path) -> None:
    """Those that they had are good for nothing, so those do not count."""
    fill(tmp_path / "data", blobs=0)
    alice = Phone(tmp_path / "data", "alice")

    async def tickets(host: Host) -> Any:
        async with alice.calls(host) as (ask, greeting):
            await ask(alice.proof(greeting))
            return await ask(GetTickets(R, HOST, TicketKind.CREATE_LOG, 64))

    with running(tmp_path / "data") as host:
        assert len(asyncio.run(tickets(host)).tickets) == 50
        assert aparte("admin", "backup", "--data", host.data, tmp_path / "backup").code == 0
        refused = asyncio.run(tickets(host))
        assert isinstance(refused, Problem)
        assert refused.code == ErrorCode.QUOTA_EXCEEDED
    assert aparte("admin", "restore", tmp_path / "backup", "--data", tmp_path / "new").code == 0
    with running(tmp_path / "new") as host:
        assert len(asyncio.run(tickets(host)).tickets) == 50


def test_a_receipt_is_the_host_s_word_also_after_a_restore(tmp_path: Path) -> None:
    """It says that the entry was accepted, and it was; not that it is there still, nor that no other has its place."""
    log = fill(tmp_path / "data", logs=1, blobs=0)[0]

    def check(host: Host, entry: Entry, **changes: Any) -> bool:
        fields = {
            field: getattr(entry, field) for field in CheckReceipt.__slots__ if field not in {"request", "log_id"}
        }
        return bool(host.asks(CheckReceipt(R, log.log_id, **(fields | changes))).genuine)

    with running(tmp_path / "data") as host:
        assert aparte("admin", "backup", "--data", host.data, tmp_path / "backup").code == 0
        member = Member(log, keys_of(host.data))
        assert isinstance(member.posts(host, b"lost"), Accepted)
        kept, _, lost = member.entries(host)
    assert aparte("admin", "restore", tmp_path / "backup", "--data", tmp_path / "new").code == 0
    with running(tmp_path / "new") as host:
        member = Member(log, keys_of(host.data))
        assert isinstance(member.posts(host, b"another in its place"), Accepted)
        again, _, other = member.entries(host)
        assert again == kept
        assert (other.seq, lost.seq) == (3, 3)
        assert [check(host, entry) for entry in (kept, lost, other)] == [True, True, True]
        assert not check(host, lost, receipt=other.receipt)
        assert not check(host, lost, body_hash=other.body_hash)
