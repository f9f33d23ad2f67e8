"""`SqliteClientStore`: one file, one connection, one thread at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

import apsw

from aparte.client.store.api import StoreError, StoreNewer
from aparte.client.store.sqlite import conversations as c
from aparte.client.store.sqlite.account import SqliteAccounts, SqliteKeyPackages
from aparte.client.store.sqlite.connection import connect, store_errors
from aparte.client.store.sqlite.schema import steps
from aparte.schema import NewerSchema, migrate

__all__ = ["SqliteClientStore", "SqliteTransaction"]

_PENDING: Final = """
SELECT (SELECT count(*) FROM outbox) + (SELECT count(*) FROM drop_) + (SELECT count(*) FROM own_commit)
     + (SELECT count(*) FROM conversation WHERE state < 4)
"""


class SqliteTransaction:
    """See `Transaction`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.accounts = SqliteAccounts(connection)
        self.key_packages = SqliteKeyPackages(connection)
        self.peers = c.SqlitePeers(connection)
        self.conversations = c.SqliteConversations(connection)
        self.epochs = c.epochs(connection)
        self.pieces = c.SqliteGroupPieces(connection)
        self.own_commits = c.own_commits(connection)
        self.messages = c.SqliteMessages(connection)
        self.outbox = c.SqliteOutbox(connection)
        self.drops = c.SqliteDrops(connection)
        self.tickets = c.SqliteTickets(connection)

    def pending(self) -> int:
        """See `Transaction.pending`."""
        found: Any = self._connection.execute(_PENDING).fetchone()
        return int(found[0])


class SqliteClientStore:
    """See `ClientStore`. Opening it raises `StoreError`."""

    def __init__(self, path: Path, key: bytes, *, vfs: str | None = None) -> None:
        self._connection = connect(path, key, vfs=vfs)
        self._tables = SqliteTransaction(self._connection)
        try:
            with store_errors():
                migrate(self._connection, steps())
        except NewerSchema as error:
            self._connection.close()
            raise StoreNewer(str(error)) from error
        except BaseException:
            with suppress(apsw.Error):
                self._connection.close()
            raise

    @contextmanager
    def transaction(self) -> Iterator[SqliteTransaction]:
        """See `ClientStore.transaction`."""
        try:
            with store_errors():
                self._connection.execute("BEGIN IMMEDIATE")
                yield self._tables
                self._connection.execute("COMMIT")
        except BaseException:
            self._abandon()
            raise

    def _abandon(self) -> None:
        try:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")
        except apsw.Error as error:
            raise StoreError(f"cannot roll back: {error}") from error

    def close(self) -> None:
        """See `ClientStore.close`."""
        with store_errors():
            self._connection.close()
