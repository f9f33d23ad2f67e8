"""The engine: commands and frames in, frames and changes out. One SQLite transaction a step; its only I/O is its store.

Three verbs and one answer: `Engine.handle`, `Engine.receive` and `Engine.wake` return a `Step`. Nothing goes to the
wire or to a screen before it is on disk.
"""

from aparte.client.engine import Engine

__all__ = ["Engine"]
