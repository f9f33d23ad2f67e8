"""What the writer has done since the host started, in plain numbers: one call a batch, after its answers have gone.

Nothing in here names anybody: kinds, outcomes and codes are all that is counted by.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter
from collections.abc import Sequence
from typing import Final

from aparte.server.core import Arrival, LinkClosed
from aparte.server.step import Answer, Delivery, Send
from aparte.wire.frames import frame_type
from aparte.wire.link_frames import Done, Problem
from aparte.wire.log_frames import Accepted, Busy, Post, Stale

__all__ = ["OUTCOMES", "Buckets", "Tally"]

_PROBLEM: Final = frame_type(Problem)
#: What may come of a post, by the number of the frame that answers it.
OUTCOMES: Final = {
    frame_type(Accepted): "accepted",
    frame_type(Done): "passed_on",
    frame_type(Stale): "stale",
    frame_type(Busy): "busy",
    _PROBLEM: "refused",
}
_SIZES: Final = (1, 2, 4, 8, 16, 32, 64, 128, 256)
_SECONDS: Final = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


class Buckets:
    """A histogram: how many values were at most each bound, or above all of them."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def note(self, value: float) -> None:
        """One more value."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value


class Tally:
    """Written by the writer's thread alone; others may read at any time."""

    def __init__(self) -> None:
        #: By the class of the frame.
        self.requests: Counter[type] = Counter()
        #: By the number of the frame that answered.
        self.posts: Counter[int] = Counter()
        #: By `ErrorCode`.
        self.refusals: Counter[int] = Counter()
        self.batches = Buckets(_SIZES)
        self.seconds = Buckets(_SECONDS)
        self.deliveries = 0
        self.errors = 0

    def note(self, batch: Sequence[Arrival], sends: Sequence[Send], *, seconds: float) -> None:
        """A batch was carried out, and took so long until it was durable."""
        kinds = [type(arrival.frame) for arrival in batch]
        closed = kinds.count(LinkClosed)
        if closed == len(kinds):
            return
        answers = [send for send in sends if type(send) is Answer]
        numbers = [answer.payload[0] for answer in answers]
        posts = kinds.count(Post)
        if posts == len(kinds):  # nearly always
            self.requests[Post] += posts
            _add(self.posts, numbers)
        else:
            self.requests.update([kind for kind in kinds if kind is not LinkClosed])
            _add(self.posts, _of_posts(batch, answers))
        if _PROBLEM in numbers:
            _add(self.refusals, [_code(answer) for answer in answers if answer.payload[0] == _PROBLEM])
        if len(answers) < len(sends):
            due = [len(send.links) - (send.poster in send.links) for send in sends if type(send) is Delivery]
            self.deliveries += sum(due)
        self.batches.note(len(kinds) - closed)
        self.seconds.note(seconds)


def _add(counts: Counter[int], values: list[int]) -> None:
    """Of few different values, however many there are: faster than `update`."""
    for value in set(values):
        counts[value] += values.count(value)


def _of_posts(batch: Sequence[Arrival], answers: Sequence[Answer]) -> list[int]:
    """The numbers of the frames that answered posts, among answers to all sorts of requests in any order."""
    found = {(answer.link, answer.payload[1:5]): answer.payload[0] for answer in answers}
    asked = [(a.link.number, a.frame.request.to_bytes(4)) for a in batch if isinstance(a.frame, Post)]
    return [found[post] for post in asked if post in found]


def _code(problem: Answer) -> int:
    """Of an encoded `Problem`: number, request, code."""
    return int.from_bytes(problem.payload[5:7])
