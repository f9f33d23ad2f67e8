"""The entries that are on the disk and not yet in its indices.

An index by log has a page of its own for nearly every log, so a batch of posts to a hundred logs would write two
hundred pages besides the posts. Instead entries are appended in the order of arrival and found through this memory,
and a few thousand at a time go into the indices, in order of log. After a start the memory is read back from the
entries after the last one indexed.
"""

from __future__ import annotations

from array import array
from collections import Counter, deque
from collections.abc import Iterable
from typing import NamedTuple, NewType

from aparte.server.store.api import LogKey
from aparte.wire.ids import Idem, Seq

__all__ = ["EntryId", "EntryKey", "Recent", "Tail"]

#: An entry's row. Rows are numbered without gaps, in the order of arrival.
EntryId = NewType("EntryId", int)
#: What an entry is looked up by.
EntryKey = tuple[LogKey, Idem]


class Tail(NamedTuple):
    """The recent entries of one log: they follow one another from `first` on."""

    first: Seq
    ids: array[int]

    def between(self, after: Seq, until: Seq) -> list[EntryId]:
        """The entries with `after` < seq <= `until`, as far as they are here."""
        begin = max(0, after + 1 - self.first)
        return [EntryId(i) for i in self.ids[begin : max(begin, until + 1 - self.first)]]


class Recent:
    """Written by the writer's thread; readers look at tails, which grow at their end and are else replaced whole."""

    def __init__(self, last_id: int) -> None:
        self.last_id = EntryId(last_id)
        self._order: deque[EntryKey] = deque()
        self._by_key: dict[EntryKey, EntryId] = {}
        self._tails: dict[LogKey, Tail] = {}

    def __len__(self) -> int:
        return len(self._order)

    def add(self, entries: Iterable[tuple[EntryKey, Seq]]) -> None:
        """These are durable now, in the rows after the last."""
        last, by_key, tails = self.last_id, self._by_key, self._tails
        note = self._order.append
        for key, seq in entries:
            last = EntryId(last + 1)
            by_key[key] = last
            note(key)
            tail = tails.get(key[0])
            if tail is None:
                tails[key[0]] = Tail(seq, array("q", (last,)))
            else:
                tail[1].append(last)
        self.last_id = last

    def find(self, key: EntryKey) -> EntryId | None:
        """The entry of this log that was posted under this `idem`."""
        return self._by_key.get(key)

    def tail(self, log: LogKey) -> Tail | None:
        """The recent entries of a log."""
        return self._tails.get(log)

    def last(self, log: LogKey) -> EntryId | None:
        """The last entry of a log, if that is recent."""
        tail = self._tails.get(log)
        return None if tail is None else EntryId(tail.ids[-1])

    def nth(self, count: int) -> EntryId:
        """The row of the count-th oldest."""
        return EntryId(self.last_id - len(self._order) + count)

    def indexed(self, count: int) -> None:
        """So many, the oldest, are in the indices now."""
        gone: Counter[LogKey] = Counter()
        for _ in range(count):
            key = self._order.popleft()
            del self._by_key[key]
            gone[key[0]] += 1
        for log, many in gone.items():
            first, ids = self._tails[log]
            if many == len(ids):
                del self._tails[log]
            else:
                self._tails[log] = Tail(Seq(first + many), ids[many:])
