"""Hosts behind nginx and Caddy, through TLS, with the configurations that deploy/ has for them."""

from __future__ import annotations

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from aparte.server.blobs.tokens import encode_token
from aparte.server.shell import background
from aparte.server.shell import http as host_http
from aparte.server.shell.serve import Host
from aparte.wire import ErrorCode, decode_frame, encode_frame
from aparte.wire.account_frames import LookUpName
from aparte.wire.ids import EntryKind, Node, Request, TicketKind
from aparte.wire.limits import MAX_COMMIT
from aparte.wire.log_frames import Accepted, FetchEntry
from tests.hosting import epoch_key
from tests.rules.house import ROOT
from tests.server.admin.authority import Authority
from tests.server.blobs.blob_host import PATCH, TUS, content
from tests.server.guests import Guest, refused_with, ticket, until
from tests.server.living import living
from tests.server.proxies import DEPLOY, PROGRAMS, Site, free_port, running

MIB = 1 << 20
STRANGER = "127.0.0.9"


@dataclass
class Street:
    """A host, the proxy before it, and who comes by."""

    url: str
    direct: str
    folder: Path
    authority: Path
    host: Host
    hosting: AsyncExitStack

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @asynccontextmanager
    async def visitor(self, address: str = "127.0.0.1", **options: Any) -> AsyncIterator[aiohttp.ClientSession]:
        """Somebody from an address of this machine."""
        context = ssl.create_default_context(cafile=str(self.authority))
        connector = aiohttp.TCPConnector(ssl=context, local_addr=(address, 0))
        async with aiohttp.ClientSession(connector=connector, **options) as session:
            yield session

    async def host_ends(self) -> None:
        """The host stops; the proxy goes on."""
        await self.hosting.aclose()

    def noted(self) -> str:
        """All that the proxy wrote of itself."""
        files = [path for path in (self.folder / "proxy").rglob("*") if path.name == "said" or path.suffix == ".log"]
        assert files
        return "".join(path.read_text(errors="replace") for path in files)


Scene = Callable[[Street], Coroutine[Any, Any, None]]
Play = Callable[..., None]


@pytest.fixture(params=list(PROGRAMS))
def program(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("authority"))


@pytest.fixture
def play(program: str, tmp_path: Path, authority: Authority) -> Play:
    """Plays a scene behind the proxy; further words change what is shipped for it."""

    async def whole(scene: Scene, changes: dict[str, str]) -> None:
        files = authority.certify("localhost")
        async with AsyncExitStack() as hosting:
            started, host = await hosting.enter_async_context(living(tmp_path / "data", behind_proxy=True))
            site = Site(tmp_path / "proxy", free_port(), started.url.removeprefix("http://"), files)
            async with running(PROGRAMS[program], site, changes) as url:
                await scene(Street(url, started.url, tmp_path, authority.file, host, hosting))

    def plays(scene: Scene, **changes: str) -> None:
        asyncio.run(whole(scene, changes))

    return plays


# -- links ----------------------------------------------------------------------------------------------------------
def test_both_links_are_greeted_and_answered(play: Play) -> None:
    async def scene(street: Street) -> None:
        async with street.visitor() as session:
            for path in ("anonymous", "identity"):
                link = await session.ws_connect(f"{street.url}/v1/{path}")
                greeting = decode_frame((await link.receive(20)).data)
                assert greeting.host == "host.example"
                await link.send_bytes(b"\x7e\x00\x00\x00\x09whatever")
                told = decode_frame((await link.receive(20)).data)
                assert (told.request, refused_with(told)) == (9, ErrorCode.UNEXPECTED)
                await link.close()

    play(scene)


def test_what_one_posts_another_hears(play: Play) -> None:
    async def scene(street: Street) -> None:
        async with street.visitor() as session, street.visitor(STRANGER) as elsewhere:
            alice, bob = await Guest.calls(session, street.url), await Guest.calls(elsewhere, street.url)
            log = await alice.creates(street.data)
            await alice.opens(log)
            await bob.opens(log)
            assert isinstance(await alice.posts(log, b"hello"), Accepted)
            assert (await bob.next()).entry.body == b"hello"

    play(scene)


