"""A consistent copy of a host in a new folder, made while the host runs.

The databases come first, host.db before blobs.db, then the files that the copied index names. So whatever a copied
entry refers to had been uploaded before the index was copied; and as a blob's file is there before its row and goes
after it, the only difference left is a blob that was erased meanwhile: its row is taken out of the copy as well. With
the files first, each blob that came meanwhile would stand in the index without a file. Unfinished uploads stay away.

Blobs never change once they are there, so on one file system they are linked, not copied. All is made and flushed in
DESTINATION.partial, and the last step gives it its name: what bears the name is whole.
"""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import apsw

import aparte
from aparte.server.admin.census import open_census
from aparte.server.admin.copies import copy_file, hash_file, link_or_copy
from aparte.server.admin.desk import Desk
from aparte.server.admin.errors import AdminError, Fault
from aparte.server.admin.inventory import DATABASES, CopiedFile, Inventory, write_inventory
from aparte.server.admin.requests import BackupMade
from aparte.server.blobs import BlobFiles
from aparte.server.blobs.index import BlobId
from aparte.server.folders import flush_folder
from aparte.server.store.sqlite.connection import connect, store_errors

__all__ = ["make_backup"]

#: Pages to a step: the host may want to stop.
_PAGES: Final = 4_096
_PRIVATE: Final = 0o700


def make_backup(desk: Desk, destination: Path) -> BackupMade:
    """Raises `AdminError`, `StoreError`, `OSError`; what was made until then is removed again."""
    _require_place(desk, destination)
    partial = destination.with_name(f"{destination.name}.partial")
    _make(partial)
    try:
        made = _fill(desk, partial, destination=destination)
        flush_folder(partial)
        if os.path.lexists(destination):  # came meanwhile
            raise AdminError(Fault.EXISTS, f"{destination} exists already")
        partial.rename(destination)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise
    flush_folder(destination.parent)
    return made


def _make(partial: Path) -> None:
    try:
        partial.mkdir(mode=_PRIVATE)
    except OSError as error:
        if error.errno in {errno.EROFS, errno.EACCES}:
            raise AdminError(
                Fault.FAILED, f"the host may not write to {partial.parent} (under systemd: ReadWritePaths=)"
            ) from error
        raise


def _require_place(desk: Desk, destination: Path) -> None:
    if not destination.is_absolute():
        raise AdminError(Fault.BAD_REQUEST, "where to? The path has to be absolute")
    if not destination.parent.is_dir():
        raise AdminError(Fault.NOT_FOUND, f"there is no folder {destination.parent}")
    if destination.resolve().is_relative_to(desk.data.resolve()):
        raise AdminError(Fault.BAD_REQUEST, f"{destination} is in the host's own folder")
    for taken in (destination, destination.with_name(f"{destination.name}.partial")):
        if os.path.lexists(taken):
            raise AdminError(Fault.EXISTS, f"{taken} exists already")


@dataclass(frozen=True, slots=True)
class _Blobs:
    count: int
    size: int
    linked: int
    lost: int


def _fill(desk: Desk, partial: Path, *, destination: Path) -> BackupMade:
    made_at = desk.clock()
    for name in DATABASES:
        _copy_database(desk, name, partial=partial)
    blobs = _copy_blobs(desk, partial)
    copy_file(desk.data / "keys.json", partial / "keys.json")
    files = tuple(CopiedFile(name, *hash_file(partial / name, go_on=desk.go_on)) for name in (*DATABASES, "keys.json"))
    with open_census(partial / "host.db") as census:
        incarnation, schema = census.incarnation(), census.schema()
    write_inventory(
        partial,
        Inventory(
            aparte=aparte.__version__,
            made_at=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(made_at / 1000)),
            host=desk.domain,
            incarnation=None if incarnation is None else incarnation.hex(),
            schema=schema,
            files=files,
            blobs=blobs.count,
            blob_bytes=blobs.size,
        ),
    )
    size = sum(file.size for file in files if file.name in DATABASES)
    return BackupMade(str(destination), size, blobs.count, blobs.size, blobs.linked, blobs.lost)


def _copy_database(desk: Desk, name: str, *, partial: Path) -> None:
    """As it is at one moment, whoever writes meanwhile: a reading transaction holds that moment."""
    source = connect(desk.data / name, read_only=True)
    try:
        with store_errors():
            source.execute("BEGIN; SELECT count(*) FROM sqlite_schema").fetchall()
            target = _open_copy(partial / name)
            try:
                with target.backup("main", source, "main") as backup:
                    while not backup.done:
                        desk.go_on()
                        backup.step(_PAGES)
                target.pragma("journal_mode", "DELETE")  # one file, without a log beside it
            finally:
                target.close()
    finally:
        source.close()


def _open_copy(path: Path) -> apsw.Connection:
    os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    connection = apsw.Connection(str(path))
    connection.pragma("synchronous", "FULL")
    connection.pragma("secure_delete", "ON")
    return connection


def _copy_blobs(desk: Desk, partial: Path) -> _Blobs:
    count = size = linked = 0
    gone: list[bytes] = []
    source, target = BlobFiles(desk.data), BlobFiles(partial)
    target.prepare()
    index = _open_copy_again(partial / "blobs.db")
    try:
        with store_errors():
            for blob_id, blob_size in index.execute("SELECT blob_id, size FROM blob"):
                desk.go_on()
                found = source.blob_size(blob_id)
                if found != blob_size:
                    gone.append(blob_id)
                    continue
                try:
                    linked += link_or_copy(source.blob_path(blob_id), target.blob_path(blob_id))
                except FileNotFoundError:
                    gone.append(blob_id)
                    continue
                count += 1
                size += blob_size
            with index:
                index.executemany("DELETE FROM blob WHERE blob_id = ?", [(blob_id,) for blob_id in gone])
                index.execute("DELETE FROM blob_upload WHERE received < size")
                index.executemany("DELETE FROM blob_upload WHERE blob_id = ?", [(blob_id,) for blob_id in gone])
    finally:
        index.close()
    for shelf in (partial / "blobs").iterdir():
        flush_folder(shelf)
    return _Blobs(count, size, linked, _still_indexed(desk.data / "blobs.db", gone))


def _open_copy_again(path: Path) -> apsw.Connection:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    connection.pragma("synchronous", "FULL")
    connection.pragma("secure_delete", "ON")
    return connection


def _still_indexed(path: Path, blob_ids: list[bytes]) -> int:
    """How many of these the host believes to have."""
    connection = connect(path, read_only=True)
    try:
        with store_errors():
            known = "SELECT 1 FROM blob WHERE blob_id = ?"
            return sum(connection.execute(known, (BlobId(i),)).fetchone() is not None for i in blob_ids)
    finally:
        connection.close()
