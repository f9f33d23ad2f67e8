"""The control socket: for its owner alone, one bounded line in, one out, and no host harmed by what comes in."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from aparte.server.admin.control import MAX_REQUEST, SOCKET_NAME, socket_address
from tests.server.admin.hosts import Host, aparte, fill, running


def send(data: Path, content: bytes, *, ends: bool = True) -> dict[str, Any]:
    """What the host says to these bytes; nothing is {}."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(20)
        with socket_address(data / SOCKET_NAME) as address:
            connection.connect(address)
        with contextlib.suppress(BrokenPipeError):
            connection.sendall(content)
        if ends:
            connection.shutdown(socket.SHUT_WR)
        found = b""
        while piece := connection.recv(65536):
            found += piece
    return dict(json.loads(found)) if found else {}


def request(**changes: object) -> bytes:
    return json.dumps({"version": 1, "request": "status", "with": {}} | changes).encode() + b"\n"


def test_a_request(host: Host) -> None:
    answer = send(host.data, request())
    assert answer["version"] == 1
    assert answer["answer"]["is_running"] is True


BAD = {
    "not JSON": b"hello\n",
    "not an object": b"[]\n",
    "not UTF-8": b"\xff\xfe\n",
    "empty": b"\n",
    "deep": b"[" * 8000 + b"\n",
    "no version": b'{"request": "status", "with": {}}\n',
    "more than it has": request(extra=1),
    "another version": request(version=2),
    "unknown": request(request="reboot"),
    "no name": request(request=None),
    "a list for a name": request(request=["status"]),
    "no fields": request(request="suspend"),
    "too many fields": request(**{"with": {"x": 1}}),
    "fields in a list": request(**{"with": []}),
    "a wrong type": request(request="invite", **{"with": {"uses": "1", "days": 1}}),
    "a truth for a number": request(request="invite", **{"with": {"uses": True, "days": 1}}),
    "a fraction": request(request="users", **{"with": {"after": 1.5}}),
    "a huge number": request(request="invite", **{"with": {"uses": 10**400, "days": 1}}),
    "too long": request(**{"with": {"x": "x" * MAX_REQUEST}}),
    "a line without end": b"x" * (4 * MAX_REQUEST),
}


@pytest.mark.parametrize("name", BAD)
def test_bad_requests_are_refused(host: Host, name: str) -> None:
    answer = send(host.data, BAD[name])
    assert answer["error"]["fault"] == "bad-request", answer
    assert len(answer["error"]["message"]) < 2000
    assert "answer" in send(host.data, request())


def test_a_number_that_no_database_holds(host: Host) -> None:
    answer = send(host.data, request(request="users", **{"with": {"after": 1 << 70}}))
    assert answer["error"]["fault"] in {"failed", "bad-request"}
    assert "answer" in send(host.data, request())


@pytest.mark.parametrize("content", [b"", request()[:-1]])
def test_who_goes_away_is_let_go(host: Host, content: bytes) -> None:
    assert send(host.data, content) == {}
    assert "answer" in send(host.data, request())


def test_who_says_nothing_holds_nobody_up(host: Host) -> None:
    silent = [socket.socket(socket.AF_UNIX) for _ in range(12)]
    for connection in silent:
        with socket_address(host.data / SOCKET_NAME) as address:
            connection.connect(address)
    assert "answer" in send(host.data, request())
    for connection in silent:
        connection.close()


def test_one_answer_to_a_connection(host: Host) -> None:
    assert "answer" in send(host.data, request() + request(), ends=False)


def test_for_the_owner_alone(host: Host) -> None:
    found = (host.data / SOCKET_NAME).stat()
    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600
    assert found.st_uid == os.geteuid()


@contextlib.contextmanager
def nobody() -> Iterator[None]:
    """Be somebody else for a moment, if this is root; otherwise there is nobody to be."""
    if os.geteuid() != 0:
        yield
        return
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)


def test_others_cannot_connect() -> None:
    """Even if the operator has opened the folder to them."""
    folder = Path("/tmp") / f"aparte-test-{os.getpid()}"  # pytest's own folders are closed to others
    try:
        fill(folder, logs=0, blobs=0)
        folder.chmod(0o755)
        with running(folder), socket.socket(socket.AF_UNIX) as connection, nobody():
            if os.geteuid() == 65534:
                with pytest.raises(PermissionError):
                    connection.connect(str(folder / SOCKET_NAME))
                assert aparte("admin", "status", "--data", folder, "--json").fault == "failed"
    finally:
        shutil.rmtree(folder)


def test_it_comes_and_goes_with_the_host(tmp_path: Path) -> None:
    fill(tmp_path / "data", logs=0, blobs=0)
    with running(tmp_path / "data") as host:
        assert (host.data / SOCKET_NAME).exists()
        host.stops()
    assert not (tmp_path / "data" / SOCKET_NAME).exists()


def test_what_a_killed_host_left_is_in_nobodys_way(tmp_path: Path) -> None:
    fill(tmp_path / "data", logs=0, blobs=0)
    with running(tmp_path / "data") as host:
        host.process.kill()
        host.process.wait()
    assert (tmp_path / "data" / SOCKET_NAME).exists()
    assert not aparte("admin", "status", "--data", tmp_path / "data", "--json").json["is_running"]
    with running(tmp_path / "data"):
        assert aparte("admin", "status", "--data", tmp_path / "data", "--json").json["is_running"]


def test_in_a_folder_with_a_long_name(tmp_path: Path) -> None:
    data = tmp_path / ("long" * 40) / "data"
    data.parent.mkdir()
    fill(data, logs=0, blobs=0)
    with running(data):
        assert aparte("admin", "status", "--data", data, "--json").json["is_running"]


def test_a_host_that_stops_waits_for_no_silent_operator(tmp_path: Path) -> None:
    fill(tmp_path / "data", logs=0, blobs=0)
    with running(tmp_path / "data") as host, socket.socket(socket.AF_UNIX) as silent:
        with socket_address(host.data / SOCKET_NAME) as address:
            silent.connect(address)
        begun = time.monotonic()
        host.stops()
        assert time.monotonic() - begun < 5
