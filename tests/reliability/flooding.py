"""Somebody who asks as fast as a host lets him, from one address: `flooding.py URL FOLDER KIND SOURCE SECONDS`.

Says in the end how much of it was answered, in frames' worth of work, and in how many seconds.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any, Final

from aparte.server.shell.keys import load_keys
from aparte.wire import decode_frame, encode_frame
from aparte.wire.ids import LogId, Request, Seq
from aparte.wire.log_frames import Accepted, Create, Created, EpochProof, Open, OpenItem
from tests.reliability.ledger import Talk
from tests.reliability.processes import DOMAIN, ticket
from tests.reliability.raw import BINARY, PING, PONG, RawLink, framed, request_for

LINKS: Final = 8
#: Proofs in an `Open`, each of which is looked up and checked.
PROOFS: Final = 32
OPEN_COST: Final = 1 + PROOFS // 2 + PROOFS
_CHUNK: Final = 32


class Flooder:
    """Eight links, or as many connections as can be made."""

    def __init__(self, url: str, folder: Path, *, source: str, seconds: float) -> None:
        self.url = url
        self.source = source
        self.keys = load_keys(folder / "keys.json", rng=os.urandom)
        self.seconds = seconds
        self.answered = 0
        self.rng = Random()

    async def posts(self) -> None:
        """To a log of its own on each link."""
        await asyncio.gather(*[self._posts() for _ in range(LINKS)])

    async def opens(self) -> None:
        """With proofs that are none."""
        await asyncio.gather(*[self._opens() for _ in range(LINKS)])

    async def pings(self) -> None:
        """And nothing else."""
        await asyncio.gather(*[self._pings() for _ in range(LINKS)])

    async def connects(self) -> None:
        """Links that are made and dropped."""
        await asyncio.gather(*[self._connects() for _ in range(LINKS)])

    async def _posts(self) -> None:
        link, talk = await self._dial(), Talk(LogId(self.rng.randbytes(16)))
        shown = ticket(self.keys, self.rng.randbytes(16))
        assert isinstance(await _ask(link, Create(Request(1), talk.log_id, talk.root_key, 30, shown)), Created)
        nonce = decode_frame(link.greeting).nonce
        await _ask(link, Open(Request(1), False, (talk.item(talk.node, nonce, host=DOMAIN),)))

        def post() -> bytes:
            return framed(encode_frame(talk.post(self.rng.randbytes(16), b"flood", request=2)))

        await self._pour(link, post, lambda opcode, data: opcode == BINARY and type(decode_frame(data)) is Accepted)

    async def _opens(self) -> None:
        def bad() -> OpenItem:
            proof = EpochProof(self.rng.randbytes(32), self.rng.randbytes(64))
            return OpenItem(LogId(self.rng.randbytes(16)), Talk(LogId(bytes(16))).node, Seq(0), None, proof)

        whole = framed(encode_frame(Open(Request(1), False, tuple(bad() for _ in range(PROOFS)))))
        await self._pour(await self._dial(), lambda: whole, lambda opcode, _: OPEN_COST * (opcode == BINARY))

    async def _pings(self) -> None:
        await self._pour(await self._dial(), lambda: framed(b"", PING), lambda opcode, _: opcode == PONG)

    async def _connects(self) -> None:
        until = time.monotonic() + self.seconds
        while time.monotonic() < until:
            link = await RawLink.connect(self.url, source=self.source)
            link.send(request_for(self.url))
            if (await link.reader.readline()).startswith(b"HTTP/1.1 101"):
                self.answered += 1
            link.hang_up()

    async def _dial(self) -> RawLink:
        return await RawLink.dial(self.url, source=self.source)

    async def _pour(self, link: RawLink, make: Callable[[], bytes], worth: Callable[[int, bytes], int]) -> None:
        """Send as much as goes; count what comes back."""

        async def send() -> None:
            while True:
                link.send(b"".join(make() for _ in range(_CHUNK)))
                await link.writer.drain()
                await asyncio.sleep(0)

        async def count() -> None:
            while (found := await link.receive(seconds=60)) is not None:
                self.answered += worth(*found)

        tasks = [asyncio.create_task(send()), asyncio.create_task(count())]
        await asyncio.wait(tasks, timeout=self.seconds)
        for task in tasks:
            task.cancel()
        link.hang_up()


async def _ask(link: RawLink, frame: Any) -> Any:
    link.send(framed(encode_frame(frame)))
    found = await link.receive()
    assert found is not None
    return decode_frame(found[1])


def main(url: str, folder: str, kind: str, source: str, seconds: str) -> None:
    os.nice(19)  # it stands for another machine, and shall take nobody here their turn
    flooder = Flooder(url, Path(folder), source=source, seconds=float(seconds))
    begin = time.monotonic()
    asyncio.run(getattr(flooder, kind)())
    print(json.dumps({"answered": flooder.answered, "seconds": time.monotonic() - begin}))


if __name__ == "__main__":
    main(*sys.argv[1:])
