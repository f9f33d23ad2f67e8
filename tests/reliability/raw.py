"""WebSockets by hand (RFC 6455), so that they can be got wrong."""

from __future__ import annotations

import asyncio
import base64
import os
import socket
from typing import Final, Self
from urllib.parse import urlsplit

BINARY: Final = 2
CONTINUATION: Final = 0
TEXT: Final = 1
CLOSE: Final = 8
PING: Final = 9
PONG: Final = 10
ANONYMOUS: Final = "/v1/anonymous"


def request_for(url: str, path: str = ANONYMOUS) -> bytes:
    """The head of a request for a link."""
    key = base64.b64encode(os.urandom(16)).decode()
    lines = (
        f"GET {path} HTTP/1.1",
        f"Host: {urlsplit(url).netloc}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {key}",
        "Sec-WebSocket-Version: 13",
    )
    return "\r\n".join((*lines, "", "")).encode()


def framed(payload: bytes, opcode: int = BINARY, *, last: bool = True, masked: bool = True, reserved: int = 0) -> bytes:
    """One WebSocket frame; with a mask of zeros, if any."""
    first = bytes([opcode | 0x80 * last | reserved << 4])
    bit = 0x80 * masked
    if len(payload) < 126:
        length = bytes([bit | len(payload)])
    elif len(payload) < 1 << 16:
        length = bytes([bit | 126]) + len(payload).to_bytes(2)
    else:
        length = bytes([bit | 127]) + len(payload).to_bytes(8)
    return first + length + bytes(4) * masked + payload


class RawLink:
    """A connection from some address of this machine, and what comes on it."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    @classmethod
    async def connect(cls, url: str, *, source: str = "127.0.0.1", receive_buffer: int | None = None) -> Self:
        """A connection on which nothing has been said."""
        made = socket.socket()
        made.setblocking(False)
        if receive_buffer is not None:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        made.setsockopt(socket.IPPROTO_IP, getattr(socket, "IP_BIND_ADDRESS_NO_PORT", 24), 1)
        made.bind((source, 0))
        address = urlsplit(url)
        await asyncio.get_running_loop().sock_connect(made, (address.hostname, address.port))
        limit = receive_buffer or 1 << 16
        return cls(*await asyncio.open_connection(sock=made, limit=limit))

    @classmethod
    async def dial(cls, url: str, *, source: str = "127.0.0.1", receive_buffer: int | None = None) -> Self:
        """A link that was greeted: the one that the URL names, anonymous by default."""
        link = await cls.connect(url, source=source, receive_buffer=receive_buffer)
        link.writer.write(request_for(url, urlsplit(url).path or ANONYMOUS))
        head = await asyncio.wait_for(link.reader.readuntil(b"\r\n\r\n"), 60)
        assert head.startswith(b"HTTP/1.1 101"), head
        greeting = await link.receive()
        assert greeting is not None
        link.greeting = greeting[1]
        return link

    greeting: bytes = b""

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def receive(self, *, seconds: float = 30) -> tuple[int, bytes] | None:
        """The next frame: opcode and payload; None at the end. Raises TimeoutError."""
        try:
            async with asyncio.timeout(seconds):
                first, length = await self.reader.readexactly(2)
                if length == 126:
                    length = int.from_bytes(await self.reader.readexactly(2))
                elif length == 127:
                    length = int.from_bytes(await self.reader.readexactly(8))
                return first & 15, await self.reader.readexactly(length)
        except (asyncio.IncompleteReadError, ConnectionError):
            return None

    async def until_closed(self, *, seconds: float = 30) -> list[tuple[int, bytes]]:
        """All frames up to the one that closes, or up to the end. Raises TimeoutError."""
        found = []
        while (frame := await self.receive(seconds=seconds)) is not None:
            found.append(frame)
            if frame[0] == CLOSE:
                break
        return found

    def hang_up(self) -> None:
        self.writer.transport.abort()
