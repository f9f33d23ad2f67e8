"""A host's folder from a backup. It is made aside, checked, and takes its place in the end, or nothing has changed."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import apsw

from aparte.server.admin.copies import copy_blob, copy_file, hash_file, link_or_copy
from aparte.server.admin.errors import AdminError, Fault
from aparte.server.admin.inventory import DATABASES, Inventory, read_inventory
from aparte.server.admin.owners import Owner, owner_of
from aparte.server.admin.rebirth import Reborn, begin_anew
from aparte.server.blobs import BlobFiles
from aparte.server.folders import flush_folder
from aparte.server.shell.folder import AlreadyRunning, locked
from aparte.server.store.sqlite.connection import store_errors
from aparte.server.store.sqlite.schema import migrations

__all__ = ["Restored", "restore"]

_PRIVATE: Final = 0o700
#: What a folder may hold in which no host has run yet.
_NOTHING: Final = frozenset({"lock"})


@dataclass(frozen=True, slots=True)
class Restored:
    """`moved_aside` is where the folder that was there is now."""

    data: str
    moved_aside: str | None
    backup_made_at: str
    incarnation: str
    blobs: int
    dropped_key_packages: int
    dropped_invites: int


def restore(source: Path, data: Path, *, replace: bool) -> Restored:
    """By root, for whoever owns the folder. Raises `AdminError`, `StoreError`, `OSError`; then nothing has changed."""
    source, data = source.absolute(), data.absolute()
    inventory = read_inventory(source)
    if inventory.schema > migrations()[-1][0]:
        raise AdminError(Fault.DAMAGED, f"a newer Aparte ({inventory.aparte}) made {source}: its data is unknown here")
    owner = owner_of(data)
    with ExitStack() as stack:
        has_old = _claim(stack, data, replace=replace)
        staging = data.with_name(f"{data.name}.restoring")
        _make_staging(staging)
        try:
            reborn = _fill(source, staging, inventory=inventory, owner=owner)
            stack.enter_context(locked(staging))  # so that no host starts on it before all is done
            if owner.is_other:
                owner.take(staging)
            flush_folder(staging)
            moved_to = _take_place(staging, data, has_old=has_old)
        except BaseException:
            shutil.rmtree(staging, ignore_errors=True)
            raise
    return Restored(
        data=str(data),
        moved_aside=None if moved_to is None else str(moved_to),
        backup_made_at=inventory.made_at,
        incarnation=reborn.incarnation.hex(),
        blobs=inventory.blobs,
        dropped_key_packages=reborn.key_packages,
        dropped_invites=reborn.invites,
    )


def _claim(stack: ExitStack, data: Path, *, replace: bool) -> bool:
    """Make sure that nobody uses the folder, and that it may go; whether anything is in it."""
    if not os.path.lexists(data):
        return False
    if not data.is_dir():
        raise AdminError(Fault.EXISTS, f"{data} is not a folder")
    held = {path.name for path in data.iterdir()}
    if held:
        try:
            stack.enter_context(locked(data))
        except AlreadyRunning as error:
            raise AdminError(Fault.RUNNING, f"{error}: stop it first") from error
    if held - _NOTHING and not replace:
        raise AdminError(Fault.EXISTS, f"{data} is not empty; --replace moves it aside")
    return bool(held)


def _make_staging(staging: Path) -> None:
    try:
        staging.mkdir(mode=_PRIVATE, parents=True)
    except FileExistsError as error:
        raise AdminError(
            Fault.EXISTS, f"{staging} is left from a restore that was interrupted: look at it, remove it"
        ) from error


def _fill(source: Path, staging: Path, *, inventory: Inventory, owner: Owner) -> Reborn:
    for file in inventory.files:
        try:
            copy_file(source / file.name, staging / file.name)
        except FileNotFoundError as error:
            raise AdminError(Fault.DAMAGED, f"{source / file.name} is missing") from error
        if hash_file(staging / file.name, go_on=lambda: None) != (file.size, file.sha256):
            raise AdminError(Fault.DAMAGED, f"{source / file.name} is damaged: it is not what was backed up")
    for name in DATABASES:
        with _opened(staging / name) as database:
            _check_integrity(database, source / name)
    with _opened(staging / "blobs.db") as index:
        _bring_blobs(index, source, staging=staging, owner=owner)
    with _opened(staging / "host.db") as database:
        return begin_anew(database, staging / "keys.json", rng=os.urandom)


@contextmanager
def _opened(path: Path) -> Iterator[apsw.Connection]:
    with store_errors():
        connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
        try:
            connection.pragma("synchronous", "FULL")
            connection.pragma("secure_delete", "ON")
            yield connection
        except (apsw.CorruptError, apsw.NotADBError) as error:
            raise AdminError(Fault.DAMAGED, f"{path.name} of the backup is damaged: {error}") from error
        finally:
            connection.close()


def _check_integrity(database: apsw.Connection, path: Path) -> None:
    found: list[Any] = database.execute("PRAGMA integrity_check(3)").fetchall()
    if found != [("ok",)]:
        raise AdminError(Fault.DAMAGED, f"{path} is damaged: {found[0][0]}")


def _bring_blobs(index: apsw.Connection, source: Path, *, staging: Path, owner: Owner) -> None:
    old, new = BlobFiles(source), BlobFiles(staging)
    new.prepare()
    for blob_id, size in index.execute("SELECT blob_id, size FROM blob"):
        path = old.blob_path(blob_id)
        if old.blob_size(blob_id) != size:
            raise AdminError(Fault.DAMAGED, f"{path} is missing, or not {size} bytes long")
        if owner.is_other and not owner.has(path):  # it stays whose it is: the backup may be root's alone
            copy_blob(path, new.blob_path(blob_id))
        else:
            link_or_copy(path, new.blob_path(blob_id))
    for shelf in (staging / "blobs").iterdir():
        flush_folder(shelf)


def _take_place(staging: Path, data: Path, *, has_old: bool) -> Path | None:
    moved_to = _free_name(data) if has_old else None
    try:
        if moved_to is not None:
            data.rename(moved_to)
        try:
            staging.rename(data)
        except OSError:
            if moved_to is not None:
                moved_to.rename(data)
            raise
    except OSError as error:
        if error.errno in {errno.EBUSY, errno.EXDEV}:
            raise AdminError(
                Fault.FAILED, f"{data} cannot be renamed (is it a mount point?): restore to a folder in it"
            ) from error
        raise
    flush_folder(data.parent)
    return moved_to


def _free_name(data: Path) -> Path:
    name = f"{data.name}.before-restore-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime())}"
    found, number = data.with_name(name), 1
    while os.path.lexists(found):
        number += 1
        found = data.with_name(f"{name}-{number}")
    return found
