"""The heads of logs that are in use, in memory. Right as long as one process owns the file and nothing fails."""

from __future__ import annotations

from itertools import islice
from typing import Final

from aparte.server.store.api import LogHead
from aparte.wire.ids import LogId

__all__ = ["HeadCache"]

#: About 700 bytes each.
_CAPACITY: Final = 65_536


class HeadCache(dict[LogId, LogHead]):
    """At most so many heads; the oldest entered go first. Cleared when a transaction fails.

    A dict, because each post looks here three times.
    """

    __slots__ = ()

    def put(self, head: LogHead) -> None:
        if len(self) >= _CAPACITY and head.log_id not in self:
            # Many at once: to find a dict's first key takes as long as keys were deleted before it.
            for log_id in list(islice(self, max(1, _CAPACITY // 8))):
                del self[log_id]
        self[head.log_id] = head

    def forget(self, log_id: LogId) -> None:
        """The log is gone."""
        self.pop(log_id, None)
