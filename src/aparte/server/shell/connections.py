"""Links as the shell knows them: what is written to them, and how much of it they have taken.

What the core sends at once reaches each link in one write. A link that does not keep up misses deliveries, never
answers, and is told up to where (`Lagged`) as soon as it has caught up; one that takes nothing for long is cut off.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from typing import Final

from aparte.server.links import Link, LinkKind, LinkNumber
from aparte.server.shell.crowds import Piece, addressed, crowded, message, pieces
from aparte.server.step import Delivery, Notice, Send
from aparte.wire import ErrorCode, encode_frame
from aparte.wire.ids import LogId, Request, Seq
from aparte.wire.link_frames import Problem
from aparte.wire.log_frames import Lagged

__all__ = ["MAX_PENDING", "Connections", "SocketConnection"]

#: What goes to each link.
_Framed = dict[LinkNumber, list[bytes]]
#: Requests of one link that may be under way; it is not read from while there are more.
MAX_PENDING: Final = 64
#: Bytes that may wait for a link before it misses deliveries, and before it is told so.
_HIGH_WATER: Final = 1 << 20
_LOW_WATER: Final = 1 << 16
#: When a client should come back to a host that stops. Milliseconds.
STOPPING_WAIT: Final = 2_000
#: Logs whose deliveries a link may miss before it is cut off instead.
_MAX_MISSED: Final = 4096


class SocketConnection:
    """A link over a WebSocket."""

    __slots__ = ("_missed", "_pending", "_room", "_transport", "block", "is_alive", "link")

    def __init__(self, link: Link, transport: asyncio.WriteTransport, *, block: str) -> None:
        self.link = link
        self.block = block
        #: Whether something came since it was last asked for a sign of life.
        self.is_alive = True
        self._transport = transport
        self._pending = 0
        self._room: asyncio.Future[None] | None = None
        self._missed: dict[LogId, Seq] = {}

    def answered(self, framed: list[bytes], count: int) -> None:
        if not self._transport.is_closing():
            self._transport.write(framed[0] if len(framed) == 1 else b"".join(framed))
        self._pending -= count
        self._wake()

    def deliver(self, piece: Piece) -> None:
        """Write it at once, unless the link is too slow."""
        if self.takes(piece) and not self._transport.is_closing():
            self._transport.write(piece.framed)

    def takes(self, delivery: Delivery | Piece) -> bool:
        if not self._missed and self._transport.get_write_buffer_size() < _HIGH_WATER:
            return True
        if delivery.seq:
            self._missed[delivery.log_id] = delivery.seq
            if len(self._missed) > _MAX_MISSED:
                self.cut_off()
        return False

    @property
    def lags(self) -> bool:
        """Whether it has missed something that it was not told of."""
        return bool(self._missed)

    def begin(self) -> None:
        """A request of the link, which is alive, is under way."""
        self._pending += 1
        self.is_alive = True

    @property
    def has_room(self) -> bool:
        """Whether the link may make another request now."""
        return self._pending < MAX_PENDING and self._transport.get_write_buffer_size() < _HIGH_WATER

    async def room(self) -> None:
        """Return when the link may make another request."""
        while not self.has_room:
            self._room = asyncio.get_running_loop().create_future()
            await asyncio.wait([self._room], timeout=0.2)

    def catch_up(self) -> None:
        """Tell the link what it missed, once it has taken nearly all that was written."""
        if self._missed and self._transport.get_write_buffer_size() < _LOW_WATER:
            told = [message(encode_frame(Lagged(log_id, seq))) for log_id, seq in self._missed.items()]
            self._missed = {}
            self._transport.write(b"".join(told))
        self._wake()

    def ping(self) -> None:
        """An empty ping (RFC 6455 §5.5.2)."""
        if not self._transport.is_closing() and self._transport.get_write_buffer_size() < _HIGH_WATER:
            self._transport.write(b"\x89\x00")

    def say_stopping(self) -> None:
        """The host is about to stop: `Problem` STOPPING, a close frame, the end."""
        if not self._transport.is_closing():
            stopping = Problem(Request(0), ErrorCode.STOPPING, STOPPING_WAIT, "")
            self._transport.write(message(encode_frame(stopping)) + b"\x88\x02\x03\xe9")  # 1001, going away
            self._transport.close()

    def cut_off(self) -> None:
        """Drop the link without ceremony."""
        self._transport.abort()

    def _wake(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)


class Connections:
    """All links that are up, by number; and requests over HTTP, each of which waits for one answer."""

    def __init__(self) -> None:
        self._sockets: dict[LinkNumber, SocketConnection] = {}
        self._exchanges: dict[LinkNumber, asyncio.Future[bytes]] = {}
        self._blocks = Counter[str]()

    def __len__(self) -> int:
        return len(self._sockets)

    def add(self, connection: SocketConnection) -> None:
        self._sockets[connection.link.number] = connection
        self._blocks[connection.block] += 1

    def count(self) -> Counter[tuple[LinkKind, bool]]:
        """How many links there are of each kind, and whether they lag."""
        return Counter((connection.link.kind, connection.lags) for connection in self._sockets.values())

    def of(self, block: str) -> int:
        """How many links an address has."""
        return self._blocks[block]

    def exchange(self, link: Link) -> asyncio.Future[bytes]:
        """Where the answer to a request over HTTP will be."""
        waiting = self._exchanges[link.number] = asyncio.get_running_loop().create_future()
        return waiting

    def remove(self, link: Link) -> None:
        connection = self._sockets.pop(link.number, None)
        if connection is not None:
            self._blocks[connection.block] -= 1
            if not self._blocks[connection.block]:
                del self._blocks[connection.block]
        self._exchanges.pop(link.number, None)

    def catch_up(self) -> None:
        """Tell links what they missed, where they have caught up."""
        for connection in list(self._sockets.values()):
            connection.catch_up()

    def ping(self) -> None:
        """Ask every link for a sign of life; cut off those that gave none since they were last asked."""
        for connection in list(self._sockets.values()):
            if connection.is_alive:
                connection.is_alive = False
                connection.ping()
            else:
                connection.cut_off()

    def say_stopping(self) -> None:
        """The host is about to stop."""
        for connection in list(self._sockets.values()):
            connection.say_stopping()

    def release(self, sends: Sequence[Send]) -> None:
        """Write what the core answered, to each link in the core's order, in one write (but for crowds)."""
        framed: dict[LinkNumber, list[bytes]] = {}
        answers: dict[LinkNumber, int] = {}
        logs = crowded(sends)
        apart = addressed(sends) if logs else set[LinkNumber]()
        for send in sends:
            if isinstance(send, Delivery):
                self._spread(send, apart.intersection(send.links) if send.log in logs else send.links, framed=framed)
            elif isinstance(send, Notice):
                for number in send.links:
                    framed.setdefault(number, []).append(message(send.payload))
            elif send.link in self._exchanges:
                _settle(self._exchanges[send.link], send.payload)
            else:
                framed.setdefault(send.link, []).append(message(send.payload))
                answers[send.link] = answers.get(send.link, 0) + 1
        joined = pieces([send for send in sends if isinstance(send, Delivery) and send.log in logs]) if logs else ()
        for number, messages in framed.items():
            connection = self._sockets.get(number)
            if connection is not None:
                connection.answered(messages, answers.get(number, 0))
        for piece in joined:  # after the answers: who posts can go on meanwhile
            self._spread_joined(piece, apart)

    def _spread(self, delivery: Delivery, links: Iterable[LinkNumber], *, framed: _Framed) -> None:
        payload = message(delivery.payload)
        for number in links:
            connection = self._sockets.get(number)
            if number != delivery.poster and connection is not None and connection.takes(delivery):
                messages = framed.get(number)
                if messages is None:
                    framed[number] = [payload]
                else:
                    messages.append(payload)

    def _spread_joined(self, piece: Piece, apart: AbstractSet[LinkNumber]) -> None:
        """To all but those that have an order of their own. There are many, so what each costs is what counts."""
        for number in piece.links:
            if number not in apart:
                connection = self._sockets.get(number)
                if connection is not None:
                    connection.deliver(piece)


def _settle(waiting: asyncio.Future[bytes], payload: bytes) -> None:
    if not waiting.done():
        waiting.set_result(payload)
