"""What makes a batch."""

from __future__ import annotations

import asyncio
import threading
import time
from typing import Any, cast

import pytest

from aparte.server.core import Arrival, Core, LinkClosed
from aparte.server.links import Link, LinkKind, LinkNumber
from aparte.server.shell.writer import Writer
from aparte.server.step import Delivery, Send
from aparte.server.store import LogKey
from aparte.wire.ids import LinkNonce, LogId, Millis, Seq


class Crowd:
    """A core that answers each batch with one delivery to so many links."""

    def __init__(self, links: int) -> None:
        self._links = range(links)
        self.batches: list[int] = []
        self.accepted = threading.Event()

    def accept(self, batch: list[Arrival], now: Millis) -> list[Send]:
        assert now
        self.batches.append(len(batch))
        self.accepted.set()
        links = [LinkNumber(number) for number in self._links]
        return [Delivery(links, LinkNumber(0), LogKey(1), LogId(bytes(16)), Seq(1), b"")]

    def tidy(self) -> None:
        pass


def batches(links: int) -> list[int]:
    """Of five posts: one, then four that come one after the other while the loop is busy."""
    arrival = Arrival(Link(LinkNumber(1), LinkKind.ANONYMOUS, nonce=LinkNonce(bytes(32))), LinkClosed())
    core = Crowd(links)

    async def scene() -> None:
        writer = Writer(cast("Core", cast("Any", core)), clock=lambda: Millis(1), release=lambda _: None)
        writer.start()
        for _ in range(5):
            writer.submit(arrival)
            assert core.accepted.wait(10)
            time.sleep(0.02)  # noqa: ASYNC251 - the loop is busy
        await asyncio.get_running_loop().run_in_executor(None, writer.stop)

    asyncio.run(scene())
    return core.batches


@pytest.mark.parametrize(("links", "expected"), [(512, [1, 4]), (3, [1, 1, 1, 1, 1])])
def test_what_comes_while_many_links_are_written_to_is_one_batch(links: int, expected: list[int]) -> None:
    assert batches(links) == expected
