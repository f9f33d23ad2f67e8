"""Links in the long run: networks that die, hosts that flood or do not listen, and what is ended on this side."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial

import aiohttp
import pytest
from aiohttp import web

from aparte.client.api import Connect, Disconnect, LinkUp, SendFrame
from aparte.drivers import network
from tests.drivers.driving import PATIENCE, Puppet, connects, driving, ended, open_sockets, play, until
from tests.drivers.fakes import Link, anonymous, babbling, host, met, raw_host, shake_hands

# ------------------------------------------------------------------------------------------------ in the long run


def test_a_network_that_is_dead_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_HEARTBEAT", 0.2)

    async def scene() -> None:
        async with raw_host(shake_hands) as name:
            assert await ended(name) == f"{name} does not answer"

    play(scene())


def test_a_network_that_dies_while_the_engine_is_busy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_HEARTBEAT", 0.2)

    async def speaks_once(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(b"\x82\x04last")

    async def scene() -> None:
        async with raw_host(speaks_once) as name:
            line = anonymous(name)
            puppet = connects(line)
            held: list[Callable[[], None]] = []
            async with driving(puppet) as driver:
                take = driver._take
                monkeypatch.setattr(driver, "_take", lambda *a, **k: held.append(partial(take, *a, **k)))
                await until(lambda: held)
                held.pop()()  # the link is up
                await until(lambda: held)
                connected = open_sockets()
                await until(lambda: open_sockets() < connected)
                held.pop()()
                await until(lambda: puppet.down(line))
            assert puppet.events(line) == [LinkUp, b"last", f"{name} does not answer"]

    play(scene())


def test_who_answers_pings_is_alive(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silent for longer than a dead one would be borne, and then heard."""
    monkeypatch.setattr(network, "_HEARTBEAT", 3.0)
    pings = 0

    async def answers(request: web.Request) -> Link:
        nonlocal pings
        link = web.WebSocketResponse(autoping=False)
        await link.prepare(request)
        while pings < 2:
            message = await link.receive()
            assert message.type is aiohttp.WSMsgType.PING
            pings += 1
            await link.pong(message.data)
        await link.send_bytes(b"alive")
        await link.receive()
        return link

    async def scene() -> None:
        async with host(answers) as name:
            line = anonymous(name)
            puppet = connects(line)
            async with driving(puppet):
                await until(lambda: len(puppet.events(line)) > 1)
            assert puppet.events(line) == [LinkUp, b"alive"]

    play(scene())


