"""Whose a host's files are. What root makes in somebody's folder has to become theirs, or their host cannot use it."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from aparte.server.admin.errors import AdminError, Fault

__all__ = ["Owner", "owner_of"]


@dataclass(frozen=True, slots=True)
class Owner:
    """A user and a group."""

    uid: int
    gid: int

    @property
    def is_other(self) -> bool:
        """Whether we can, and have to, give somebody else what we make: only root can."""
        return os.geteuid() == 0 and self.uid != 0

    def has(self, path: Path) -> bool:
        """Whether it is theirs."""
        return path.stat().st_uid == self.uid

    def take(self, folder: Path) -> None:
        """Become the owner of a folder of ours and of all in it that is ours, itself last. Raises `AdminError`.

        It lies where its new owner may write, so it is held by its descriptor: put another in its place, and that
        one is left alone.
        """
        held = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            if os.fstat(held).st_uid != os.geteuid():
                raise AdminError(Fault.FAILED, f"somebody has put another folder in the place of {folder}")
            for _, folders, files, inside in os.fwalk(".", topdown=False, dir_fd=held):
                for name in (*folders, *files):
                    if os.stat(name, dir_fd=inside, follow_symlinks=False).st_uid != self.uid:
                        os.chown(name, self.uid, self.gid, dir_fd=inside, follow_symlinks=False)
            os.fchown(held, self.uid, self.gid)
        finally:
            os.close(held)


def owner_of(folder: Path) -> Owner:
    """Whose it is, or, if it is not there yet, whose the nearest folder above it is."""
    while not folder.is_dir():
        folder = folder.parent
    found = folder.stat()
    return Owner(found.st_uid, found.st_gid)
