"""The databases: SQLite itself, the file system below it, the schema, and whether they are whole."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import apsw

from aparte.server.admin.doctor.findings import Finding, fail, ok, warn
from aparte.server.blobs import schema as blob_schema
from aparte.server.store.sqlite.schema import migrations

__all__ = ["check_integrity", "check_schema", "check_sqlite"]

#: STRICT tables.
_OLDEST: Final = 3_037_000
#: File systems over a network, on which SQLite's locks and shared memory cannot be relied on.
_REMOTE: Final = frozenset({"nfs", "nfs4", "cifs", "smb3", "smbfs", "fuse.sshfs", "9p", "ceph", "glusterfs", "afs"})
_DATABASES: Final = (("host.db", None), ("blobs.db", blob_schema.__name__))


def check_sqlite(data: Path) -> Iterator[Finding]:
    """Its version, and whether the file system takes a write-ahead log."""
    version = apsw.sqlite_lib_version()
    if apsw.SQLITE_VERSION_NUMBER < _OLDEST:
        yield fail("sqlite", f"version {version}", do="Install the version of apsw that Aparte asks for.")
        return
    remote = file_system_of(data)
    if remote in _REMOTE:
        yield warn(
            "sqlite",
            f"{data} is on a network file system ({remote})",
            do="Put the folder on a disk of this machine: over a network, SQLite may lose what was acknowledged.",
        )
        return
    with TemporaryDirectory(dir=data, prefix=".doctor-") as folder:
        connection = apsw.Connection(str(Path(folder) / "try.db"))
        mode = connection.pragma("journal_mode", "WAL")
        connection.close()
    if mode == "wal":
        yield ok("sqlite", f"version {version}, with a write-ahead log")
    else:
        yield fail("sqlite", f"no write-ahead log here: {mode}", do="Put the folder on another file system.")


def file_system_of(path: Path, mounts: Path = Path("/proc/self/mounts")) -> str:
    """The type of the file system; empty where that cannot be told."""
    try:
        lines = mounts.read_text().splitlines()
    except OSError:
        return ""
    where, found = path.resolve(), (0, "")
    for line in lines:
        _, point, kind, *_ = line.split(" ")
        mounted = Path(point.encode().decode("unicode_escape"))
        if where.is_relative_to(mounted):
            found = max(found, (len(mounted.parts), kind), key=lambda pair: pair[0])
    return found[1]


def check_schema(data: Path) -> Iterator[Finding]:
    """Whether this version of Aparte knows it."""
    for name, package in _DATABASES:
        if not (data / name).is_file():
            yield fail("schema", f"{name} is missing", do="Start the host once, or restore a backup.")
            continue
        newest = (migrations() if package is None else migrations(package))[-1][0]
        version = int(_read(data / name, "PRAGMA user_version")[0][0])
        if version > newest:
            yield fail(
                "schema",
                f"{name}: {version}, and {newest} is known",
                do="Run the version of Aparte that made it, or a later.",
            )
        elif version < newest:
            yield warn(
                "schema", f"{name}: {version} of {newest}", do="Make a backup; the next start brings it up to date."
            )
        else:
            yield ok("schema", f"{name}: {version}")


def check_integrity(data: Path) -> Iterator[Finding]:
    """SQLite's quick check."""
    for name, _ in _DATABASES:
        if not (data / name).is_file():
            continue
        try:
            found = [row[0] for row in _read(data / name, "PRAGMA quick_check(3)")]
        except (apsw.CorruptError, apsw.NotADBError) as error:
            found = [str(error)]
        if found == ["ok"]:
            yield ok("integrity", f"{name} is whole")
        else:
            yield fail("integrity", f"{name}: {found[0]}", do="Stop the host, check the disk, and restore a backup.")


def _read(path: Path, sql: str) -> list[tuple[Any, ...]]:
    connection = apsw.Connection(str(path), flags=apsw.SQLITE_OPEN_READWRITE)
    try:
        connection.set_busy_timeout(5_000)
        connection.pragma("query_only", "ON")
        return connection.execute(sql).fetchall()
    finally:
        connection.close()
