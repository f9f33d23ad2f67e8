"""The composition root: the `aparte` command. The real clock, randomness and files enter here alone."""

from __future__ import annotations

import click

import aparte
from aparte.server.admin.commands import admin
from aparte.server.admin.doctor import doctor
from aparte.server.command import serve

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(aparte.__version__, prog_name="aparte", message="%(prog)s %(version)s")
def main() -> None:
    """A private messenger that anyone can host."""


main.add_command(serve)
main.add_command(admin)
main.add_command(doctor)
