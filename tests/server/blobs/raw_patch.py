"""A PATCH over a bare socket: sent as slowly as a test likes, and cut wherever it likes."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

from tests.server.blobs.blob_host import PATCH


class RawPatch:
    """`async with RawPatch(url, offset, length=…) as patch`: the head is sent; the body is up to you."""

    def __init__(self, upload: str, offset: int, *, length: int | None, headers: dict[str, str] | None = None) -> None:
        """Without a `length` the body is chunked: send it by `chunk`."""
        self._address = urlsplit(upload)
        body = {"Transfer-Encoding": "chunked"} if length is None else {"Content-Length": str(length)}
        self._headers = PATCH | {"Host": "localhost", "Upload-Offset": str(offset)} | body | (headers or {})

    async def __aenter__(self) -> Self:
        self._reader, self._writer = await asyncio.open_connection(self._address.hostname, self._address.port)
        head = [f"PATCH {self._address.path} HTTP/1.1", *(f"{k}: {v}" for k, v in self._headers.items()), "", ""]
        await self.send("\r\n".join(head).encode())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._writer.transport.abort()

    async def send(self, data: bytes) -> None:
        self._writer.write(data)
        await self._writer.drain()

    async def chunk(self, data: bytes) -> None:
        await self.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def status(self) -> int:
        """Of the answer."""
        line = await asyncio.wait_for(self._reader.readline(), 10)
        return int(line.split()[1])

    async def cut(self, *, politely: bool) -> None:
        """End the connection: by FIN, or by RST, which throws away what is on its way."""
        if politely:
            self._writer.write_eof()
            await asyncio.sleep(0)
        else:
            self._writer.transport.abort()
