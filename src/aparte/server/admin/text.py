"""Answers as text for people: aligned, plain, one fact a line."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Final, assert_never

from aparte.server.admin.requests import (
    AccountPurged,
    Answer,
    BackupMade,
    CertificateStatus,
    ExpiredPurged,
    Invited,
    NameReleased,
    Quota,
    Status,
    Suspension,
    User,
    Users,
)
from aparte.server.admin.restoring import Restored

__all__ = ["columns", "render", "size_of"]

_UNITS: Final = ("KiB", "MiB", "GiB", "TiB")


def render(answer: Answer | Restored) -> list[str]:
    """The lines."""
    match answer:
        case Status():
            return _status(answer)
        case Users():
            return _users(answer.users)
        case Invited():
            return _invited(answer)
        case Suspension():
            state = "is suspended" if answer.is_suspended else "is not suspended"
            return [f"{answer.account} {state}{'' if answer.has_changed else ' already'}."]
        case NameReleased(rests_until=None):
            return [f"{answer.name} is free for anybody."]
        case NameReleased():
            return [f"{answer.name} is nobody's now, and rests until {answer.rests_until}."]
        case Quota():
            return _quota(answer)
        case ExpiredPurged():
            return _pairs(
                [
                    ("entries of logs", f"{answer.entries}"),
                    ("rows about accounts", f"{answer.account_rows}"),
                    ("blobs", f"{answer.blobs}"),
                    ("unfinished uploads", f"{answer.uploads}"),
                ]
            )
        case AccountPurged():
            name = f" Its name, {answer.name}, rests." if answer.name else ""
            return [f"{answer.account} is deleted, with {_count(answer.devices, 'device')}.{name}"]
        case BackupMade():
            return _backup(answer)
        case Restored():
            return _restored(answer)
        case _:
            assert_never(answer)


def size_of(count: int) -> str:
    """Bytes, for people."""
    if count < 1024:
        return f"{count} B"
    size, unit = float(count), ""
    for unit in _UNITS:  # noqa: B007 - the last one is used
        size /= 1024
        if size < 1024:
            break
    return f"{size:.1f} {unit}"


def columns(rows: Sequence[Sequence[str]]) -> list[str]:
    """A table, without lines."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def _pairs(pairs: Iterable[tuple[str, str]]) -> list[str]:
    return columns([list(pair) for pair in pairs])


def _count(number: int, thing: str) -> str:
    return f"{number} {thing}{'' if number == 1 else 's'}"


def _status(status: Status) -> list[str]:
    live = "at rest"
    if status.is_running:
        days, seconds = divmod(status.uptime_seconds or 0, 86_400)
        live = f"running for {days} d {seconds // 3600} h {seconds // 60 % 60} min"
    return _pairs(
        [
            ("host", status.host or "-"),
            ("state", live),
            ("links", "-" if status.links is None else f"{status.links}"),
            ("version", status.version),
            ("schema", f"{status.schema}"),
            ("incarnation", status.incarnation or "-"),
            ("logs", f"{status.logs}"),
            ("entries", f"{status.entries}"),
            ("accounts", f"{status.accounts}"),
            ("devices", f"{status.devices}"),
            ("blobs", f"{status.blobs} ({size_of(status.blob_bytes)})"),
            ("databases", f"{size_of(status.database_bytes)}, and {size_of(status.wal_bytes)} of write-ahead log"),
            ("free disk", size_of(status.free_bytes)),
            ("refused for it", status.refused or "-"),
            ("open files", "-" if status.open_files is None else f"{status.open_files} at once"),
            *_certificate(status.certificate),
        ]
    )


def _certificate(found: CertificateStatus | None) -> list[tuple[str, str]]:
    if found is None:
        return [("certificate", "-")]
    ends = "none that can be read" if found.ends is None else f"ends on {_moment(found.ends)}"
    failed = [] if found.failed_at is None else [("not renewed", f"on {_moment(found.failed_at)}: {found.failure}")]
    return [("certificate", ends), *failed]


def _moment(text: str) -> str:
    return f"{text[:16].replace('T', ' ')} UTC"


def _users(users: Sequence[User]) -> list[str]:
    if not users:
        return ["No accounts."]
    head = ["name", "created", "devices", "remarks"]
    return columns([head, *(_user(user) for user in users)])


def _user(user: User) -> list[str]:
    remarks = [word for word, is_so in (("operator", user.is_operator), ("suspended", user.is_suspended)) if is_so]
    if user.deletes_on is not None:
        remarks.append(f"to be deleted on {user.deletes_on}")
    return [user.name or f"id:{user.account_id}", user.created_on, f"{user.devices}", ", ".join(remarks)]


def _invited(invited: Invited) -> list[str]:
    link = [] if invited.link is None else [("link", invited.link)]
    good = f"for {_count(invited.uses, 'account')}, until {invited.expires_on} (UTC)"
    return [*_pairs([("code", invited.code), *link, ("good", good)]), "It is not shown again."]


def _quota(quota: Quota) -> list[str]:
    rows = [[ticket.kind.replace("_", " "), f"{ticket.issued} of {ticket.daily}"] for ticket in quota.tickets]
    return [*columns([["tickets to", "today"], *rows]), "The allowance is the same for all accounts."]


def _backup(made: BackupMade) -> list[str]:
    linked = f", {made.linked_blobs} of them linked" if made.linked_blobs else ""
    lines = _pairs(
        [
            ("backup", made.destination),
            ("databases", size_of(made.database_bytes)),
            ("blobs", f"{made.blobs} ({size_of(made.blob_bytes)}){linked}"),
        ]
    )
    if made.lost_blobs:
        lines.append(f"{_count(made.lost_blobs, 'blob')} should be there and were not, or not whole: look at the disk.")
    return lines


def _restored(restored: Restored) -> list[str]:
    aside = [] if restored.moved_aside is None else [("before", f"moved to {restored.moved_aside}")]
    packages, invites = _count(restored.dropped_key_packages, "key package"), _count(restored.dropped_invites, "invite")
    ended = f"all passes and tickets, {packages}, {invites}"
    return [
        *_pairs(
            [
                ("restored", restored.data),
                *aside,
                ("as of", restored.backup_made_at),
                ("incarnation", f"{restored.incarnation} (new)"),
                ("blobs", f"{restored.blobs}"),
                ("ended", ended),
            ]
        ),
        "What happened after the backup is gone: new invites are needed, and suspensions, deletions and revocations",
        "since then have to be made again.",
    ]
