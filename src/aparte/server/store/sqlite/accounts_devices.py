"""Manifests in SQLite, and the devices that the last of each account lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from aparte.server.store.accounts import AccountRef, Device, DeviceRef
from aparte.server.store.sqlite.accounts_sql import Statements
from aparte.wire.ids import DeviceId, InboxSeq

__all__ = ["SqliteDevices", "forget_removed"]

#: Rows of a device that go with it in the same transaction. An inbox may hold 20 MB, and everybody would wait.
_AT_ONCE: Final = 64


class SqliteDevices:
    """See `Devices`."""

    __slots__ = ("_sql",)

    def __init__(self, statements: Statements) -> None:
        self._sql = statements

    def manifest(self, account: AccountRef) -> bytes:
        row = self._sql.one("SELECT manifest FROM manifest WHERE account = ? ORDER BY n DESC LIMIT 1", (account,))
        return bytes(row[0])

    def first_manifest(self, account: AccountRef) -> bytes:
        row = self._sql.one("SELECT manifest FROM manifest WHERE account = ? ORDER BY n LIMIT 1", (account,))
        return bytes(row[0])

    def manifest_sizes(self, account: AccountRef) -> tuple[int, int]:
        sizes = "SELECT count(*), coalesce(sum(length(manifest)), 0) FROM manifest WHERE account = ?"
        count, size = self._sql.one(sizes, (account,))
        return count, size

    def add_manifest(self, account: AccountRef, manifest: bytes, *, n: int) -> None:
        self._sql.run("INSERT INTO manifest (account, n, manifest) VALUES (?, ?, ?)", (account, n, manifest))

    def begin_generation(self, account: AccountRef, manifest: bytes) -> None:
        self._sql.run("DELETE FROM manifest WHERE account = ?", (account,))
        self.add_manifest(account, manifest, n=0)

    def listed(self, account: AccountRef) -> Mapping[DeviceId, Device]:
        rows = self._sql.all(
            "SELECT device_id, id, inbox_head FROM device WHERE account = ? ORDER BY device_id", (account,)
        )
        return {DeviceId(name): Device(DeviceRef(ref), InboxSeq(head)) for name, ref, head in rows}

    def find(self, account: AccountRef, device_id: DeviceId) -> Device | None:
        row = self._sql.one(
            "SELECT id, inbox_head FROM device WHERE account = ? AND device_id = ?", (account, device_id)
        )
        return None if row is None else Device(DeviceRef(row[0]), InboxSeq(row[1]))

    def add(self, account: AccountRef, device_id: DeviceId) -> DeviceRef:
        add = "INSERT INTO device (account, device_id, inbox_head) VALUES (?, ?, 0)"
        return DeviceRef(self._sql.insert(add, (account, device_id)))

    def remove(self, device: DeviceRef) -> None:
        self._sql.run("UPDATE device SET account = NULL, device_id = x'' WHERE id = ?", (device,))
        forget_removed(self._sql, device, limit=_AT_ONCE)


def forget_removed(statements: Statements, device: DeviceRef, *, limit: int) -> int:
    """Forget some of what a device had that is nobody's any more, and the device with the last; how many rows."""
    touched = 0
    for table in ("inbox_item", "key_package"):
        rows = f"SELECT id FROM {table} WHERE device = ? LIMIT ?"  # noqa: S608
        touched += statements.run(f"DELETE FROM {table} WHERE id IN ({rows})", (device, limit - touched))  # noqa: S608
    if touched < limit:
        touched += statements.run("DELETE FROM device WHERE id = ?", (device,))
    return touched
