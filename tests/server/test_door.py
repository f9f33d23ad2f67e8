"""The way in, over real sockets: who is let in, who is cut off, what stands in the answers."""

from __future__ import annotations

import asyncio
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from aiohttp import WSMsgType

from aparte.server.shell import background, exchanges
from aparte.server.shell import guard as guarding
from aparte.server.shell import http as host_http
from aparte.server.shell.config import HostConfig
from aparte.server.shell.serve import Started, serve
from aparte.wire import ErrorCode, decode_frame, encode_frame
from aparte.wire.account_frames import LookUpName
from aparte.wire.ids import LogId, Request
from aparte.wire.link_frames import Done, Greeting, Problem
from aparte.wire.log_frames import Close
from tests.server.admin.authority import Authority

ELSEWHERE = {"Origin": "https://a.example"}
Visit = Callable[[aiohttp.ClientSession, str], Coroutine[Any, Any, None]]


@asynccontextmanager
async def host(data: Path, **changes: Any) -> AsyncIterator[Started]:
    """A host in this process, on a port of its own."""
    stop, started = asyncio.Event(), asyncio.get_running_loop().create_future()
    config = replace(HostConfig(data=data, port=0, named="host.example"), **changes)
    task = asyncio.create_task(serve(config, ready=started.set_result, stop=stop))
    await asyncio.wait([task, started], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        task.result()
    try:
        yield started.result()
    finally:
        stop.set()
        await task


def visit(data: Path, visitor: Visit, **changes: Any) -> None:
    async def play() -> None:
        async with host(data, **changes) as started, aiohttp.ClientSession() as session:
            await visitor(session, started.url)

    asyncio.run(play())


async def next_frame(link: aiohttp.ClientWebSocketResponse) -> Any:
    message = await link.receive(timeout=10)
    assert message.type is WSMsgType.BINARY, message
    return decode_frame(message.data)


@pytest.mark.parametrize("origin", ["https://app.example", "https://evil.example", "null", None])
@pytest.mark.parametrize("path", ["anonymous", "identity"])
def test_a_link_takes_any_origin_because_no_cookie_exists(tmp_path: Path, path: str, origin: str | None) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        async with session.ws_connect(f"{url}/v1/{path}", origin=origin) as link:
            greeting = await next_frame(link)
            assert isinstance(greeting, Greeting)
            assert greeting.host == "host.example"
            assert "Set-Cookie" not in link._response.headers

    visit(tmp_path, visitor)


def test_two_links_are_greeted_with_two_nonces(tmp_path: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        nonces = set()
        for path in ("anonymous", "anonymous", "identity"):
            async with session.ws_connect(f"{url}/v1/{path}") as link:
                nonces.add((await next_frame(link)).nonce)
        assert len(nonces) == 3

    visit(tmp_path, visitor)


def test_anybody_s_page_may_look_up_but_with_no_credentials(tmp_path: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        asked = encode_frame(LookUpName(Request(7), "alice"))
        for method, path, data in (
            ("GET", "/.well-known/aparte", None),
            ("OPTIONS", "/v1/frame", None),
            ("POST", "/v1/frame", asked),
            ("POST", "/v1/frame", b""),
        ):
            async with session.request(
                method, url + path, data=data, headers={"Origin": "https://a.example"}
            ) as answer:
                assert answer.headers["Access-Control-Allow-Origin"] == "*"
                assert "Access-Control-Allow-Credentials" not in answer.headers
                body = await answer.read()
        assert answer.status == 400, body

    visit(tmp_path, visitor)


def test_a_frame_over_http(tmp_path: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        asked = encode_frame(LookUpName(Request(7), "alice"))
        async with session.post(f"{url}/v1/frame", data=asked) as answer:
            found = decode_frame(await answer.read())
        assert isinstance(found, Problem)
        assert (found.request, found.code) == (7, ErrorCode.NOT_FOUND)

    visit(tmp_path, visitor)


def test_a_frame_that_is_too_long_is_refused_unread(tmp_path: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        with BytesIO(bytes(exchanges.MAX_HTTP_FRAME + 1)) as too_long:
            answer = await session.post(f"{url}/v1/frame", data=too_long)
        async with answer:
            assert answer.status == 413
            assert answer.headers["Access-Control-Allow-Origin"] == "*"

        async def endless() -> AsyncIterator[bytes]:
            yield b"\x01"

        async with session.post(f"{url}/v1/frame", data=endless()) as answer:
            assert answer.status == 413

    visit(tmp_path, visitor)


def test_what_is_no_frame_ends_the_link(tmp_path: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        async with session.ws_connect(f"{url}/v1/anonymous") as link:
            await next_frame(link)
            await link.send_bytes(encode_frame(Close(Request(1), LogId(bytes(16))))[:-1])
            told = await next_frame(link)
            assert (told.request, told.code) == (0, ErrorCode.MALFORMED)
            assert (await link.receive(timeout=10)).type is WSMsgType.CLOSE
            assert link.close_code == 1002

    visit(tmp_path, visitor)


def test_text_ends_the_link(tmp_path: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        async with session.ws_connect(f"{url}/v1/anonymous") as link:
            await next_frame(link)
            await link.send_str("hello")
            assert (await link.receive(timeout=10)).type is WSMsgType.CLOSE
            assert link.close_code == 1003

    visit(tmp_path, visitor)


def test_an_unknown_frame_is_only_refused(tmp_path: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        async with session.ws_connect(f"{url}/v1/anonymous") as link:
            await next_frame(link)
            await link.send_bytes(b"\x7e\x00\x00\x00\x09whatever")
            told = await next_frame(link)
            assert (told.request, told.code) == (9, ErrorCode.UNEXPECTED)
            await link.send_bytes(encode_frame(Close(Request(1), LogId(bytes(16)))))
            assert await next_frame(link) == Done(Request(1))

    visit(tmp_path, visitor)


def test_a_host_that_stops_says_so(tmp_path: Path) -> None:
    async def play() -> None:
        async with aiohttp.ClientSession() as session:
            async with host(tmp_path) as started:
                link = await session.ws_connect(f"{started.url}/v1/anonymous")
                await next_frame(link)
            told = await next_frame(link)
            assert (told.request, told.code) == (0, ErrorCode.STOPPING)
            end = await link.receive(timeout=10)
            assert (end.type, end.data) == (WSMsgType.CLOSE, 1001)

    asyncio.run(play())


def test_an_address_has_so_many_links_and_no_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(host_http, "MAX_LINKS", 3)

    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        links = [await session.ws_connect(f"{url}/v1/anonymous") for _ in range(3)]
        with pytest.raises(aiohttp.WSServerHandshakeError, match="429"):
            await session.ws_connect(f"{url}/v1/anonymous")
        other = aiohttp.TCPConnector(local_addr=("127.0.0.9", 0))
        async with aiohttp.ClientSession(connector=other) as elsewhere:
            await elsewhere.ws_connect(f"{url}/v1/anonymous")
        await links[0].close()
        for _ in range(100):
            try:
                await session.ws_connect(f"{url}/v1/anonymous")
            except aiohttp.WSServerHandshakeError:
                await asyncio.sleep(0.05)
            else:
                break
        else:
            pytest.fail("the place of a link that ended was not given back")

    visit(tmp_path, visitor)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: "])
def test_who_never_asks_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(guarding, "PATIENCE", 0.5)

    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        port = int(url.rpartition(":")[2])
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(said)
        begun = time.monotonic()
        with suppress(ConnectionResetError):
            while await reader.read(100):
                pass
        assert time.monotonic() - begun < 8
        writer.close()
        async with session.get(f"{url}/healthz") as answer:
            assert answer.status == 200

    visit(tmp_path, visitor)


def test_a_link_that_is_quiet_is_not_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guarding, "PATIENCE", 0.2)

    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        async with session.ws_connect(f"{url}/v1/anonymous") as link:
            await next_frame(link)
            await asyncio.sleep(2.5)
            await link.send_bytes(encode_frame(Close(Request(1), LogId(bytes(16)))))
            assert await next_frame(link) == Done(Request(1))

    visit(tmp_path, visitor)


def test_a_second_host_on_the_folder_is_refused(tmp_path: Path) -> None:
    async def visitor(_session: aiohttp.ClientSession, _url: str) -> None:
        with pytest.raises(Exception, match="another host is running"):
            async with host(tmp_path):
                pass

    visit(tmp_path, visitor)


def test_the_port_is_taken(tmp_path: Path) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(OSError, match="in use"):
            visit(tmp_path, _nothing, port=other.getsockname()[1])


async def _nothing(_session: aiohttp.ClientSession, _url: str) -> None:
    pass


def install(pair: tuple[Path, Path], folder: Path) -> tuple[Path, Path]:
    """Put a certificate where a host looks for it."""
    places = (folder / "chain.pem", folder / "key.pem")
    for source, place in zip(pair, places, strict=True):
        fresh = place.with_suffix(".new")
        fresh.write_bytes(source.read_bytes())
        fresh.replace(place)
    return places


def test_tls_with_files_that_are_replaced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(background, "_CERTIFICATE", 0.2)
    old, new = Authority(tmp_path, "old"), Authority(tmp_path, "new")
    files = install(old.certify("localhost", label="first"), tmp_path)

    async def trusted(session: aiohttp.ClientSession, url: str, *, authority: Authority) -> bool:
        context = ssl.create_default_context(cafile=str(authority.file))
        try:
            async with session.get(f"https://localhost:{url.rpartition(':')[2]}/healthz", ssl=context) as answer:
                return answer.status == 200
        except aiohttp.ClientConnectorCertificateError:
            return False

    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        assert url.startswith("https://")
        assert await trusted(session, url, authority=old)
        assert not await trusted(session, url, authority=new)
        install(new.certify("localhost", label="second"), tmp_path)
        for _ in range(100):
            async with aiohttp.ClientSession() as later:
                if await trusted(later, url, authority=new):
                    break
            await asyncio.sleep(0.1)
        else:
            pytest.fail("the new certificate was not taken up")
        (tmp_path / "chain.pem").write_text("half of a certifi")
        await asyncio.sleep(0.5)
        async with aiohttp.ClientSession() as later:
            assert await trusted(later, url, authority=new)

    visit(tmp_path / "data", visitor, certificate=files)