def test_a_host_that_stops_says_so_and_no_address_is_noted(play: Play) -> None:
    async def scene(street: Street) -> None:
        async with street.visitor(STRANGER) as session:
            guest = await Guest.calls(session, street.url)
            await street.host_ends()
            assert refused_with(await guest.next()) == ErrorCode.STOPPING
            assert (await guest.link.receive(20)).type is WSMsgType.CLOSE
            async with session.get(f"{street.url}/v1/blobs/secret") as answer:
                assert answer.status == 502
            noted = street.noted()
        assert STRANGER not in noted
        assert "secret" not in noted

    play(scene)


@pytest.mark.parametrize("program", ["nginx"], indirect=True)
@pytest.mark.parametrize("pings", [0.5, 60.0])
def test_pings_keep_a_quiet_link(play: Play, pings: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_PING", pings)

    async def scene(street: Street) -> None:
        async with street.visitor() as session:
            guest = await Guest.calls(session, street.url)
            if pings > 9:
                assert (await guest.link.receive(30)).type is WSMsgType.CLOSED
                return
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(9):  # each ping is one more reason for receive() to wait
                    await guest.link.receive()
            assert refused_with(await guest.asks(LookUpName(Request(9), "nobody"))) == ErrorCode.NOT_FOUND

    play(scene, **{"proxy_read_timeout 300s": "proxy_read_timeout 3s"})


def test_nginx_waits_for_several_pings() -> None:
    [seconds] = re.findall(r"proxy_read_timeout (\d+)s;", (DEPLOY / "nginx.conf").read_text())
    assert int(seconds) > 2 * background._PING


def test_the_host_pings_as_often_as_the_protocol_says() -> None:
    [seconds] = re.findall(r"ping every (\d+) seconds", (ROOT / "docs/protocol/README.md").read_text())
    assert int(seconds) == background._PING < 60  # proxies and routers like to end what was quiet for a minute


# -- bodies ---------------------------------------------------------------------------------------------------------
def test_a_commit_of_8_mib_over_http(play: Play) -> None:
    async def scene(street: Street) -> None:
        async with street.visitor() as session:
            guest = await Guest.calls(session, street.url)
            log = await guest.creates(street.data)
            shown = await guest.opens(log)
            body = content(MAX_COMMIT)
            key = bytes(epoch_key(log.log_id, Node(1)).verify_key)
            post = guest.post(log, body, kind=EntryKind.COMMIT, next_epoch_key=key, pass_=shown)
            accepted = await over_http(session, street.url, post)
            assert isinstance(accepted, Accepted), accepted
            fetched = await over_http(
                session, street.url, FetchEntry(Request(8), log.log_id, log.node, accepted.seq, shown)
            )
            assert fetched.entry.body == body

    play(scene)


async def over_http(session: aiohttp.ClientSession, url: str, frame: Any) -> Any:
    async with session.post(f"{url}/v1/frame", data=BytesIO(encode_frame(frame))) as answer:
        assert answer.status == 200, await answer.text()
        return decode_frame(await answer.read())


def test_an_upload_of_100_mib_is_passed_on_as_it_comes_and_read_in_ranges(play: Play) -> None:
    whole = content(4 * MIB) * 25

    async def scene(street: Street) -> None:
        arrived = street.data / "uploads"

        async def hesitant() -> AsyncIterator[bytes]:
            """Its second half, once the host has something of the first."""
            for begin in range(0, len(whole), MIB):
                if begin == len(whole) // 2:
                    await until(lambda: _size_of(arrived))
                yield whole[begin : begin + MIB]

        async with street.visitor() as session:
            blob = await uploads(session, street, body=hesitant(), size=len(whole))
            url = f"{street.url}/v1/blobs/{blob}"
            for first, last in ((0, 99), (MIB - 7, 60 * MIB), (len(whole) - 5, len(whole) - 1)):
                async with session.get(url, headers={"Range": f"bytes={first}-{last}"}) as answer:
                    assert (answer.status, await answer.read()) == (206, whole[first : last + 1])
                    assert answer.headers["Content-Range"] == f"bytes {first}-{last}/{len(whole)}"
            async with session.get(url) as answer:
                assert await answer.read() == whole

    play(scene)


async def uploads(session: aiohttp.ClientSession, street: Street, *, body: Any, size: int) -> str:
    """The id of a new blob."""
    paid = encode_token(ticket(street.data, TicketKind.UPLOAD_BLOB))
    asked = TUS | {"Upload-Length": str(size), "Aparte-Ticket": paid}
    async with session.post(f"{street.url}/v1/uploads", headers=asked) as created:
        assert created.status == 201, await created.text()
        place = street.url + created.headers["Location"]
    sent = PATCH | {"Upload-Offset": "0", "Content-Length": str(size)}
    async with session.patch(place, data=body, headers=sent) as answer:
        assert answer.status == 204, await answer.text()
        assert answer.headers["Upload-Offset"] == str(size)
        return answer.headers["Aparte-Blob"]


async def _size_of(folder: Path) -> int:
    return await asyncio.to_thread(lambda: sum(path.stat().st_size for path in folder.rglob("*")))


# -- headers --------------------------------------------------------------------------------------------------------
def test_the_host_counts_by_the_visitor_s_address_whatever_he_says(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_http, "MAX_LINKS", 3)
    lies = [{"X-Forwarded-For": "192.0.2.7"}, {"X-Forwarded-For": "::1, 127.0.0.1", "X-Real-IP": "192.0.2.8"}]
    lies += [{"Forwarded": "for=192.0.2.9"}]

    async def scene(street: Street) -> None:
        async with street.visitor(STRANGER) as session, street.visitor("127.0.0.10") as other:
            links = [await session.ws_connect(f"{street.url}/v1/anonymous", headers=lie) for lie in lies]
            assert not any(link.closed for link in links)
            assert street.host.reception.connections.of(STRANGER) == 3
            for lie in [{}, *lies]:
                with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
                    await session.ws_connect(f"{street.url}/v1/anonymous", headers=lie)
            await other.ws_connect(f"{street.url}/v1/anonymous")

    play(scene)


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/"),
        ("GET", "/healthz"),
        ("GET", "/.well-known/aparte"),
        ("GET", "/nothing"),
        ("GET", "/v1/blobs/x"),
        ("OPTIONS", "/v1/frame"),
        ("OPTIONS", "/v1/uploads"),
    ],
)
def test_the_host_s_headers_arrive_as_they_are(play: Play, method: str, path: str) -> None:
    of_each_hop = {
        "Date",
        "Server",
        "Connection",
        "Content-Length",
        "Transfer-Encoding",
        "Keep-Alive",
        "Via",
        "Alt-Svc",
    }

    async def scene(street: Street) -> None:
        async with street.visitor(auto_decompress=False) as session:
            found = []
            for url in (street.direct, street.url):
                async with session.request(method, url + path, headers={"Accept-Encoding": "gzip, br"}) as answer:
                    kept = sorted(item for item in answer.headers.items() if item[0] not in of_each_hop)
                    found.append((answer.status, kept, await answer.read()))
            assert found[0] == found[1]

    play(scene)


def test_no_tls_before_1_2(play: Play) -> None:
    async def scene(street: Street) -> None:
        context = ssl.create_default_context(cafile=str(street.authority))
        context.set_ciphers("ALL:@SECLEVEL=0")
        with pytest.warns(DeprecationWarning, match="TLSv1_1"):
            context.minimum_version = context.maximum_version = ssl.TLSVersion.TLSv1_1
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(ssl=context)) as session:
            with pytest.raises(aiohttp.ClientConnectorSSLError, match="PROTOCOL_VERSION"):
                await session.get(f"{street.url}/healthz")

    play(scene)
