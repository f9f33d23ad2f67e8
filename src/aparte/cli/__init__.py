"""The composition root: the `aparte` command. The real clock, randomness and files enter here alone."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Final

import click

import aparte

__all__ = ["main"]

#: Where each command stands. It is imported when it is used: a host is no part of what sends a message.
_COMMANDS: Final = {
    "register": ("aparte.cli.people", "register"),
    "send": ("aparte.cli.people", "send"),
    "sync": ("aparte.cli.people", "sync"),
    "list": ("aparte.cli.people", "list_"),
    "read": ("aparte.cli.people", "read"),
    "requests": ("aparte.cli.people", "requests"),
    "chat": ("aparte.cli.talk", "chat"),
    "serve": ("aparte.server.command", "serve"),
    "admin": ("aparte.server.admin.commands", "admin"),
    "doctor": ("aparte.server.admin.doctor", "doctor"),
}


class _Commands(click.Group):
    """Commands in that order, each imported when it is needed."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        if cmd_name not in _COMMANDS:
            return None
        module, name = _COMMANDS[cmd_name]
        command: click.Command = getattr(import_module(module), name)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(aparte.__version__, prog_name="aparte", message="%(prog)s %(version)s")
@click.option(
    "--home",
    type=click.Path(file_okay=False, path_type=Path),
    envvar="APARTE_HOME",
    help="The folder of one device of one account.  [env APARTE_HOME; a folder of the user's]",
)
@click.pass_context
def main(context: click.Context, home: Path | None) -> None:
    """A private messenger that anyone can host."""
    context.obj = home or Path(click.get_app_dir("aparte"))
