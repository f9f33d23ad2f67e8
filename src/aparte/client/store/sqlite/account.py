"""The account and its key packages in SQL."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from typing import Any, Final

import apsw

from aparte.client.store.api import AccountRow, AccountState, KeyPackageRow
from aparte.wire import ErrorCode
from aparte.wire.ids import Millis

__all__ = ["SqliteAccounts", "SqliteKeyPackages"]

_ACCOUNT: Final = tuple(field.name for field in fields(AccountRow))
_GET_ACCOUNT: Final = f"SELECT {', '.join(_ACCOUNT)} FROM account WHERE id = 1"  # noqa: S608
_PUT_ACCOUNT: Final = (
    f"INSERT OR REPLACE INTO account (id, {', '.join(_ACCOUNT)}) VALUES (1, {', '.join('?' * len(_ACCOUNT))})"  # noqa: S608
)
_PACKAGE: Final = "reference, secrets, expires, is_last_resort, is_published"


class SqliteAccounts:
    """See `Accounts`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def get(self) -> AccountRow | None:
        row: Any = self._connection.execute(_GET_ACCOUNT).fetchone()
        if row is None:
            return None
        values = dict(zip(_ACCOUNT, row, strict=True))
        values["state"] = AccountState(values["state"])
        values["refused"] = None if values["refused"] is None else ErrorCode(values["refused"])
        values["is_operator"] = bool(values["is_operator"])
        return AccountRow(**values)

    def put(self, row: AccountRow) -> None:
        self._connection.execute(_PUT_ACCOUNT, tuple(getattr(row, name) for name in _ACCOUNT))


class SqliteKeyPackages:
    """See `KeyPackages`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def add(self, rows: Sequence[KeyPackageRow]) -> None:
        self._connection.executemany(
            f"INSERT INTO key_package ({_PACKAGE}) VALUES (?, ?, ?, ?, ?)",  # noqa: S608
            [(row.reference, row.secrets, row.expires, row.is_last_resort, row.is_published) for row in rows],
        )

    def unpublished(self) -> Sequence[KeyPackageRow]:
        query = f"SELECT {_PACKAGE} FROM key_package WHERE is_published = 0 ORDER BY id"  # noqa: S608
        return [_package(row) for row in self._connection.execute(query)]

    def published(self, references: Sequence[bytes]) -> None:
        self._connection.executemany(
            "UPDATE key_package SET is_published = 1 WHERE reference = ?", [(each,) for each in references]
        )

    def find(self, reference: bytes) -> KeyPackageRow | None:
        query = f"SELECT {_PACKAGE} FROM key_package WHERE reference = ?"  # noqa: S608
        row = self._connection.execute(query, (reference,)).fetchone()
        return None if row is None else _package(row)

    def remove(self, reference: bytes) -> None:
        self._connection.execute("DELETE FROM key_package WHERE reference = ?", (reference,))

    def expire(self, now: Millis) -> int:
        self._connection.execute("DELETE FROM key_package WHERE expires <= ?", (now,))
        return self._connection.changes()


def _package(row: Any) -> KeyPackageRow:
    reference, secrets, expires, is_last_resort, is_published = row
    return KeyPackageRow(reference, secrets, Millis(expires), bool(is_last_resort), bool(is_published))
