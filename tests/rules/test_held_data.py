"""The page of what a host holds has every column of every table that a host makes."""

from __future__ import annotations

from pathlib import Path

import apsw
import pytest

from aparte.server.blobs import schema as blob_schema
from aparte.server.store.sqlite import SqliteStore
from aparte.server.store.sqlite.connection import connect, migrate
from aparte.server.store.sqlite.schema import migrations
from tools.held_data import PAGE, all_columns, columns, page

TABLES = "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"


def real_columns(connection: apsw.Connection) -> set[tuple[str, str]]:
    """(table, column) of a database."""
    tables = [name for (name,) in connection.execute(TABLES)]
    return {(table, row[1]) for table in tables for row in connection.execute(f"PRAGMA table_info({table})")}


def test_every_column_has_its_remark(tmp_path: Path) -> None:
    SqliteStore(tmp_path / "host.db").close()
    blobs = connect(tmp_path / "blobs.db")
    migrate(blobs, migrations(blob_schema.__name__))
    host = apsw.Connection(str(tmp_path / "host.db"))
    held = real_columns(host) | real_columns(blobs)
    host.close()
    blobs.close()
    assert held == {(column.table, column.name) for column in all_columns()}


def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(all_columns()), "run tools/held_data.py"


def test_each_answer_is_yes_or_no() -> None:
    assert {column.from_account for column in all_columns()} == {"yes", "no"}


@pytest.mark.parametrize("remark", ["", "-- why", "-- why | how long", "-- why | | no"])
def test_control(remark: str) -> None:
    good = "CREATE TABLE t (\n    a INTEGER,    -- why | how long | no\n"
    assert [column.name for column in columns(good + ") STRICT;")] == ["a"]
    with pytest.raises(ValueError, match=r"t\.b"):
        columns(good + f"    b BLOB NOT NULL    {remark}\n) STRICT;")
