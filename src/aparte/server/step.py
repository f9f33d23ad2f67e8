"""What the core answers with: frames, already encoded, and for whom. The shell sends them once all is durable."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from aparte.server.links import Link, LinkNumber
from aparte.server.store import LogKey
from aparte.wire import ErrorCode, encode_frame
from aparte.wire.ids import LogId, Request, Seq
from aparte.wire.limits import MAX_DETAIL
from aparte.wire.link_frames import Done, Problem

__all__ = ["Answer", "Delivery", "Notice", "Refusal", "Send", "answer", "done", "problem"]


class Answer(NamedTuple):
    """A frame for one link."""

    link: LinkNumber
    payload: bytes


class Delivery(NamedTuple):
    """A frame for all links of a log but the poster's. A link that is too slow misses it and is told up to where."""

    links: Collection[LinkNumber]
    poster: LinkNumber
    log: LogKey
    log_id: LogId
    #: 0 if nothing is lost with the frame.
    seq: Seq
    payload: bytes


class Notice(NamedTuple):
    """A frame for links of one device that answers nothing and, being small, is never left out."""

    links: Collection[LinkNumber]
    payload: bytes


Send = Answer | Delivery | Notice


class Refusal(Exception):
    """The request cannot be carried out; it has changed nothing."""

    def __init__(self, code: ErrorCode, detail: str = "", *, wait: int = 0) -> None:
        super().__init__(detail or code.name)
        self.code = code
        self.detail = detail
        self.wait = wait


def answer(link: Link, frame: object) -> Answer:
    """A frame for a link."""
    return Answer(link.number, encode_frame(frame))


def done(link: Link, request: Request) -> Answer:
    """`Done`."""
    return answer(link, Done(request))


def problem(link: Link, request: Request, *, refusal: Refusal) -> Answer:
    """`Problem`, with as much of the detail as fits."""
    detail = refusal.detail.encode()[:MAX_DETAIL].decode(errors="ignore")
    return answer(link, Problem(request, refusal.code, refusal.wait, detail))
