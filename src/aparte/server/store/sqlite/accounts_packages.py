"""Key packages in SQLite. Of one that was given out, the hash stays until it would have expired."""

from __future__ import annotations

from hashlib import sha256
from typing import Final

from aparte.server.store.accounts import DeviceRef, GivenPackage, StockCount
from aparte.server.store.sqlite.accounts_sql import Statements

__all__ = ["SqliteKeyPackages"]

_STOCK: Final = """
    SELECT last_resort, count(*) FROM key_package
    WHERE device = ? AND key_package IS NOT NULL AND expires_day >= ? GROUP BY last_resort
"""
_FIND: Final = """
    SELECT id, key_package FROM key_package
    WHERE device = ? AND last_resort = ? AND key_package IS NOT NULL AND expires_day >= ? ORDER BY id LIMIT 1
"""
_ADD: Final = """
    INSERT INTO key_package (device, hash, expires_day, last_resort, key_package) VALUES (?, ?, ?, ?, ?)
"""
_REPLACE: Final = """
    UPDATE key_package SET key_package = NULL WHERE device = ? AND last_resort = 1 AND key_package IS NOT NULL
"""


class SqliteKeyPackages:
    """See `KeyPackages`."""

    __slots__ = ("_sql",)

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def stock(self, device: DeviceRef, day: int) -> StockCount:
        counts = dict(self._sql.all(_STOCK, (device, day)))
        return StockCount(counts.get(0, 0), 1 in counts)

    def knows(self, device: DeviceRef, key_package: bytes) -> bool:
        known = "SELECT 1 FROM key_package WHERE device = ? AND hash = ?"
        return self._sql.one(known, (device, sha256(key_package).digest())) is not None

    def add(self, device: DeviceRef, key_package: bytes, *, expires_day: int, is_last_resort: bool) -> None:
        if is_last_resort:
            self._sql.run(_REPLACE, (device,))
        hashed = sha256(key_package).digest()
        self._sql.run(_ADD, (device, hashed, expires_day, int(is_last_resort), key_package))

    def take(self, device: DeviceRef, day: int) -> GivenPackage | None:
        row = self._sql.one(_FIND, (device, 0, day))
        if row is None:
            return None
        self._sql.run("UPDATE key_package SET key_package = NULL WHERE id = ?", (row[0],))
        return GivenPackage(row[1], is_last_resort=False)

    def last_resort(self, device: DeviceRef, day: int) -> GivenPackage | None:
        row = self._sql.one(_FIND, (device, 1, day))
        return None if row is None else GivenPackage(row[1], is_last_resort=True)
