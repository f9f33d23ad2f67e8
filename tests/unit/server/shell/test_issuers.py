"""Whom a host asks for ticket keys, how often, and what it believes meanwhile."""

from __future__ import annotations

import asyncio

import pytest
from nacl.signing import SigningKey

from aparte.server.pace import Pace
from aparte.server.shell import issuers as issuing
from aparte.server.shell.issuers import NOBODY, IssuerPolicy
from aparte.server.shell.judging import Judge
from aparte.server.step import Refusal
from aparte.wire import ErrorCode, encode
from aparte.wire.ids import TicketKind
from aparte.wire.tickets import Ticket, TicketBody, ticket_statement
from tests.hosting import HOST, KEYS, START
from tests.unit.server.shell.other_hosts import HOUR, ONE, OTHER, World, play


def test_asked_once_for_all_and_again_after_an_hour() -> None:
    async def scene() -> None:
        world = World()
        world.may_answer.clear()
        waiting = [asyncio.ensure_future(world.key_of(ONE)) for _ in range(20)]
        await asyncio.sleep(0)
        world.may_answer.set()
        assert await asyncio.gather(*waiting) == [world.key] * 20
        assert world.asked == [ONE]
        world.passes(HOUR - 1)
        await world.key_of(ONE)
        assert world.asked == [ONE]
        world.passes(1)
        world.key = b"n" * 32
        assert await world.key_of(ONE) == b"n" * 32
        assert world.asked == [ONE, ONE]

    play(scene())


def test_who_does_not_answer_is_left_alone_for_a_while() -> None:
    async def scene() -> None:
        world = World()
        world.is_there = False
        for _ in range(10):
            assert await world.key_of(ONE) == ErrorCode.UNAVAILABLE
        assert world.asked == [ONE]
        with pytest.raises(Refusal) as raised:
            world.issuers.of(ONE)
        assert raised.value.wait == 300_000
        world.passes(300_000)
        world.is_there = True
        assert await world.key_of(ONE) == world.key

    play(scene())


def test_a_fault_of_our_own_is_no_key_either(monkeypatch: pytest.MonkeyPatch) -> None:
    async def scene() -> None:
        world = World()
        monkeypatch.setattr(world.issuers, "_ask", lambda _: asyncio.sleep(0, 1 // 0))
        assert await world.key_of(ONE) == ErrorCode.UNAVAILABLE

    play(scene())


def test_a_key_outlives_its_host_for_a_day() -> None:
    async def scene() -> None:
        world = World()
        await world.key_of(ONE)
        world.is_there = False
        for _ in range(23):
            world.passes(HOUR)
            assert await world.key_of(ONE) == world.key
        world.passes(HOUR)
        assert await world.key_of(ONE) == ErrorCode.UNAVAILABLE

    play(scene())


def test_a_new_key_is_taken_up_when_a_signature_is_not_by_the_old() -> None:
    """But nobody makes the host ask more than once a minute by signing badly."""

    async def scene() -> None:
        world = World()
        old = world.key
        await world.key_of(ONE)
        world.key = b"n" * 32
        for _ in range(5):
            world.issuers.doubt(ONE)
            assert await world.key_of(ONE) == old
        world.passes(60_000)
        assert await world.key_of(ONE) == b"n" * 32
        assert world.asked == [ONE, ONE]
        world.issuers.doubt("nobody.example")

    play(scene())


@pytest.mark.parametrize(
    "name",
    ["localhost", "127.0.0.1", "10.0.0.1:8443", "127.1", "[::1]", "intranet", "1.2.3.4", "a.1", "a..example", ""],
)
def test_names_that_are_nobody_s(name: str) -> None:
    async def scene() -> None:
        for policy in (IssuerPolicy(), IssuerPolicy(frozenset({name}))):
            world = World(policy)
            assert await world.key_of(name) == ErrorCode.TICKET_REFUSED
            assert world.asked == []

    play(scene())


def test_only_those_that_the_operator_named() -> None:
    async def scene() -> None:
        world = World(IssuerPolicy(frozenset({OTHER})))
        assert await world.key_of(ONE) == ErrorCode.TICKET_REFUSED
        assert await world.key_of(OTHER) == world.key
        assert world.asked == [OTHER]
        nobody = World(NOBODY)
        assert await nobody.key_of(ONE) == ErrorCode.TICKET_REFUSED
        assert nobody.asked == []

    play(scene())


def test_strangers_make_a_host_ask_so_many_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "_AT_ONCE", 5)

    async def scene() -> None:
        world = World()
        world.may_answer.clear()
        names = [f"h{n}.example" for n in range(50)]
        waiting = [asyncio.ensure_future(world.key_of(name)) for name in names]
        while len(world.asked) < 5:
            await asyncio.sleep(0)
        world.may_answer.set()
        found = await asyncio.gather(*waiting)
        assert world.asked == names[:5]
        assert found == [world.key] * 5 + [ErrorCode.UNAVAILABLE] * 45

    play(scene())


def test_nor_faster_than_its_pace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "_QUESTIONS", Pace(interval=100, burst=3))

    async def scene() -> None:
        world = World()
        for number in range(10):
            await world.key_of(f"h{number}.example")
        assert len(world.asked) == 3
        world.passes(100)
        assert await world.key_of("h9.example") == world.key

    play(scene())


