"""Sockets: some messages are taken as they arrive, the others by whoever reads, and their order is one."""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import ClientSession, ClientWebSocketResponse, ClientWSTimeout, WSMsgType, web

from aparte.server.shell.sockets import Socket

Taken = list[tuple[str, bytes]]
LONGEST = 1 << 17


class Server:
    """Takes `fast…` at once, unless it is told not to; reads the others, each of which takes it a while."""

    def __init__(self, *, offers: bool = True, patience: float = 0.002) -> None:
        self.offers = offers
        self.patience = patience
        self.taken: Taken = []
        self.may_take = True
        self.ended = asyncio.Event()

    def takes(self, data: bytes) -> bool:
        if not self.may_take or not data.startswith(b"fast"):
            return False
        self.taken.append(("at once", data))
        return True

    async def handle(self, request: web.Request) -> web.StreamResponse:
        socket = Socket(LONGEST)
        await socket.prepare(request)
        if self.offers:
            socket.offer(self.takes)
        async for item in socket:
            if item.type is WSMsgType.ERROR:
                break
            await asyncio.sleep(self.patience)
            self.taken.append((item.type.name, item.data.encode() if isinstance(item.data, str) else item.data))
        self.ended.set()
        return socket

    async def until(self, count: int) -> Taken:
        async with asyncio.timeout(20):
            while len(self.taken) < count:
                await asyncio.sleep(0.01)
        return self.taken


def serve(server: Callable[[], Server], play: Callable[[Server, ClientWebSocketResponse], Awaitable[None]]) -> None:
    async def run() -> None:
        made = server()
        app = web.Application()
        app.add_routes([web.get("/", made.handle)])
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        try:
            url = f"http://127.0.0.1:{runner.addresses[0][1]}"
            wait = ClientWSTimeout(ws_close=0.2)
            async with ClientSession() as session, session.ws_connect(url, timeout=wait) as ws:
                await play(made, ws)
        finally:
            await runner.cleanup()

    asyncio.run(run())


def test_whoever_may_takes_them_as_they_arrive() -> None:
    async def play(server: Server, ws: ClientWebSocketResponse) -> None:
        for n in range(50):
            await ws.send_bytes(b"fast %d" % n)
        assert await server.until(50) == [("at once", b"fast %d" % n) for n in range(50)]

    serve(Server, play)


def test_nothing_overtakes_what_is_being_worked_on() -> None:
    """A message that takes a while, then many that would not: all stay behind it until its work is done."""

    async def play(server: Server, ws: ClientWebSocketResponse) -> None:
        sent = [b"slow" if n % 7 == 3 else b"fast %d" % n for n in range(100)]
        for data in sent:
            await ws.send_bytes(data)
        assert [data for _, data in await server.until(100)] == sent
        await asyncio.sleep(0.05)
        await ws.send_bytes(b"fast again")
        assert (await server.until(101))[-1] == ("at once", b"fast again")

    serve(Server, play)


def test_nothing_overtakes_the_last_that_waited() -> None:
    """It has left the queue, which is empty, and its work is not done."""

    async def play(server: Server, ws: ClientWebSocketResponse) -> None:
        await ws.send_bytes(b"slow")
        await asyncio.sleep(0.1)
        await ws.send_bytes(b"fast")
        assert [data for _, data in await server.until(2)] == [b"slow", b"fast"]

    serve(lambda: Server(patience=0.3), play)


