"""What there is to beat: the same frames over the same stack, without a check.

    python -m benchmarks.host.bare PORT FOLDER rows    stores each post durably (group commit), answers, delivers
    python -m benchmarks.host.bare PORT FOLDER echo    answers and delivers, stores nothing

`rows` keeps heads in memory, writes one table with one index, and judges nothing: no key, no repeat, no pace, no
chain, no receipt. `echo` is the floor of WebSockets in Python.
"""

from __future__ import annotations

import asyncio
import queue
import struct
import sys
import threading
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import apsw
import uvloop
from aiohttp import WSMsgType, web

POST, OPEN = 0x04, 0x02
POST_HEAD = struct.Struct(">BI16sQ16sB32sB")
ACCEPTED = struct.Struct(">BIQQQ32s32s32s")
DELIVERED = struct.Struct(">B16sQQQB16s32sBI32s32s")
ITEM, NOTHING = 54, bytes(32)
BATCH = 256


def message(payload: bytes) -> bytes:
    n = len(payload)
    return (b"\x82" + n.to_bytes(1) if n < 126 else b"\x82\x7e" + n.to_bytes(2)) + payload


class Link:
    __slots__ = ("logs", "transport")

    def __init__(self, transport: Any) -> None:
        self.transport = transport
        self.logs: list[bytes] = []

    def write(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.transport.write(data)


class Bare:
    def __init__(self, folder: Path | None) -> None:
        self.loop = asyncio.get_running_loop()
        self.followers: dict[bytes, set[Link]] = defaultdict(set)
        self.heads: dict[bytes, int] = defaultdict(int)
        self.waiting: queue.SimpleQueue[tuple[Link, tuple[Any, ...], bytes]] = queue.SimpleQueue()
        self.database = None if folder is None else self._open(folder)
        if folder is not None:
            threading.Thread(target=self._write, daemon=True).start()

    @staticmethod
    def _open(folder: Path) -> apsw.Connection:
        folder.mkdir(parents=True)
        database = apsw.Connection(str(folder / "bare.db"))
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "wal_autocheckpoint = 4000"):
            database.pragma(*pragma.split(" = "))
        database.execute("CREATE TABLE entry (log BLOB, seq INTEGER, at INTEGER, body BLOB)")
        database.execute("CREATE UNIQUE INDEX place ON entry (log, seq)")
        return database

    def take(self, link: Link, data: bytes) -> None:
        if data[0] == POST:
            post = (link, POST_HEAD.unpack_from(data), data[POST_HEAD.size + 2 :])
            if self.database is not None:
                self.waiting.put(post)
            else:
                self._answer([(post, 1)])
        elif data[0] == OPEN:
            for at in range(len(data) - ITEM, 6, -ITEM):
                link.logs.append(data[at : at + 16])
                self.followers[link.logs[-1]].add(link)
            link.write(message(b"\x92" + data[1:5] + b"\x00"))

    def _write(self) -> None:
        assert self.database is not None
        while True:
            batch = [self.waiting.get()]
            while len(batch) < BATCH and not self.waiting.empty():
                batch.append(self.waiting.get())
            at, rows, placed = time.time_ns() // 1_000_000, [], []
            for post in batch:
                log = post[1][2]
                self.heads[log] += 1
                placed.append((post, self.heads[log]))
                rows += [log, self.heads[log], at, post[2]]
            self.database.execute("BEGIN IMMEDIATE")
            for start in range(0, len(rows), 4 * 64):
                part = rows[start : start + 4 * 64]
                values = ",".join(["(?,?,?,?)"] * (len(part) // 4))
                self.database.execute(f"INSERT INTO entry VALUES {values}", part)
            self.database.execute("COMMIT")
            self.loop.call_soon_threadsafe(self._answer, placed)

    def _answer(self, placed: list[tuple[Any, int]]) -> None:
        out: dict[Link, list[bytes]] = defaultdict(list)
        by_log: dict[bytes, list[tuple[Link, bytes]]] = defaultdict(list)
        for (link, (_, request, log, node, idem, kind, key, _), body), seq in placed:
            out[link].append(message(ACCEPTED.pack(0x94, request, seq, 0, node, NOTHING, NOTHING, NOTHING)))
            length = 0x4000 | len(body)
            head = DELIVERED.pack(0x97, log, seq, 0, node, kind, idem, key, 1, len(body), NOTHING, NOTHING)
            by_log[log].append((link, message(head + length.to_bytes(2) + body)))
        for log, deliveries in by_log.items():
            self._spread(log, deliveries, out=out)
        for link, messages in out.items():
            link.write(messages[0] if len(messages) == 1 else b"".join(messages))

    def _spread(self, log: bytes, deliveries: list[tuple[Link, bytes]], *, out: dict[Link, list[bytes]]) -> None:
        """Joined once for all who posted nothing of it."""
        posters = {poster for poster, _ in deliveries}
        joined = b"".join([delivery for _, delivery in deliveries])
        for link in self.followers[log]:
            if link in posters:
                out[link] += [delivery for poster, delivery in deliveries if poster is not link]
            else:
                out[link].append(joined)

    async def serve(self, request: web.Request) -> web.WebSocketResponse:
        socket = web.WebSocketResponse(compress=False)
        await socket.prepare(request)
        link = Link(request.transport)
        link.write(message(b"\x80"))
        async for item in socket:
            if item.type is WSMsgType.BINARY:
                self.take(link, item.data)
        for log in link.logs:
            self.followers[log].discard(link)
        return socket


async def main(port: int, folder: Path | None) -> None:
    bare = Bare(folder)
    app = web.Application()
    app.router.add_get("/v1/anonymous", bare.serve)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", port, backlog=4096).start()
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    uvloop.run(main(int(sys.argv[1]), Path(sys.argv[2]) if sys.argv[3] == "rows" else None))