def test_pings_are_answered_and_leave_room_for_others() -> None:
    pongs = bytearray()

    async def pings(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(b"\x89\x00" * 5_000 + b"\x82\x01x")
        while data := await reader.read(1 << 16):
            pongs.extend(data)

    async def scene() -> None:
        async with raw_host(pings) as name:
            line = anonymous(name)
            puppet = connects(line)
            turns = 0
            async with driving(puppet):
                while b"x" not in puppet.events(line):
                    await asyncio.sleep(0)
                    turns += 1
                await until(lambda: len(pongs) >= 5_000 * 6)
            assert turns > 5_000
        assert pongs[:2] == b"\x8a\x80"

    play(scene())


def test_a_host_that_floods_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """The engine takes one message at a time, and what it has not taken stays in the host's own socket."""
    size, sent = 60_000, 0

    async def floods(request: web.Request) -> Link:
        nonlocal sent
        link = await met(request)
        while True:
            await link.send_bytes(bytes(size))
            sent += size
            await asyncio.sleep(0)

    async def scene() -> None:
        async with host(floods) as name:
            line = anonymous(name)
            puppet = connects(line)
            held: list[None] = []
            async with driving(puppet) as driver:
                await until(lambda: len(puppet.events(line)) > 20)
                # The engine is busy with something: whoever runs `run` does not come to the next message.
                monkeypatch.setattr(driver, "_take", lambda *_, **__: held.append(None))
                await until(lambda: held)
                before = sent
                for _ in range(2_000):
                    await asyncio.sleep(0)
                assert sent - before < 40 << 20
                still = sent
                for _ in range(2_000):
                    await asyncio.sleep(0)
                assert sent == still
                assert len(held) == 1

    play(scene())


def test_a_host_that_reads_too_slowly_is_left_and_others_are_not_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_MAX_WAITING", 1 << 20)

    async def echo(request: web.Request) -> Link:
        link = await met(request)
        async for message in link:
            await link.send_bytes(message.data)
        return link

    async def scene() -> None:
        async with raw_host(shake_hands) as deaf, host(echo) as name:
            slow, quick = anonymous(deaf), anonymous(name)
            puppet = Puppet(lambda event: [Connect(slow), Connect(quick)] if event is None else [])
            async with driving(puppet) as driver:
                await until(lambda: puppet.events(slow) and puppet.events(quick))
                waiting = driver._links[slow].outgoing
                for number in range(2_000):  # more than the system keeps for a socket
                    driver.do([SendFrame(slow, bytes(60_000)), SendFrame(quick, b"%d" % number)])  # type: ignore[arg-type]
                    await asyncio.sleep(0)
                assert await until(lambda: puppet.down(slow)) == f"{deaf} reads too slowly"
                await until(lambda: len(puppet.events(quick)) == 2_001)
                assert puppet.events(quick) == [LinkUp, *(b"%d" % number for number in range(2_000))]
                assert waiting._size <= (1 << 20) + 60_000, "nothing is added to what nobody will read"
            assert puppet.events(slow) == [LinkUp, f"{deaf} reads too slowly"]

    play(scene())


def test_what_was_written_waits_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_MAX_WAITING", 100)

    async def echo(request: web.Request) -> Link:
        link = await met(request)
        async for message in link:
            await link.send_bytes(message.data)
        return link

    async def scene() -> None:
        async with host(echo) as name:
            line = anonymous(name)
            puppet = connects(line)
            async with driving(puppet) as driver:
                for number in range(1, 6):
                    await until(lambda count=number: len(puppet.events(line)) == count)
                    driver.do([SendFrame(line, bytes(60))])  # type: ignore[arg-type]
                await until(lambda: puppet.events(line)[5:])
            assert puppet.events(line) == [LinkUp, *[bytes(60)] * 5]

    play(scene())


# ------------------------------------------------------------------------------------------------ ended on this side


def test_a_host_that_was_left_may_go_on_talking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_CLOSING", 0.2)

    async def chatters(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await shake_hands(reader, writer)
        writer.write(b"\x81\x04text")
        while True:
            writer.write(b"\x82\x03old")
            await writer.drain()
            await asyncio.sleep(0.001)

    async def scene() -> None:
        async with raw_host(chatters) as name:
            assert await ended(name) == f"{name} sent what no host of Aparte's sends"

    play(scene())


@pytest.mark.parametrize("overflows", [False, True], ids=["", "after too much was sent"])
def test_a_new_link_has_nothing_of_the_old_one(monkeypatch: pytest.MonkeyPatch, *, overflows: bool) -> None:
    monkeypatch.setattr(network, "_MAX_WAITING", 100)
    monkeypatch.setattr(network, "_CLOSING", 0.2)
    count = 0

    async def numbers(request: web.Request) -> Link:
        nonlocal count
        count += 1
        number = b"%d" % count
        link = await met(request)
        while not link.closed:
            await link.send_bytes(number)
            await asyncio.sleep(0)
        return link

    async def scene() -> None:
        async with host(numbers) as name:
            line = anonymous(name)
            puppet = connects(line)
            async with driving(puppet) as driver:
                await until(lambda: len(puppet.events(line)) > 10)
                async with asyncio.timeout(PATIENCE):
                    while driver._next.empty():  # until the next message of the old one is there, and not taken
                        await asyncio.sleep(0)
                begin = len(puppet.told)
                too_much = [SendFrame(line, bytes(101))] if overflows else []
                driver.do([*too_much, Disconnect(line), Connect(line)])  # type: ignore[arg-type]
                await until(lambda: puppet.events(line)[-1] == b"2")
                await until(lambda: len(driver._tasks) == 1)
                begin_again = len(puppet.told)
                await until(lambda: len(puppet.told) > begin_again + 50)
            puppet.told = puppet.told[begin + 1 :]
            first, *rest = puppet.events(line)
            assert first is LinkUp
            assert set(rest) == {b"2"}

    play(scene())


def test_a_link_asked_for_twice_is_one_link() -> None:
    async def scene() -> None:
        async with raw_host(babbling) as name:
            line = anonymous(name)
            puppet = Puppet(lambda event: [Connect(line), Connect(line)] if event is None else [])
            async with driving(puppet) as driver:
                await until(lambda: len(puppet.events(line)) > 20)
                await until(lambda: len(driver._tasks) == 1)
            assert puppet.events(line).count(LinkUp) == 1

    play(scene())


def test_ending_takes_no_longer_than_it_may_whatever_the_host_sends(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_CLOSING", 0.2)

    async def scene() -> None:
        async with raw_host(babbling) as name:
            line = anonymous(name)
            puppet = connects(line)
            async with driving(puppet) as driver:
                await until(lambda: len(puppet.events(line)) > 10)
                assert driver._tasks
                driver.do([Disconnect(line)])  # type: ignore[arg-type]
                told = len(puppet.told)
                await until(lambda: not driver._tasks)
                assert len(puppet.told) == told

    play(scene())


def test_an_attempt_is_given_up() -> None:
    async def scene() -> None:
        async with raw_host(lambda reader, _: reader.readexactly(1 << 20)) as name:  # type: ignore[arg-type,return-value]
            line = anonymous(name)
            puppet = connects(line)
            async with driving(puppet) as driver:
                before = open_sockets()
                await until(lambda: open_sockets() > before + 1)
                driver.do([Disconnect(line)])  # type: ignore[arg-type]
                await until(lambda: not driver._tasks)
                assert puppet.told == [None, "command"]

    play(scene())


def test_the_end_leaves_nothing_open(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even where something waits to be written that the host does not read."""
    monkeypatch.setattr(network, "_CLOSING", 0.2)

    async def scene() -> None:
        async with raw_host(shake_hands) as deaf:
            line = anonymous(deaf)
            puppet = connects(line)
            before = open_sockets()
            async with driving(puppet) as driver:
                await until(lambda: LinkUp in puppet.events(line))
                for _ in range(150):
                    driver.do([SendFrame(line, bytes(100_000))])  # type: ignore[arg-type]
                await asyncio.sleep(0.2)
                assert open_sockets() == before + 2
            await until(lambda: open_sockets() == before + 1)
            assert not puppet.down(line)

    play(scene())
