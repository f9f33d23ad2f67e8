"""The host's folder: one process at a time, nobody else's business."""

from __future__ import annotations

import contextlib
import fcntl
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

__all__ = ["AlreadyRunning", "locked"]

#: No link is followed: root comes by to look after a host that is somebody's.
_FLAGS: Final = os.O_RDWR | os.O_NOFOLLOW


class AlreadyRunning(Exception):
    """Another process has this folder."""


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """The folder, made if need be, for this process alone. Raises `AlreadyRunning`."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    with os.fdopen(_opened(folder), "rb") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise AlreadyRunning(f"another host is running on {folder}") from error
        yield


def _opened(folder: Path) -> int:
    """The lock's file. If root makes it, it is the folder's owner's all the same, who could not lock it otherwise."""
    path = folder / "lock"
    try:
        made = os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return os.open(path, _FLAGS)
    if os.geteuid() == 0:
        owner = folder.stat()
        os.fchown(made, owner.st_uid, owner.st_gid)
    return made
