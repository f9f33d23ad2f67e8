"""The engine's store as one encrypted SQLite file."""

from aparte.client.store.sqlite.store import SqliteClientStore

__all__ = ["SqliteClientStore"]
