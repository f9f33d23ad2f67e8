"""`aparte doctor` on the host's own machine: all is well, and one broken thing for each check."""

from __future__ import annotations

import json
import os
import re
import resource
import shutil
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import apsw
import pytest

from aparte.server.admin.doctor import database as database_module
from aparte.server.admin.doctor import network
from aparte.server.admin.doctor.command import examine
from aparte.server.admin.doctor.database import file_system_of
from aparte.server.admin.doctor.findings import Level
from aparte.server.shell.config import HostConfig
from aparte.server.shell.disk import DiskFloors, Floor
from aparte.server.shell.folder import locked
from tests.hosting import HOST
from tests.server.admin.examined import assert_bad, look, worst
from tests.server.admin.hosts import Host, aparte, clock, running


def test_a_host_that_is_well(config: HostConfig) -> None:
    findings = look(config)
    assert worst(findings) == []
    assert {finding.check for finding in findings} == {
        "open files", "tls", "port", "clock", "disk", "permissions", "sqlite", "schema", "integrity", "leftovers",
    }  # fmt: skip


def test_a_host_that_runs_is_well(host: Host) -> None:
    port = int(host.url.rsplit(":", 1)[1])
    findings = look(HostConfig(data=host.data, port=port, named=HOST))
    assert worst(findings) == []
    said = {finding.check: finding.found for finding in findings}
    assert said["port"] == f"our host listens at 127.0.0.1:{port}"
    assert said["leftovers"] == "a host is running, and answers"


