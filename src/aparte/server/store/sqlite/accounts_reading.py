"""Reading what is durable of accounts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

import apsw

from aparte.server.store.accounts import FoundAccount, ReadItem
from aparte.server.store.sqlite.connection import store_errors
from aparte.wire.ids import AccountId, DeviceId, InboxSeq, Lane

__all__ = ["SqliteAccountsReader"]

_ITEM_OVERHEAD: Final = 64
_NEWEST: Final = "(SELECT manifest FROM manifest WHERE manifest.account = account.id ORDER BY n DESC LIMIT 1)"
_FOUND: Final = f"coalesce(name.name, ''), genesis, {_NEWEST}"
_BY_NAME: Final = f"""
    SELECT {_FOUND} FROM name JOIN account ON account.id = name.account
    WHERE name.name = ? AND freed_day = 0 AND is_suspended = 0
"""  # noqa: S608
_BY_ID: Final = f"""
    SELECT {_FOUND} FROM account LEFT JOIN name ON name.account = account.id AND name.freed_day = 0
    WHERE account_id = ? AND is_suspended = 0
"""  # noqa: S608
_MANIFESTS: Final = """
    SELECT n, manifest FROM account JOIN manifest ON manifest.account = account.id
    WHERE account_id = ? AND is_suspended = 0 AND n >= ? ORDER BY n
"""
_ITEMS: Final = """
    SELECT seq, lane, day, item FROM account JOIN device ON device.account = account.id
    JOIN inbox_item ON inbox_item.device = device.id
    WHERE account_id = ? AND device_id = ? AND seq > ? AND item IS NOT NULL ORDER BY seq LIMIT ?
"""


class SqliteAccountsReader:
    """See `AccountsReader`. Each answer comes of one statement, so it is of one state."""

    __slots__ = ("_connection",)

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def by_name(self, name: str) -> FoundAccount | None:
        return self._found(_BY_NAME, name)

    def by_id(self, account_id: AccountId) -> FoundAccount | None:
        return self._found(_BY_ID, account_id)

    def manifests(self, account_id: AccountId, *, from_n: int, max_bytes: int) -> Sequence[tuple[int, bytes]]:
        with store_errors():
            rows = self._connection.execute(_MANIFESTS, (account_id, from_n))
            return list(_fitting(rows, max_bytes=max_bytes, overhead=0))

    def items(
        self, account_id: AccountId, device_id: DeviceId, *, after: InboxSeq, most: int, max_bytes: int
    ) -> Sequence[ReadItem]:
        with store_errors():
            rows = self._connection.execute(_ITEMS, (account_id, device_id, after, most))
            fitting = _fitting(rows, max_bytes=max_bytes, overhead=_ITEM_OVERHEAD)
            return [ReadItem(InboxSeq(seq), Lane(lane), day, item) for seq, lane, day, item in fitting]

    def _found(self, sql: str, key: str | bytes) -> FoundAccount | None:
        with store_errors():
            row: Any = self._connection.execute(sql, (key,)).fetchone()
        return None if row is None else FoundAccount(*row)


def _fitting(rows: Iterable[Any], *, max_bytes: int, overhead: int) -> list[Any]:
    """The first rows, as many as fit by the size of their last column, at least one."""
    found: list[Any] = []
    size = 0
    for row in rows:
        size += len(row[-1]) + overhead
        if found and size > max_bytes:
            break
        found.append(row)
    return found
