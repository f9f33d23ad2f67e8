"""A host's folder with many logs and entries in it, made by bulk SQL in the store's own schema, and tried by it.

Whoever starts a host on the folder finds what months of posting would have left: all entries in their indices.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from aparte.server.opening import new_pass
from aparte.server.shell.keys import load_keys, pass_key_of
from aparte.server.store.sqlite import SqliteStore
from aparte.server.store.sqlite.connection import connect
from aparte.wire.entries import Pass
from aparte.wire.ids import Idem, LogId, Millis, Node, Seq
from benchmarks.host.rows import NotMeasured

__all__ = ["Filled", "fill"]

#: What an entry takes on disk beside its body, indices and all; and what is left free on top.
_OVERHEAD, _SPARE = 500, 4 << 30
_ENTRIES = """
    WITH RECURSIVE number (n) AS (SELECT :first UNION ALL SELECT n + 1 FROM number WHERE n < :last)
    INSERT INTO entry (id, log, seq, at, node, kind, idem, next_epoch_key, chain, body_hash, body_length, body)
    SELECT n + 1, n % :logs + 1, n / :logs + 1, :at, 0, 1, randomblob(16), zeroblob(32), randomblob(32), randomblob(32),
        length(:body), :body
    FROM number
"""
_PORTION = 1_000_000
_INDEX = "INSERT INTO entry_{name} (log, {column}, entry) SELECT log, {column}, id FROM entry ORDER BY log, {column}"


@dataclass(frozen=True, slots=True)
class Filled:
    """A folder that a host can be started on, and how to open its logs."""

    folder: Path
    logs: int
    pass_key: bytes

    def grant(self, number: int) -> tuple[LogId, Pass]:
        """A log (from 1), and a pass for it."""
        now = Millis(time.time_ns() // 1_000_000)
        return log_id(number), new_pass(self.pass_key, log_id(number), node=Node(0), now=now)


def log_id(number: int) -> LogId:
    return LogId(sha256(b"%d" % number).digest()[:16])


def fill(folder: Path, *, logs: int, entries: int = 0, body: int = 1024) -> Filled:
    """Make the folder. Entries go round the logs. Raises `NotMeasured` if the disk has no room."""
    _require_room(folder.parent, entries * (body + _OVERHEAD))
    data = folder / "data"
    data.mkdir(parents=True)
    keys = load_keys(data / "keys.json", rng=os.urandom)
    store = SqliteStore(data / "host.db")
    incarnation = store.incarnation(os.urandom)
    store.close()
    _write(data / "host.db", logs=logs, entries=entries, body=os.urandom(body))
    _try_out(data / "host.db", logs=logs, entries=entries)
    _flush(data)
    return Filled(folder, logs, pass_key_of(keys, incarnation))


def _require_room(folder: Path, needed: int) -> None:
    free = shutil.disk_usage(folder).free
    # Sorting for the indices takes room, too; and a disk that is nearly full makes the host refuse posts.
    if free < 1.2 * needed + _SPARE:
        raise NotMeasured(
            f"{folder} has {free / 1e9:.0f} GB free, and {(1.2 * needed + _SPARE) / 1e9:.0f} GB are needed; "
            "--folder names another"
        )


def _write(path: Path, *, logs: int, entries: int, body: bytes) -> None:
    connection = connect(path, synchronous="OFF")
    try:
        for pragma in ("journal_mode = OFF", "locking_mode = EXCLUSIVE", "cache_size = -1000000"):
            connection.pragma(*pragma.split(" = "))
        at = time.time_ns() // 1_000_000 - 60_000
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO log VALUES (?, ?, 30, 0, 0)", ((n, log_id(n)) for n in range(1, logs + 1)))
        connection.execute("INSERT INTO node SELECT id, 0, ?, randomblob(32), randomblob(32) FROM log", (at,))
        for first in range(0, entries, _PORTION):
            last = min(entries, first + _PORTION) - 1
            connection.execute(_ENTRIES, {"first": first, "last": last, "logs": logs, "at": at, "body": body})
        for name, column in (("place", "seq"), ("idem", "idem")):
            connection.execute(_INDEX.format(name=name, column=column))
        connection.execute("INSERT INTO host VALUES ('indexed', ?)", (entries,))
        connection.execute("COMMIT")
    finally:
        connection.close()


def _flush(data: Path) -> None:
    """What is measured next must not wait for gigabytes on their way to the disk."""
    for path in data.iterdir():
        with path.open("rb") as file:
            os.fsync(file.fileno())


def _try_out(path: Path, *, logs: int, entries: int) -> None:
    """The store itself finds what was written: heads, entries by place, entries by idempotency id."""
    store = SqliteStore(path)
    try:
        with store.transaction() as transaction:
            for number in _some(logs):
                head = transaction.head(log_id(number))
                assert head is not None
                posted = len(range(number - 1, entries, logs))
                assert head.seq == posted, f"log {number} has {head.seq} entries, not {posted}"
                if not posted:
                    continue
                entry = store.reader().entry(head.key, Seq(posted))
                assert entry is not None
                assert transaction.posted(head.key, Idem(entry.idem)) is not None
                assert transaction.posted(head.key, Idem(bytes(16))) is None
    finally:
        store.close()


def _some(logs: int) -> Sequence[int]:
    return (1, logs // 2 + 1, logs)
