"""What the blob service allows. Every figure can be configured; each says what it protects."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

__all__ = ["DEFAULT_KEEP_DAYS", "DEFAULT_LIMITS", "MAX_KEEP_DAYS", "MAX_TICKET", "Limits"]

_MIB: Final = 1 << 20
_GIB: Final = 1 << 30

#: As long as messages are kept where nobody asks for anything else.
DEFAULT_KEEP_DAYS: Final = 30
#: Twice the longest retention of messages: a commit may refer to a blob, and commits stay 180 days.
MAX_KEEP_DAYS: Final = 180
#: Bytes of a ticket.
MAX_TICKET: Final = 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """Sizes in bytes."""

    #: The largest blob, told to every client before it uploads (Tus-Max-Size).
    blob_bytes: int = 256 * _MIB
    #: What unfinished uploads may still send, all together. The disk has to have room for it at any time.
    unfinished_bytes: int = 8 * _GIB
    unfinished_count: int = 4096
    unfinished_hours: int = 24
    #: Bodies received at once: each holds two parts in memory.
    transfers: int = 64
    #: Browsers open six connections to a host.
    transfers_per_address: int = 6
    #: Blobs are refused below this much free space, long before the log has to be.
    free_bytes: int = _GIB
    #: A body that sends nothing for so long is cut.
    idle_seconds: float = 30.0
    #: Bytes a second, over a part: dripping one byte now and then holds no place for long.
    slowest_rate: int = 1024
    part_bytes: int = _MIB
    #: A long body is made durable every so often, so that a crash of the host loses little of it.
    checkpoint_bytes: int = 32 * _MIB
    #: How many rows and files one step of sweeping removes.
    sweep_batch: int = 100


DEFAULT_LIMITS: Final = Limits()
