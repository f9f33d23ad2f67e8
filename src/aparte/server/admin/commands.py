"""`aparte admin`: one command for each thing that an operator does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import update_wrapper
from pathlib import Path
from typing import Any, Final, TypeVar

import click

from aparte.server.admin import requests as r
from aparte.server.admin.certificate import CertificateFiles, files_of, files_on
from aparte.server.admin.control import NotListening, ask
from aparte.server.admin.desk import desk_at_rest, require_host
from aparte.server.admin.errors import AdminError, Fault
from aparte.server.admin.operations import carry_out
from aparte.server.admin.records import to_json
from aparte.server.admin.restoring import restore as restore_folder
from aparte.server.admin.speaking import SpokenCommand, spoken_errors, tell
from aparte.server.admin.text import render
from aparte.server.shell.config import HostConfig, read_config
from aparte.server.shell.folder import AlreadyRunning

__all__ = ["Place", "admin", "place_of", "with_place"]

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)
_FOLDER: Final = click.Path(file_okay=False, path_type=Path)
_ANY: Final = click.Path(path_type=Path)

F = TypeVar("F", bound=Callable[..., Any])


@dataclass(frozen=True, slots=True)
class Place:
    """Which host. Its name is None if nobody configured one."""

    data: Path
    domain: str | None
    certificate: CertificateFiles | None


def place_of(data: Path | None, config: Path | None) -> Place:
    """As `aparte serve` would find it. Raises `BadConfig`."""
    if config is None:
        folder = data or HostConfig().data
        return Place(folder, None, files_on(folder))
    found = read_config(config)
    found = replace(found, data=data or found.data)
    return Place(found.data, found.domain, files_of(found))


def with_place(function: F) -> F:
    """The options that say which host, and how to answer."""
    for option in (
        click.option("--json", "as_json", is_flag=True, help="Answer with one JSON object."),
        click.option("--config", type=_FILE, help="The host's TOML file."),
        click.option("--data", type=_FOLDER, help="The host's folder.  [aparte-data]"),
    ):
        function = option(function)
    return function


@click.group()
def admin() -> None:
    """Look after a host: one that runs is asked, the folder of one at rest is worked on."""


@admin.group()
def purge() -> None:
    """Forget at once: what is out of date, or an account."""


def _asking(group: click.Group, name: str) -> Callable[[Callable[..., r.Request]], click.Command]:
    """A command that makes a request, has it carried out, and says what came of it."""

    def made(function: Callable[..., r.Request]) -> click.Command:
        def run(*, data: Path | None, config: Path | None, as_json: bool, **options: Any) -> None:
            with spoken_errors(as_json=as_json):
                answer = _carry_out(place_of(data, config), function(**options))
                tell(to_json(answer), render(answer), as_json=as_json)

        return group.command(name, cls=SpokenCommand)(with_place(update_wrapper(run, function)))

    return made


def _carry_out(place: Place, request: r.Request) -> r.Answer:
    if isinstance(request, r.ListUsers):
        return _all_users(place)
    answer = _carry_out_one(place, request)
    if isinstance(request, r.MakeBackup) and not os.path.lexists(request.destination):
        raise AdminError(
            Fault.FAILED, f"{request.destination} is not there: the host that runs has another {_top(request)} than we"
        )
    return answer


def _top(request: r.MakeBackup) -> str:
    """The folder below the root in which the backup was to be: /tmp, for one."""
    return "/".join(Path(request.destination).parts[:2]).replace("//", "/")


def _carry_out_one(place: Place, request: r.Request) -> r.Answer:
    """By the host that runs, or else by ourselves."""
    require_host(place.data)
    try:
        return ask(place.data, request)
    except NotListening:
        try:
            with desk_at_rest(place.data, place.domain, certificate=place.certificate) as desk:
                return carry_out(desk, request)
        except AlreadyRunning as error:
            raise AdminError(
                Fault.RUNNING, f"{error}, and does not answer: it may be starting, stopping, or at other work"
            ) from error


def _all_users(place: Place) -> r.Users:
    users: list[r.User] = []
    after: int | None = 0
    while after is not None:
        page = _carry_out_one(place, r.ListUsers(after))
        if not isinstance(page, r.Users):
            raise AdminError(Fault.FAILED, "the host answers something else")
        users += page.users
        after = page.after
    return r.Users(tuple(users), None)


@_asking(admin, "status")
def status() -> r.Request:
    """How the host is: version, sizes, counts."""
    return r.GetStatus()


@_asking(admin, "users")
def users() -> r.Request:
    """List all accounts."""
    return r.ListUsers(0)


@_asking(admin, "invite")
@click.option("--uses", default=1, show_default=True, help="How many may sign up with it.")
@click.option("--days", default=7, show_default=True, help="How many days after today it is good.")
def invite(*, uses: int, days: int) -> r.Request:
    """Make a code to sign up with."""
    return r.MakeInvite(uses, days)


@_asking(admin, "suspend")
@click.argument("account", metavar="NAME")
def suspend(*, account: str) -> r.Request:
    """Suspend an account: nobody finds it, and its devices cannot use it."""
    return r.SetSuspended(account, is_suspended=True)


@_asking(admin, "unsuspend")
@click.argument("account", metavar="NAME")
def unsuspend(*, account: str) -> r.Request:
    """Let a suspended account be used again."""
    return r.SetSuspended(account, is_suspended=False)


@_asking(admin, "release-name")
@click.argument("name")
@click.option("--take", is_flag=True, help="Take the name away from the account that has it; then it rests.")
def release_name(*, name: str, take: bool) -> r.Request:
    """Let anybody have a name that rests."""
    return r.ReleaseName(name, take)


@_asking(admin, "quota")
@click.argument("account", metavar="NAME")
def quota(*, account: str) -> r.Request:
    """Show the tickets that an account has had today, and may have."""
    return r.ShowQuota(account)


@_asking(admin, "backup")
@click.argument("destination", type=_ANY)
def backup(*, destination: Path) -> r.Request:
    """Copy all that the host holds to a new folder, whether it runs or not."""
    return r.MakeBackup(str(destination.absolute()))


@_asking(purge, "expired")
@click.option("--yes", is_flag=True, help="The clock is right, however far it is from the last sweep.")
def purge_expired(*, yes: bool) -> r.Request:
    """Forget now what is out of date: entries, names that have rested, deleted accounts, blobs."""
    return r.PurgeExpired(yes)


@_asking(purge, "account")
@click.argument("account", metavar="NAME")
@click.option("--yes", is_flag=True, help="It cannot be taken back: say that you mean it.")
def purge_account(*, account: str, yes: bool) -> r.Request:
    """Delete an account at once. Its name rests."""
    if not yes:
        raise AdminError(Fault.BAD_REQUEST, f"{account} would be deleted for good; --yes says that you mean it")
    return r.PurgeAccount(account)


@admin.command("restore", cls=SpokenCommand)
@click.argument("source", type=_ANY)
@click.option("--replace", is_flag=True, help="Move what is in the host's folder aside; nothing is deleted.")
@with_place
def restore(*, source: Path, replace: bool, data: Path | None, config: Path | None, as_json: bool) -> None:
    """Make the folder of a host from a backup. No host may be running on it."""
    with spoken_errors(as_json=as_json):
        restored = restore_folder(source, place_of(data, config).data, replace=replace)
        tell(to_json(restored), render(restored), as_json=as_json)
