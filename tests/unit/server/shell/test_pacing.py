"""Addresses and what they may ask for."""

from __future__ import annotations

import asyncio
import gc

import pytest

from aparte.server.pace import Pace
from aparte.server.shell.pacing import Allowances, block_of, is_this_machine

PACE = Pace(interval=10, burst=50)


@pytest.mark.parametrize(
    ("address", "block"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::1", "2001:db8:1:2::/64"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("::1", "::/64"),
        ("fe80::1%eth0", "fe80::/64"),
        ("", ""),
        ("unknown", ""),
        (None, ""),
    ],
)
def test_who_counts_as_one(address: str | None, block: str) -> None:
    assert block_of(address) == block


def test_this_machine() -> None:
    assert is_this_machine(block_of("127.9.9.9"))
    assert is_this_machine(block_of("::1"))
    assert not is_this_machine(block_of("192.0.2.7"))
    assert not is_this_machine(block_of("1.127.0.1"))


def test_a_burst_then_the_rate() -> None:
    allowances = Allowances(PACE)
    mine = allowances.of("a")
    mine.left -= 50
    assert mine.left == 0
    allowances.tick(0.1)
    assert mine.left == 10
    allowances.tick(100)
    assert mine.left == 50


def test_links_of_one_address_share() -> None:
    allowances = Allowances(PACE)
    assert allowances.of("a") is allowances.of("a")
    assert allowances.of("a") is not allowances.of("b")


def test_coming_back_clears_no_debt() -> None:
    allowances = Allowances(PACE)
    allowances.of("a").left -= 60
    gc.collect()
    assert allowances.of("a").left == -10
    allowances.tick(0.2)
    gc.collect()
    assert allowances.of("a").left == 10


def test_who_owes_nothing_is_forgotten() -> None:
    allowances = Allowances(PACE)
    for number in range(1000):
        allowances.of(str(number)).left -= 1
    allowances.tick(60)
    gc.collect()
    assert len(allowances._of) == 0


def test_whoever_waits_gets_the_next_turn() -> None:
    async def wait() -> float:
        allowances = Allowances(PACE)
        mine = allowances.of("a")
        mine.left = -0.5

        async def refill() -> None:
            await asyncio.sleep(0.01)
            allowances.tick(1)

        await asyncio.gather(allowances.turn(mine), refill())
        return mine.left

    assert asyncio.run(wait()) > 0
