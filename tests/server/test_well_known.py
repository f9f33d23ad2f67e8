"""Asking another host for its ticket key, over real sockets and TLS: what is believed, and where nobody is led."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aparte.server.shell.about import describe
from aparte.server.shell.config import HostConfig
from aparte.server.shell.http import About
from aparte.server.shell.well_known import Unreachable, WellKnown, is_public, is_public_name
from aparte.wire.ids import Incarnation
from tests.server.admin.authority import Authority

KEY = b"k" * 32
Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Elsewhere:
    """A host that says what it is told to; `port` is all that is not the internet about it."""

    def __init__(self, folder: Path, answer: Handler | None = None, name: str = "else.example") -> None:
        self.authority = Authority(folder)
        self.certificate = self.authority.certify(name)
        self.answer = answer or self.says_its_key
        self.connections = 0
        self.port = 0

    @property
    def host(self) -> str:
        return f"else.example:{self.port}"

    async def says_its_key(self, _: web.Request) -> web.StreamResponse:
        return web.json_response({"host": self.host, "ticket_key": KEY.hex()})

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        async def handle(request: web.Request) -> web.StreamResponse:
            self.connections += 1
            return await self.answer(request)

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", handle)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
        await runner.setup()
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(*self.certificate)
        site = web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.port = runner.addresses[0][1]
        try:
            yield
        finally:
            await runner.cleanup()

    def asker(self, **changes: Any) -> WellKnown:
        """Somebody for whom `else.example` is this machine, which they take for the internet."""
        context = ssl.create_default_context(cafile=str(self.authority.file))
        return WellKnown(**({"permits": lambda _: True, "context": context, "lookup": at_home} | changes))


def at_home(_: str, port: int) -> list[Any]:
    return socket.getaddrinfo("127.0.0.1", port, type=socket.SOCK_STREAM)


def asked(elsewhere: Elsewhere, **changes: Any) -> bytes:
    async def scene() -> bytes:
        async with elsewhere.running():
            asker = elsewhere.asker(**changes)
            try:
                return await asker.ticket_key(elsewhere.host)
            finally:
                asker.close()

    return asyncio.run(asyncio.wait_for(scene(), 60))


def refused(elsewhere: Elsewhere, **changes: Any) -> str:
    with pytest.raises(Unreachable) as raised:
        asked(elsewhere, **changes)
    return str(raised.value)


def test_a_host_says_its_key(tmp_path: Path) -> None:
    assert asked(Elsewhere(tmp_path)) == KEY


def test_a_host_of_this_version_says_its_key(tmp_path: Path) -> None:
    elsewhere = Elsewhere(tmp_path)

    async def say(_: web.Request) -> web.StreamResponse:
        about = About(elsewhere.host, "1.2.3", Incarnation(bytes(16)), KEY)
        return web.json_response(describe(about, HostConfig()))

    elsewhere.answer = say
    assert asked(elsewhere) == KEY


def test_it_is_told_nothing_of_who_asks(tmp_path: Path) -> None:
    seen: list[web.Request] = []
    elsewhere = Elsewhere(tmp_path)

    async def look(request: web.Request) -> web.StreamResponse:
        seen.append(request)
        return await elsewhere.says_its_key(request)

    elsewhere.answer = look
    asked(elsewhere)
    (request,) = seen
    assert (request.method, request.raw_path) == ("GET", "/.well-known/aparte")
    assert set(request.headers) == {"Host", "Accept", "Accept-Encoding", "User-Agent", "Connection"}
    assert request.headers["User-Agent"] == "aparte"


SAYINGS: dict[str, Any] = {
    "nothing": b"",
    "no json": b"hello",
    "no object": b"[]",
    "deep": b"[" * 60_000,
    "no key": {"host": "else.example"},
    "a short key": {"ticket_key": "00" * 31},
    "a long key": {"ticket_key": "00" * 33},
    "no hex": {"ticket_key": "z" * 64},
    "no text": {"ticket_key": 5},
    "another host's": {"host": "third.example"},
    "no host": {"host": None},
    "not utf-8": b'{"host": "\xff"}',
}


@pytest.mark.parametrize("saying", SAYINGS)
def test_what_is_not_believed(tmp_path: Path, saying: str) -> None:
    elsewhere, said = Elsewhere(tmp_path), SAYINGS[saying]

    async def say(_: web.Request) -> web.StreamResponse:
        whole = (
            said
            if isinstance(said, bytes)
            else json.dumps({"host": elsewhere.host, "ticket_key": KEY.hex()} | said).encode()
        )
        return web.Response(body=whole)

    elsewhere.answer = say
    refused(elsewhere)
    assert elsewhere.connections == 1


@pytest.mark.parametrize("status", [201, 204, 301, 302, 307, 308, 401, 404, 500])
def test_nobody_is_followed_elsewhere(tmp_path: Path, status: int) -> None:
    elsewhere = Elsewhere(tmp_path)

    async def lead_away(request: web.Request) -> web.StreamResponse:
        if request.path == "/elsewhere":
            return await elsewhere.says_its_key(request)
        headers = {"Location": f"https://{elsewhere.host}/elsewhere"}
        return web.Response(status=status, headers=headers)

    elsewhere.answer = lead_away
    assert f"status {status}" in refused(elsewhere)
    assert elsewhere.connections == 1


def test_an_answer_without_end(tmp_path: Path) -> None:
    elsewhere, sent = Elsewhere(tmp_path), 0

    async def pour(request: web.Request) -> web.StreamResponse:
        nonlocal sent
        response = web.StreamResponse()
        await response.prepare(request)
        while sent < 1 << 28:
            await response.write(bytes(1 << 16))
            sent += 1 << 16
        return response

    elsewhere.answer = pour
    assert "too long" in refused(elsewhere)
    assert sent < 1 << 25


def test_a_small_answer_that_would_unfold_is_not_unfolded(tmp_path: Path) -> None:
    async def bomb(_: web.Request) -> web.StreamResponse:
        response = web.Response(body=bytes(1 << 24))
        response.enable_compression(web.ContentCoding.gzip)
        return response

    elsewhere = Elsewhere(tmp_path)
    elsewhere.answer = bomb
    assert "JSONDecodeError" in refused(elsewhere) or "UnicodeDecodeError" in refused(elsewhere)


@pytest.mark.parametrize("said", ["nothing", "a little, again and again"])
def test_who_takes_too_long(tmp_path: Path, said: str) -> None:
    async def wait(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(600):
            await asyncio.sleep(0.1)
            if said != "nothing":
                await response.write(b" ")
        return response

    assert "Timeout" in refused(Elsewhere(tmp_path, wait), patience=0.5)


def test_a_name_that_takes_too_long_holds_nobody_up(tmp_path: Path) -> None:
    may_go = threading.Event()

    def stuck(_: str, __: int) -> list[Any]:
        may_go.wait(60)
        return []

    try:
        assert "Timeout" in refused(Elsewhere(tmp_path), lookup=stuck, patience=0.5)
    finally:
        may_go.set()


def test_a_certificate_of_another_name(tmp_path: Path) -> None:
    elsewhere = Elsewhere(tmp_path, name="third.example")
    assert "ertificate" in refused(elsewhere)
    assert elsewhere.connections == 0


def test_a_certificate_that_nobody_vouches_for(tmp_path: Path) -> None:
    elsewhere = Elsewhere(tmp_path)
    assert "ertificate" in refused(elsewhere, context=None)
    assert elsewhere.connections == 0


# -- addresses that only this host can reach ---------------------------------------------------------------------
class Ear:
    """Listens on the loopback, and counts who connects."""

    def __init__(self) -> None:
        self.heard = 0
        self.port = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        async def hear(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            self.heard += 1
            writer.close()

        server = await asyncio.start_server(hear, "127.0.0.1", 0)
        self.port = server.sockets[0].getsockname()[1]
        async with server:
            yield


def heard(name: str, **changes: Any) -> int:
    """How often the loopback is connected to for a name."""

    async def scene() -> int:
        ear = Ear()
        async with ear.listening():
            asker = WellKnown(**changes)
            with pytest.raises(Unreachable):
                await asker.ticket_key(f"{name}:{ear.port}")
            asker.close()
            await asyncio.sleep(0.1)
        return ear.heard

    return asyncio.run(asyncio.wait_for(scene(), 60))


def test_a_name_for_this_machine_is_not_connected_to() -> None:
    assert heard("else.example", lookup=at_home) == 0


def test_control_it_would_be_connected_to() -> None:
    assert heard("else.example", lookup=at_home, permits=lambda _: True) >= 1


@pytest.mark.parametrize("name", ["127.0.0.1", "127.1", "localhost", "[::1]", "2130706433", "0x7f.1", "127.0.0.1."])
def test_an_address_for_a_name_is_not_asked(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert heard(name) == 0
    # And if the rule about names had let it through, the rule about addresses would not.
    monkeypatch.setattr("aparte.server.shell.well_known.is_public_name", lambda _: True)
    assert heard(name) == 0


def test_a_name_with_two_addresses_leads_to_neither_of_ours() -> None:
    def both(_: str, port: int) -> list[Any]:
        return [*at_home("", port), *socket.getaddrinfo("::1", port, type=socket.SOCK_STREAM)]

    assert heard("else.example", lookup=both) == 0


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1", "127.255.0.1", "0.0.0.0", "10.1.2.3", "172.16.0.1", "172.31.255.1", "192.168.1.1",
        "169.254.169.254", "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "198.51.100.1", "203.0.113.1",
        "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255",
        "168.63.129.16", "::ffff:168.63.129.16", "192.88.99.1", "192.0.0.8", "3fff::1", "5f00::1",
        "::", "::1", "fe80::1", "fec0::1", "fc00::1", "fd12:3456::1", "ff02::1", "2001:db8::1",
        "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b:1::a00:1",
        "2002:7f00:1::", "2001::1", "100::1", "", "else.example", "1",
    ],
)  # fmt: skip
def test_addresses_that_are_not_the_internet_s(address: str) -> None:
    assert not is_public(address)


@pytest.mark.parametrize("address", ["1.1.1.1", "93.184.216.34", "2606:4700::1111", "::ffff:1.1.1.1"])
def test_addresses_that_are(address: str) -> None:
    assert is_public(address)


@pytest.mark.parametrize("name", ["a.example", "chat.example.org:8443", "xn--bcher-kva.example", "1and1.example"])
def test_names_that_anybody_can_reach(name: str) -> None:
    assert is_public_name(name)


@pytest.mark.parametrize(
    "name",
    [
        "", "example", "localhost:80", "1.2.3.4", "a.1", "a.1:443", "A.example", "a_b.example", ".example",
        "a..example", "a.example.", "a.example:0", "a.example:65536", "a.example:", "a.example:1:2",
        "user@a.example", "a.example/x",
        "a.example#", "a.example\n", "-a.example", "a-.example", f"{'a' * 64}.example", "é.example",
    ],
)  # fmt: skip
def test_names_that_are_none(name: str) -> None:
    assert not is_public_name(name)
