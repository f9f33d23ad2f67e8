"""What the operator may see of the host's databases: counts, and the list of accounts. Reads only.

A database of an earlier schema, which no host has opened since, has fewer tables: what is not there counts as none.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

import apsw

from aparte.server.admin.errors import AdminError, Fault
from aparte.server.store.accounts import NEVER
from aparte.server.store.sqlite.connection import connect, store_errors
from aparte.trust import NameRefused, normalize_name
from aparte.wire.ids import AccountId

__all__ = ["Census", "ListedAccount", "date_of", "named_account", "normal_name", "open_census"]

_LISTED: Final = """
    SELECT account.id, account_id, coalesce(name.name, ''), created_day, is_operator, is_suspended, deletion_day,
           (SELECT count(*) FROM device WHERE device.account = account.id)
    FROM account LEFT JOIN name ON name.account = account.id AND name.freed_day = 0
"""
_DAY: Final = 86_400


class ListedAccount(NamedTuple):
    """A row of the list."""

    ref: int
    account_id: AccountId
    name: str
    created_day: int
    is_operator: bool
    is_suspended: bool
    deletion_day: int
    devices: int

    @property
    def called(self) -> str:
        """What an operator calls it."""
        return self.name or f"id:{self.account_id.hex()}"


class Census:
    """One database, seen as it is when each question is asked."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._tables = {name for (name,) in self._all("SELECT name FROM sqlite_schema WHERE type = 'table'")}

    def schema(self) -> int:
        """The number of the schema."""
        with store_errors():
            return int(self._connection.pragma("user_version"))

    def incarnation(self) -> bytes | None:
        """None if no host has run yet."""
        if "host" not in self._tables:
            return None
        rows = self._all("SELECT value FROM host WHERE name = 'incarnation'")
        return rows[0][0] if rows else None

    def count(self, table: str) -> int:
        """Rows of a table, 0 if there is none."""
        return int(self._all(f"SELECT count(*) FROM {table}")[0][0]) if table in self._tables else 0  # noqa: S608

    def blob_bytes(self) -> int:
        """The sum of all blobs, by the index."""
        return int(self._all("SELECT coalesce(sum(size), 0) FROM blob")[0][0]) if "blob" in self._tables else 0

    def newest_entry(self) -> int | None:
        """When the newest entry was accepted, in milliseconds."""
        rows = self._all("SELECT at FROM entry ORDER BY id DESC LIMIT 1") if "entry" in self._tables else []
        return int(rows[0][0]) if rows else None

    def accounts(self, *, after: int, limit: int) -> Sequence[ListedAccount]:
        """In the order in which they came."""
        return self._listed("WHERE account.id > ? ORDER BY account.id LIMIT ?", (after, limit))

    def by_name(self, name: str) -> ListedAccount | None:
        """The account that has this name now, suspended or not."""
        found = self._listed("WHERE name.name = ?", (name,))
        return found[0] if found else None

    def by_id(self, account_id: bytes) -> ListedAccount | None:
        """The account of this id, suspended or not."""
        found = self._listed("WHERE account_id = ?", (account_id,))
        return found[0] if found else None

    def _listed(self, which: str, values: tuple[object, ...]) -> list[ListedAccount]:
        if "account" not in self._tables:
            return []
        rows = self._all(f"{_LISTED} {which}", values)
        return [ListedAccount(r, a, n, c, bool(o), bool(s), d, v) for r, a, n, c, o, s, d, v in rows]

    def _all(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[Any, ...]]:
        with store_errors():
            return self._connection.execute(sql, values).fetchall()


@contextmanager
def open_census(path: Path) -> Iterator[Census]:
    """A database of a host, beside whoever writes to it. Raises `AdminError` if the file is not there."""
    if not path.is_file():
        raise AdminError(Fault.NO_HOST, f"there is no file {path}")
    connection = connect(path, read_only=True)
    try:
        yield Census(connection)
    finally:
        connection.close()


def named_account(census: Census, called: str) -> ListedAccount:
    """The account of this name, or of this id after `id:`. Raises `AdminError`."""
    if called.startswith("id:"):
        try:
            found = census.by_id(bytes.fromhex(called.removeprefix("id:")))
        except ValueError as error:
            raise AdminError(Fault.BAD_REQUEST, f"{called!r} is not id: and a number in hex") from error
    else:
        found = census.by_name(normal_name(called))
    if found is None:
        raise AdminError(Fault.NOT_FOUND, f"no account is called {called!r}")
    return found


def normal_name(text: str) -> str:
    """The name that was meant. Raises `AdminError`."""
    try:
        return normalize_name(text, allow_reserved=True)
    except NameRefused as error:
        raise AdminError(Fault.BAD_REQUEST, f"{text!r} is not a name: {error}") from error


def date_of(day: int) -> str | None:
    """A day as YYYY-MM-DD; None if it is never."""
    return None if day == NEVER else datetime.fromtimestamp(day * _DAY, UTC).date().isoformat()
