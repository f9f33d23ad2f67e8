"""A table whose rows are a dataclass: columns are named as its fields are, and their types follow from the hints."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from enum import IntEnum
from functools import cache
from types import UnionType
from typing import Any, Generic, TypeVar, get_args, get_origin, get_type_hints

import apsw

__all__ = ["SqliteTable"]

Row = TypeVar("Row")


class SqliteTable(Generic[Row]):
    """Rows by their key. A key `("id",)`, the first column, is given out by SQLite to rows that have 0."""

    def __init__(self, connection: apsw.Connection, name: str, *, kind: type[Row], key: tuple[str, ...]) -> None:
        self._connection = connection
        self._kind = kind
        row: Any = kind
        self._sql = _sql(name, row, key=key)
        self._is_numbered = key == ("id",)

    def get(self, *key: object) -> Row | None:
        """The row with this key."""
        return next(self.select(self._sql.by_key, *key), None)

    def put(self, row: Row) -> int:
        """Keep it in place of the one with its key; its number, if rows are numbered."""
        values = tuple(getattr(row, name) for name in self._sql.columns)
        if not self._is_numbered or values[0]:
            self._connection.execute(self._sql.put, values)
            return int(values[0]) if self._is_numbered else 0
        self._connection.execute(self._sql.put, (None, *values[1:]))
        return self._connection.last_insert_rowid()

    def remove(self, *key: object) -> None:
        """Remove the row with this key, if there is one."""
        self._connection.execute(self._sql.remove, key)

    def select(self, where: str, *values: object) -> Iterator[Row]:
        """The rows for which that is so. Column names in `where` are the fields'."""
        for found in self._connection.execute(f"{self._sql.select} {where}", values):
            yield self._row(found)

    def _row(self, values: tuple[Any, ...]) -> Row:
        converted = list(values)
        for at, convert in self._sql.converters:
            if converted[at] is not None:
                converted[at] = convert(converted[at])
        return self._kind(*converted)


class _Sql:
    """Statements of one table."""

    def __init__(self, name: str, kind: Any, *, key: tuple[str, ...]) -> None:
        hints = get_type_hints(kind)
        self.columns = tuple(field.name for field in fields(kind))
        listed, marks = ", ".join(self.columns), ", ".join("?" * len(self.columns))
        others = [column for column in self.columns if column not in key]
        changes = ", ".join(f"{column} = excluded.{column}" for column in others)
        conflict = f"DO UPDATE SET {changes}" if others else "DO NOTHING"
        self.select = f"SELECT {listed} FROM {name}"  # noqa: S608 - names are this program's
        self.by_key = f"WHERE {' AND '.join(f'{column} = ?' for column in key)}"
        self.put = f"INSERT INTO {name} ({listed}) VALUES ({marks}) ON CONFLICT ({', '.join(key)}) {conflict}"  # noqa: S608
        self.remove = f"DELETE FROM {name} {self.by_key}"  # noqa: S608
        self.converters = [(at, found) for at, name in enumerate(self.columns) if (found := _converter(hints[name]))]


@cache
def _sql(name: str, kind: Any, *, key: tuple[str, ...]) -> _Sql:
    return _Sql(name, kind, key=key)


def _converter(hint: Any) -> Callable[[Any], Any] | None:
    if get_origin(hint) is UnionType:
        (hint,) = (each for each in get_args(hint) if each is not type(None))
    if hint is bool or (isinstance(hint, type) and issubclass(hint, IntEnum)):
        made: Callable[[Any], Any] = hint
        return made
    return None
