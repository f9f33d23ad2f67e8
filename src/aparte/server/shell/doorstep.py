"""What the shell turned away by itself, or held up, without the writer hearing of it: numbers, and nobody's name."""

from __future__ import annotations

from collections import Counter
from enum import StrEnum

from aparte.wire import ErrorCode

__all__ = ["Doorstep", "HeldOff"]


class HeldOff(StrEnum):
    """Why, where no request was refused by a frame."""

    #: 429: the address has as many links as it may.
    MANY_LINKS = "many_links"
    #: 429: the address asks for links too often.
    HASTY_LINKS = "hasty_links"
    #: A message that is no binary one, or none by the rules of WebSockets (RFC 6455): the link ended.
    BAD_MESSAGE = "bad_message"
    #: 429 or 503: bodies or answers over HTTP for which there is no room.
    NO_ROOM = "no_room"
    #: A frame that waited, because its address asks for more than its pace.
    PACED = "paced"


class Doorstep:
    """Written on the event loop alone, as connections are; refusals of the writer's are in its `Tally`."""

    def __init__(self) -> None:
        #: Requests, by the `ErrorCode` of their answer.
        self.refusals: Counter[ErrorCode] = Counter()
        self.held_off: Counter[HeldOff] = Counter()
