"""How the commands speak: text for people, or one JSON object; errors on stderr with exit code 1, in the same form."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import click

from aparte.server.admin.errors import AdminError, Fault
from aparte.server.shell.config import BadConfig
from aparte.server.shell.folder import AlreadyRunning
from aparte.server.shell.keys import KeysDamaged
from aparte.server.store import StoreError

__all__ = ["SpokenCommand", "spoken_errors", "tell"]


class SpokenCommand(click.Command):
    """A command whose complaints about its own arguments follow the same rule."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        as_json = "--json" in args
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:
            if as_json:
                fail(AdminError(Fault.BAD_REQUEST, error.format_message()), as_json=True)
            error.show()
            sys.exit(1)


def tell(record: dict[str, Any], lines: list[str], *, as_json: bool) -> None:
    """What came of it."""
    click.echo(json.dumps(record, indent=2) if as_json else "\n".join(lines))


def fail(error: AdminError, *, as_json: bool) -> NoReturn:
    """Say what is wrong, and end."""
    if as_json:
        click.echo(json.dumps({"error": {"fault": error.fault.value, "message": str(error)}}), err=True)
    else:
        click.echo(f"Error: {error}", err=True)
    sys.exit(1)


@contextmanager
def spoken_errors(*, as_json: bool) -> Iterator[None]:
    """Whatever goes wrong within is told, and ends the command."""
    try:
        yield
    except AdminError as error:
        fail(error, as_json=as_json)
    except AlreadyRunning as error:
        fail(AdminError(Fault.RUNNING, str(error)), as_json=as_json)
    except (BadConfig, KeysDamaged, StoreError, OSError) as error:
        fail(AdminError(Fault.FAILED, str(error)), as_json=as_json)
