"""A link as the core knows it: a number, a nonce, the nodes that it has opened, or the device that it has proved."""

from __future__ import annotations

from array import array
from bisect import bisect_left
from dataclasses import dataclass
from enum import Enum
from typing import Final, NewType

from aparte.server.store import LogKey
from aparte.server.store.accounts import AccountRef, DeviceRef
from aparte.wire.ids import AccountId, DeviceId, LinkNonce, Node

__all__ = ["MAX_OPEN_NODES", "MAX_OPEN_OF_ADDRESS", "Link", "LinkKind", "LinkNumber", "OpenNodes", "Standing"]

#: Logs that one link may have open.
MAX_OPEN_NODES: Final = 4096
#: And all links of one address together. Each costs some 40 bytes for as long as it is open.
MAX_OPEN_OF_ADDRESS: Final = 200_000

LinkNumber = NewType("LinkNumber", int)


class LinkKind(Enum):
    """What a link is for. A link of one kind takes no frame of the other."""

    ANONYMOUS = "anonymous"
    IDENTITY = "identity"


@dataclass(frozen=True, slots=True)
class Standing:
    """The device that an identity link has proved."""

    account: AccountRef
    account_id: AccountId
    device: DeviceRef
    device_id: DeviceId


class OpenNodes:
    """How many nodes the links of one address have open together."""

    __slots__ = ("__weakref__", "count")

    def __init__(self) -> None:
        self.count = 0


class Link:
    """What the core keeps of a link between batches. 16 bytes for each node that it has opened.

    A node that has ended stays until its log is opened anew, so that a post that crossed a commit is answered `Stale`.
    """

    __slots__ = ("_address", "_logs", "_nodes", "kind", "nonce", "number", "standing")

    def __init__(
        self, number: LinkNumber, kind: LinkKind, *, nonce: LinkNonce, address: OpenNodes | None = None
    ) -> None:
        self.number = number
        self.kind = kind
        self.nonce = nonce
        self.standing: Standing | None = None
        self._address = address
        self._logs = array("q")  # in order, so that one is found by halving
        self._nodes = array("q")

    def holds(self, log: LogKey, node: Node) -> bool:
        """Whether the link opened this node while it was the log's last."""
        return self.held(log) == node

    def held(self, log: LogKey) -> Node | None:
        """The node of this log that the link opened last."""
        at = bisect_left(self._logs, log)
        return Node(self._nodes[at]) if at < len(self._logs) and self._logs[at] == log else None

    def hold(self, log: LogKey, node: Node) -> bool:
        """Note that the link opened a node; False if it, or its address, has too many."""
        at = bisect_left(self._logs, log)
        if at < len(self._logs) and self._logs[at] == log:
            self._nodes[at] = node
        elif len(self._logs) >= MAX_OPEN_NODES or self._is_address_full():
            return False
        else:
            self._count(1)
            self._logs.insert(at, log)
            self._nodes.insert(at, node)
        return True

    def release(self, log: LogKey) -> None:
        """Forget a log."""
        at = bisect_left(self._logs, log)
        if at < len(self._logs) and self._logs[at] == log:
            del self._logs[at], self._nodes[at]
            self._count(-1)

    def _is_address_full(self) -> bool:
        return self._address is not None and self._address.count >= MAX_OPEN_OF_ADDRESS

    def _count(self, more: int) -> None:
        if self._address is not None:
            self._address.count += more

    def logs(self) -> list[LogKey]:
        """The logs of which it holds a node."""
        return [LogKey(log) for log in self._logs]
