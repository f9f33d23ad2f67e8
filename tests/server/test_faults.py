"""A host whose own parts fail: what it can bear it reports, of the rest it dies, so that somebody starts it anew."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.server.living import living


def fails() -> None:
    raise RuntimeError("a fault of the writer's own")


def test_a_host_that_cannot_write_ends(tmp_path: Path) -> None:
    """Its links would else wait for answers that never come."""

    async def play() -> None:
        async with living(tmp_path) as (_, host):
            host.core.tidy = fails  # type: ignore[method-assign]
            host.writer.between(lambda: None)
            await asyncio.sleep(0.2)

    with pytest.raises(ExceptionGroup) as caught:
        asyncio.run(play())
    assert caught.group_contains(RuntimeError, match="a fault of the writer's own")


def test_what_is_asked_of_the_writer_may_fail(tmp_path: Path) -> None:
    async def play() -> None:
        async with living(tmp_path) as (_, host):
            with pytest.raises(RuntimeError, match="a fault of the writer's own"):
                await host.writer.ask(fails)
            assert await host.writer.ask(lambda: 7) == 7

    asyncio.run(play())
