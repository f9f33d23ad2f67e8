"""Stores that break a promise. The suites have to notice each of them."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from aparte.server.store import StoreError
from aparte.server.store.sqlite import SqliteStore
from aparte.server.store.sqlite.heads import HeadCache
from tests.disk import LossyDisk


def without_syncs(disk: LossyDisk) -> SqliteStore:
    """`synchronous=OFF`: nothing is flushed."""
    return SqliteStore(disk.folder / "host.db", vfs=disk.name, synchronous="OFF")


def without_a_sync_for_each_commit(disk: LossyDisk) -> SqliteStore:
    """`synchronous=NORMAL`: the log is flushed before a checkpoint, no sooner."""
    return SqliteStore(disk.folder / "host.db", vfs=disk.name, synchronous="NORMAL")


class HastyStore(SqliteStore):
    """Lets answers go before the COMMIT: whoever waits for it never hears how it ended."""

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        inner = super().transaction()
        transaction = inner.__enter__()
        try:
            yield transaction
        except BaseException:
            inner.__exit__(*sys.exc_info())
            raise
        with suppress(StoreError):
            inner.__exit__(None, None, None)


def hasty(disk: LossyDisk) -> SqliteStore:
    return HastyStore(disk.folder / "host.db", vfs=disk.name)


class StubbornHeads(HeadCache):
    """Keeps what it has when a transaction fails."""

    def clear(self) -> None:
        pass


def stubborn(disk: LossyDisk) -> SqliteStore:
    store = SqliteStore(disk.folder / "host.db", vfs=disk.name)
    store._heads = StubbornHeads()
    return store
