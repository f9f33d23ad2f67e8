"""Tickets: each account gets so many a day, and spends them where nobody asks for its name."""

from __future__ import annotations

from aparte.server.accounts.judging import JudgedGetTickets
from aparte.server.accounts.settings import TicketPolicy
from aparte.server.accounts.turn import Turn
from aparte.server.step import Refusal, Send, answer
from aparte.wire import ErrorCode
from aparte.wire.account_frames import Tickets

__all__ = ["Issuing"]


class Issuing:
    """Gives out tickets. How many is counted; which they are is not kept."""

    def __init__(self, policy: TicketPolicy) -> None:
        self._policy = policy

    def get(self, turn: Turn, judged: JudgedGetTickets) -> list[Send]:
        """As many as were asked for and may be had. Raises `Refusal`."""
        standing, directory, frame = turn.standing(), turn.store.directory, judged.frame
        had = directory.issued(standing.account, frame.kind, day=turn.day)
        left = max(0, self._policy.daily.get(frame.kind, 0) - had)
        if frame.count and not left:
            raise Refusal(ErrorCode.QUOTA_EXCEEDED, f"no more tickets to {frame.kind.name} today")
        tickets = judged.tickets[:left]
        if tickets:
            directory.issue(standing.account, frame.kind, day=turn.day, count=len(tickets))
        return [answer(turn.link, Tickets(frame.request, left - len(tickets), tickets))]