def test_a_port_that_is_the_host_s_and_not_for_this_user(host: Host, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuses(_: HostConfig) -> None:
        raise PermissionError

    monkeypatch.setattr(network, "_try_listening", refuses)
    config = HostConfig(data=host.data, port=int(host.url.rsplit(":", 1)[1]), named=HOST)
    assert {finding.check: finding.found for finding in look(config)}["port"].startswith("our host listens at")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        free = listener.getsockname()[1]
    assert_bad(look(replace(config, port=free)), "port", Level.FAIL, "is not for this user")


def test_it_leaves_nothing_behind(config: HostConfig) -> None:
    before = {path for path in config.data.rglob("*") if not path.name.endswith(("-wal", "-shm"))}
    look(config)
    assert {path for path in config.data.rglob("*") if not path.name.endswith(("-wal", "-shm"))} == before


def test_no_folder(tmp_path: Path) -> None:
    assert_bad(look(HostConfig(data=tmp_path / "none", port=0)), "folder", Level.FAIL, "no host in")
    assert not (tmp_path / "none").exists()


# -- clock, disk, files -------------------------------------------------------------------------------------------
def test_a_clock_behind_the_newest_entry(config: HostConfig) -> None:
    findings = examine(config, type(clock())(clock() - 7_200_000))
    assert_bad(findings, "clock", Level.FAIL, r"^it is 7[12]\d\d s behind the newest entry$")


def test_a_clock_apart_from_the_file_systems(config: HostConfig) -> None:
    findings = examine(config, type(clock())(clock() + 30_000))
    assert_bad(findings, "clock", Level.WARN, r"^it is (29|30) s from the file system's$")


@pytest.mark.parametrize(("gib", "level"), [(0.5, Level.FAIL), (3.0, Level.WARN)])
def test_a_full_disk(config: HostConfig, monkeypatch: pytest.MonkeyPatch, gib: float, level: Level) -> None:
    free = shutil._ntuple_diskusage(1 << 40, 1 << 40, int(gib * (1 << 30)))  # type: ignore[attr-defined]
    monkeypatch.setattr("aparte.server.admin.doctor.folder.shutil.disk_usage", lambda _: free)
    assert_bad(look(config), "disk", level, "free")


@pytest.mark.parametrize(
    ("free", "level", "found"),
    [
        ((50 << 30), Level.WARN, "free$"),
        ((50 << 30) - 1, Level.FAIL, "free: new blobs are refused"),
        ((4 << 30) - 1, Level.FAIL, "free: new blobs, logs and accounts are refused"),
        ((2 << 30) - 1, Level.FAIL, "free: new blobs, logs, accounts and posts are refused"),
    ],
)
def test_a_disk_that_is_full_by_the_hosts_own_measure(
    config: HostConfig, monkeypatch: pytest.MonkeyPatch, free: int, level: Level, found: str
) -> None:
    usage = shutil._ntuple_diskusage(500 << 30, 0, free)  # type: ignore[attr-defined]
    monkeypatch.setattr("aparte.server.admin.doctor.folder.shutil.disk_usage", lambda _: usage)
    floors = DiskFloors(blobs=Floor(1, 10), newcomers=Floor(4096), posts=Floor(2048))
    assert_bad(look(replace(config, disk=floors)), "disk", level, found)


@pytest.mark.parametrize(("hard", "level"), [(200, Level.FAIL), (1024, Level.WARN)])
def test_few_open_files(config: HostConfig, monkeypatch: pytest.MonkeyPatch, hard: int, level: Level) -> None:
    monkeypatch.setattr(resource, "getrlimit", lambda _: (64, hard))
    assert_bad(look(config), "open files", level, f"^{hard} for a host started here")


# -- permissions --------------------------------------------------------------------------------------------------
def test_a_folder_that_others_may_use(config: HostConfig) -> None:
    config.data.chmod(0o750)
    assert_bad(look(config), "permissions", Level.FAIL, "others may use .*data$")


def test_keys_that_others_may_read(config: HostConfig) -> None:
    (config.data / "keys.json").chmod(0o644)
    assert_bad(look(config), "permissions", Level.FAIL, "others may use .*keys.json$")


def test_no_keys(config: HostConfig) -> None:
    (config.data / "keys.json").unlink()
    assert_bad(look(config), "permissions", Level.FAIL, "keys.json is missing")
    assert not (config.data / "keys.json").exists(), "made others"


def test_keys_that_are_none(config: HostConfig) -> None:
    (config.data / "keys.json").write_text("{}")
    assert_bad(look(config), "permissions", Level.FAIL, "does not hold the host's keys")


def test_a_folder_of_somebody_elses(config: HostConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 12345)
    assert {bad.check for bad in worst(look(config))} == {"permissions"}
    assert all("belongs to user" in bad.found for bad in worst(look(config)))


# -- databases ----------------------------------------------------------------------------------------------------
def set_version(path: Path, version: int) -> None:
    connection = apsw.Connection(str(path))
    connection.pragma("user_version", version)
    connection.close()


@pytest.mark.parametrize("name", ["host.db", "blobs.db"])
def test_a_schema_of_the_future(config: HostConfig, name: str) -> None:
    set_version(config.data / name, 999)
    assert_bad(look(config), "schema", Level.FAIL, rf"^{name}: 999, and \d+ is known$")


def test_a_schema_of_the_past(config: HostConfig) -> None:
    set_version(config.data / "host.db", 1)
    assert_bad(look(config), "schema", Level.WARN, r"^host.db: 1 of \d+$")


def test_a_database_that_is_missing(config: HostConfig) -> None:
    (config.data / "blobs.db").unlink()
    assert_bad(look(config), "schema", Level.FAIL, "^blobs.db is missing$")
    assert not (config.data / "blobs.db").exists()


def test_a_damaged_database(config: HostConfig) -> None:
    content = bytearray((config.data / "blobs.db").read_bytes())
    content[4096 * 2 : 4096 * 3] = b"\xff" * 4096
    (config.data / "blobs.db").write_bytes(content)
    assert_bad(look(config), "integrity", Level.FAIL, "^blobs.db: ")


def test_a_database_that_is_none(config: HostConfig) -> None:
    (config.data / "blobs.db").write_bytes(b"hello" * 1000)
    checks = {(bad.check, bad.level) for bad in worst(look(config))}
    assert checks == {("schema", Level.FAIL), ("integrity", Level.FAIL)}


def test_a_network_file_system(config: HostConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "file_system_of", lambda _: "nfs4")
    assert_bad(look(config), "sqlite", Level.WARN, r"network file system \(nfs4\)")


def test_which_file_system_a_folder_is_on(tmp_path: Path) -> None:
    mounts = tmp_path / "mounts"
    spaced = str(tmp_path / "a b").replace(" ", "\\040")
    mounts.write_text(f"/dev/sda / ext4 rw 0 0\nserver:/x {spaced} nfs4 rw 0 0\n")
    (tmp_path / "a b" / "data").mkdir(parents=True)
    assert file_system_of(tmp_path / "a b" / "data", mounts) == "nfs4"
    assert file_system_of(tmp_path, mounts) == "ext4"
    assert file_system_of(tmp_path, tmp_path / "none") == ""


def test_an_sqlite_that_is_too_old(config: HostConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(database_module, "_OLDEST", 1 << 40)
    assert_bad(look(config), "sqlite", Level.FAIL, "^version ")


# -- leftovers ----------------------------------------------------------------------------------------------------
def test_a_socket_without_a_host(config: HostConfig) -> None:
    with running(config.data) as host:
        host.process.kill()
        host.process.wait()
    assert_bad(look(config), "leftovers", Level.WARN, "control.sock is there, and no host")


def test_a_lock_whose_holder_does_not_answer(config: HostConfig) -> None:
    with locked(config.data):
        assert_bad(look(config), "leftovers", Level.FAIL, "does not answer")


def test_a_restore_that_was_interrupted(config: HostConfig) -> None:
    config.data.with_name("data.restoring").mkdir()
    assert_bad(look(config), "leftovers", Level.WARN, r"data\.restoring is there$")


# -- the port -----------------------------------------------------------------------------------------------------
@pytest.fixture
def web() -> Iterator[Callable[[bytes], int]]:
    """Something else that listens: it answers with these bytes."""
    servers: list[HTTPServer] = []

    def serve(answer: bytes) -> int:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: Any) -> None: ...

        server = HTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
        servers.append(server)
        return server.server_port

    yield serve
    for server in servers:
        server.shutdown()
        server.server_close()


@pytest.mark.parametrize("answer", [b"hello", b"[]", b"{}", b'{"host": 1}'])
def test_a_port_that_something_else_has(config: HostConfig, web: Callable[[bytes], int], answer: bytes) -> None:
    findings = look(replace(config, port=web(answer)))
    assert_bad(findings, "port", Level.FAIL, "^something else listens")


def test_a_port_that_says_nothing(config: HostConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aparte.server.admin.doctor.network._SECONDS", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        findings = look(replace(config, port=silent.getsockname()[1]))
    assert_bad(findings, "port", Level.FAIL, "^something else listens")


def test_a_port_that_another_host_has(config: HostConfig, host: Host) -> None:
    findings = look(replace(config, port=int(host.url.rsplit(":", 1)[1])))
    assert_bad(findings, "port", Level.FAIL, rf"^another host \({HOST}\) listens")


def test_a_host_that_runs_under_another_name(host: Host) -> None:
    port = int(host.url.rsplit(":", 1)[1])
    findings = look(HostConfig(data=host.data, port=port, named="other.example"))
    assert_bad(findings, "port", Level.WARN, f"as {HOST}, and other.example is configured")


def test_half_of_every_address_is_taken(config: HostConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aparte.server.admin.doctor.network._SECONDS", 0.2)
    with socket.create_server(("0.0.0.0", 0)) as other:
        everywhere = replace(config, address="", port=other.getsockname()[1])
        [finding] = network.check_port(everywhere)
        assert finding.found == f"something else listens at :{everywhere.port}"
    assert [f.found for f in network.check_port(everywhere)] == [f":{everywhere.port} is free"]


def test_an_address_that_is_not_here(config: HostConfig) -> None:
    findings = [f for f in look(replace(config, address="192.0.2.1", port=4443)) if f.check == "port"]
    assert_bad(findings, "port", Level.FAIL, r"^192\.0\.2\.1:4443: ")


def test_a_port_for_root_alone(config: HostConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_: HostConfig) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("aparte.server.admin.doctor.network._try_listening", refuse)
    assert_bad(look(replace(config, port=443)), "port", Level.FAIL, "is not for this user")


# -- the command --------------------------------------------------------------------------------------------------
def test_the_command_on_a_host_that_is_well(host: Host, tmp_path: Path) -> None:
    toml = tmp_path / "host.toml"
    port = host.url.rsplit(":", 1)[1]
    toml.write_text(f'data = "{host.data}"\nlisten = "127.0.0.1:{port}"\ndomain = "{HOST}"\n')
    said = aparte("doctor", "--config", toml, "--json").json
    assert said["is_well"] is True
    assert all(set(finding) == {"check", "level", "found", "advice"} for finding in said["findings"])
    text = aparte("doctor", "--config", toml)
    assert text.code == 0
    assert re.search(r"^ok +integrity +host\.db is whole$", text.out, re.MULTILINE)


@pytest.fixture
def toml(at_rest: Path, tmp_path: Path) -> Path:
    """The configuration of a host at rest, with a port that nobody has."""
    path = tmp_path / "host.toml"
    path.write_text(f'data = "{at_rest}"\nlisten = "127.0.0.1:0"\ndomain = "{HOST}"\n')
    return path


def test_the_command_on_a_host_that_is_ill(at_rest: Path, toml: Path) -> None:
    at_rest.chmod(0o755)
    said = aparte("doctor", "--config", toml, "--json")
    assert said.code == 1
    found = json.loads(said.out)
    assert found["is_well"] is False
    assert [f["check"] for f in found["findings"] if f["level"] == "fail"] == ["permissions"]
    text = aparte("doctor", "--config", toml)
    assert text.code == 1
    assert re.search(
        r"^fail +permissions +others may use .*\n      Close it to them: chmod 700 ", text.out, re.MULTILINE
    )


def test_warnings_are_no_failure(at_rest: Path, toml: Path) -> None:
    at_rest.with_name("data.restoring").mkdir()
    said = aparte("doctor", "--config", toml, "--json")
    assert said.code == 0, said.out


def test_bad_arguments(tmp_path: Path) -> None:
    (tmp_path / "bad.toml").write_text("color = 1")
    assert aparte("doctor", "--config", tmp_path / "bad.toml", "--json").fault == "failed"
    assert aparte("doctor", "--ca", tmp_path / "none", "--json").fault == "bad-request"
    assert aparte("doctor", "--color", "--json").fault == "bad-request"


def test_a_check_that_cannot_be_carried_out_is_told(config: HostConfig, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_: object) -> None:
        raise OSError(5, "Input/output error")

    monkeypatch.setattr("aparte.server.admin.doctor.folder.shutil.disk_usage", fail)
    begun = time.monotonic()
    assert_bad(look(config), "disk", Level.FAIL, "^could not be checked: .*Input/output error")
    assert time.monotonic() - begun < 10
