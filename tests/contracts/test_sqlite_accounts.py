"""The SQLite store keeps the accounts' contract; and what is its own: its schema, its plans, what stays in its file."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from aparte.server.store import Store
from aparte.server.store.accounts import Invite
from aparte.server.store.sqlite import SqliteStore, schema
from aparte.wire.ids import InboxSeq, Lane, TicketKind
from tests.contracts import accounts_writing as contract
from tests.contracts.accounts_contract import TestAccountsReader, TestDevices, TestDirectory, TestNames
from tests.contracts.accounts_writing import TODAY
from tests.contracts.inboxes_contract import TestForgetting, TestInboxes, TestKeyPackages
from tests.contracts.store_writing import OpenStore

__all__ = [
    "TestAccountsReader",
    "TestDevices",
    "TestDirectory",
    "TestForgetting",
    "TestInboxes",
    "TestKeyPackages",
    "TestNames",
]

SCHEMA = {
    "account": "id account_id genesis created_day is_operator is_suspended deletion_day",
    "allowance": "account kind day issued",
    "capability": "account lane hash",
    "deleted_account": "id_hash day",
    "device": "id account device_id inbox_head",
    "inbox_item": "id device seq lane item_id day item",
    "invite": "code_hash uses_left expires_day is_operator",
    "key_package": "id device hash expires_day last_resort key_package",
    "manifest": "id account n manifest",
    "name": "name account freed_day",
}
COLUMN = re.compile(r"^    (\w+) +(INTEGER|BLOB|TEXT)\b.*?(?:,| ) *-- ([^|]+) \| ([^|]+) \| (yes|no)$")


@pytest.fixture
def open_store(tmp_path: Path) -> Iterator[OpenStore]:
    opened: list[SqliteStore] = []

    def open_one() -> Store:
        opened.append(SqliteStore(tmp_path / "host.db"))
        return opened[-1]

    yield open_one
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    return open_store()


def lines() -> list[str]:
    (sql,) = [text for number, text in schema.migrations() if number == 2]
    return sql.splitlines()


class TestSchema:
    def test_tables_and_columns(self, store: Store) -> None:
        connection = store._connection  # type: ignore[attr-defined]
        for table, columns in SCHEMA.items():
            assert " ".join(column[1] for column in connection.pragma("table_info", table)) == columns

    def test_every_column_says_why_how_long_and_whose(self) -> None:
        declared = [line for line in lines() if re.match(r"    \w+ +(INTEGER|BLOB|TEXT)", line)]
        assert [line for line in declared if not COLUMN.match(line)] == []
        assert len(declared) == sum(len(columns.split()) for columns in SCHEMA.values())

    def test_no_time_is_finer_than_a_day(self) -> None:
        names = [match[1] for line in lines() if (match := COLUMN.match(line))]
        assert not [name for name in names if re.search(r"(^|_)(at|time|seen|address|ip)($|_)", name)]


def live(store: Store) -> None:
    """Everything that a store ever does about accounts."""
    (a, device), (b, _) = contract.settled(store, "a", "b")
    with store.transaction() as transaction:
        accounts = transaction.accounts()
        directory, devices, packages, inboxes = (
            accounts.directory,
            accounts.devices,
            accounts.packages,
            accounts.inboxes,
        )
        directory.has_operator()
        directory.suspend(b, is_suspended=False)
        directory.set_deletion(b, TODAY)
        directory.due(TODAY, limit=1)
        directory.was_deleted(contract.account_id("a"))
        directory.name("a")
        directory.free_name("a", TODAY)
        directory.resting(a)
        directory.forget_name("a")
        directory.add_invite(b"h" * 32, Invite(1, TODAY, is_operator=False))
        directory.invite(b"h" * 32)
        directory.use_invite(b"h" * 32)
        directory.issue(a, TicketKind.KNOCK, day=TODAY, count=1)
        directory.issued(a, TicketKind.KNOCK, day=TODAY)
        devices.manifest(a)
        devices.first_manifest(a)
        devices.manifest_sizes(a)
        devices.find(a, contract.device_id("a"))
        packages.add(device, b"one", expires_day=TODAY, is_last_resort=False)
        packages.add(device, b"last", expires_day=TODAY, is_last_resort=True)
        packages.knows(device, b"one")
        packages.stock(device, TODAY)
        packages.take(device, TODAY)
        packages.last_resort(device, TODAY)
        contract.drop(accounts, device, "one")
        inboxes.knows(device, contract.item_id("one"))
        inboxes.waiting(device, Lane.CONTACT)
        inboxes.acknowledge(device, InboxSeq(1), day=TODAY)
        inboxes.set_capabilities(a, Lane.CONTACT, hashes=[b"h" * 32])
        inboxes.is_capability(a, Lane.CONTACT, hashed=b"h" * 32)
        devices.begin_generation(b, b"new")
        directory.erase(a, TODAY)
        directory.forget(contract.horizon(TODAY + 99), limit=9)
    reader = store.reader().accounts()
    reader.by_name("b")
    reader.by_id(contract.account_id("b"))
    reader.manifests(contract.account_id("b"), from_n=0, max_bytes=9)
    contract.items(store, "b")


class TestPlans:
    def statements(self, store: Store) -> set[str]:
        seen: set[str] = set()

        def note(_: object, sql: str, __: object) -> bool:
            seen.add(" ".join(sql.split()))
            return True

        connections = [store._connection, store.reader()._connection]  # type: ignore[attr-defined]
        for connection in connections:
            connection.exec_trace = note
        live(store)
        for connection in connections:
            connection.exec_trace = None
        return {sql for sql in seen if re.match("SELECT|INSERT|UPDATE|DELETE", sql)}

    def test_no_table_is_scanned_or_sorted(self, store: Store) -> None:
        """But for the operator's account, which a host looks for once, at its start; and operators' invites."""
        connection = store._connection  # type: ignore[attr-defined]
        faults = {}
        for sql in self.statements(store):
            if "is_operator = 1" in sql:
                continue
            plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", (0,) * sql.count("?"))]
            if any(re.match(r"SCAN (?!CONSTANT)|.*TEMP", step) for step in plan):
                faults[sql] = plan
        assert not faults

    def test_control(self, store: Store) -> None:
        connection = store._connection  # type: ignore[attr-defined]
        plan = connection.execute("EXPLAIN QUERY PLAN SELECT name FROM name WHERE freed_day = 5").fetchall()
        assert "SCAN" in plan[0][3]


@pytest.mark.parametrize("ending", ["erase", "acknowledge", "forget", "take"])
def test_what_was_forgotten_is_not_in_the_file(store: Store, tmp_path: Path, ending: str) -> None:
    needle = b"sealed, and nobody's business any more"
    ((a, device),) = contract.settled(store, "a")
    with store.transaction() as transaction:
        accounts = transaction.accounts()
        idem = contract.item_id("one")
        accounts.inboxes.add(device, Lane.CONTACT, item_id=idem, item=needle if ending != "take" else b"", day=TODAY)
        package = needle if ending == "take" else b"package"
        accounts.packages.add(device, package, expires_day=TODAY, is_last_resort=False)
    assert in_files(store, tmp_path, needle), "the control"
    with store.transaction() as transaction:
        accounts = transaction.accounts()
        match ending:
            case "erase":
                accounts.directory.erase(a, TODAY)
            case "acknowledge":
                accounts.inboxes.acknowledge(device, InboxSeq(1), day=TODAY)
            case "forget":
                accounts.directory.forget(contract.horizon(TODAY + 99), limit=9)
            case _:
                accounts.packages.take(device, TODAY)
    assert not in_files(store, tmp_path, needle)


def in_files(store: Store, folder: Path, needle: bytes) -> bool:
    connection = store._connection  # type: ignore[attr-defined]
    assert connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall() == [(0, 0, 0)]
    return any(needle in file.read_bytes() for file in folder.glob("host.db*"))
