"""The control socket of a running host: `control.sock` in its folder, for the folder's owner alone.

One request and one answer to a connection, each a line of JSON. The requests are those of `requests`, by name:

    {"version": 1, "request": "invite", "with": {"uses": 5, "days": 7}}
    {"version": 1, "answer": {"code": ...}}   or   {"version": 1, "error": {"fault": "not-found", "message": ...}}
"""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from aparte.server.admin.errors import AdminError, Fault
from aparte.server.admin.records import from_json, to_json
from aparte.server.admin.requests import ANSWERS, REQUESTS, Answer, Request

__all__ = [
    "MAX_ANSWER",
    "MAX_REQUEST",
    "SOCKET_NAME",
    "NotListening",
    "ask",
    "decode_request",
    "encode_answer",
    "encode_error",
    "socket_address",
]

SOCKET_NAME: Final = "control.sock"
VERSION: Final = 1
#: Bytes of a line, its end included.
MAX_REQUEST: Final = 16 * 1024
MAX_ANSWER: Final = 1024 * 1024
#: What every platform takes as the path of a socket; Linux takes 107 bytes.
_MAX_PATH: Final = 100
_NAMES: Final = {kind: name for name, kind in REQUESTS.items()}
_CONNECT_SECONDS: Final = 5.0


class NotListening(Exception):
    """No host listens at the socket."""


@contextmanager
def socket_address(path: Path) -> Iterator[str]:
    """An address for the socket at `path`, however long that is; good while the context lasts."""
    if len(os.fsencode(path)) <= _MAX_PATH:
        yield str(path)
        return
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def decode_request(line: bytes) -> Request:
    """Raises `AdminError`."""
    try:
        found = json.loads(line)
        if not isinstance(found, dict) or found.keys() != {"version", "request", "with"}:
            raise ValueError("a request has version, request and with")
        if found["version"] != VERSION:
            raise ValueError(f"version {found['version']!r}: this host speaks {VERSION}")
        kind = REQUESTS.get(found["request"]) if isinstance(found["request"], str) else None
        if kind is None:
            raise ValueError(f"no request is called {found['request']!r}")
        return from_json(kind, found["with"])
    except (ValueError, RecursionError) as error:
        raise AdminError(Fault.BAD_REQUEST, f"not a request: {error}") from error


def encode_answer(answer: Answer) -> bytes:
    """A line."""
    return _line({"version": VERSION, "answer": to_json(answer)})


def encode_error(error: AdminError) -> bytes:
    """A line."""
    return _line({"version": VERSION, "error": {"fault": error.fault.value, "message": str(error)}})


def ask(data: Path, request: Request) -> Answer:
    """Ask the host that runs on this folder. Raises `NotListening`, and `AdminError` as the host does."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as connection:
        _connect(connection, data / SOCKET_NAME)
        line = _line({"version": VERSION, "request": _NAMES[type(request)], "with": to_json(request)})
        if len(line) > MAX_REQUEST:
            raise AdminError(Fault.BAD_REQUEST, "the request is too long")
        connection.sendall(line)
        return _decode_answer(_read_line(connection), request)


def _connect(connection: socket.socket, path: Path) -> None:
    connection.settimeout(_CONNECT_SECONDS)
    try:
        with socket_address(path) as address:
            connection.connect(address)
    except (FileNotFoundError, ConnectionRefusedError, NotADirectoryError) as error:
        raise NotListening(str(path)) from error
    except PermissionError as error:
        raise AdminError(Fault.FAILED, f"{path}: only the folder's owner may use it") from error
    connection.settimeout(None)  # a backup takes its time; a host that ends closes the connection


def _read_line(connection: socket.socket) -> bytes:
    found = bytearray()
    while not found.endswith(b"\n"):
        piece = connection.recv(64 * 1024)
        if not piece:
            raise AdminError(Fault.FAILED, "the host has closed the connection before it answered")
        found += piece
        if len(found) > MAX_ANSWER:
            raise AdminError(Fault.FAILED, "the host's answer is too long")
    return bytes(found)


def _decode_answer(line: bytes, request: Request) -> Answer:
    try:
        found = json.loads(line)
        if "error" in found:
            raise AdminError(Fault(found["error"]["fault"]), found["error"]["message"])
        if found["version"] != VERSION:
            raise ValueError(f"version {found['version']!r}")
        return from_json(ANSWERS[type(request)], found["answer"])
    except (ValueError, KeyError, TypeError) as error:
        raise AdminError(Fault.FAILED, f"the host answers what is not known here: {error}") from error


def _line(message: dict[str, Any]) -> bytes:
    return json.dumps(message, separators=(",", ":")).encode() + b"\n"
