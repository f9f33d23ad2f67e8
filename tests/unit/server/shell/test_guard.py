"""Connections without a request: how many an address may have, and for how long."""

from __future__ import annotations

import asyncio

import pytest

from aparte.server.shell.guard import IDLERS, PATIENCE, Guard


class Wire(asyncio.Transport):
    """A connection of this machine's."""

    is_up = True

    def is_closing(self) -> bool:
        return not self.is_up

    def abort(self) -> None:
        self.is_up = False


class Caller(asyncio.Protocol):
    def __init__(self) -> None:
        self.transport = Wire({"peername": ("127.0.0.1", 1)})


@pytest.mark.parametrize(("behind_proxy", "cut"), [(False, 5), (True, 0)])
def test_a_crowd_from_one_address_unless_it_is_the_proxy_s(behind_proxy: bool, cut: int) -> None:
    guard = Guard(behind_proxy=behind_proxy, clock=lambda: 0.0)
    callers = [guard.watch(Caller)() for _ in range(IDLERS + 5)]
    assert guard.sweep() == cut
    assert sum(not caller.transport.is_up for caller in callers) == cut  # type: ignore[attr-defined]


@pytest.mark.parametrize("behind_proxy", [False, True])
def test_nobody_may_wait_for_long(behind_proxy: bool) -> None:
    times = [0.0]
    guard = Guard(behind_proxy=behind_proxy, clock=lambda: times[-1])
    guard.watch(Caller)()
    times.append(PATIENCE)
    assert guard.sweep() == 0
    times.append(PATIENCE + 1)
    assert guard.sweep() == 1
