"""Schemas of SQLite files as numbered SQL steps; `PRAGMA user_version` says how far a file has come."""

from __future__ import annotations

import re
from collections.abc import Sequence
from importlib.resources import files
from typing import NamedTuple

import apsw

__all__ = ["NewerSchema", "SchemaStep", "migrate", "migrations"]


class NewerSchema(Exception):
    """The file was written by a newer version of Aparte."""

    def __init__(self, found: int, known: int) -> None:
        super().__init__(f"the data is of schema {found}, this version of Aparte knows {known}")


class SchemaStep(NamedTuple):
    """From the step before to this one."""

    number: int
    sql: str


def migrations(package: str) -> list[SchemaStep]:
    """Every step in a package of files `0001_what.sql`, in order."""
    named = {entry.name: entry for entry in files(package).iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", entry.name)}
    return [SchemaStep(int(name[:4]), named[name].read_text(encoding="utf-8")) for name in sorted(named)]


def migrate(connection: apsw.Connection, steps: Sequence[SchemaStep]) -> None:
    """Bring the schema up to date, each step in a transaction. Raises `NewerSchema`, and whatever SQLite raises."""
    version = int(connection.pragma("user_version"))
    if version > steps[-1].number:
        raise NewerSchema(version, steps[-1].number)
    for number, sql in steps:
        if number > version:
            with connection:
                connection.execute(sql)
                connection.pragma("user_version", number)
