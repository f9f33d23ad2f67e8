"""Inboxes in SQLite. Of an item that was acknowledged, the id stays for some days, so that no repeat comes as new."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from aparte.server.store.accounts import AccountRef, DeviceRef
from aparte.server.store.sqlite.accounts_sql import Statements
from aparte.wire.ids import Idem, InboxSeq, Lane

__all__ = ["SqliteInboxes"]

_WAITING: Final = "SELECT count(*) FROM inbox_item WHERE device = ? AND lane = ? AND item IS NOT NULL"
_ADD: Final = "INSERT INTO inbox_item (device, seq, lane, item_id, day, item) VALUES (?, ?, ?, ?, ?, ?)"
_ACKNOWLEDGE: Final = """
    UPDATE inbox_item SET item = NULL, day = ? WHERE device = ? AND seq <= ? AND item IS NOT NULL
"""


class SqliteInboxes:
    """See `Inboxes`."""

    __slots__ = ("_sql",)

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def knows(self, device: DeviceRef, item_id: Idem) -> bool:
        known = "SELECT 1 FROM inbox_item WHERE device = ? AND item_id = ?"
        return self._sql.one(known, (device, item_id)) is not None

    def waiting(self, device: DeviceRef, lane: Lane) -> int:
        return int(self._sql.one(_WAITING, (device, lane))[0])

    def add(self, device: DeviceRef, lane: Lane, *, item_id: Idem, item: bytes, day: int) -> InboxSeq:
        self._sql.run("UPDATE device SET inbox_head = inbox_head + 1 WHERE id = ?", (device,))
        (seq,) = self._sql.one("SELECT inbox_head FROM device WHERE id = ?", (device,))
        self._sql.run(_ADD, (device, seq, lane, item_id, day, item))
        return InboxSeq(seq)

    def acknowledge(self, device: DeviceRef, up_to: InboxSeq, *, day: int) -> None:
        self._sql.run(_ACKNOWLEDGE, (day, device, up_to))

    def set_capabilities(self, account: AccountRef, lane: Lane, *, hashes: Iterable[bytes]) -> None:
        self._sql.run("DELETE FROM capability WHERE account = ? AND lane = ?", (account, lane))
        for hashed in hashes:
            self._sql.run(
                "INSERT OR IGNORE INTO capability (account, lane, hash) VALUES (?, ?, ?)", (account, lane, hashed)
            )

    def is_capability(self, account: AccountRef, lane: Lane, *, hashed: bytes) -> bool:
        found = "SELECT 1 FROM capability WHERE account = ? AND lane = ? AND hash = ?"
        return self._sql.one(found, (account, lane, hashed)) is not None
