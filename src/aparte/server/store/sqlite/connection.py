"""Opening the host's database: its settings, its schema, and SQLite's errors as the store's."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import apsw

from aparte import schema
from aparte.server.store.api import StoreError, StoreFull, StoreRefused

__all__ = ["NewerSchema", "connect", "migrate", "store_errors"]

#: Kept in the file. Setting them takes the writer's lock, even to what they are.
_OF_THE_FILE = (
    "auto_vacuum = INCREMENTAL",  # before the first table; freed pages then return to the disk in small steps
    "journal_mode = WAL",
)
_SETTINGS = (
    "foreign_keys = ON",
    "secure_delete = ON",  # what was pruned is overwritten, not only unlinked
    "wal_autocheckpoint = 0",  # see checkpoints.py
    "journal_size_limit = 67108864",
    "cache_size = -65536",
    "temp_store = MEMORY",
)


class NewerSchema(StoreError):
    """The database was written by a newer version of Aparte."""


@contextmanager
def store_errors() -> Iterator[None]:
    """Whatever SQLite complains about becomes a `StoreError`."""
    try:
        yield
    except apsw.FullError as error:
        raise StoreFull(str(error)) from error
    except (apsw.ConstraintError, apsw.MismatchError, apsw.RangeError, apsw.TooBigError) as error:
        raise StoreRefused(f"{type(error).__name__}: {error}") from error
    except apsw.Error as error:
        raise StoreError(f"{type(error).__name__}: {error}") from error


def connect(
    path: Path, *, vfs: str | None = None, synchronous: str = "FULL", read_only: bool = False
) -> apsw.Connection:
    """A connection with the host's settings. `vfs` and `synchronous` are for tests that break the disk."""
    settings = (*_SETTINGS, "query_only = ON") if read_only else (*_OF_THE_FILE, *_SETTINGS)
    with store_errors():
        connection = apsw.Connection(str(path), vfs=vfs, statementcachesize=200)
        try:
            connection.set_busy_timeout(5000)
            for setting in (*settings, f"synchronous = {synchronous}"):
                connection.pragma(*setting.split(" = "))
        except BaseException:
            with suppress(apsw.Error):  # the disk that failed may fail this, too
                connection.close()
            raise
        return connection


def migrate(connection: apsw.Connection, steps: Sequence[schema.SchemaStep]) -> None:
    """Bring the schema up to date. Raises `NewerSchema`."""
    try:
        with store_errors():
            schema.migrate(connection, steps)
    except schema.NewerSchema as error:
        raise NewerSchema(str(error)) from error
