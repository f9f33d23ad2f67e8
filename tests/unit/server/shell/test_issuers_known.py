"""Which other hosts are known, for how long, and how well; and what strangers can do about it: nothing."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aparte.server.pace import Pace
from aparte.server.shell import issuers as issuing
from aparte.server.shell.issuers import IssuerPolicy
from aparte.server.step import Refusal
from aparte.server.tickets import Acquaintance
from aparte.wire import ErrorCode
from tests.unit.server.shell.other_hosts import HOUR, ONE, World, play


def test_failures_drive_out_nobody_who_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "_REMEMBERED", 10)

    async def scene() -> None:
        world = World()
        await world.key_of(ONE)
        world.is_there = False
        for number in range(30):
            await world.key_of(f"h{number}.example")
        assert world.known(ONE) == world.key
        assert len(world.issuers._silent) == 10

    play(scene())


def test_names_below_one_drive_out_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "_REMEMBERED", 10)

    async def scene() -> None:
        world = World()
        await world.key_of(ONE)
        for number in range(30):
            await world.key_of(f"h{number}.evil.example")
        assert world.known(ONE) == world.key
        assert world.known("h29.evil.example") == world.key

    play(scene())


def test_a_key_is_not_believed_for_longer_than_a_day() -> None:
    """Also if its host cannot even be asked."""

    async def scene() -> None:
        world = World()
        await world.key_of(ONE)
        world.passes(24 * HOUR)
        assert world.known(ONE) == ErrorCode.UNAVAILABLE
        assert await world.key_of(ONE) == world.key

    play(scene())


def test_strangers_are_not_in_the_way_of_a_key_that_is_asked_for_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(issuing, "_QUESTIONS", Pace(interval=100 * HOUR, burst=1))

    async def scene() -> None:
        world = World()
        await world.key_of(ONE)
        world.passes(HOUR)
        await world.key_of(ONE)
        assert world.asked == [ONE, ONE]

    play(scene())


def test_a_doubt_that_comes_late_brings_no_old_key_back() -> None:
    async def scene() -> None:
        world = World()
        await world.key_of(ONE)

        class Overtaken(dict[str, Any]):
            """The loop hears of a new key while another thread is about to doubt the old."""

            def get(self, name: str, default: Any = None) -> Any:
                found = super().get(name, default)
                world.issuers._known = dict(self)
                world.issuers._heard(name, b"n" * 32)
                return found

        world.issuers._known = Overtaken(world.issuers._known)
        world.issuers.doubt(ONE)
        assert world.known(ONE) == b"n" * 32

    play(scene())


def test_who_has_been_known_for_a_day_is_no_stranger() -> None:
    async def scene() -> None:
        world, named = World(), World(IssuerPolicy(frozenset({ONE})))
        for _ in range(25):
            await world.key_of(ONE)
            assert world.issuers.of(ONE).known is (
                Acquaintance.REGULAR if world.now > 24 * HOUR else Acquaintance.STRANGER
            )
            world.passes(HOUR)
        await named.key_of(ONE)
        assert named.issuers.of(ONE).known is Acquaintance.NAMED

    play(scene())


@pytest.mark.parametrize(("port", "asked"), [(443, True), (1024, True), (25, False), (1023, False)])
def test_ports_that_a_ticket_may_name(port: int, asked: bool) -> None:
    async def scene() -> None:
        name = f"one.example:{port}"
        assert IssuerPolicy().takes(name) is asked
        assert IssuerPolicy(frozenset({name})).takes(name), "the operator knows what they do"

    play(scene())


def test_failures_look_alike() -> None:
    """However soon it failed, nobody hears of it before the patience is over, and others may be asked meanwhile."""

    async def scene() -> None:
        world = World()
        world.issuers._patience = 3_600.0
        world.is_there = False
        waiting = [asyncio.ensure_future(world.key_of(ONE)) for _ in range(2)]
        for _ in range(10):
            await asyncio.sleep(0)
        assert not any(task.done() for task in waiting)
        with pytest.raises(Refusal, match="not known yet"):
            world.issuers.of(ONE)
        assert world.issuers._under_way == 0
        await world.issuers.close()
        await asyncio.gather(*waiting, return_exceptions=True)

    play(scene())
