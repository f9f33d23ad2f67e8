"""A blob service on a real aiohttp server on loopback, with a clock, a disk and a ticket office to play with."""

from __future__ import annotations

import asyncio
import hashlib
import random
import secrets
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import apsw
from aiohttp import web

from aparte.server.blobs import (
    SCHEMA,
    Admission,
    BlobFiles,
    BlobService,
    Limits,
    Recovered,
    Refusal,
    Refused,
    SqliteBlobIndex,
    Surroundings,
    blob_routes,
)
from aparte.server.blobs.limits import MAX_KEEP_DAYS
from aparte.server.blobs.tokens import encode_token

NOON = 1_800_000_000_000 // 86_400_000 * 86_400_000 + 43_200_000
TICKET = encode_token(b"a good ticket")
TUS = {"Tus-Resumable": "1.0.0"}
PATCH = TUS | {"Content-Type": "application/offset+octet-stream"}


@dataclass
class World:
    """What the service is told about the world; tests change it."""

    now: int = NOON
    free: int = 1 << 50
    keep_days: int = MAX_KEEP_DAYS
    spent: list[tuple[bytes, int, int]] = field(default_factory=list)

    def spend(self, ticket: bytes, size: int, now: int) -> Admission:
        if not ticket.startswith(b"a good ticket"):
            raise Refused(Refusal.TICKET_REFUSED, "not a good ticket")
        if ticket == b"a good ticket, once" and any(ticket == other for other, _, _ in self.spent):
            raise Refused(Refusal.TICKET_SPENT, "used before")
        self.spent.append((ticket, size, now))
        return Admission(keep_days=self.keep_days)


def open_index(root: Path) -> apsw.Connection:
    """The database below `root`, as its owner opens it: made at the first time."""
    root.mkdir(exist_ok=True)
    fresh = not (root / "host.db").exists()
    connection = apsw.Connection(str(root / "host.db"))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", "full")
    if fresh:
        connection.execute(SCHEMA)
    return connection


@dataclass
class BlobHost:
    """A running host, seen from a client."""

    url: str
    root: Path
    world: World
    service: BlobService
    client: aiohttp.ClientSession
    recovered: Recovered
    connection: apsw.Connection

    async def create(self, size: int, **headers: str) -> aiohttp.ClientResponse:
        asked = TUS | {"Upload-Length": str(size), "Aparte-Ticket": TICKET}
        asked |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.post(f"{self.url}/uploads", headers=asked)

    async def begin(self, size: int, **headers: str) -> str:
        """The URL of a new upload."""
        response = await self.create(size, **headers)
        assert response.status == 201, await response.text()
        return self.url + response.headers["Location"]

    async def patch(self, upload: str, offset: int, data: object, **headers: str) -> aiohttp.ClientResponse:
        asked = PATCH | {"Upload-Offset": str(offset)}
        asked |= {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.client.patch(upload, data=data, headers=asked)

    async def offset(self, upload: str) -> int:
        response = await self.client.head(upload, headers=TUS)
        assert response.status == 200, response.headers.get("Aparte-Error")
        return int(response.headers["Upload-Offset"])

    async def put(self, data: bytes, **headers: str) -> tuple[str, str, str]:
        """(upload URL, blob URL, erase token) of a whole blob."""
        created = await self.create(len(data), **headers)
        upload = self.url + created.headers["Location"]
        response = await self.patch(upload, 0, data)
        assert response.status == 204, await response.text()
        return upload, self.blob(response), created.headers["Aparte-Erase-Token"]

    def blob(self, response: aiohttp.ClientResponse) -> str:
        """The blob's URL, from any answer that tells it."""
        return f"{self.url}/blobs/{response.headers['Aparte-Blob']}"

    async def read(self, blob: str) -> bytes:
        response = await self.client.get(blob)
        assert response.status == 200, await response.text()
        return await response.read()

    def rows(self, table: str) -> int:
        count = self.connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0]
        assert isinstance(count, int)
        return count

    def files(self) -> list[Path]:
        return [path for path in (self.root / "data").rglob("*") if path.is_file()]


@asynccontextmanager
async def blob_host(
    root: Path, *, limits: Limits | None = None, world: World | None = None, cancelling: bool = False
) -> AsyncIterator[BlobHost]:
    """Start, and stop in good order. `cancelling`: let aiohttp cancel the handlers of lost connections."""
    world = world or World()
    connection = open_index(root)
    with ThreadPoolExecutor(1) as index_thread, ThreadPoolExecutor(4) as file_threads:
        around = Surroundings(
            now=lambda: world.now,
            rng=secrets.token_bytes,
            free_space=lambda: world.free,
            spend_ticket=world.spend,
            index_thread=index_thread,
            file_threads=file_threads,
        )
        service = BlobService(
            SqliteBlobIndex(connection), BlobFiles(root / "data"), around=around, limits=limits or Limits()
        )
        recovered = await service.start()
        app = web.Application()
        app.add_routes(blob_routes(service))
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=1, handler_cancellation=cancelling)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = runner.addresses[0][1]
        async with aiohttp.ClientSession() as client:
            yield BlobHost(f"http://127.0.0.1:{port}", root, world, service, client, recovered, connection)
        await service.close()
        await runner.cleanup()
    connection.close()


def in_host(root: Path, scene: Callable[[BlobHost], object], **options: object) -> None:
    """Run one scene, a coroutine function, in a host of its own."""

    async def play() -> None:
        async with blob_host(root, **options) as host:  # type: ignore[arg-type]
            await scene(host)  # type: ignore[misc]

    asyncio.run(play())


def content(size: int, seed: int = 1) -> bytes:
    """Bytes that nothing compresses."""
    return random.Random(seed).randbytes(size)


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
