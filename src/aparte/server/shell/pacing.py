"""How much one address may ask of the host. Whoever asks faster is read from more slowly; nobody else notices."""

from __future__ import annotations

import asyncio
import ipaddress
from typing import Final
from weakref import WeakValueDictionary

from aiohttp import web

from aparte.server.pace import Pace, Paces
from aparte.server.shell.doorstep import Doorstep, HeldOff
from aparte.wire.ids import Millis

__all__ = ["FRAMES", "NEW_LINKS", "Allowance", "Allowances", "address_of", "block_of", "is_this_machine"]

#: Frames from one address: a burst, then one a millisecond.
FRAMES: Final = Pace(interval=1, burst=2_000)
#: New links of one address, each of which takes a millisecond: an office comes back in some seconds.
NEW_LINKS: Final = Pace(interval=25, burst=200)


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


def is_this_machine(block: str) -> bool:
    """Whether a block is the loopback's."""
    return block.startswith("127.") or block == "::/64"


def address_of(request: web.Request, *, behind_proxy: bool) -> str:
    """Who asks. Behind a proxy, the last hop of `X-Forwarded-For`: the one that the proxy itself wrote."""
    if behind_proxy:
        hops = request.headers.getall("X-Forwarded-For", [])
        if hops:
            return hops[-1].rpartition(",")[2].strip()
    return request.remote or ""


class Allowance:
    """What one address may still ask for, in frames. Below zero it has to wait."""

    __slots__ = ("__weakref__", "left")

    def __init__(self, left: float) -> None:
        self.left = left


class Allowances:
    """Keeps addresses to a pace. A frame costs one subtraction; the refilling is done for all at once (`tick`)."""

    def __init__(self, pace: Pace = FRAMES, doorstep: Doorstep | None = None, *, links: Pace = NEW_LINKS) -> None:
        self._most = float(pace.burst)
        self._a_second = 1000 / pace.interval
        self._doorstep = doorstep or Doorstep()
        self._of: WeakValueDictionary[str, Allowance] = WeakValueDictionary()
        self._links = Paces[str](links)
        # Who owes something is remembered, although all its connections may be gone.
        self._owing: list[Allowance] = []

    def of(self, block: str) -> Allowance:
        """The allowance of an address."""
        found = self._of.get(block)
        if found is None:
            found = self._of[block] = Allowance(self._most)
            self._owing.append(found)
        return found

    def tick(self, seconds: float) -> None:
        """So much time has gone by."""
        more = seconds * self._a_second
        everybody = list(self._of.values())
        for allowance in everybody:
            allowance.left = min(self._most, allowance.left + more)
        self._owing = [allowance for allowance in everybody if allowance.left < self._most]

    def link(self, block: str, now: Millis) -> int:
        """0 if the address may make a link now, which is then counted; otherwise milliseconds until it may."""
        return self._links.admit(block, now)

    async def turn(self, allowance: Allowance) -> None:
        """Return when there is something left."""
        if allowance.left < 0:
            self._doorstep.held_off[HeldOff.PACED] += 1
        while allowance.left < 0:  # noqa: ASYNC110 - how long is known, and nobody else could tell
            await asyncio.sleep(min(1.0, 0.01 - allowance.left / self._a_second))
