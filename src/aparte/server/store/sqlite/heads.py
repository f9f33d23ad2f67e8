"""The heads of logs that are in use, in memory. Right as long as one process owns the file and nothing fails."""

from __future__ import annotations

from typing import Final

from aparte.server.store.api import LogHead
from aparte.wire.ids import LogId

__all__ = ["HeadCache"]

#: About 700 bytes each.
_CAPACITY: Final = 16_384


class HeadCache:
    """At most so many heads; the oldest entered go first. Dropped whole when a transaction fails."""

    __slots__ = ("_heads",)

    def __init__(self) -> None:
        self._heads: dict[LogId, LogHead] = {}

    def get(self, log_id: LogId) -> LogHead | None:
        return self._heads.get(log_id)

    def put(self, head: LogHead) -> None:
        if len(self._heads) >= _CAPACITY and head.log_id not in self._heads:
            self._heads.pop(next(iter(self._heads)))
        self._heads[head.log_id] = head

    def clear(self) -> None:
        """Forget all: what is on the disk is what counts."""
        self._heads.clear()
