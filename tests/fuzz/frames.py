# Invariant: whatever `decode_frame` takes it writes back byte for byte; what it does not take raises DecodeError and
# nothing else. The same for the structures that travel inside of others as bytes: tickets.
"""The frames between client and host."""

from __future__ import annotations

from aparte.codec import DecodeError
from aparte.wire import FRAMES, decode_frame, encode, encode_frame, layout_of
from aparte.wire.tickets import Ticket
from tools.frame_examples import example

#: A number that is no frame's: what follows is a ticket.
TICKET = 0xFF


def seeds() -> list[bytes]:
    """An example of every frame, and a ticket."""
    frames = [encode_frame(example(cls)) for cls in FRAMES.values()]
    return [*frames, bytes([TICKET]) + encode(example(Ticket))]


def target(data: bytes) -> None:
    is_ticket = data[:1] == bytes([TICKET])
    try:
        value = layout_of(Ticket).decode(data[1:]) if is_ticket else decode_frame(data)
    except DecodeError:
        return
    again = bytes([TICKET]) + encode(value) if is_ticket else encode_frame(value)
    if again != data:
        raise AssertionError("decoded, but written differently")
