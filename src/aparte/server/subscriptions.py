"""Which links a log's new entries go to. A subscription is to the log's last node, and ends with it.

There may be millions, nearly all of them to logs with two or three links, so they lie packed: buckets of (log, link)
pairs in arrays, about 25 bytes a subscription where a dict of sets takes 150. The table grows one bucket at a time
(linear hashing, Litwin 1980), so that no post waits while it is rebuilt. A log with many links gets a set of its own.
"""

from __future__ import annotations

from array import array
from collections.abc import Collection
from typing import Final

from aparte.server.links import LinkNumber
from aparte.server.store import LogKey

__all__ = ["Subscriptions"]

_FIRST_BUCKETS: Final = 8
_BUCKET: Final = 24
_CROWD: Final = 12
_SEEN: Final = 4096


class Subscriptions:
    """A set of (log, link) pairs that answers which links a log has."""

    __slots__ = ("_buckets", "_crowds", "_level", "_packed", "_seen", "_split")

    def __init__(self) -> None:
        self._buckets = [(array("q"), array("q")) for _ in range(_FIRST_BUCKETS)]
        self._level = _FIRST_BUCKETS
        self._split = 0
        self._packed = 0
        self._crowds: dict[LogKey, set[LinkNumber]] = {}
        # What was asked for lately: logs that are busy are asked for again and again.
        self._seen: dict[LogKey, tuple[LinkNumber, ...]] = {}

    def __len__(self) -> int:
        return self._packed + sum(map(len, self._crowds.values()))

    def links(self, log: LogKey) -> tuple[LinkNumber, ...]:
        """The links of a log, as they are now."""
        found = self._seen.get(log)
        if found is None:
            if len(self._seen) >= _SEEN:
                self._seen.clear()
            found = self._seen[log] = tuple(self._find(log))
        return found

    def _find(self, log: LogKey) -> Collection[LinkNumber]:
        crowd = self._crowds.get(log)
        if crowd is not None:
            return crowd
        logs, links = self._bucket(log)
        found: list[LinkNumber] = []
        at = -1
        try:
            while True:
                at = logs.index(log, at + 1)
                found.append(LinkNumber(links[at]))
        except ValueError:
            return found

    def add(self, log: LogKey, link: LinkNumber) -> bool:
        """False if it is there already."""
        present = self._find(log)
        if link in present:
            return False
        self._seen.pop(log, None)
        if log in self._crowds:
            self._crowds[log].add(link)
        elif len(present) >= _CROWD:
            self.drop(log)
            self._crowds[log] = {*present, link}
        else:
            logs, links = self._bucket(log)
            logs.append(log)
            links.append(link)
            self._packed += 1
            if self._packed > _BUCKET * len(self._buckets):
                self._grow()
        return True

    def remove(self, log: LogKey, link: LinkNumber) -> bool:
        """False if it is not there."""
        present = self._find(log)
        if link not in present:
            return False
        self._seen.pop(log, None)
        crowd = self._crowds.get(log)
        if crowd is None:
            self.drop(log)
            for other in present:
                if other != link:
                    self.add(log, other)
        else:
            crowd.remove(link)
            if not crowd:
                del self._crowds[log]
        return True

    def drop(self, log: LogKey) -> Collection[LinkNumber]:
        """End all of a log's subscriptions; returns the links that it had."""
        self._seen.pop(log, None)
        crowd = self._crowds.pop(log, None)
        if crowd is not None:
            return crowd
        present = self._find(log)
        logs, links = self._bucket(log)
        for _ in present:
            at = logs.index(log)
            logs[at], links[at] = logs[-1], links[-1]
            logs.pop(), links.pop()
        self._packed -= len(present)
        return present

    def _bucket(self, log: LogKey) -> tuple[array[int], array[int]]:
        at = log % self._level
        return self._buckets[log % (2 * self._level) if at < self._split else at]

    def _grow(self) -> None:
        logs, links = self._buckets[self._split]
        self._buckets.append((array("q"), array("q")))
        self._buckets[self._split] = (array("q"), array("q"))
        self._split += 1
        if self._split == self._level:
            self._level, self._split = 2 * self._level, 0
        for log, link in zip(logs, links, strict=True):
            into = self._bucket(LogKey(log))
            into[0].append(log)
            into[1].append(link)
