"""Every request of an operator's, carried out. What each returns says all that an operator is to know of it."""

from __future__ import annotations

import shutil
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path
from typing import Final, assert_never

import aparte
from aparte.server.accounts import ending, make_invite
from aparte.server.accounts.settings import REST_DAYS
from aparte.server.admin.backup import make_backup
from aparte.server.admin.census import Census, date_of, named_account, normal_name, open_census
from aparte.server.admin.desk import Desk
from aparte.server.admin.errors import AdminError, Fault
from aparte.server.admin.purging import purge_expired
from aparte.server.admin.requests import (
    PAGE,
    AccountPurged,
    Answer,
    GetStatus,
    Invited,
    ListUsers,
    MakeBackup,
    MakeInvite,
    NameReleased,
    PurgeAccount,
    PurgeExpired,
    Quota,
    ReleaseName,
    Request,
    SetSuspended,
    ShowQuota,
    Status,
    Suspension,
    TicketQuota,
    User,
    Users,
)
from aparte.server.opening import day_of
from aparte.server.shell.open_files import open_files
from aparte.server.store import Transaction
from aparte.server.store.accounts import NEVER
from aparte.wire.ids import TicketKind

__all__ = ["carry_out"]

_MAX_USES: Final = 100_000
_MAX_DAYS: Final = 3_650


def carry_out(desk: Desk, request: Request) -> Answer:
    """Raises `AdminError`, `StoreError`, `OSError`; then nothing was changed."""
    match request:
        case GetStatus():
            return _status(desk)
        case ListUsers():
            return _users(desk, request)
        case MakeInvite():
            return _invite(desk, request)
        case SetSuspended():
            return _suspend(desk, request)
        case ReleaseName():
            return _release_name(desk, request)
        case ShowQuota():
            return _quota(desk, request)
        case PurgeExpired():
            return purge_expired(desk, request)
        case PurgeAccount():
            return _purge_account(desk, request)
        case MakeBackup():
            return make_backup(desk, Path(request.destination))
        case _:
            assert_never(request)


def _status(desk: Desk) -> Status:
    with open_census(desk.data / "host.db") as logs, open_census(desk.data / "blobs.db") as blobs:
        incarnation = logs.incarnation()
        return Status(
            version=aparte.__version__,
            is_running=desk.live is not None,
            host=desk.domain,
            schema=logs.schema(),
            incarnation=None if incarnation is None else incarnation.hex(),
            uptime_seconds=None if desk.live is None else desk.live.uptime(),
            links=None if desk.live is None else desk.live.links(),
            logs=logs.count("log"),
            entries=logs.count("entry"),
            accounts=logs.count("account"),
            devices=logs.count("device"),
            blobs=blobs.count("blob"),
            database_bytes=_size(desk.data / "host.db") + _size(desk.data / "blobs.db"),
            wal_bytes=_size(desk.data / "host.db-wal") + _size(desk.data / "blobs.db-wal"),
            blob_bytes=blobs.blob_bytes(),
            free_bytes=shutil.disk_usage(desk.data).free,
            refused=None if desk.live is None else desk.live.refused(),
            open_files=None if desk.live is None else open_files(),
            certificate=None if desk.certificate is None else desk.certificate.look(),
        )


def _users(desk: Desk, request: ListUsers) -> Users:
    with _accounts(desk) as census:
        found = census.accounts(after=request.after, limit=PAGE)
    users = tuple(
        User(
            name=account.name,
            account_id=account.account_id.hex(),
            created_on=date_of(account.created_day) or "",
            devices=account.devices,
            is_operator=account.is_operator,
            is_suspended=account.is_suspended,
            deletes_on=date_of(account.deletion_day),
        )
        for account in found
    )
    return Users(users, found[-1].ref if len(found) == PAGE else None)


def _invite(desk: Desk, request: MakeInvite) -> Invited:
    if not 1 <= request.uses <= _MAX_USES or not 0 <= request.days <= _MAX_DAYS:
        raise AdminError(Fault.BAD_REQUEST, f"1 to {_MAX_USES} uses and 0 to {_MAX_DAYS} days are possible")
    day = day_of(desk.clock()) + request.days

    def make(transaction: Transaction) -> str:
        return make_invite(transaction, desk.rng, uses=request.uses, expires_day=day)

    code = desk.writing.apart(make)
    # After the #, where no server and no proxy reads it.
    link = None if desk.domain is None or desk.domain.startswith("localhost") else f"https://{desk.domain}/#join={code}"
    return Invited(code, link, request.uses, date_of(day) or "")


def _suspend(desk: Desk, request: SetSuspended) -> Suspension:
    with _accounts(desk) as census:
        account = named_account(census, request.account)
    if account.is_suspended == request.is_suspended:
        return Suspension(account.called, account.is_suspended, has_changed=False)

    change = partial(
        ending.suspend, account_id=account.account_id, is_suspended=request.is_suspended, presence=desk.presence
    )
    if not desk.writing.apart(change):
        raise AdminError(Fault.NOT_FOUND, f"no account is called {request.account!r}")
    return Suspension(account.called, request.is_suspended, has_changed=True)


def _release_name(desk: Desk, request: ReleaseName) -> NameReleased:
    name, day = normal_name(request.name), day_of(desk.clock())

    def release(transaction: Transaction) -> NameReleased:
        directory = transaction.accounts().directory
        row = directory.name(name)
        if row is None:
            raise AdminError(Fault.NOT_FOUND, f"nobody has the name {name!r}, and it does not rest")
        if row.freed_day != NEVER:
            directory.forget_name(name)
            return NameReleased(name, None)
        if not request.takes:
            raise AdminError(Fault.IN_USE, f"an account has the name {name!r}; --take takes it away")
        directory.free_name(name, day)
        return NameReleased(name, date_of(day + REST_DAYS))

    return desk.writing.apart(release)


def _quota(desk: Desk, request: ShowQuota) -> Quota:
    with _accounts(desk) as census:
        account = named_account(census, request.account)

    def count(transaction: Transaction) -> Quota:
        store, day = transaction.accounts(), day_of(desk.clock())
        row = store.directory.find(account.account_id)
        if row is None:
            raise AdminError(Fault.NOT_FOUND, f"no account is called {request.account!r}")
        issued = [(kind, store.directory.issued(row.ref, kind, day=day)) for kind in TicketKind]
        daily = desk.tickets.daily
        return Quota(account.called, tuple(TicketQuota(k.name.lower(), n, daily.get(k, 0)) for k, n in issued))

    return desk.writing.apart(count)


def _purge_account(desk: Desk, request: PurgeAccount) -> AccountPurged:
    with _accounts(desk) as census:
        account = named_account(census, request.account)
    day = day_of(desk.clock())
    if not desk.writing.apart(partial(ending.erase, account_id=account.account_id, day=day, presence=desk.presence)):
        raise AdminError(Fault.NOT_FOUND, "the account is gone already")
    return AccountPurged(account.called, account.name, account.devices)


def _accounts(desk: Desk) -> AbstractContextManager[Census]:
    return open_census(desk.data / "host.db")


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except FileNotFoundError:
        return 0
