"""What goes into an engine and what comes out. Plain values: a driver carries them, a test makes them up.

The engine decides everything, when to come back to a host included; whoever drives it owns sockets, timers and the
clock, and no decision.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from aparte.client.lines import Line
from aparte.client.views import View
from aparte.wire.ids import Millis

__all__ = [
    "Answered",
    "Ask",
    "Change",
    "Connect",
    "Disconnect",
    "Event",
    "FrameArrived",
    "LinkDown",
    "LinkUp",
    "Send",
    "SendFrame",
    "Step",
    "Unanswered",
]


# ------------------------------------------------------------------------------------------------ in


@dataclass(frozen=True, slots=True)
class LinkUp:
    """A link was established; nothing has been read from it."""

    line: Line


@dataclass(frozen=True, slots=True)
class LinkDown:
    """A link has ended, or could not be established. `reason` is for people."""

    line: Line
    reason: str


@dataclass(frozen=True, slots=True)
class FrameArrived:
    """One message of a link."""

    line: Line
    data: bytes


@dataclass(frozen=True, slots=True)
class Answered:
    """What came back for an `Ask`."""

    ask: int
    data: bytes


@dataclass(frozen=True, slots=True)
class Unanswered:
    """An `Ask` failed on its way; whether the host has carried it out nobody knows. `reason` is for people."""

    ask: int
    reason: str


Event = LinkUp | LinkDown | FrameArrived | Answered | Unanswered

# ------------------------------------------------------------------------------------------------ out


@dataclass(frozen=True, slots=True)
class Connect:
    """Establish a link, once: `LinkUp` or `LinkDown` follows."""

    line: Line


@dataclass(frozen=True, slots=True)
class Disconnect:
    """End a link, or the attempt at it. No event follows."""

    line: Line


@dataclass(frozen=True, slots=True)
class SendFrame:
    """Write one message to a link that is up."""

    line: Line
    data: bytes


@dataclass(frozen=True, slots=True)
class Ask:
    """One frame over HTTP, on a connection of its own that tells nothing about other ones.

    `Answered` or `Unanswered` follows.
    """

    ask: int
    host: str
    data: bytes


Send = Connect | Disconnect | SendFrame | Ask


class Change(NamedTuple):
    """A view as it is from now on; None: it is gone. Views are named by what they show and its key."""

    kind: type[View]
    key: bytes
    view: View | None


class Step(NamedTuple):
    """What to do now, in order; what looks different now; when to wake the engine at the latest (None: never)."""

    sends: tuple[Send, ...]
    changes: tuple[Change, ...]
    wake_at: Millis | None
