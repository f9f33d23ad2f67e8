"""What comes on links: the host's first words, answers to requests, and what it sends unasked.

A host is not believed. What it should not have sent ends the link; nothing else changes.
"""

from __future__ import annotations

from typing import Final

from aparte.client.inbox import inbox_arrived
from aparte.client.lines import Line
from aparte.client.logs import heard
from aparte.client.session import LineState
from aparte.client.work import Work
from aparte.codec import DecodeError
from aparte.wire import UnknownFrame, decode_frame
from aparte.wire.account_frames import InboxArrived
from aparte.wire.ids import Request
from aparte.wire.link_frames import PROTOCOL_VERSION, Greeting

__all__ = ["answered", "frame_arrived", "link_down", "link_up", "unanswered"]

_NONSENSE: Final = "the host sent what no host of Aparte's sends"


def link_up(work: Work, line: Line) -> None:
    """A link was established: the host speaks first."""
    state = work.known(line)
    if state is not None:
        state.is_up = True


def link_down(work: Work, line: Line, *, reason: str) -> None:
    """A link has ended, or could not be established."""
    if work.known(line) is not None:
        work.went_down(line, reason)


def frame_arrived(work: Work, line: Line, *, data: bytes) -> None:
    """One message of a link."""
    state = work.known(line)
    if state is None or not state.is_up:
        return
    try:
        frame = decode_frame(data)
    except UnknownFrame:
        return  # a newer host may say more than this version knows
    except DecodeError as error:
        work.hang_up(line, f"{_NONSENSE}: {error}")
        return
    if state.greeting is None:
        _greeted(work, line, state=state, frame=frame)
        return
    then = state.waiting.pop(getattr(frame, "request", Request(0)), None)
    if then is not None:
        then(work, frame)
    elif isinstance(frame, InboxArrived):
        inbox_arrived(work, frame.head)
    else:
        heard(work, line, frame=frame)


def answered(work: Work, ask: int, *, data: bytes) -> None:
    """What came back over HTTP. Whatever is no frame is no answer."""
    asked = work.session.asked.pop(ask, None)
    if asked is None:
        return
    try:
        frame = decode_frame(data)
    except DecodeError:
        work.later(asked.errand)
        return
    asked.then(work, frame)


def unanswered(work: Work, ask: int) -> None:
    """Nothing came back: try again later."""
    asked = work.session.asked.pop(ask, None)
    if asked is not None:
        asked.then(work, None)


def _greeted(work: Work, line: Line, *, state: LineState, frame: object) -> None:
    if not isinstance(frame, Greeting):
        work.hang_up(line, _NONSENSE)
    elif frame.version != PROTOCOL_VERSION:
        work.hang_up(line, f"the host speaks version {frame.version} of the protocol, this program {PROTOCOL_VERSION}")
    elif frame.host != line.host:
        # Whatever is proved on this link is proved to a host of that name: it might be passed on there.
        work.hang_up(line, f"the host calls itself {frame.host}, not {line.host}: use that name")
    else:
        state.greeting, state.trouble = frame, ""
        work.show_line(line)
