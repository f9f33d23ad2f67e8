"""Hosts to look after: folders with people, logs and blobs in them, processes that serve them, and the command line."""

from __future__ import annotations

import http.client
import json
import os
import secrets
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from click.testing import CliRunner

from aparte.cli import main
from aparte.server.blobs import Blob, BlobFiles, BlobId, SqliteBlobIndex
from aparte.server.blobs import schema as blob_schema
from aparte.server.blobs.expiry import Day, today
from aparte.server.opening import new_pass
from aparte.server.policy import HostKeys
from aparte.server.shell.keys import load_keys, pass_key_of
from aparte.server.store.sqlite import SqliteStore
from aparte.server.store.sqlite.connection import connect, migrate
from aparte.server.store.sqlite.schema import migrations
from aparte.wire import decode_frame, encode_frame
from aparte.wire.entries import NO_KEY, Entry
from aparte.wire.ids import EntryKind, Idem, Incarnation, Millis, Request, Seq
from aparte.wire.log_frames import Accepted, Entries, Post, Read
from tests.hosting import HOST, Log
from tests.hosting_accounts import Town, town

APARTE = Path(sys.executable).with_name("aparte")
NAMES = ("alice", "bob", "carol")


def clock() -> Millis:
    return Millis(time.time_ns() // 1_000_000)


@dataclass
class Said:
    """What a command said."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on stdout."""
        assert self.code == 0, self.err
        assert not self.err
        return dict(json.loads(self.out))

    @property
    def fault(self) -> str:
        """What the JSON on stderr says is wrong."""
        assert self.code == 1, self.out
        assert not self.out
        return str(json.loads(self.err)["error"]["fault"])


def aparte(*words: object) -> Said:
    """The command line, in this process."""
    result = CliRunner().invoke(main, [str(word) for word in words])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return Said(result.exit_code, result.stdout, result.stderr)


def fill(folder: Path, *, logs: int = 3, blobs: int = 5) -> list[Log]:
    """A host's folder as if one had run: three people, some logs with two entries each, some blobs."""
    folder.mkdir(mode=0o700)
    load_keys(folder / "keys.json", rng=os.urandom)
    made: list[Log] = []
    with town(folder, now=clock()) as place:
        place.store.incarnation(os.urandom)
        for name in NAMES:
            place.resident(name).stocks(b"package one", b"package two")
        made += [log_with(place, b"first", b"second") for _ in range(logs)]
    add_blobs(folder, blobs)
    return made


def log_with(place: Town, *bodies: bytes) -> Log:
    client = place.client()
    log = client.creates()
    for body in bodies:
        assert isinstance(client.posts(log, body), Accepted)
    return log


@contextmanager
def blob_index(folder: Path) -> Iterator[SqliteBlobIndex]:
    connection = connect(folder / "blobs.db")
    try:
        migrate(connection, migrations(blob_schema.__name__))
        yield SqliteBlobIndex(connection)
    finally:
        connection.close()


def add_blobs(folder: Path, count: int, *, days: int = 30) -> list[BlobId]:
    """Blobs of 1000 bytes, whole and in place."""
    files = BlobFiles(folder)
    files.prepare()
    added = [Blob(BlobId(secrets.token_bytes(16)), 1000, Day(today(clock()) + days), bytes(32)) for _ in range(count)]
    for blob in added:
        files.blob_path(blob.blob_id).write_bytes(secrets.token_bytes(blob.size))
    with blob_index(folder):
        connection = connect(folder / "blobs.db")
        for blob in added:
            row = (blob.blob_id, blob.size, blob.expires_day, blob.erase_hash)
            connection.execute("INSERT INTO blob VALUES (?, ?, ?, ?)", row)
        connection.close()
    return [blob.blob_id for blob in added]


@dataclass
class Host:
    """A host process."""

    data: Path
    url: str
    process: subprocess.Popen[str]

    def asks(self, frame: Any) -> Any:
        """One frame over HTTP; the frame that answers it."""
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
        try:
            connection.request("POST", "/v1/frame", encode_frame(frame))
            response = connection.getresponse()
            assert response.status == 200, response.read()
            return decode_frame(response.read())
        finally:
            connection.close()

    def about(self) -> dict[str, Any]:
        where = urlsplit(self.url)
        connection = http.client.HTTPConnection(where.hostname or "", where.port, timeout=20)
        try:
            connection.request("GET", "/.well-known/aparte")
            return dict(json.loads(connection.getresponse().read()))
        finally:
            connection.close()

    def stops(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(20) == 0


@contextmanager
def running(data: Path, *words: object, domain: str = HOST, port: int = 0) -> Iterator[Host]:
    """A host on this folder, in a process of its own."""
    command = [APARTE, "serve", "--data", data, "--listen", f"127.0.0.1:{port}", "--domain", domain, *map(str, words)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        assert process.stdout is not None
        said: list[str] = []
        try:
            for line in process.stdout:
                said.append(line)
                if "running at" in line:
                    break
            else:
                raise AssertionError("".join(said))
            drain = threading.Thread(target=process.stdout.read, daemon=True)
            drain.start()
            yield Host(data, said[-1].split("running at ")[1].split()[0], process)
        finally:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
                process.wait(20)


def keys_of(data: Path) -> HostKeys:
    """The keys that a host on this folder would use now."""
    stored = load_keys(data / "keys.json", rng=os.urandom)
    connection = connect(data / "host.db", read_only=True)
    ((incarnation,),) = connection.execute("SELECT value FROM host WHERE name = 'incarnation'").fetchall()
    connection.close()
    return HostKeys(stored.receipt_key, pass_key_of(stored, Incarnation(incarnation)), stored.ticket_seed)


class Member:
    """Somebody with a pass for a log, over HTTP."""

    def __init__(self, log: Log, keys: HostKeys) -> None:
        self.log = log
        self.shown = new_pass(keys.pass_key, log.log_id, node=log.node, now=clock())

    def reads(self, host: Host) -> Any:
        return host.asks(Read(Request(1), self.log.log_id, self.log.node, Seq(0), 1 << 18, self.shown))

    def entries(self, host: Host) -> tuple[Entry, ...]:
        page = self.reads(host)
        assert isinstance(page, Entries), page
        assert not page.more
        return page.entries

    def posts(self, host: Host, body: bytes) -> Any:
        log, idem = self.log, Idem(secrets.token_bytes(16))
        return host.asks(Post(Request(2), log.log_id, log.node, idem, EntryKind.APP, NO_KEY, self.shown, body))


def people(data: Path) -> dict[str, dict[str, Any]]:
    """The accounts as listed, by name."""
    return {user["name"]: user for user in aparte("admin", "users", "--data", data, "--json").json["users"]}


def opened(data: Path) -> SqliteStore:
    return SqliteStore(data / "host.db")
