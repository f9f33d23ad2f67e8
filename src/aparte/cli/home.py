"""One device's folder, opened: its key by the passphrase, its store, its engine; and a driver while it is needed."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NoReturn, TypeVar

import click

from aparte.cli.screen import Screen
from aparte.client import Engine
from aparte.client.commands import CommandRefused
from aparte.client.store import StoreError
from aparte.client.store.sqlite import SqliteClientStore
from aparte.drivers.asyncio_ws import Driver
from aparte.drivers.system import provider, system_clock
from aparte.drivers.vault import Vault, VaultError

__all__ = ["Failed", "opened", "run", "running"]

T = TypeVar("T")

PASSPHRASE: Final = "APARTE_PASSPHRASE"  # noqa: S105 - its name
_STORE: Final = "store.db"


class Failed(click.ClickException):
    """Could not be done: a sentence that says why and what to do, and the exit code 1."""


@contextmanager
def opened(home: Path, *, create: bool = False) -> Iterator[Engine]:
    """The engine of a folder; a new one if `create`. Raises `Failed`."""
    with _clear():
        vault = Vault(home, rng=os.urandom)
        if not vault.exists and not create:
            raise Failed(f"there is no account in {home}: make one with aparte --home {home} register NAME --host HOST")
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        key = vault.open(_passphrase()) if vault.exists else vault.create(_passphrase(new=True))
        engine = Engine(SqliteClientStore(home / _STORE, key), provider())
        try:
            yield engine
        finally:
            engine.close()


@asynccontextmanager
async def running(engine: Engine) -> AsyncIterator[Screen]:
    """The engine on the network, and what it shows. Raises whatever ends the driver."""
    screen = Screen(engine)
    driver = Driver(engine, clock=system_clock, listen=screen.takes, trouble=lambda why: click.echo(why, err=True))
    screen.driver = driver
    task = asyncio.create_task(driver.run())
    task.add_done_callback(lambda _: screen.is_over.set())
    try:
        yield screen
        if task.done():
            task.result()
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


def run(home: Path, play: Callable[[Screen], Coroutine[Any, Any, T]], *, create: bool = False) -> T:
    """Open a folder, go on the network, and do that. Raises `Failed`."""

    async def whole(engine: Engine) -> T:
        with _ending_by_signals() as told:
            try:
                async with running(engine) as screen:
                    return await play(screen)
            except asyncio.CancelledError:
                raise click.exceptions.Exit(128 + told[0]) from None

    with opened(home, create=create) as engine, _clear():
        return asyncio.run(whole(engine))


@contextmanager
def _ending_by_signals() -> Iterator[list[int]]:
    """Ctrl-C and SIGTERM end what is done here, and what is on disk stays. Yields the signals that came."""
    loop, task, told = asyncio.get_running_loop(), asyncio.current_task(), list[int]()

    def end(number: int) -> None:
        told.append(number)
        if task is not None:
            task.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, end, number)
    try:
        yield told
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


@contextmanager
def _clear() -> Iterator[None]:
    """Whatever is foreseen becomes one sentence."""
    try:
        yield
    except (CommandRefused, VaultError, StoreError) as error:
        raise Failed(str(error)) from error
    except OSError as error:
        raise Failed(f"{error.strerror}: {error.filename}" if error.filename else str(error)) from error
    except KeyboardInterrupt:
        _interrupted()


def _interrupted() -> NoReturn:
    raise click.exceptions.Exit(130)


def _passphrase(*, new: bool = False) -> str:
    given = os.environ.get(PASSPHRASE)
    if given is not None:
        return given
    if not sys.stdin.isatty():
        raise Failed(f"the store is locked: say the passphrase in {PASSPHRASE}")
    prompt = "A passphrase for this device" if new else "Passphrase"
    entered: str = click.prompt(prompt, hide_input=True, confirmation_prompt=new, err=True)
    return entered
