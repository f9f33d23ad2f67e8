"""What every part of the benchmark is given."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from pathlib import Path

from benchmarks.host.plan import Plan
from benchmarks.host.rows import NotMeasured
from benchmarks.host.servers import Programs

__all__ = ["Bench", "require_links"]

#: File descriptors of a server or a loader beside those of its links.
_OTHER_FILES = 200


@dataclass(frozen=True, slots=True)
class Bench:
    """`folder` lies on the disk that is measured, and is removed at the end."""

    plan: Plan
    folder: Path
    programs: Programs


def require_links(count: int) -> None:
    """Let a process have so many links: servers and loaders inherit this. Raises `NotMeasured` if it may not."""
    needed = count + _OTHER_FILES
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard != resource.RLIM_INFINITY and hard < needed:
        raise NotMeasured(f"a process may have {hard} files open here, and {needed} are needed: see ulimit -Hn")
    if soft != resource.RLIM_INFINITY and soft < needed:
        resource.setrlimit(resource.RLIMIT_NOFILE, (needed, hard))