@pytest.mark.parametrize(
    "sizes",
    [[65_600, 65_600, 10, 10], [131_000, 10], [131_000, 131_000, 10, 131_000, 10], [70_000] * 6 + [10]],
    ids=["two that fill the queue", "one that does", "again and again", "many"],
)
def test_nothing_overtakes_what_fills_the_queue(sizes: list[int]) -> None:
    """Then aiohttp's reader stops amid what it has, and goes on while the next message is being fetched."""
    sent = [(b"fast" if n else b"slow") + b"%d" % n + bytes(size) for n, size in enumerate(sizes)]

    async def play(server: Server, ws: ClientWebSocketResponse) -> None:
        await asyncio.sleep(0.1)
        with socket.socket(fileno=os.dup(ws.get_extra_info("socket").fileno())) as plain:
            plain.setblocking(False)
            await asyncio.get_running_loop().sock_sendall(plain, b"".join(map(masked, sent)))
        assert [data[:6] for _, data in await server.until(len(sent))] == [data[:6] for data in sent]

    serve(Server, play)


def masked(data: bytes) -> bytes:
    """A client's frame whose mask changes nothing (RFC 6455 §5.3)."""
    length = len(data)
    if length < 126:
        head = b"\x82" + bytes([0x80 | length])
    else:
        head = b"\x82\xfe" + length.to_bytes(2) if length < 1 << 16 else b"\x82\xff" + length.to_bytes(8)
    return head + bytes(4) + data


def test_what_is_refused_goes_the_usual_way() -> None:
    async def play(server: Server, ws: ClientWebSocketResponse) -> None:
        server.may_take = False
        await ws.send_bytes(b"fast 1")
        await ws.send_bytes(b"fast 2")
        assert await server.until(2) == [("BINARY", b"fast 1"), ("BINARY", b"fast 2")]

    serve(Server, play)


def test_only_binary_messages_are_offered() -> None:
    async def play(server: Server, ws: ClientWebSocketResponse) -> None:
        await ws.send_str("fast, but text")
        await ws.ping(b"fast, but a ping")
        assert await server.until(2) == [("TEXT", b"fast, but text"), ("PING", b"fast, but a ping")]

    serve(Server, play)


def test_without_an_offer_it_is_a_web_socket_like_any() -> None:
    async def play(server: Server, ws: ClientWebSocketResponse) -> None:
        await ws.send_bytes(b"fast")
        assert await server.until(1) == [("BINARY", b"fast")]
        await ws.close()
        await asyncio.wait_for(server.ended.wait(), 5)

    serve(lambda: Server(offers=False), play)


def test_as_long_a_message_as_may_come() -> None:
    async def play(server: Server, ws: ClientWebSocketResponse) -> None:
        data = b"slow" + bytes(LONGEST - 4)
        await ws.send_bytes(data)
        assert await server.until(1) == [("BINARY", data)]

    serve(Server, play)


def test_too_long_a_message_ends_the_link() -> None:
    async def play(server: Server, ws: ClientWebSocketResponse) -> None:
        await ws.send_bytes(b"slow" + bytes(LONGEST - 3))
        await asyncio.wait_for(server.ended.wait(), 5)
        assert server.taken == []
        end = await ws.receive()
        assert (end.type, end.data) == (WSMsgType.CLOSE, 1009)

    serve(Server, play)


def test_a_fault_of_the_taker_ends_the_link() -> None:
    async def play(server: Server, ws: ClientWebSocketResponse) -> None:
        await ws.send_bytes(b"slow")
        await ws.receive()
        await asyncio.wait_for(server.ended.wait(), 5)

    class Faulty(Server):
        def takes(self, data: bytes) -> bool:
            raise RuntimeError(f"a fault over {data!r}")

    serve(Faulty, play)


def test_who_is_not_read_from_is_held_up() -> None:
    """While one message is worked on, no more than a few hundred KiB are taken in."""

    async def play(_: Server, ws: ClientWebSocketResponse) -> None:
        async def flood() -> None:
            while True:
                await ws.send_bytes(b"slow" + bytes(LONGEST // 2))

        flooding = asyncio.create_task(flood())
        done, _ = await asyncio.wait([flooding], timeout=1)
        assert not done
        flooding.cancel()
        with pytest.raises(asyncio.CancelledError):
            await flooding

    serve(lambda: Server(patience=30), play)
