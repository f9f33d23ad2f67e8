"""`aparte serve`: its options, its messages, its end."""

from __future__ import annotations

import asyncio
import importlib.util
import sys
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import click

from aparte.server.shell.serve import AlreadyRunning, HostConfig, stop_on_signals
from aparte.server.shell.serve import serve as run_host
from aparte.server.store import StoreError

__all__ = ["serve"]


@click.command()
@click.option(
    "--data",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("aparte-data"),
    show_default=True,
    help="The folder that holds everything.",
)
@click.option("--listen", default="127.0.0.1:8440", show_default=True, metavar="ADDR:PORT", help="Where to listen.")
@click.option("--domain", default="localhost", show_default=True, help="The host's name, as in alice@NAME.")
def serve(*, data: Path, listen: str, domain: str) -> None:
    """Run a host."""
    address, _, port = listen.rpartition(":")
    if not port.isdecimal() or int(port) > 65535:
        raise click.BadParameter(f"{listen} is not ADDR:PORT", param_hint="--listen")
    config = HostConfig(data, address=address.strip("[]") or "127.0.0.1", port=int(port), domain=domain)
    try:
        _run_loop(_run(config))
    except (AlreadyRunning, StoreError, OSError) as error:
        raise click.ClickException(str(error)) from error


async def _run(config: HostConfig) -> None:
    stop = asyncio.Event()
    stop_on_signals(stop)
    await run_host(config, ready=_say_ready, stop=stop)


def _say_ready(url: str) -> None:
    click.echo(f"Aparte is running at {url}  (Ctrl+C stops it)")
    sys.stdout.flush()


def _run_loop(work: Coroutine[Any, Any, None]) -> None:
    """Run on uvloop where it exists (not on every platform)."""
    uvloop = importlib.import_module("uvloop") if importlib.util.find_spec("uvloop") else None
    run: Callable[[Coroutine[Any, Any, None]], None] = uvloop.run if uvloop else asyncio.run
    run(work)
