"""What a batch brings to logs that many links follow, put into pieces that are joined once for all of them."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Final, NamedTuple

from aparte.server.links import LinkNumber
from aparte.server.step import Answer, Delivery, Notice, Send
from aparte.server.store import LogKey
from aparte.wire.ids import LogId, Seq

__all__ = ["Piece", "addressed", "crowded", "message", "pieces"]

#: From so many links on it pays to make what all of them get once.
_CROWD: Final = 32


class Piece(NamedTuple):
    """Deliveries of one log to the same links, framed, in order."""

    links: Collection[LinkNumber]
    log_id: LogId
    #: The last; 0 if nothing is lost with the piece.
    seq: Seq
    framed: bytes


def message(payload: bytes) -> bytes:
    """A binary WebSocket message in one unmasked frame (RFC 6455 §5.2)."""
    length = len(payload)
    if length < 126:
        return b"\x82" + length.to_bytes(1) + payload
    if length < 1 << 16:
        return b"\x82\x7e" + length.to_bytes(2) + payload
    return b"\x82\x7f" + length.to_bytes(8) + payload


def crowded(sends: Iterable[Send]) -> frozenset[LogKey]:
    """The logs that so many links follow, at least at one of the deliveries, that pieces are worth it."""
    return frozenset(send.log for send in sends if isinstance(send, Delivery) and len(send.links) >= _CROWD)


def pieces(deliveries: Sequence[Delivery]) -> list[Piece]:
    """The deliveries joined; those of one log stay in order, also if other links follow it from some delivery on."""
    runs: dict[tuple[LogKey, int], list[Delivery]] = {}
    for delivery in deliveries:
        # The same links are the same object: it is told apart by its address, which is kept as long as the delivery.
        runs.setdefault((delivery.log, id(delivery.links)), []).append(delivery)
    return [
        Piece(
            run[0].links, run[0].log_id, max(each.seq for each in run), b"".join(message(each.payload) for each in run)
        )
        for run in runs.values()
    ]


def addressed(sends: Iterable[Send]) -> set[LinkNumber]:
    """The links to which more goes than deliveries, and so in an order of their own."""
    answered = {send.link for send in sends if isinstance(send, Answer)}
    return answered.union(*(send.links for send in sends if isinstance(send, Notice)))
