"""Running the statements about accounts: what SQLite complains about is a `StoreError` for whoever decides."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw

from aparte.server.store.sqlite.connection import store_errors

__all__ = ["Statements"]


class Statements:
    """A connection, one statement at a time."""

    __slots__ = ("_connection",)

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def all(self, sql: str, values: Sequence[Any] = ()) -> list[Any]:
        """Every row."""
        with store_errors():
            return self._connection.execute(sql, values).fetchall()

    def one(self, sql: str, values: Sequence[Any] = ()) -> Any:
        """The first row, or None."""
        with store_errors():
            return self._connection.execute(sql, values).fetchone()

    def run(self, sql: str, values: Sequence[Any] = ()) -> int:
        """How many rows it changed."""
        with store_errors():
            self._connection.execute(sql, values)
            return self._connection.changes()

    def insert(self, sql: str, values: Sequence[Any]) -> int:
        """The number of the new row."""
        with store_errors():
            self._connection.execute(sql, values)
            return self._connection.last_insert_rowid()
