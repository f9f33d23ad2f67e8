"""The host's folder: clock, disk, permissions, what was left behind."""

from __future__ import annotations

import os
import resource
import shutil
import stat
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from aparte.server.admin.census import open_census
from aparte.server.admin.control import SOCKET_NAME, NotListening, ask
from aparte.server.admin.doctor.findings import Finding, fail, ok, warn
from aparte.server.admin.errors import AdminError
from aparte.server.admin.requests import GetStatus, Status
from aparte.server.admin.text import size_of
from aparte.server.shell.config import HostConfig
from aparte.server.shell.disk import Usage, refused_words
from aparte.server.shell.folder import AlreadyRunning, locked
from aparte.server.shell.keys import KeysDamaged, load_keys
from aparte.wire.ids import Millis

__all__ = ["check_clock", "check_disk", "check_leftovers", "check_open_files", "check_permissions"]

_MINUTE: Final = 60_000
#: What the clock of a file system may differ by, in milliseconds: some keep whole seconds, or two.
_FILE_CLOCK: Final = 3_000
#: So many times what blobs need leaves some days to react.
_FREE_WARN: Final = 5
#: One for each link, and some for files.
_FILES_FAIL: Final = 256
_FILES_WARN: Final = 8_192
_NO_LIMIT: Final = 1 << 40
_OTHERS: Final = 0o077


def check_clock(data: Path, now: Millis) -> Iterator[Finding]:
    """Against the newest entry, which cannot be of the future, and the file system."""
    with open_census(data / "host.db") as census:
        newest = census.newest_entry()
    if newest is not None and newest > now + _MINUTE:
        yield fail(
            "clock",
            f"it is {(newest - now) / 1000:.0f} s behind the newest entry",
            do="Set the clock by NTP before the host starts: what it forgets and whom it lets in go by the time.",
        )
        return
    with tempfile.TemporaryFile(dir=data) as file:
        file.write(b"?")
        file.flush()
        differs = abs(os.fstat(file.fileno()).st_mtime_ns // 1_000_000 - now)
    if differs > _FILE_CLOCK:
        yield warn(
            "clock",
            f"it is {differs / 1000:.0f} s from the file system's",
            do="Set the clocks of this machine and of the one that has the disk by NTP.",
        )
    else:
        yield ok("clock", "it goes with the newest entry and the file system")


def check_disk(config: HostConfig) -> Iterator[Finding]:
    """How much is free, and what is refused for it."""
    found = shutil.disk_usage(config.data)
    floor = config.disk.blobs.of(found.total)
    shortage = config.disk.shortage(Usage(found.total, found.free))
    free = f"{size_of(found.free)} free"
    if shortage:
        last = config.disk.posts.of(found.total)
        yield fail(
            "disk",
            f"{free}: {refused_words(shortage)} are refused",
            do=f"Make room: blobs need {size_of(floor)}, and below {size_of(last)} posts are refused.",
        )
    elif found.free < _FREE_WARN * floor:
        yield warn("disk", free, do=f"Make room soon: below {size_of(floor)} blobs are refused.")
    else:
        yield ok("disk", free)


def check_permissions(data: Path) -> Iterator[Finding]:
    """Nobody else may look into the folder, nor read the keys; the keys are keys."""
    bad = False
    for path, right in ((data, "700"), (data / "keys.json", "600")):
        if not path.exists():
            bad = True
            yield fail(
                "permissions", f"{path} is missing", do="Restore it from a backup: passes and receipts end with it."
            )
            continue
        found = path.stat()
        if found.st_uid != os.geteuid():
            bad = True
            yield warn(
                "permissions",
                f"{path} belongs to user {found.st_uid}",
                do="Run this, and the host, as the folder's owner.",
            )
        if stat.S_IMODE(found.st_mode) & _OTHERS:
            bad = True
            yield fail("permissions", f"others may use {path}", do=f"Close it to them: chmod {right} {path}")
    if (data / "keys.json").exists():
        try:
            load_keys(data / "keys.json", rng=os.urandom)
        except (KeysDamaged, OSError) as error:
            bad = True
            yield fail("permissions", str(error), do="Restore keys.json from a backup.")
    if not bad:
        yield ok("permissions", "the folder and the keys are their owner's alone")


def check_open_files(data: Path) -> Iterator[Finding]:
    """Each link takes one. The host that runs, or else one that is started here and now."""
    running = _who_answers(data)
    if running is not None and running.open_files is not None:
        most, whose = running.open_files, "the host that runs"
    else:
        _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
        most, whose = sys.maxsize if hard == resource.RLIM_INFINITY else hard, "a host started here"
    if most >= _FILES_WARN:
        yield ok("open files", f"as many as it takes for {whose}" if most > _NO_LIMIT else f"{most} for {whose}")
        return
    advice = "Raise the hard limit: LimitNOFILE=65536 in a systemd unit, or /etc/security/limits.conf."
    found = f"{most} for {whose}: so many links and no more"
    yield fail("open files", found, do=advice) if most < _FILES_FAIL else warn("open files", found, do=advice)


def check_leftovers(data: Path) -> Iterator[Finding]:
    """Locks, sockets and half-done work, of whom?"""
    bad = False
    staging = data.absolute().with_name(f"{data.name}.restoring")
    if staging.exists():
        bad = True
        yield warn("leftovers", f"{staging} is there", do="A restore was interrupted; look at it, and remove it.")
    answers = _who_answers(data)
    held = _is_held(data)
    if held and answers is None:
        bad = True
        yield fail(
            "leftovers",
            "a process has the folder's lock and does not answer on its control socket",
            do="Wait if it is starting, stopping or a command at work; otherwise end it.",
        )
    if not held and (data / SOCKET_NAME).exists():
        bad = True
        yield warn(
            "leftovers",
            f"{SOCKET_NAME} is there, and no host",
            do="The last host was killed; the next one clears it away.",
        )
    if not bad:
        yield ok("leftovers", "a host is running, and answers" if held else "none; no host is running")


def _who_answers(data: Path) -> Status | None:
    try:
        found = ask(data, GetStatus())
    except (NotListening, AdminError, OSError):
        return None
    return found if isinstance(found, Status) else None


def _is_held(data: Path) -> bool:
    if not (data / "lock").exists():
        return False
    try:
        with locked(data):
            return False
    except AlreadyRunning:
        return True
