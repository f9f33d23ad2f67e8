"""Forgetting in time: what of accounts is out of date, a limited number of rows at a time."""

from __future__ import annotations

from typing import Final

from aparte.server.store.accounts import DeviceRef, Horizon
from aparte.server.store.sqlite.accounts_devices import forget_removed
from aparte.server.store.sqlite.accounts_sql import Statements

__all__ = ["forget"]

#: Table → its key; the rows to go; by which day of the horizon.
_STALE: Final = (
    ("inbox_item", "id", "item IS NOT NULL AND day < ?", "waiting"),
    ("inbox_item", "id", "item IS NULL AND day < ?", "fetched"),
    ("key_package", "id", "expires_day < ?", "today"),
    ("name", "name", "freed_day > 0 AND freed_day < ?", "rested"),
    ("deleted_account", "id_hash", "day < ?", "rested"),
    ("allowance", "account, kind", "day < ?", "today"),
    ("invite", "code_hash", "expires_day < ?", "today"),
)


def forget(statements: Statements, horizon: Horizon, *, limit: int) -> int:
    """See `Directory.forget`."""
    touched = 0
    removed = statements.one("SELECT id FROM device WHERE account IS NULL LIMIT 1")
    if removed is not None:
        touched += forget_removed(statements, DeviceRef(removed[0]), limit=limit)
    for table, key, condition, until in _STALE:
        if touched < limit:
            rows = f"SELECT {key} FROM {table} WHERE {condition} LIMIT ?"  # noqa: S608
            delete = f"DELETE FROM {table} WHERE ({key}) IN ({rows})"  # noqa: S608
            touched += statements.run(delete, (getattr(horizon, until), limit - touched))
    return touched
