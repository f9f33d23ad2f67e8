"""A blob up and down, beside copying the same file on the same disk and flushing the copy."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from base64 import urlsafe_b64encode
from collections.abc import Iterator
from http.client import HTTPResponse
from pathlib import Path

from aparte.wire.ids import TicketKind
from benchmarks.host.bench import Bench
from benchmarks.host.grants import make_ticket, ticket_key
from benchmarks.host.rows import Goal, Row, Turns
from benchmarks.host.servers import Server, running

__all__ = ["blob_rows"]

_MIB = 1 << 20
_PIECE = _MIB


def blob_rows(bench: Bench) -> Iterator[Row]:
    source = bench.folder / "blob"
    with source.open("wb") as file:
        for _ in range(bench.plan.blob_mib):
            file.write(os.urandom(_MIB))
    turns: Turns = {"host": [], "cp": []}
    with running("host", bench.folder / "blobs") as host:
        for number in range(bench.plan.rounds):
            for name in ("cp", "host") if number % 2 else ("host", "cp"):
                os.sync()
                time.sleep(0.5)
                turns[name].append(_copy(source) if name == "cp" else _up_and_down(host, source))
    goals = (Goal("up_mib_s", "cp", at_least=0.5), Goal("down_mib_s", "cp"))
    note = "cp: the copy flushed (up); written to another place and not flushed (down)"
    yield Row(f"a blob of {bench.plan.blob_mib} MiB", turns, goals, note)


def _copy(source: Path) -> dict[str, float]:
    copy = source.with_name("copy")
    mib = source.stat().st_size / _MIB
    begun = time.perf_counter()
    subprocess.run(["cp", str(source), str(copy)], check=True)
    copied = time.perf_counter() - begun
    with copy.open("rb") as file:
        os.fsync(file.fileno())
    flushed = time.perf_counter() - begun
    copy.unlink()
    return {"up_mib_s": mib / flushed, "down_mib_s": mib / copied}


def _up_and_down(host: Server, source: Path) -> dict[str, float]:
    size = source.stat().st_size
    ticket = make_ticket(ticket_key(host.folder / "data"), TicketKind.UPLOAD_BLOB)
    begun = time.perf_counter()
    blob, erase_token = _upload(host, source, ticket=ticket)
    up = time.perf_counter() - begun
    begun = time.perf_counter()
    found = _download(host, blob, size=size)
    down = time.perf_counter() - begun
    assert found == source.read_bytes(), "the blob came back changed"
    with _request(host, f"DELETE /v1/blobs/{blob}", headers={"Aparte-Erase-Token": erase_token}) as link:
        _answered(link, 204)
    return {"up_mib_s": size / _MIB / up, "down_mib_s": size / _MIB / down}


def _request(host: Server, line: str, *, headers: dict[str, str]) -> socket.socket:
    """A connection with the head of a request sent."""
    link = socket.create_connection(("127.0.0.1", host.port), timeout=120)
    head = "".join(f"{name}: {value}\r\n" for name, value in {"Host": "localhost", **headers}.items())
    link.sendall(f"{line} HTTP/1.1\r\n{head}\r\n".encode())
    return link


def _answered(link: socket.socket, status: int) -> HTTPResponse:
    answer = HTTPResponse(link)
    answer.begin()
    assert answer.status == status, f"{answer.status}: {answer.read()[:200]!r}"
    return answer


def _upload(host: Server, source: Path, *, ticket: bytes) -> tuple[str, str]:
    """The blob's id and its erase token. In one request: creation with upload (tus)."""
    size = source.stat().st_size
    headers = {
        "Tus-Resumable": "1.0.0",
        "Upload-Length": str(size),
        "Content-Length": str(size),
        "Content-Type": "application/offset+octet-stream",
        "Aparte-Ticket": urlsafe_b64encode(ticket).decode().rstrip("="),
    }
    with _request(host, "POST /v1/uploads", headers=headers) as link, source.open("rb") as file:
        link.sendfile(file)
        answer = _answered(link, 201)
        assert answer.headers["Upload-Offset"] == str(size), "the upload was cut short"
        return answer.headers["Aparte-Blob"], answer.headers["Aparte-Erase-Token"]


def _download(host: Server, blob: str, *, size: int) -> bytearray:
    found = bytearray(size)
    view = memoryview(found)
    with _request(host, f"GET /v1/blobs/{blob}", headers={"Connection": "close"}) as link:
        answer = _answered(link, 200)
        assert answer.headers["Content-Length"] == str(size)
        at = 0
        while at < size:
            got = answer.readinto(view[at : at + _PIECE])
            assert got, "the download was cut short"
            at += got
    return found
