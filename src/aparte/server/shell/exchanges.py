"""One frame a request over HTTP: the only way for what is too long for a link, so what is under way is bounded.

A body counts against the room of its address and of the host before it is read, and its answer in its place until
that is written. So nobody makes the host hold much by sending slowly, or by reading nothing.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from aiohttp import ClientPayloadError, web
from aiohttp.http_exceptions import HttpProcessingError

from aparte.server.shell.doorstep import HeldOff
from aparte.server.shell.pacing import Allowances, block_of
from aparte.server.shell.reception import Malformed, Reception
from aparte.wire.limits import MAX_COMMIT

__all__ = ["CORS", "FRAME_TYPE", "MAX_HTTP_FRAME", "Exchanges", "Room", "too_many"]

FRAME_TYPE: Final = "application/octet-stream"
MAX_HTTP_FRAME: Final = MAX_COMMIT + 1024
#: Bytes of bodies and answers that are under way: of one address, and of all.
ROOM_OF_ADDRESS: Final = 3 * MAX_HTTP_FRAME
ROOM: Final = 12 * MAX_HTTP_FRAME
#: A short frame costs memory, too.
_LEAST: Final = 4_096
#: How long a frame may take to come, 8 MiB in a minute being a slow line; and how long a piece of an answer may wait.
_BODY_SECONDS: Final = 60.0
_IDLE_SECONDS: Final = 30.0
_PIECE: Final = 1 << 16
_SOON: Final = 5
#: Who sends has gone, or sends what is no body. (`TimeoutError` is an `OSError`, too.)
_BROKEN: Final = (ClientPayloadError, ConnectionError, HttpProcessingError)
CORS: Final = {
    "Access-Control-Allow-Origin": "*",
    "Access-Control-Allow-Methods": "GET, POST, OPTIONS",
    "Access-Control-Allow-Headers": "Content-Type",
    "Access-Control-Max-Age": "86400",
}


def too_many(text: str, *, wait: int) -> web.HTTPTooManyRequests:
    """`wait` is in seconds."""
    return web.HTTPTooManyRequests(text=text, headers={"Retry-After": str(wait), **CORS})


class Room:
    """How many bytes are under way, by address."""

    def __init__(self, *, of_address: int, of_all: int) -> None:
        self._of_address = of_address
        self._of_all = of_all
        self._taken = Counter[str]()
        self.taken = 0

    @contextmanager
    def take(self, block: str, size: int) -> Iterator[Place]:
        """Room for so many bytes. Raises 429 or 503 if there is none."""
        place = Place(self, block)
        place.becomes(size)
        try:
            yield place
        finally:
            self.add(block, -place.size)

    def require(self, block: str, more: int) -> None:
        """Raises 429 or 503 unless so much more may be under way."""
        if self._taken[block] + more > self._of_address:
            raise too_many("this address has too much under way\n", wait=_SOON)
        if self.taken + more > self._of_all:
            headers = {"Retry-After": str(_SOON), **CORS}
            raise web.HTTPServiceUnavailable(text="the host has too much under way\n", headers=headers)

    def add(self, block: str, more: int) -> None:
        """So much more is under way, or less."""
        self.taken += more
        self._taken[block] += more
        if not self._taken[block]:
            del self._taken[block]


class Place:
    """What one request has of the room."""

    def __init__(self, room: Room, block: str) -> None:
        self._room = room
        self._block = block
        self.size = 0

    def becomes(self, size: int) -> None:
        """From now on it is so much. Raises 429 or 503 if there is no room; then it stays what it was."""
        more = max(size, _LEAST) - self.size
        if more > 0:
            self._room.require(self._block, more)
        self._room.add(self._block, more)
        self.size += more


class Exchanges:
    """The route of frames over HTTP."""

    def __init__(
        self,
        reception: Reception,
        *,
        allowances: Allowances,
        address_of: Callable[[web.Request], str],
    ) -> None:
        self._reception = reception
        self._allowances = allowances
        self._address_of = address_of
        self._room = Room(of_address=ROOM_OF_ADDRESS, of_all=ROOM)

    def routes(self) -> list[web.RouteDef]:
        """To be mounted at the host's root."""
        return [web.post("/v1/frame", self.frame), web.options("/v1/frame", self.preflight)]

    async def preflight(self, _: web.Request) -> web.Response:
        """CORS."""
        return web.Response(status=204, headers=CORS)

    async def frame(self, request: web.Request) -> web.StreamResponse:
        """One frame in, one frame out."""
        length = request.content_length
        if length is None or length > MAX_HTTP_FRAME:
            raise web.HTTPRequestEntityTooLarge(MAX_HTTP_FRAME, length or 0, headers=CORS)
        block = block_of(self._address_of(request))
        allowance = self._allowances.of(block)
        allowance.left -= 1
        await self._allowances.turn(allowance)
        try:
            with self._room.take(block, length) as place:
                return await self._exchange(request, place)
        except (web.HTTPTooManyRequests, web.HTTPServiceUnavailable):
            self._reception.doorstep.held_off[HeldOff.NO_ROOM] += 1
            raise

    async def _exchange(self, request: web.Request, place: Place) -> web.StreamResponse:
        try:
            async with asyncio.timeout(_BODY_SECONDS):
                data = await request.read()
            answer = await self._reception.exchange(data)
        except _BROKEN as error:
            return web.Response(status=400, text=f"the frame did not come: {error}\n", headers=CORS)  # to nobody
        except TimeoutError:
            return web.Response(status=408, text="the frame did not come\n", headers=CORS)
        except Malformed as error:
            return web.Response(status=400, text=f"not a frame: {error}\n", headers=CORS)
        if len(answer) <= _PIECE:
            return web.Response(body=answer, content_type=FRAME_TYPE, headers=CORS)
        place.becomes(len(answer))
        return await _written(request, answer)


async def _written(request: web.Request, answer: bytes) -> web.StreamResponse:
    """A long answer, piece by piece. Who reads none of it for long is cut off."""
    response = web.StreamResponse(headers=CORS)
    response.content_type, response.content_length = FRAME_TYPE, len(answer)
    try:
        await response.prepare(request)
        for start in range(0, len(answer), _PIECE):
            async with asyncio.timeout(_IDLE_SECONDS):
                await response.write(answer[start : start + _PIECE])
        async with asyncio.timeout(_IDLE_SECONDS):
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    return response
