"""WebSockets whose messages can be taken as they arrive, without waking a task for each.

aiohttp hands messages over by a queue that a task waits at. Under load that is a third of what a message costs, and
most messages need no waiting. So they are first offered to whoever may take them at once; what is left goes the
usual way, and while anything does, so does everything after it: a link's messages stay in order.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final, cast

from aiohttp import WSMsgType, web
from aiohttp._websocket.reader import WebSocketDataQueue, WebSocketReader

__all__ = ["Socket"]

_BINARY: Final = WSMsgType.BINARY
#: Bytes that may wait in a link's queue before it is read from more slowly: half of what aiohttp counts by.
_LIMIT: Final = 1 << 16


class _Queue(WebSocketDataQueue):
    """aiohttp's, but for what is taken at once."""

    #: Takes a binary message, or returns False.
    takes: Callable[[bytes], bool] | None = None
    #: Whether a message that went the usual way waits, or is being worked on.
    is_busy = False

    def feed_data(self, data: Any, size: int) -> None:
        if self.is_busy or self.takes is None or data.type is not _BINARY or not self.takes(data.data):
            self.is_busy = True
            super().feed_data(data, size)


class Socket(web.WebSocketResponse):
    """A WebSocket of a link: no compression, no answer to pings but by whoever reads."""

    def __init__(self, longest: int) -> None:
        """A message of more than `longest` bytes ends it."""
        self._too_long = longest + 1  # aiohttp's limit is the first length that it does not take
        super().__init__(compress=False, max_msg_size=self._too_long, autoping=False, timeout=5)
        self._queue: _Queue | None = None

    def _post_start(self, request: web.BaseRequest, protocol: str | None, writer: Any) -> None:
        """As in aiohttp, which makes its queue here; `tests/unit/server/shell/test_sockets.py` holds it to that."""
        self._ws_protocol = protocol
        self._writer = writer
        queue = self._queue = _Queue(request.protocol, _LIMIT, loop=asyncio.get_running_loop())
        self._reader = queue
        self._parser = WebSocketReader(queue, self._too_long, compress=False, decode_text=True)
        request.protocol.set_parser(self._parser)
        request.protocol.keep_alive(False)

    def offer(self, takes: Callable[[bytes], bool]) -> None:
        """From now on, offer messages to `takes` as they arrive."""
        cast("_Queue", self._queue).takes = takes

    async def __anext__(self) -> Any:
        queue = cast("_Queue", self._queue)
        # Whoever asks for the next is done with the last. Should one wait already, aiohttp may take in more of them
        # while it fetches that one, and they must not overtake it.
        queue.is_busy = bool(queue._buffer)
        return await super().__anext__()
