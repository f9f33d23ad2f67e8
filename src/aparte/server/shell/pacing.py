"""How much one address may ask of the host. Whoever asks faster is read from more slowly; nobody else notices."""

from __future__ import annotations

import asyncio
import ipaddress
from collections.abc import Callable
from typing import Final

from aiohttp import web

from aparte.server.pace import Pace, Paces
from aparte.wire.ids import Millis

__all__ = ["AddressPace", "address_of", "block_of"]

#: Frames from one address: a burst, then one a millisecond.
FRAMES: Final = Pace(interval=1, burst=2_000)


def block_of(address: str | None) -> str:
    """Who is counted as one: an IPv4 address, or an IPv6 network of 64 bits, which one customer has."""
    try:
        parsed = ipaddress.ip_address(address or "")
    except ValueError:
        return ""
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


def address_of(request: web.Request, *, behind_proxy: bool) -> str:
    """Who asks. Behind a proxy, the last hop of `X-Forwarded-For`: the one that the proxy itself wrote."""
    if behind_proxy:
        hops = request.headers.getall("X-Forwarded-For", [])
        if hops:
            return hops[-1].rpartition(",")[2].strip()
    return request.remote or ""


class AddressPace:
    """Keeps each address to its pace by letting its links wait."""

    def __init__(self, clock: Callable[[], Millis], pace: Pace = FRAMES) -> None:
        self._clock = clock
        self._paces = Paces[str](pace)

    def wait(self, block: str) -> int:
        """0 if it is this address's turn for one more frame, which is then counted; otherwise milliseconds to wait."""
        return self._paces.admit(block, self._clock())

    async def turn(self, block: str) -> None:
        """Return when it is this address's turn for one more frame."""
        while wait := self.wait(block):  # noqa: ASYNC110 - how long is known, and nobody else could tell
            await asyncio.sleep(wait / 1000)

    def charge(self, block: str, frames: int) -> None:
        """A frame cost the host as much as so many more: the address's next ones wait for it."""
        self._paces.take(block, self._clock(), count=frames)
