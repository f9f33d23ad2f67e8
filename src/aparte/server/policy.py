"""What an operator may set, and the defaults that the design gives."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from aparte.server.pace import Pace

__all__ = ["HostKeys", "LogPolicy"]


_POSTS: Final = Pace(interval=100, burst=60)
_KIBIBYTES: Final = Pace.per_second(16, burst=32 * 1024)
_EPHEMERALS: Final = Pace(interval=100, burst=60)
_COMMITS: Final = Pace(interval=10_000, burst=5)


@dataclass(frozen=True, slots=True)
class LogPolicy:
    """How fast a log may grow."""

    posts: Pace = _POSTS
    #: Bodies, in KiB: what one ticket can make a host keep is bounded.
    kibibytes: Pace = _KIBIBYTES
    ephemerals: Pace = _EPHEMERALS
    #: Commits beyond the burst, each of which makes everybody derive new keys.
    commits: Pace = _COMMITS
    #: No node is younger than this when it gets a child: the others could hardly have read it.
    min_node_age: int = 1_000


@dataclass(frozen=True, slots=True)
class HostKeys:
    """The host's own secrets. The repr shows nothing of them."""

    receipt_key: bytes = field(repr=False)
    pass_key: bytes = field(repr=False)
    ticket_seed: bytes = field(repr=False)
