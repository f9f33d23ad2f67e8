"""`aparte serve`: its options, what it says, its end."""

from __future__ import annotations

import asyncio
import gc
import importlib
import importlib.util
import os
import signal
import sys
from collections.abc import Callable, Coroutine
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

import click

from aparte.server.admin import control_socket
from aparte.server.shell.acme import AcmeFailed, AcmeSettings
from aparte.server.shell.certificates import BadCertificate
from aparte.server.shell.config import BadConfig, HostConfig, read_config, require_sense, split_address
from aparte.server.shell.folder import AlreadyRunning
from aparte.server.shell.keys import KeysDamaged
from aparte.server.shell.logging import set_up_logging
from aparte.server.shell.open_files import raise_open_files
from aparte.server.shell.serve import Started
from aparte.server.shell.serve import serve as run_host
from aparte.server.shell.well_known import is_public_name
from aparte.server.store import StoreError

__all__ = ["serve"]

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_NO_TLS: Final = """\
Listening beyond this machine without TLS. Browsers will not show the app: without https they give it neither
storage nor cryptography. Four ways out:
  1. --domain NAME --acme               a certificate from Let's Encrypt, obtained and renewed by itself
  2. --tls-cert FILE --tls-key FILE     certificates that you have; they are read again when they change
  3. a proxy such as Caddy or nginx in front, and --behind-proxy here
  4. --listen 127.0.0.1:8440            for this machine alone"""


_HOW_TWO_PEOPLE_TALK: Final = """
Two people talk from two other terminals, each with a folder and a passphrase of their own:
  {program} --home alice register alice --host {host}
  {program} --home bob register bob --host {host}
and when both are there:
  {program} --home alice chat bob@{host}
  {program} --home bob chat alice@{host}"""

#: Frames come and go by the thousand and hold no cycles: look for garbage more rarely than Python does of itself.
_COLLECTIONS: Final = (2_000, 4, 100)


@click.command()
@click.option("--config", type=_FILE, help="A TOML file; the options here go before it.")
@click.option("--data", type=click.Path(file_okay=False, path_type=Path), help="The folder that holds everything.")
@click.option("--listen", metavar="ADDR:PORT", help="Where to listen.  [127.0.0.1:8440]")
@click.option("--domain", help="The host's name, as in alice@NAME.  [localhost:PORT]")
@click.option("--tls-cert", type=_FILE, help="The certificate and its chain, in PEM.")
@click.option("--tls-key", type=_FILE, help="Its private key, in PEM.")
@click.option(
    "--acme", is_flag=True, help="Get certificates for --domain from Let's Encrypt; you agree to its terms by this."
)
@click.option("--metrics", metavar="ADDR:PORT", help="Where to serve figures for Prometheus.  [nowhere]")
@click.option("--log-json", is_flag=True, help="Log lines as JSON.")
@click.option("--behind-proxy", is_flag=True, help="A proxy in front terminates TLS and writes X-Forwarded-For.")
def serve(config: Path | None, **options: Any) -> None:
    """Run a host: one process, one folder."""
    try:
        asked = _with_options(read_config(config) if config else HostConfig(), options)
        if not asked.has_tls and not asked.behind_proxy and not asked.is_private:
            click.echo(_NO_TLS, err=True)
        set_up_logging(as_json=options["log_json"])
        os.umask(0o077)
        raise_open_files()
        _run_loop(_run(asked))
    except (AcmeFailed, AlreadyRunning, BadCertificate, BadConfig, KeysDamaged, StoreError, OSError) as error:
        raise click.ClickException(str(error)) from error


def _with_options(config: HostConfig, options: dict[str, Any]) -> HostConfig:
    """What the command line says goes before what the file says."""
    changes: dict[str, Any] = {"data": options["data"]} if options["data"] is not None else {}
    if options["domain"] is not None:
        changes["named"] = options["domain"]
    if options["listen"] is not None:
        changes["address"], changes["port"] = split_address(options["listen"])
    if (options["tls_cert"] is None) != (options["tls_key"] is None):
        raise BadConfig("--tls-cert and --tls-key belong together")
    if options["tls_cert"] is not None:
        changes["certificate"] = (options["tls_cert"], options["tls_key"])
    if options["acme"] and config.acme is None:
        changes["acme"] = AcmeSettings()
    if options["behind_proxy"]:
        changes["behind_proxy"] = True
    if options["metrics"] is not None:
        changes["metrics"] = split_address(options["metrics"])
    changed = replace(config, **changes)
    require_sense(changed)
    if changed.acme is not None and not is_public_name(changed.domain):
        raise BadConfig(
            f"acme: a CA certifies names of the whole internet, and {changed.domain!r} is none: say --domain"
        )
    return changed


async def _run(config: HostConfig) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, stop.set)
    await run_host(config, ready=_ready, stop=stop, beside=control_socket)


def _ready(started: Started) -> None:
    gc.collect()
    gc.freeze()  # what is there by now stays: looking through it again took 50 ms of everybody's time
    _say_ready(started)


def _say_ready(started: Started) -> None:
    click.echo(f"Aparte is running at {started.url}  (Ctrl+C stops it)")
    if started.operator_invite is not None:
        click.echo(f"The first account is the operator's. Make it by this link, which works once:\n  {_link(started)}")
    if started.playground is not None:
        click.echo(_HOW_TWO_PEOPLE_TALK.format(program=sys.argv[0], host=started.playground))
    sys.stdout.flush()


def _link(started: Started) -> str:
    return f"{started.address}/#join={started.operator_invite}"


def _run_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where it exists (not on every platform)."""
    uvloop = importlib.import_module("uvloop") if importlib.util.find_spec("uvloop") else None
    run: Callable[[Coroutine[Any, Any, None]], None] = uvloop.run if uvloop else asyncio.run
    gc.set_threshold(*_COLLECTIONS)
    run(work)
