"""The whole way: an engine, its encrypted store, a driver, sockets, and a real host."""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import pytest

from aparte.client import Engine
from aparte.client.api import Answered, Ask, Change, Unanswered
from aparte.client.commands import CommandRefused, SignUp, StartChat
from aparte.client.store import StoreFull
from aparte.client.store.sqlite import SqliteClientStore
from aparte.client.store.sqlite.store import SqliteTransaction
from aparte.client.views import AccountView, ConversationView, LineView, Stage, Standing
from aparte.drivers import asyncio_ws, network
from aparte.drivers.asyncio_ws import Driver
from aparte.drivers.network import ask
from aparte.drivers.system import provider, system_clock
from aparte.server.accounts import SignUpPolicy
from aparte.wire import ErrorCode, decode_frame, encode_frame
from aparte.wire.account_frames import Found, LookUpName
from aparte.wire.ids import Request
from aparte.wire.link_frames import Problem
from tests.drivers.driving import driving, play, until
from tests.drivers.fakes import raw_host
from tests.reliability.processes import HURRIED, HostProcess
from tests.server.admin.authority import Authority
from tests.server.living import living
from tests.server.proxies import free_port

KEY = b"k" * 32


class FaultyStore(SqliteClientStore):
    """A disk that is full for some transactions."""

    faults = 0

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        with super().transaction() as transaction:
            yield transaction
            if self.faults:
                self.faults -= 1
                raise StoreFull("the disk is full")


class Person:
    """A device, and what its screen shows."""

    def __init__(self, path: Path) -> None:
        self.store = FaultyStore(path, KEY)
        self.engine = Engine(self.store, provider())
        self.seen: dict[Any, Any] = {}
        self.lines: list[LineView] = []

    def takes(self, changes: tuple[Change, ...]) -> None:
        for kind, key, view in changes:
            self.seen[kind, key] = view
            if isinstance(view, LineView):
                self.lines.append(view)

    @property
    def account(self) -> AccountView:
        return next(each for each in self.seen.values() if isinstance(each, AccountView))

    def is_ready(self) -> bool:
        return self.account.standing is Standing.READY

    def is_online(self) -> bool:
        return bool(self.lines) and self.lines[-1].is_online

    def trouble(self) -> str:
        return self.lines[-1].trouble if self.lines else ""


@asynccontextmanager
async def person(path: Path, **options: Any) -> AsyncIterator[tuple[Person, Driver]]:
    made = Person(path)
    try:
        async with driving(made.engine, clock=system_clock, listen=made.takes, **options) as driver:
            yield made, driver
    finally:
        made.engine.close()


def starts(folder: Path, port: int) -> HostProcess:
    return HostProcess(folder, config=HURRIED, listen=f"127.0.0.1:{port}")


def test_an_account_is_made_and_kept(tmp_path: Path) -> None:
    async def scene() -> None:
        port = free_port()
        host = starts(tmp_path / "host", port)
        try:
            async with person(tmp_path / "alice.db") as (alice, driver):
                driver.do(SignUp("Alice", f"localhost:{port}"))
                with pytest.raises(CommandRefused):
                    driver.do(SignUp("alice", f"localhost:{port}"))
                await until(alice.is_ready)
                assert (alice.account.name, alice.account.host) == ("alice", f"localhost:{port}")
                await until(alice.engine.is_settled)
            async with person(tmp_path / "alice.db") as (alice, _):  # proves its device this time
                await until(alice.engine.is_settled)
        finally:
            assert host.stop() == 0

    play(scene())


def test_a_host_that_is_killed_and_comes_back(tmp_path: Path) -> None:
    async def scene() -> None:
        port = free_port()
        async with person(tmp_path / "alice.db") as (alice, driver):
            driver.do(SignUp("alice", f"localhost:{port}"))
            await until(lambda: alice.trouble() == f"nobody answers at localhost:{port}")
            host = starts(tmp_path / "host", port)
            try:
                await until(alice.is_ready)
                await until(alice.is_online)
                host.kill()
                await until(lambda: not alice.is_online())
                host = starts(tmp_path / "host", port)
                await until(alice.is_online)
                await until(alice.engine.is_settled)
            finally:
                host.kill()

    play(scene())


def test_a_disk_that_is_full_for_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio_ws, "_FIRST_PAUSE", 0.02)
    heard: list[str] = []

    async def scene() -> None:
        port = free_port()
        host = starts(tmp_path / "host", port)
        try:
            async with person(tmp_path / "alice.db", trouble=heard.append) as (alice, driver):
                driver.do(SignUp("alice", f"localhost:{port}"))
                alice.store.faults = 5
                await until(alice.is_ready)
                await until(alice.engine.is_settled)
                assert len(heard) == 5
                alice.store.faults = 1
                with pytest.raises(StoreFull):
                    driver.do(StartChat(f"nobody@localhost:{port}"))
                await until(alice.engine.is_settled)
        finally:
            host.kill()

    play(scene())


