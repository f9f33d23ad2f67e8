"""Accounts in SQLite: who there is, under which name, and who may come."""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

import apsw

from aparte.server.store.accounts import AccountRef, AccountRow, AccountStore, Horizon, Invite, NameRow
from aparte.server.store.sqlite.accounts_devices import SqliteDevices
from aparte.server.store.sqlite.accounts_forgetting import forget
from aparte.server.store.sqlite.accounts_inboxes import SqliteInboxes
from aparte.server.store.sqlite.accounts_packages import SqliteKeyPackages
from aparte.server.store.sqlite.accounts_sql import Statements
from aparte.wire.ids import AccountId, TicketKind

__all__ = ["sqlite_accounts"]

_FIND: Final = """
    SELECT account.id, genesis, coalesce(name.name, ''), is_operator, is_suspended, deletion_day
    FROM account LEFT JOIN name ON name.account = account.id AND name.freed_day = 0
    WHERE account_id = ?
"""
_ADD: Final = """
    INSERT INTO account (account_id, genesis, created_day, is_operator, is_suspended, deletion_day)
    VALUES (?, ?, ?, ?, 0, 0)
"""
_GIVE: Final = """
    INSERT INTO name (name, account, freed_day) VALUES (?, ?, 0)
    ON CONFLICT (name) DO UPDATE SET account = excluded.account, freed_day = 0
"""
_ISSUED: Final = "SELECT issued FROM allowance WHERE account = ? AND kind = ? AND day = ?"
_ISSUE: Final = """
    INSERT INTO allowance (account, kind, day, issued) VALUES (?, ?, ?, ?)
    ON CONFLICT (account, kind) DO UPDATE SET
        issued = excluded.issued + CASE WHEN day = excluded.day THEN issued ELSE 0 END, day = excluded.day
"""
_DUE: Final = (
    "SELECT account_id FROM account WHERE deletion_day > 0 AND deletion_day <= ? ORDER BY deletion_day LIMIT ?"
)


def sqlite_accounts(connection: apsw.Connection) -> AccountStore:
    """What a transaction on this connection sees of accounts."""
    statements = Statements(connection)
    devices = SqliteDevices(statements)
    return AccountStore(
        SqliteDirectory(statements, devices), devices, SqliteKeyPackages(statements), SqliteInboxes(statements)
    )


class SqliteDirectory:
    """See `Directory`."""

    __slots__ = ("_devices", "_sql")

    def __init__(self, statements: Statements, devices: SqliteDevices) -> None:
        self._sql = statements
        self._devices = devices

    def find(self, account_id: AccountId) -> AccountRow | None:
        row = self._sql.one(_FIND, (account_id,))
        if row is None:
            return None
        ref, genesis, name, is_operator, is_suspended, deletion_day = row
        return AccountRow(
            AccountRef(ref), account_id, genesis, name, bool(is_operator), bool(is_suspended), deletion_day
        )

    def add(self, account_id: AccountId, genesis: bytes, *, is_operator: bool, day: int) -> AccountRef:
        return AccountRef(self._sql.insert(_ADD, (account_id, genesis, day, int(is_operator))))

    def has_operator(self) -> bool:
        return self._sql.one("SELECT 1 FROM account WHERE is_operator = 1 LIMIT 1") is not None

    def suspend(self, account: AccountRef, *, is_suspended: bool) -> None:
        self._sql.run("UPDATE account SET is_suspended = ? WHERE id = ?", (int(is_suspended), account))

    def set_deletion(self, account: AccountRef, day: int) -> None:
        self._sql.run("UPDATE account SET deletion_day = ? WHERE id = ?", (day, account))

    def due(self, day: int, *, limit: int) -> Sequence[AccountId]:
        return [AccountId(account_id) for (account_id,) in self._sql.all(_DUE, (day, limit))]

    def erase(self, account: AccountRef, day: int) -> None:
        for device in self._devices.listed(account).values():
            self._devices.remove(device.ref)
        for table in ("manifest", "capability", "allowance"):
            self._sql.run(f"DELETE FROM {table} WHERE account = ?", (account,))  # noqa: S608
        self._sql.run("UPDATE name SET freed_day = ? WHERE account = ? AND freed_day = 0", (day, account))
        self._sql.run("UPDATE name SET account = NULL WHERE account = ?", (account,))
        (account_id,) = self._sql.one("SELECT account_id FROM account WHERE id = ?", (account,))
        self._sql.run("DELETE FROM account WHERE id = ?", (account,))
        self._sql.run("INSERT INTO deleted_account (id_hash, day) VALUES (?, ?)", (_hash(account_id), day))

    def was_deleted(self, account_id: AccountId) -> bool:
        return self._sql.one("SELECT 1 FROM deleted_account WHERE id_hash = ?", (_hash(account_id),)) is not None

    def name(self, name: str) -> NameRow | None:
        row = self._sql.one("SELECT account, freed_day FROM name WHERE name = ?", (name,))
        return None if row is None else NameRow(None if row[0] is None else AccountRef(row[0]), row[1])

    def resting(self, account: AccountRef) -> int:
        (count,) = self._sql.one("SELECT count(*) FROM name WHERE account = ? AND freed_day > 0", (account,))
        return int(count)

    def give_name(self, name: str, account: AccountRef) -> None:
        self._sql.run(_GIVE, (name, account))

    def free_name(self, name: str, day: int) -> None:
        self._sql.run("UPDATE name SET freed_day = ? WHERE name = ?", (day, name))

    def forget_name(self, name: str) -> bool:
        return self._sql.run("DELETE FROM name WHERE name = ? AND freed_day > 0", (name,)) == 1

    def invite(self, code_hash: bytes) -> Invite | None:
        row = self._sql.one("SELECT uses_left, expires_day, is_operator FROM invite WHERE code_hash = ?", (code_hash,))
        return None if row is None else Invite(row[0], row[1], bool(row[2]))

    def add_invite(self, code_hash: bytes, invite: Invite) -> None:
        self._sql.run(
            "INSERT INTO invite (code_hash, uses_left, expires_day, is_operator) VALUES (?, ?, ?, ?)",
            (code_hash, invite.uses_left, invite.expires_day, int(invite.is_operator)),
        )

    def use_invite(self, code_hash: bytes) -> None:
        self._sql.run("UPDATE invite SET uses_left = uses_left - 1 WHERE code_hash = ?", (code_hash,))
        self._sql.run("DELETE FROM invite WHERE code_hash = ? AND uses_left <= 0", (code_hash,))

    def forget_operator_invites(self) -> None:
        self._sql.run("DELETE FROM invite WHERE is_operator = 1")

    def issued(self, account: AccountRef, kind: TicketKind, *, day: int) -> int:
        row = self._sql.one(_ISSUED, (account, kind, day))
        return 0 if row is None else int(row[0])

    def issue(self, account: AccountRef, kind: TicketKind, *, day: int, count: int) -> None:
        self._sql.run(_ISSUE, (account, kind, day, count))

    def forget(self, horizon: Horizon, *, limit: int) -> int:
        return forget(self._sql, horizon, limit=limit)


def _hash(account_id: AccountId) -> bytes:
    return sha256(account_id).digest()
