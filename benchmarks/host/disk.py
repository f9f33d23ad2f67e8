"""How fast the disk flushes: what all figures of durable writing hang on, and what differs most from hour to hour."""

from __future__ import annotations

import os
import time
from pathlib import Path

__all__ = ["flushes_a_second"]


def flushes_a_second(folder: Path, *, seconds: float = 1.0) -> float:
    """4 KiB written over and flushed, again and again."""
    path = folder / "flushes"
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        os.pwrite(descriptor, bytes(1 << 20), 0)
        os.fsync(descriptor)
        count, begun = 0, time.perf_counter()
        while time.perf_counter() - begun < seconds:
            os.pwrite(descriptor, os.urandom(4096), 4096 * (count % 256))
            os.fdatasync(descriptor)
            count += 1
        return count / (time.perf_counter() - begun)
    finally:
        os.close(descriptor)
        path.unlink()
