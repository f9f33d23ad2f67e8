"""How fast one log may grow: in posts, in bytes, in commits. One small record a log, and one look at it a post."""

from __future__ import annotations

from math import ceil
from typing import Final

from aparte.server.journal import Journal
from aparte.server.pace import SteadyTime
from aparte.server.policy import LogPolicy
from aparte.server.store import LogHead, LogKey
from aparte.wire.ids import EntryKind, Millis

__all__ = ["LogPace"]

#: Logs that owe nothing are forgotten when there are this many more.
_SWEEP: Final = 16_384
_NOTHING: Final = (0, 0, 0, 0)
_COMMIT: Final = EntryKind.COMMIT
_EPHEMERAL: Final = EntryKind.EPHEMERAL

_Owed = tuple[float, float, float, float]


class LogPace:
    """When each log's posts, KiB, commits and ephemerals would be paid back at the steady rate (see `pace`)."""

    __slots__ = (
        "_batch",
        "_before",
        "_journal",
        "_kibibyte_interval",
        "_kibibyte_slack",
        "_owed",
        "_policy",
        "_post_interval",
        "_post_slack",
        "_sweep_at",
        "_time",
    )

    def __init__(self, policy: LogPolicy, *, journal: Journal) -> None:
        self._policy = policy
        self._journal = journal
        # Every post asks for these: how far it may be ahead of its pace, and what it adds.
        self._post_slack = policy.posts.slack
        self._post_interval = policy.posts.interval
        self._kibibyte_slack = policy.kibibytes.slack
        self._kibibyte_interval = policy.kibibytes.interval
        self._time = SteadyTime()
        self._owed: dict[LogKey, _Owed] = {}
        self._sweep_at = _SWEEP
        # What the logs of the current batch owed before it.
        self._batch = -1
        self._before: dict[LogKey, _Owed] = {}

    def admit(self, head: LogHead, kind: EntryKind, *, size: int, now: Millis) -> int:
        """0 if the log takes such a post now, which is then counted; otherwise milliseconds until it does."""
        time, log = self._time.at(now), head.key
        owed = self._owed.get(log, _NOTHING)
        wait: float
        if kind is _EPHEMERAL:
            wait, after = self._ephemeral(owed, time)
        else:
            wait, after = self._entry(owed, time, size=size)
            if kind is _COMMIT:
                wait, after = self._commit(after, time, wait=max(wait, self._too_young(head, now)))
        if wait > 0:
            return ceil(wait)
        if self._batch != self._journal.batch:
            self._begin()
        self._before.setdefault(log, owed)
        self._owed[log] = after
        if len(self._owed) > self._sweep_at:
            self._sweep(time)
        return 0

    def _entry(self, owed: _Owed, time: int, *, size: int) -> tuple[float, _Owed]:
        posts, kibibytes, commits, ephemerals = owed
        posts = max(time, posts)
        kibibytes = max(time, kibibytes)
        late, heavy = posts - time - self._post_slack, kibibytes - time - self._kibibyte_slack
        wait = max(heavy, late)
        weight = self._kibibyte_interval * (1 + (size >> 10))
        return wait, (posts + self._post_interval, kibibytes + weight, commits, ephemerals)

    def _commit(self, owed: _Owed, time: int, *, wait: float) -> tuple[float, _Owed]:
        commits = self._policy.commits
        wait = max(wait, commits.wait(owed[2] - time))
        return wait, (owed[0], owed[1], max(time, owed[2]) + commits.interval, owed[3])

    def _ephemeral(self, owed: _Owed, time: int) -> tuple[int, _Owed]:
        pace = self._policy.ephemerals
        return pace.wait(owed[3] - time), (*owed[:3], max(time, owed[3]) + pace.interval)

    def _too_young(self, head: LogHead, now: Millis) -> int:
        """Milliseconds until the log's last node is old enough to have a child."""
        return self._policy.min_node_age - (now - head.node_at) if head.node and now >= head.node_at else 0

    def _begin(self) -> None:
        """A new batch, which may have to be taken back."""
        self._batch = self._journal.batch
        self._before = {}
        self._journal.note(self._take_back)

    def _take_back(self) -> None:
        self._owed |= self._before
        self._before = {}

    def _sweep(self, time: int) -> None:
        self._owed = {log: owed for log, owed in self._owed.items() if max(owed) > time}
        self._sweep_at = len(self._owed) + _SWEEP
