"""The host's store in one SQLite file: WAL, flushed at each commit, one writer."""

from aparte.server.store.sqlite.store import SqliteStore

__all__ = ["SqliteStore"]
