"""Steps: the timer, a disk that fails, faults of the engine's own, commands."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from aparte.client.api import Change, Connect, FrameArrived, LinkUp
from aparte.client.commands import CommandRefused
from aparte.client.store import StoreError, StoreFull
from aparte.client.views import LineView
from aparte.crypto import DEFAULT_CIPHER_SUITE
from aparte.drivers import asyncio_ws
from aparte.drivers.asyncio_ws import Driver
from aparte.drivers.system import provider, system_clock
from aparte.wire.ids import Millis
from tests.drivers.driving import Puppet, clock, connects, driving, open_sockets, play, until
from tests.drivers.fakes import anonymous, babbling, raw_host

# ------------------------------------------------------------------------------------------------ the timer


class Clock:
    """Stands still until it is set."""

    def __init__(self) -> None:
        self.now = Millis(1_000_000)

    def __call__(self) -> Millis:
        return self.now


def test_the_engine_is_woken_first_and_then_when_it_asked_to_be() -> None:
    async def scene() -> None:
        woken: list[Millis] = []

        def answer(_: Any) -> list[Any]:
            woken.append(clock())
            puppet.wake_at = Millis(woken[0] + 200) if len(woken) == 1 else None
            return []

        puppet = Puppet(answer)
        async with driving(puppet):
            await until(lambda: len(woken) > 1)
            await asyncio.sleep(0.1)
        first, second = woken
        assert second >= first + 200

    play(scene())


def test_not_at_all_if_it_did_not_ask() -> None:
    async def scene() -> None:
        puppet = Puppet(wake_at=Millis(clock() + 3_600_000))
        async with driving(puppet) as driver:
            timer = await until(lambda: driver._timer)
            puppet.wake_at = None
            driver.do([])  # type: ignore[arg-type]
            assert timer.cancelled()
            assert driver._timer is None

    play(scene())


def test_at_the_time_that_it_said_last() -> None:
    async def scene() -> None:
        puppet = Puppet(wake_at=Millis(clock() + 3_600_000))
        async with driving(puppet) as driver:
            await until(lambda: puppet.told)
            puppet.wake_at = Millis(clock() + 50)
            driver.do([])  # type: ignore[arg-type]
            puppet.wake_at = None
            await until(lambda: len(puppet.told) == 3)

    play(scene())


def test_a_clock_that_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    """Or a machine that slept: by the wall it is time, by the machine's own count it is not."""
    monkeypatch.setattr(asyncio_ws, "_LONGEST_SLEEP", 0.02)

    async def scene() -> None:
        wall = Clock()
        puppet = Puppet(wake_at=Millis(wall.now + 3_600_000))
        async with driving(puppet, clock=wall):
            await asyncio.sleep(0.2)
            assert puppet.told == [None]
            wall.now = Millis(wall.now + 3_600_000)
            puppet.wake_at = None
            await until(lambda: len(puppet.told) == 2)

    play(scene())


# ------------------------------------------------------------------------------------------------ a disk that fails


def test_the_engine_is_woken_until_the_disk_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio_ws, "_FIRST_PAUSE", 0.01)
    monkeypatch.setattr(asyncio_ws, "_LONGEST_PAUSE", 0.05)
    heard: list[tuple[str, float]] = []

    async def scene() -> None:
        async with raw_host(babbling) as name:
            line = anonymous(name)
            puppet = connects(line)
            async with driving(puppet, trouble=lambda why: heard.append((why, driver._pause))) as driver:
                await until(lambda: len(puppet.events(line)) > 5)
                begin = len(puppet.told)
                puppet.faults = [StoreFull(f"full {number}") for number in range(5)]
                await until(lambda: len(puppet.told) > begin + 20)
                assert driver._pause == 0.0
            after = puppet.told[begin:]
            # The engine has lost its links with the first: nothing of the old one comes any more.
            assert after[1:6] == [None] * 5
            assert after[6] == LinkUp(line)
            assert heard == [(f"full {number}", pause) for number, pause in enumerate([0.01, 0.02, 0.04, 0.05, 0.05])]

    play(scene())


def test_a_command_that_finds_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio_ws, "_FIRST_PAUSE", 0.01)

    async def scene() -> None:
        puppet = Puppet(faults=[])
        async with driving(puppet) as driver:
            await until(lambda: puppet.told)
            puppet.faults = [StoreFull("full")]
            with pytest.raises(StoreError, match="full"):
                driver.do([])  # type: ignore[arg-type]
            await until(lambda: len(puppet.told) == 3)
            assert puppet.told == [None, "command", None]

    play(scene())


def test_a_command_that_is_refused_leaves_the_links() -> None:
    async def scene() -> None:
        async with raw_host(babbling) as name:
            line = anonymous(name)
            puppet = connects(line)
            async with driving(puppet) as driver:
                await until(lambda: len(puppet.events(line)) > 5)
                puppet.faults = [CommandRefused("no")]
                with pytest.raises(CommandRefused):
                    driver.do([])  # type: ignore[arg-type]
                begin = len(puppet.events(line))
                await until(lambda: len(puppet.events(line)) > begin + 5)
            assert puppet.told.count(None) == 1
            assert puppet.events(line).count(LinkUp) == 1

    play(scene())


