"""What an engine keeps: an interface, and its SQLite file, which is encrypted."""

from aparte.client.store.api import (
    ClientStore,
    StoreDamaged,
    StoreError,
    StoreFull,
    StoreInUse,
    StoreLocked,
    StoreNewer,
)

__all__ = [
    "ClientStore",
    "StoreDamaged",
    "StoreError",
    "StoreFull",
    "StoreInUse",
    "StoreLocked",
    "StoreNewer",
]
