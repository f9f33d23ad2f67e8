"""The engine's file: encrypted, one process at a time, nothing half done, and clear about what is wrong."""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import closing, suppress
from dataclasses import replace
from pathlib import Path

import apsw
import pytest

from aparte.client.store import StoreDamaged, StoreError, StoreFull, StoreInUse, StoreLocked, StoreNewer
from aparte.client.store.api import AccountRow, AccountState, KeyPackageRow
from aparte.client.store.sqlite import SqliteClientStore
from aparte.wire import ErrorCode
from aparte.wire.ids import AccountId, Millis

KEY = bytes(range(32))
PLANTED = b"planted-word-for-the-search"
ACCOUNT = AccountRow(
    AccountId(b"a" * 32), "host.example", "alice", AccountState.SIGNING_UP, b"genesis", b"manifest", b"d" * 32,
    PLANTED, b"p" * 16, "invite",
)  # fmt: skip
PACKAGE = KeyPackageRow(b"ref", b"secrets", Millis(1000), is_last_resort=False)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "alice.db"


def opened(path: Path, key: bytes = KEY) -> SqliteClientStore:
    return SqliteClientStore(path, key)


def test_what_was_kept_is_there_again(path: Path) -> None:
    refused = replace(ACCOUNT, state=AccountState.REFUSED, refused=ErrorCode.NAME_TAKEN, detail="taken", phrase=None)
    for row in (ACCOUNT, refused):
        store = opened(path)
        with store.transaction() as transaction:
            transaction.accounts.put(row)
        store.close()
        store = opened(path)
        with store.transaction() as transaction:
            assert transaction.accounts.get() == row
        store.close()


def test_a_step_that_fails_leaves_nothing(path: Path) -> None:
    store = opened(path)
    with suppress(KeyError), store.transaction() as transaction:
        transaction.accounts.put(ACCOUNT)
        transaction.key_packages.add([PACKAGE])
        raise KeyError
    with store.transaction() as transaction:
        assert transaction.accounts.get() is None
        assert transaction.key_packages.unpublished() == []
    store.close()


def test_key_packages(path: Path) -> None:
    store = opened(path)
    later = replace(PACKAGE, reference=b"later", expires=Millis(5000), is_last_resort=True)
    with store.transaction() as transaction:
        packages = transaction.key_packages
        packages.add([PACKAGE, later])
        assert packages.unpublished() == [PACKAGE, later]
        packages.published([b"ref", b"unknown"])
        assert packages.unpublished() == [later]
        assert packages.find(b"ref") == replace(PACKAGE, is_published=True)
        assert packages.expire(Millis(1000)) == 1
        assert packages.find(b"ref") is None
        packages.remove(b"later")
        assert packages.find(b"later") is None
    store.close()


def everything(path: Path) -> bytes:
    return b"".join(each.read_bytes() for each in path.parent.iterdir())


def test_nothing_in_clear_is_on_the_disk(path: Path) -> None:
    """While the store is open, and after; the search would find it in a file that is not encrypted."""
    store = opened(path)
    with store.transaction() as transaction:
        transaction.accounts.put(ACCOUNT)
    for word in (PLANTED, b"alice", b"account", b"SQLite format"):
        assert word not in everything(path)
    store.close()
    for word in (PLANTED, b"alice", b"account", b"SQLite format"):
        assert word not in everything(path)
    with apsw.Connection(str(path.with_name("plain.db"))) as plain:
        plain.execute("CREATE TABLE account (inbox_key BLOB)")
        plain.execute("INSERT INTO account VALUES (?)", (PLANTED,))
    plain.close()
    assert PLANTED in everything(path)


def test_what_was_deleted_is_overwritten(path: Path) -> None:
    store = opened(path)
    with store.transaction() as transaction:
        transaction.accounts.put(ACCOUNT)
    with store.transaction() as transaction:
        transaction.accounts.put(replace(ACCOUNT, inbox_key=b"other"))
    assert store._connection.pragma("secure_delete") == 1
    store.close()


def test_another_key(path: Path) -> None:
    opened(path).close()
    with pytest.raises(StoreLocked):
        opened(path, bytes(32))
    with pytest.raises(StoreLocked, match="32 bytes"):
        opened(path, b"short")
    opened(path).close()


def test_another_process(path: Path) -> None:
    store = opened(path)
    program = (
        "import sys; from pathlib import Path; from aparte.client.store.sqlite import SqliteClientStore\n"
        "SqliteClientStore(Path(sys.argv[1]), bytes(range(32)))"
    )
    found = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False)
    assert "StoreInUse" in found.stderr
    with pytest.raises(StoreInUse):
        opened(path)
    store.close()
    opened(path).close()


def test_a_newer_one_is_left_alone(path: Path) -> None:
    store = opened(path)
    store._connection.pragma("user_version", 99)
    store.close()
    before = path.read_bytes()
    with pytest.raises(StoreNewer, match="99"):
        opened(path)
    assert path.read_bytes() == before


def look(path: Path) -> None:
    with closing(opened(path)) as store, store.transaction() as transaction:
        transaction.key_packages.unpublished()


def test_a_damaged_one(path: Path) -> None:
    store = opened(path)
    with store.transaction() as transaction:
        transaction.key_packages.add(
            [replace(PACKAGE, reference=b"%d" % number, secrets=os.urandom(3_000)) for number in range(50)]
        )
    store.close()
    data = bytearray(path.read_bytes())
    data[8_192 : len(data) - 8_192] = os.urandom(len(data) - 16_384)
    path.write_bytes(data)
    with pytest.raises(StoreError) as raised:
        look(path)
    assert type(raised.value) in {StoreDamaged, StoreLocked}


def test_a_full_disk(path: Path) -> None:
    store = opened(path)
    store._connection.pragma("max_page_count", store._connection.pragma("page_count") + 2)
    with pytest.raises(StoreFull), store.transaction() as transaction:
        transaction.key_packages.add([replace(PACKAGE, secrets=bytes(100_000))])
    with store.transaction() as transaction:
        transaction.accounts.put(ACCOUNT)
    store.close()


def test_secrets_are_not_shown() -> None:
    for secret in (ACCOUNT.device_key, ACCOUNT.inbox_key, ACCOUNT.phrase, ACCOUNT.invite, PACKAGE.secrets):
        assert repr(secret) not in repr(ACCOUNT) + repr(PACKAGE)
