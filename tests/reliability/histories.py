"""What clients of one log did and saw, and when; and whether one order of the log explains it (Herlihy and Wing 1990).

Times are of one clock: before a request is sent, and after its answer has come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from aparte.wire.ids import Idem, Seq


@dataclass(frozen=True, slots=True)
class Posted:
    """A post that was accepted."""

    began: float
    ended: float
    idem: Idem
    seq: Seq


@dataclass(frozen=True, slots=True)
class WasRead:
    """The whole log, read from its beginning: the idems in order."""

    began: float
    ended: float
    idems: tuple[Idem, ...]


@dataclass(frozen=True, slots=True)
class Followed:
    """What one link was sent or read where it lagged, its own posts included, from `first` on."""

    first: Seq
    idems: tuple[Idem, ...]


@dataclass
class History:
    """Of all clients. `log` is what the log holds at the end."""

    log: tuple[Idem, ...] = ()
    posts: list[Posted] = field(default_factory=list)
    reads: list[WasRead] = field(default_factory=list)
    follows: list[Followed] = field(default_factory=list)

    def contradictions(self) -> list[str]:
        """Why no single order explains it; nothing if the log's own does."""
        return [*self._places(), *self._real_time(), *self._reads(), *self._follows()]

    def _places(self) -> list[str]:
        """Every accepted post stands where it was said to, and nothing stands there twice."""
        wrong = [
            f"{p.idem.hex()} was accepted as {p.seq}"
            for p in self.posts
            if not 1 <= p.seq <= len(self.log) or self.log[p.seq - 1] != p.idem
        ]
        if len(set(self.log)) != len(self.log):
            wrong.append("one post stands in the log twice")
        if len({p.seq for p in self.posts}) != len(self.posts):
            wrong.append("two posts were accepted in one place, or one twice")
        return wrong

    def _real_time(self) -> list[str]:
        """What was acknowledged before something else was sent stands before it."""
        wrong = []
        finished = sorted(self.posts, key=lambda p: p.ended)
        highest, at = Seq(0), 0
        for post in sorted(self.posts, key=lambda p: p.began):
            while at < len(finished) and finished[at].ended < post.began:
                highest = max(highest, finished[at].seq)
                at += 1
            if post.seq < highest:
                wrong.append(f"{post.seq} was sent after {highest} was acknowledged")
        return wrong

    def _reads(self) -> list[str]:
        """A read is a prefix, has all that was acknowledged before it, and nothing that was sent after it."""
        began = {post.idem: post.began for post in self.posts}
        wrong = []
        for read in self.reads:
            if read.idems != self.log[: len(read.idems)]:
                wrong.append("a read is no prefix of the log")
            missed = [p.seq for p in self.posts if p.ended < read.began and p.seq > len(read.idems)]
            if missed:
                wrong.append(f"a read of {len(read.idems)} entries came after {max(missed)} was acknowledged")
            if any(began.get(idem, 0.0) > read.ended for idem in read.idems):
                wrong.append("a read knew what was sent later")
        ordered = sorted(self.reads, key=lambda r: r.ended)
        return wrong + [
            "a later read has less"
            for first, second in pairwise(ordered)
            if first.ended < second.began and len(second.idems) < len(first.idems)
        ]

    def _follows(self) -> list[str]:
        return [
            f"a link that began at {follow.first} was sent something else than the log"
            for follow in self.follows
            if follow.idems != self.log[follow.first - 1 :]
        ]


def of(idems: Sequence[bytes]) -> tuple[Idem, ...]:
    return tuple(Idem(idem) for idem in idems)
