"""What the host keeps, behind one interface: `api` says what a store does, each implementation runs one contract."""

from aparte.server.store.api import (
    EntryRow,
    LogHead,
    LogKey,
    NodeState,
    Pruned,
    Reader,
    Store,
    StoreError,
    StoreFull,
    StoreRefused,
    Transaction,
)

__all__ = [
    "EntryRow",
    "LogHead",
    "LogKey",
    "NodeState",
    "Pruned",
    "Reader",
    "Store",
    "StoreError",
    "StoreFull",
    "StoreRefused",
    "Transaction",
]
