"""Each link takes a file descriptor: a host asks for as many as it may have."""

from __future__ import annotations

import resource
from contextlib import suppress
from typing import Final

__all__ = ["open_files", "raise_open_files"]

#: What to ask for where the hard limit itself is not granted: macOS says infinity, and means less (OPEN_MAX).
_LESS: Final = (1 << 20, 1 << 16, 24_576, 10_240)


def open_files() -> int:
    """How many this process may have open; a very large number if there is no limit."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return (1 << 63) - 1 if soft == resource.RLIM_INFINITY else soft


def raise_open_files() -> int:
    """Raise the soft limit as far as the system lets us; how many it is then."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY:
        return open_files()
    for wanted in (hard, *_LESS):
        fits = hard == resource.RLIM_INFINITY or wanted <= hard
        if fits and (wanted == resource.RLIM_INFINITY or wanted > soft):
            with suppress(ValueError, OSError):
                resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
                break
    return open_files()
