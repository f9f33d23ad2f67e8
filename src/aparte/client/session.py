"""What is so only while links are up. All of it may be lost at any time, and is made anew from the store."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from aparte.client.errands import Errands
from aparte.client.groups import OpenGroup
from aparte.client.lines import Line
from aparte.client.log_states import LogState
from aparte.wire.ids import InboxSeq, Millis, Request, TicketKind
from aparte.wire.link_frames import Greeting

if TYPE_CHECKING:
    from aparte.client.work import Work

__all__ = ["Asked", "LineState", "Session", "Then"]

#: How long to stay away from a host that could not be reached: twice as long each time, up to a minute.
_FIRST_WAIT: Final = 500
_LONGEST_WAIT: Final = 60_000
_ALWAYS: Final = Millis(0)

#: What to do with the answer to a request.
Then = Callable[["Work", Any], None]


class Asked(NamedTuple):
    """What to do with the answer to an `Ask`, None if none came; and for which errand it was."""

    errand: Hashable
    then: Then


@dataclass
class LineState:
    """One link that is wanted."""

    #: Whether the driver was told to connect.
    is_asked_for: bool = False
    is_up: bool = False
    #: The host's first words; before them nothing is sent.
    greeting: Greeting | None = None
    #: Whether the host knows whose device this is.
    is_proven: bool = False
    #: Times that it went down since it was last of use, and until when to stay away.
    failures: int = 0
    retry_at: Millis = _ALWAYS
    #: Why it is down, in words for people; empty if nothing is wrong.
    trouble: str = ""
    #: What was asked and not answered yet.
    waiting: dict[Request, Then] = field(default_factory=dict)
    #: What must not be asked again before some time, since the host said so.
    not_before: dict[str, Millis] = field(default_factory=dict)
    #: Conversations whose logs are to be opened here; None if that was not looked up.
    unopened: set[int] | None = None
    #: Errands for which something was asked here and is not answered.
    under_way: set[Hashable] = field(default_factory=set)
    #: How logs stand here, by the conversation's number.
    logs: dict[int, LogState] = field(default_factory=dict)
    _last_request: int = 0

    @property
    def is_ready(self) -> bool:
        """Whether requests may be sent."""
        return self.greeting is not None

    def number(self, then: Then) -> Request:
        """The number of a new request."""
        self._last_request += 1
        number = Request(self._last_request)
        self.waiting[number] = then
        return number

    def went_down(self, now: Millis, *, jitter: float, trouble: str) -> None:
        """Forget what was true of the link; `jitter`, from 0 to 1, keeps many clients from coming at once."""
        wait = min(_LONGEST_WAIT, _FIRST_WAIT << min(self.failures, 16))
        self.retry_at = Millis(now + int(wait * (0.5 + jitter / 2)))
        self.failures += 1
        self.trouble = trouble
        self.is_asked_for = self.is_up = self.is_proven = False
        self.greeting = self.unopened = None
        self.waiting.clear()
        self.logs.clear()
        self.under_way.clear()


class Session:
    """All links that are wanted, and what is under way on them."""

    def __init__(self) -> None:
        self.lines: dict[Line, LineState] = {}
        #: Links that the driver may have up, though nothing here knows of them any more.
        self.strays: set[Line] = set()
        self.errands = Errands()
        #: What was asked over HTTP and is not answered, by the number of the `Ask`.
        self.asked: dict[int, Asked] = {}
        self._last_ask = 0
        #: Hosts that have logs of conversations; None if that was not looked up.
        self.log_hosts: set[str] | None = None
        #: Tickets that somebody needs, or may need soon; and the day on which that was looked up.
        self.tickets_wanted: set[tuple[str, TicketKind]] = set()
        self.tickets_seen: int | None = None
        #: How far the host says that this device's inbox goes.
        self.inbox_head = InboxSeq(0)
        #: Whether the store may have something to go on with. What is false was looked up.
        self.may_be_unfinished = self.may_be_unchecked = self.may_have_drops = True
        #: Conversations in which something is to be posted; None if that was not looked up.
        self.to_post: set[int] | None = None
        #: Conversations that are to be read on, once an errand for them may be tried again.
        self.to_read: set[int] = set()
        #: MLS groups as they are in the store, so that they need not be read each time.
        self.groups: dict[int, OpenGroup] = {}

    def line(self, line: Line) -> LineState:
        """Its state; a new one is down."""
        return self.lines.setdefault(line, LineState())

    def lose(self) -> None:
        """Something failed that should not: what is here may be ahead of the store. Begin anew."""
        self.strays.update(line for line, state in self.lines.items() if state.is_asked_for)
        self.lines.clear()
        self.errands = Errands()
        self.asked.clear()
        self.log_hosts = self.tickets_seen = None
        self.tickets_wanted.clear()
        self.to_read.clear()
        self.may_be_unfinished = self.may_be_unchecked = self.may_have_drops = True
        self.to_post = None
        self.groups.clear()

    def number(self, asked: Asked) -> int:
        """The number of a new `Ask`. None is used twice, whatever was lost."""
        self._last_ask += 1
        self.asked[self._last_ask] = asked
        return self._last_ask

    def is_settled(self, live: Collection[int]) -> bool:
        """Whether the host has let this device in, nothing is asked for, and these logs were read to their ends."""
        caught_up = {number for state in self.lines.values() for number, log in state.logs.items() if log.is_caught_up}
        proven = any(state.is_proven for state in self.lines.values())
        busy = any(state.under_way or state.waiting for state in self.lines.values())
        return proven and not busy and not self.asked and caught_up.issuperset(live)

    def next_time(self, now: Millis) -> Millis | None:
        """When something has to be tried again, if anything has. What is due was tried: it waits for something else."""
        times = [state.retry_at for state in self.lines.values() if not state.is_asked_for]
        times += [until for state in self.lines.values() if state.is_ready for until in state.not_before.values()]
        times += self.errands.times()
        return min((time for time in times if time > now), default=None)
