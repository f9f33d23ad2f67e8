"""Files copied durably, privately, and only to where nothing is."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Final

__all__ = ["copy_blob", "copy_file", "hash_file", "link_or_copy"]

_PIECE: Final = 1 << 20
_PRIVATE: Final = 0o600
_NEW: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def copy_file(source: Path, target: Path) -> None:
    """Copy a file and flush it; `target` must not exist."""
    with source.open("rb") as reading, os.fdopen(os.open(target, _NEW, _PRIVATE), "wb") as writing:
        shutil.copyfileobj(reading, writing, _PIECE)
        writing.flush()
        os.fsync(writing.fileno())


def link_or_copy(source: Path, target: Path) -> bool:
    """One more name for a file that will not change; where that cannot be, a copy. Whether it was linked."""
    try:
        os.link(source, target)
    except FileNotFoundError:
        raise
    except OSError:  # another file system, or one without links, or too many of them
        copy_blob(source, target)
        return False
    return True


def copy_blob(source: Path, target: Path) -> None:
    """`copy_file`, with the times of all blobs: when it was says nothing."""
    copy_file(source, target)
    os.utime(target, ns=(0, 0))


def hash_file(path: Path, *, go_on: Callable[[], None]) -> tuple[int, str]:
    """(size, SHA-256 in hex)."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE):
            go_on()
            digest.update(piece)
            size += len(piece)
    return size, digest.hexdigest()
