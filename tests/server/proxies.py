"""Proxies in front of a host, as deploy/ configures them: names, ports and paths are put in, and nothing else."""

from __future__ import annotations

import asyncio
import json
import os
import random
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tests.rules.house import ROOT

DEPLOY: Final = ROOT / "deploy"
#: What Debian's nginx.conf says beside its sites; and that nothing is to be written elsewhere.
_NGINX: Final = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 768; }}
http {{
    sendfile on; tcp_nopush on; gzip on; default_type application/octet-stream;
    ssl_protocols TLSv1 TLSv1.1 TLSv1.2 TLSv1.3; ssl_prefer_server_ciphers on;
    access_log {folder}/access.log;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    include {folder}/site.conf;
}}
"""


@dataclass(frozen=True, slots=True)
class Site:
    """Where a proxy works, what it listens on, whom it stands before, its certificate with the key."""

    folder: Path
    port: int
    upstream: str
    files: tuple[Path, Path]


def put_in(shipped: str, changes: Mapping[str, str]) -> str:
    """A file of deploy/ for another place. Each text that is replaced stands in it once."""
    text = (DEPLOY / shipped).read_text()
    for there, here in changes.items():
        assert text.count(there) == 1, f"deploy/{shipped}: {there!r} is to stand in it once"
        text = text.replace(there, here)
    return text


def nginx(site: Site, changes: Mapping[str, str]) -> list[str]:
    """The command that runs nginx."""
    certificate = "/etc/letsencrypt/live/chat.example.org"
    places = {
        "listen 443 ssl": f"listen 127.0.0.1:{site.port} ssl",
        "listen [::]:443 ssl": f"listen 127.0.0.2:{site.port} ssl",
        "server_name chat.example.org": "server_name localhost",
        f"{certificate}/fullchain.pem": str(site.files[0]),
        f"{certificate}/privkey.pem": str(site.files[1]),
        "/var/log/nginx/error.log": f"{site.folder}/site-error.log",
        "127.0.0.1:8440": site.upstream,
    }
    (site.folder / "site.conf").write_text(put_in("nginx.conf", {**places, **changes}))
    main = site.folder / "nginx.conf"
    main.write_text(_NGINX.format(folder=site.folder))
    return [PROGRAMS["nginx"].path, "-p", str(site.folder), "-e", f"{site.folder}/error.log", "-c", str(main)]


def caddy(site: Site, changes: Mapping[str, str]) -> list[str]:
    """The command that runs Caddy."""
    address = f"https://localhost:{site.port} {{\n\tbind 127.0.0.1\n\ttls {site.files[0]} {site.files[1]}"
    places = {"chat.example.org {": address, "127.0.0.1:8440": site.upstream}
    (site.folder / "Caddyfile").write_text(put_in("Caddyfile", {**places, **changes}))
    path = PROGRAMS["caddy"].path
    adapted = subprocess.run([path, "adapt"], cwd=site.folder, check=True, capture_output=True).stdout
    config: dict[str, Any] = json.loads(adapted)
    config["admin"] = {"disabled": True}
    for server in config["apps"]["http"]["servers"].values():
        server["automatic_https"] = {"disable_redirects": True}  # port 80 is another's
    (site.folder / "caddy.json").write_text(json.dumps(config))
    return [path, "run", "--config", "caddy.json"]


@dataclass(frozen=True, slots=True)
class Program:
    """A proxy, the configuration that we ship for it, and where it is; no path if it is not installed."""

    shipped: str
    command: Callable[[Site, Mapping[str, str]], list[str]]
    path: str


def _found(name: str) -> str:
    return shutil.which(name, path=f"{os.environ.get('PATH', '')}:/usr/sbin:/usr/local/sbin") or ""


PROGRAMS: Final = {
    "nginx": Program("nginx.conf", nginx, _found("nginx")),
    "caddy": Program("Caddyfile", caddy, _found("caddy")),
}


#: The CA that certificates by ACME are tried with, and its DNS. Not proxies, but of the system as they are.
PEBBLE: Final = _found("pebble")
PEBBLE_DNS: Final = _found("pebble-challtestsrv")


def free_port() -> int:
    """A port of 127.0.0.1 that nobody has, and that no connection is given meanwhile: below those that systems give."""
    while True:
        port = random.randrange(12_000, 32_000)
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port


@asynccontextmanager
async def running(program: Program, site: Site, changes: Mapping[str, str]) -> AsyncIterator[str]:
    """The proxy, from when it listens; yields its URL. What it says goes into `said`."""
    site.folder.mkdir()
    own = {"XDG_DATA_HOME": str(site.folder), "XDG_CONFIG_HOME": str(site.folder)}
    command = program.command(site, changes)
    with (site.folder / "said").open("wb") as said:
        process = await asyncio.create_subprocess_exec(
            *command, cwd=site.folder, env=os.environ | own, stdout=said, stderr=said
        )
    try:
        await _until_it_listens(process, site)
        yield f"https://localhost:{site.port}"
    finally:
        if process.returncode is None:
            process.terminate()
        await process.wait()


async def _until_it_listens(process: asyncio.subprocess.Process, site: Site) -> None:
    for _ in range(600):
        assert process.returncode is None, (site.folder / "said").read_text()
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", site.port)
        except ConnectionError:
            await asyncio.sleep(0.05)
        else:
            writer.close()
            return
    raise AssertionError(f"the proxy does not listen: {(site.folder / 'said').read_text()}")