# ------------------------------------------------------------------------------------------------ faults


@pytest.mark.parametrize("fault", [ValueError("mine"), OSError(32, "mine"), TimeoutError("mine"), KeyError("mine")])
@pytest.mark.parametrize("when", ["at once", "later", "by the timer", "of the listener"])
def test_a_fault_of_the_program_ends_it(fault: Exception, when: str) -> None:
    """None of these is a fault of the network's, though they have its types."""

    def listen(_: Any) -> None:
        if when == "of the listener" and any(isinstance(each, FrameArrived) for each in puppet.told):
            raise fault

    async def scene() -> None:
        async with raw_host(babbling) as name:
            line = anonymous(name)
            puppet.answer = lambda event: [Connect(line)] if event is None else []
            driver = Driver(puppet, clock=clock, listen=listen)  # type: ignore[arg-type]
            if when == "at once":
                puppet.faults = [fault]
            elif when == "by the timer":
                puppet.answer = lambda _: []
                puppet.wake_at = Millis(clock() + 20)
            run = asyncio.create_task(driver.run())
            if when == "later":
                await until(lambda: len(puppet.events(line)) > 3)
                puppet.faults = [fault]
            elif when == "by the timer":
                await until(lambda: puppet.told)
                puppet.faults = [fault]
            with pytest.raises(type(fault), match="mine"):
                await asyncio.wait_for(run, 60)

    puppet = Puppet()
    play(scene())


def test_a_fault_of_the_drivers_own_ends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    async def fails(*_: Any, **__: Any) -> str:
        raise KeyError("mine")

    monkeypatch.setattr(asyncio_ws, "talk", fails)

    async def scene() -> None:
        driver = Driver(connects(anonymous("localhost")), clock=clock, listen=lambda _: None)  # type: ignore[arg-type]
        with pytest.raises(KeyError, match="mine"):
            await asyncio.wait_for(driver.run(), 20)

    play(scene())


def test_after_a_fault_in_a_command_the_engine_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio_ws, "_FIRST_PAUSE", 0.01)

    async def scene() -> None:
        puppet = Puppet()
        async with driving(puppet) as driver:
            await until(lambda: puppet.told)
            puppet.faults = [KeyError("mine")]
            with pytest.raises(KeyError):
                driver.do([])  # type: ignore[arg-type]
            await until(lambda: puppet.told == [None, "command", None])

    play(scene())


# ------------------------------------------------------------------------------------------------ commands, listeners


def test_commands_before_and_after() -> None:
    async def scene() -> None:
        async with raw_host(babbling) as name:
            line = anonymous(name)
            puppet = Puppet()
            driver = Driver(puppet, clock=clock, listen=lambda _: None)  # type: ignore[arg-type]
            driver.do([Connect(line)])  # type: ignore[arg-type]
            run = asyncio.create_task(driver.run())
            await until(lambda: len(puppet.events(line)) > 3)
            run.cancel()
            with pytest.raises(asyncio.CancelledError):
                await run
            before, told = open_sockets(), len(puppet.told)
            puppet.wake_at = Millis(clock() + 10)
            assert driver.do([Connect(line)]) == puppet.changes  # type: ignore[arg-type]
            await asyncio.sleep(0.1)
            assert open_sockets() <= before
            assert puppet.told[told:] == ["command"]

    play(scene())


def test_whoever_listens_hears_every_step_in_order() -> None:
    heard: list[tuple[Change, ...]] = []

    async def scene() -> None:
        puppet = Puppet()
        async with driving(puppet, listen=heard.append) as driver:
            await until(lambda: heard)
            for number in range(10):
                puppet.changes = (Change(LineView, b"%d" % number, None),)
                assert driver.do([]) == puppet.changes  # type: ignore[arg-type]
            puppet.changes = ()
            driver.do([])  # type: ignore[arg-type]

    play(scene())
    assert [each[0].key for each in heard[1:-1]] == [b"%d" % number for number in range(10)]
    assert heard[-1] == ()


def test_a_listener_may_give_commands() -> None:
    async def scene() -> None:
        def listen(changes: tuple[Change, ...]) -> None:
            if changes and len(puppet.told) == 1:
                driver.do([])  # type: ignore[arg-type]

        puppet = Puppet()
        async with driving(puppet, listen=listen) as driver:
            await until(lambda: puppet.told == [None, "command"])

    play(scene())


# ------------------------------------------------------------------------------------------------ the system's


def test_the_real_clock_and_randomness() -> None:
    assert abs(system_clock() - clock()) < 60_000
    suite = provider().suite(DEFAULT_CIPHER_SUITE)
    assert suite.random(16) != suite.random(16)