def test_a_look_up_over_http(tmp_path: Path) -> None:
    async def scene() -> None:
        port = free_port()
        name = f"localhost:{port}"
        host = starts(tmp_path / "host", port)
        try:
            async with person(tmp_path / "alice.db") as (alice, driver):
                driver.do(SignUp("alice", name))
                await until(alice.is_ready)
                found, problem = [
                    await ask(Ask(1, name, encode_frame(LookUpName(Request(7), who))), tls=True)
                    for who in ("alice", "bob")
                ]
                assert isinstance(found, Answered)
                assert isinstance(decode_frame(found.data), Found)
                assert isinstance(problem, Answered)
                answer = decode_frame(problem.data)
                assert isinstance(answer, Problem)
                assert answer.code == ErrorCode.NOT_FOUND
                driver.do(StartChat(f"bob@{name}"))
                await until(lambda: any(_is_over(each) for each in alice.seen.values()))
        finally:
            host.kill()

    play(scene())


def _is_over(view: object) -> bool:
    return isinstance(view, ConversationView) and view.stage is Stage.ENDED


# ------------------------------------------------------------------------------------------------ TLS


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every name is this machine's."""
    resolve = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda _, *rest, **options: resolve("127.0.0.1", *rest, **options))


@asynccontextmanager
async def certified(folder: Path, certificate: tuple[Path, Path]) -> AsyncIterator[str]:
    """A host with this certificate; its name."""
    port = free_port()
    name = f"host.example:{port}"
    config = {"port": port, "named": name, "certificate": certificate, "sign_up": SignUpPolicy.OPEN}
    async with living(folder / "data", **config):
        yield name


@pytest.mark.usefixtures("names")
def test_an_account_over_tls(tmp_path: Path) -> None:
    async def scene() -> None:
        authority = Authority(tmp_path)
        trusted = ssl.create_default_context(cafile=authority.file)
        async with (
            certified(tmp_path, authority.certify("host.example")) as name,
            person(tmp_path / "alice.db", tls=trusted) as (alice, driver),
        ):
            driver.do(SignUp("alice", name))
            await until(alice.is_ready)
            await until(alice.engine.is_settled)
            found = await ask(Ask(1, name, encode_frame(LookUpName(Request(7), "alice"))), tls=trusted)
            assert isinstance(found, Answered)

    play(scene())


@pytest.mark.usefixtures("names")
@pytest.mark.parametrize(
    ("certified_for", "days", "is_known", "reason"),
    [
        ("host.example", 90.0, False, "self-signed certificate in certificate chain"),
        ("other.example", 90.0, True, "Hostname mismatch, certificate is not valid for 'host.example'."),
        ("host.example", -0.1, True, "certificate has expired"),
    ],
    ids=["unknown authority", "another name", "out of date"],
)
def test_a_wrong_certificate(tmp_path: Path, certified_for: str, days: float, reason: str, *, is_known: bool) -> None:
    async def scene() -> None:
        authority = Authority(tmp_path)
        trusted = ssl.create_default_context(cafile=authority.file) if is_known else None
        async with (
            certified(tmp_path, authority.certify(certified_for, ends=days)) as name,
            person(tmp_path / "alice.db", tls=trusted) as (alice, driver),
        ):
            says = f"the certificate of {name} is not to be trusted: {reason}"
            driver.do(SignUp("alice", name))
            await until(lambda: alice.trouble() == says)
            found = await ask(Ask(1, name, b"frame"), tls=trusted or True)
            assert not isinstance(found, Answered)
            assert found.reason == says

    play(scene())


@pytest.mark.usefixtures("names")
def test_a_host_without_tls_is_not_spoken_to(tmp_path: Path) -> None:
    async def scene() -> None:
        port = free_port()
        name = f"host.example:{port}"
        async with (
            living(tmp_path / "data", port=port, named=name),
            person(tmp_path / "alice.db") as (alice, driver),
        ):
            driver.do(SignUp("alice", name))
            await until(alice.trouble)
            assert alice.trouble() == f"{name} does not speak TLS as it should"
            assert alice.account.standing is Standing.SIGNING_UP

    play(scene())


@pytest.mark.usefixtures("names")
def test_a_tls_handshake_that_stalls(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_CONNECTING", 0.3)

    async def silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read(1)

    async def scene() -> None:
        async with raw_host(silent) as place, person(tmp_path / "alice.db") as (alice, driver):
            name = place.replace("127.0.0.1", "host.example")
            driver.do(SignUp("alice", name))
            await until(alice.trouble)
            assert alice.trouble() == f"{name} does not answer"
            found = await ask(Ask(1, name, b"frame"), tls=True)
            assert found == Unanswered(1, f"{name} does not answer")

    play(scene())
