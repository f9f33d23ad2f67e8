"""The peers: how each is configured and started, in a folder of its own. All limits are off and archives on.

Each gets what its documentation says for a small host, but for TLS, which our host does not speak here either.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks.host.rows import NotMeasured
from benchmarks.host.servers import ROOT, Server, free_port

__all__ = ["PEERS", "SECRET", "Peer", "peer_running"]

SYNAPSE = ROOT / ".venv-peers" / "bin" / "python"
#: By which accounts are made on Synapse.
SECRET = secrets.token_hex(16)
_SETUP = "benchmarks/peers/setup installs it"
_PATIENCE = 60.0

_PROSODY = """
run_as_root = true
daemonize = false
pidfile = "{folder}/prosody.pid"
data_path = "{folder}"
log = {{ warn = "{folder}/prosody.log" }}
interfaces = {{ "127.0.0.1" }}
c2s_ports = {{ {port} }}
s2s_ports = {{ }}
modules_enabled = {{ "roster", "saslauth", "disco", "ping", "register_ibr", "mam" }}
modules_disabled = {{ "s2s", "limits" }}
allow_registration = true
c2s_require_encryption = false
allow_unencrypted_plain_auth = true
authentication = "internal_plain"
default_archive_policy = true
{storage}
VirtualHost "localhost"
"""
_EJABBERD = """
hosts: [localhost]
loglevel: error
listen:
  - {{port: {port}, ip: "127.0.0.1", module: ejabberd_c2s, shaper: none, access: all, starttls: false}}
auth_method: [internal]
registration_timeout: infinity
shaper_rules: {{max_user_sessions: 10}}
modules:
  mod_roster: {{}}
  mod_register: {{ip_access: all}}
  mod_mam: {{default: always, assume_mam_usage: true{storage}}}
{database}
"""
_SYNAPSE = """
server_name: localhost
pid_file: {folder}/synapse.pid
listeners: [{{port: {port}, type: http, bind_addresses: [127.0.0.1], resources: [{{names: [client]}}]}}]
database: {{name: sqlite3, args: {{database: {folder}/synapse.db}}}}
media_store_path: {folder}/media
signing_key_path: {folder}/signing.key
registration_shared_secret: {secret}
macaroon_secret_key: {secret}
form_secret: {secret}
report_stats: false
suppress_key_server_warning: true
trusted_key_servers: []
presence: {{enabled: false}}
rc_message: &off {{per_second: 100000, burst_count: 100000}}
rc_registration: *off
rc_login: {{address: *off, account: *off, failed_attempts: *off}}
rc_joins: {{local: *off, remote: *off}}
rc_invites: {{per_room: *off, per_user: *off, per_issuer: *off}}
rc_room_creation: *off
"""


@dataclass(frozen=True, slots=True)
class Peer:
    """A server, and the kind of archive it keeps."""

    name: str
    package: str
    #: Writes the configuration; the command that runs it.
    command: Callable[[Path, int], list[str]]
    pairs: int = 100

    def version(self) -> str:
        """Raises `NotMeasured` if it is not installed."""
        if self.package == "matrix-synapse":
            script = "from importlib.metadata import version; print(version('matrix-synapse'))"
            if not SYNAPSE.exists():
                raise NotMeasured(f"Synapse is not there: {_SETUP}")
            return subprocess.run([SYNAPSE, "-c", script], check=True, capture_output=True, text=True).stdout.strip()
        if shutil.which("dpkg-query") is None:
            raise NotMeasured(f"no dpkg here to ask for {self.package}: {_SETUP}")
        words = ["dpkg-query", "-W", "-f", "${db:Status-Status} ${Version}", self.package]
        found = subprocess.run(words, check=False, capture_output=True, text=True).stdout
        if not found.startswith("installed "):
            raise NotMeasured(f"{self.package} is not there: {_SETUP}")
        return found.partition(" ")[2]


def _prosody(folder: Path, port: int, *, storage: str) -> list[str]:
    config = folder / "prosody.cfg.lua"
    config.write_text(_PROSODY.format(folder=folder, port=port, storage=storage.format(folder=folder)))
    return ["prosody", "--config", str(config), "-F"]


def _prosody_files(folder: Path, port: int) -> list[str]:
    return _prosody(folder, port, storage='storage = "internal"')


def _prosody_sqlite(folder: Path, port: int) -> list[str]:
    archive = 'storage = {{ archive = "sql" }}\nsql = {{ driver = "SQLite3", database = "{folder}/archive.db" }}'
    return _prosody(folder, port, storage=archive)


def _ejabberd(folder: Path, port: int, *, storage: str = "", database: str = "") -> list[str]:
    config = folder / "ejabberd.yml"
    config.write_text(_EJABBERD.format(port=port, storage=storage, database=database.format(folder=folder)))
    code = sorted(Path("/usr/lib").glob("*/ejabberd-*/ebin"))
    if not code:
        raise NotMeasured(f"ejabberd's code is not where Debian puts it: {_SETUP}")
    words = ["erl", "-noinput", "-pa", str(code[-1]), "-mnesia", "dir", f'"{folder}/mnesia"', "+P", "250000"]
    return [*words, "-ejabberd", "config", f'"{config}"', "log_path", f'"{folder}/ejabberd.log"', "-s", "ejabberd"]


def _ejabberd_sqlite(folder: Path, port: int) -> list[str]:
    return _ejabberd(
        folder, port, storage=", db_type: sql", database='sql_type: sqlite\nsql_database: "{folder}/archive.db"'
    )


def _synapse(folder: Path, port: int) -> list[str]:
    config = folder / "synapse.yaml"
    config.write_text(_SYNAPSE.format(folder=folder, port=port, secret=SECRET))
    words = [str(SYNAPSE), "-m", "synapse.app.homeserver", "-c", str(config)]
    subprocess.run([*words, "--generate-keys"], cwd=folder, check=True, capture_output=True)
    return words


PEERS = (
    Peer("Prosody, files", "prosody", _prosody_files),
    Peer("Prosody, SQLite", "prosody", _prosody_sqlite),
    Peer("ejabberd, Mnesia", "ejabberd", _ejabberd),
    Peer("ejabberd, SQLite", "ejabberd", _ejabberd_sqlite),
    Peer("Synapse, SQLite", "matrix-synapse", _synapse, pairs=20),
)


@contextmanager
def peer_running(peer: Peer, folder: Path) -> Iterator[Server]:
    """The peer with an empty folder."""
    folder.mkdir()
    port = free_port()
    begun = time.perf_counter()
    with (folder / "output").open("w") as output:
        environment = {**os.environ, "HOME": str(folder)}
        command = peer.command(folder, port)
        process = subprocess.Popen(command, cwd=folder, env=environment, stdout=output, stderr=output)
    try:
        _await_port(peer, process, port=port)
        yield Server(peer.name, port, process.pid, folder, time.perf_counter() - begun)
    finally:
        process.terminate()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _await_port(peer: Peer, process: subprocess.Popen[bytes], *, port: int) -> None:
    until = time.monotonic() + _PATIENCE
    while time.monotonic() < until:
        if process.poll() is not None:
            raise NotMeasured(f"{peer.name} did not start: exit {process.returncode}")
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.2)
        else:
            time.sleep(1.0)
            return
    raise NotMeasured(f"{peer.name} does not listen after {_PATIENCE:.0f} s")
