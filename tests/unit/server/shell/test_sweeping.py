"""How much of the writer's time a sweep takes."""

from __future__ import annotations

import asyncio
import time

import pytest

from aparte.server.shell import background


@pytest.mark.parametrize(("took", "rests"), [(0.0, background._STEP), (0.5, 4.5)])
def test_a_sweep_rests_nine_times_as_long_as_it_works(
    monkeypatch: pytest.MonkeyPatch, took: float, rests: float
) -> None:
    slept: list[float] = []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    begun = time.monotonic()
    monkeypatch.setattr(time, "monotonic", lambda: begun + took)
    asyncio.run(background._rest(begun))
    assert slept == [pytest.approx(rests)]
