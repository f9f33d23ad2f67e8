"""Opening the engine's file: its cipher, its settings, and SQLite's errors as the store's."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final

import apsw

from aparte.client.store.api import StoreDamaged, StoreError, StoreFull, StoreInUse, StoreLocked

__all__ = ["KEY_LENGTH", "connect", "store_errors"]

KEY_LENGTH: Final = 32

_SETTINGS: Final = (
    # Before anything is read: with it the write-ahead log needs no shared memory, and a second process gets nowhere.
    "locking_mode = EXCLUSIVE",
    "journal_mode = WAL",
    "synchronous = FULL",
    "foreign_keys = ON",
    "secure_delete = ON",  # what was deleted is overwritten, keys above all
    "temp_store = MEMORY",
    "journal_size_limit = 4194304",
)
#: The write-ahead log is copied into the file from so many pages on.
_CHECKPOINT_PAGES: Final = 1_000


@contextmanager
def store_errors() -> Iterator[None]:
    """Whatever SQLite complains about becomes a `StoreError`."""
    try:
        yield
    except apsw.FullError as error:
        raise StoreFull("the disk is full") from error
    except (apsw.BusyError, apsw.LockedError) as error:
        raise StoreInUse("another process has this store open") from error
    except apsw.NotADBError as error:
        raise StoreLocked("the key does not fit, or this is no store of Aparte's") from error
    except apsw.CorruptError as error:
        raise StoreDamaged(f"the store is damaged: {error}") from error
    except apsw.Error as error:
        raise StoreError(f"{type(error).__name__}: {error}") from error


def connect(path: Path, key: bytes, *, vfs: str | None = None) -> apsw.Connection:
    """The file, decrypted by `key` (32 bytes), for this process alone. Raises `StoreError`.

    The key is the cipher's own, not a passphrase: nothing is stretched here, which would take a fifth of a second.
    """
    if len(key) != KEY_LENGTH:
        raise StoreLocked(f"a key has {KEY_LENGTH} bytes")
    with store_errors():
        connection = apsw.Connection(str(path), vfs=vfs, statementcachesize=200)
        try:
            connection.pragma("cipher", "chacha20")
            connection.pragma("key", f"raw:{key.hex()}")
            for setting in _SETTINGS:
                connection.pragma(*setting.split(" = "))
            connection.wal_autocheckpoint(_CHECKPOINT_PAGES)
            connection.execute("SELECT count(*) FROM sqlite_schema").fetchall()
        except BaseException:
            with suppress(apsw.Error):  # the disk that failed may fail this, too
                connection.close()
            raise
        return connection