def test_those_that_the_operator_named_wait_for_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "_QUESTIONS", Pace(interval=100, burst=1))
    monkeypatch.setattr(issuing, "_AT_ONCE", 1)

    async def scene() -> None:
        names = [f"h{n}.example" for n in range(10)]
        world = World(IssuerPolicy(frozenset(names)))
        assert await asyncio.gather(*map(world.key_of, names)) == [world.key] * 10

    play(scene())


def test_so_many_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "_REMEMBERED", 10)

    async def scene() -> None:
        world = World()
        for number in range(30):
            await world.key_of(f"h{number}.example")
        assert len(world.issuers._known) == 10
        assert world.known("h29.example") == world.key
        assert world.known("h0.example") == ErrorCode.UNAVAILABLE

    play(scene())


def test_a_thread_may_ask_without_waiting() -> None:
    async def scene() -> None:
        world = World()
        assert world.known(ONE) == ErrorCode.UNAVAILABLE
        await asyncio.to_thread(world.issuers.introduce, ONE)
        for _ in range(100):
            await asyncio.sleep(0)
        assert world.known(ONE) == world.key

    play(scene())


def test_whoever_goes_away_does_not_end_the_question_for_others() -> None:
    async def scene() -> None:
        world = World()
        world.may_answer.clear()
        leaves, stays = asyncio.ensure_future(world.key_of(ONE)), asyncio.ensure_future(world.key_of(ONE))
        await asyncio.sleep(0)
        leaves.cancel()
        await asyncio.sleep(0)
        world.may_answer.set()
        assert await stays == world.key

    play(scene())


def test_closing_ends_what_is_under_way() -> None:
    async def scene() -> None:
        world = World()
        world.may_answer.clear()
        await asyncio.to_thread(world.issuers.introduce, ONE)
        await asyncio.sleep(0)
        await world.issuers.close()
        assert world.issuers._asking == {}

    play(scene())


def test_a_ticket_that_is_signed_by_another_key_raises_the_doubt() -> None:
    async def scene() -> None:
        world = World()
        judge = Judge(HOST, KEYS, ticket_key=bytes(32), clock=lambda: START, issuers=world.issuers)
        fields = (1, ONE, HOST, TicketKind.KNOCK, START // (24 * HOUR), b"n" * 16)
        new = SigningKey(b"n" * 32)
        ticket = encode(Ticket(*fields, new.sign(ticket_statement(TicketBody(*fields))).signature))
        await world.key_of(ONE)
        world.key = bytes(new.verify_key)
        world.passes(60_000)
        await world.key_of(ONE)
        assert world.asked == [ONE]
        with pytest.raises(Refusal, match="did not sign"):
            judge.ticket(ticket, TicketKind.KNOCK, now=START)
        await world.key_of(ONE)
        assert judge.ticket(ticket, TicketKind.KNOCK, now=START).day == START // (24 * HOUR)
        judge.close()

    play(scene())
