"""`aparte doctor`: is this host well?"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import click

from aparte.server.admin.commands import with_place
from aparte.server.admin.desk import system_clock
from aparte.server.admin.doctor.certificates import check_tls
from aparte.server.admin.doctor.database import check_integrity, check_schema, check_sqlite
from aparte.server.admin.doctor.findings import Finding, Level, fail, findings_of
from aparte.server.admin.doctor.folder import (
    check_clock,
    check_disk,
    check_leftovers,
    check_open_files,
    check_permissions,
)
from aparte.server.admin.doctor.network import check_port
from aparte.server.admin.doctor.public import check_public
from aparte.server.admin.speaking import SpokenCommand, spoken_errors, tell
from aparte.server.admin.text import columns
from aparte.server.shell.config import HostConfig, read_config
from aparte.wire.ids import Millis

__all__ = ["doctor", "examine"]

_FILE: Final = click.Path(exists=True, dir_okay=False, path_type=Path)


def examine(config: HostConfig, now: Millis) -> list[Finding]:
    """Every check of a host on this machine."""
    data = config.data
    checks: list[tuple[str, Callable[[], Iterable[Finding]]]] = [
        ("open files", lambda: check_open_files(data)),
        ("tls", lambda: check_tls(config, now)),
        ("port", lambda: check_port(config)),
    ]
    if (data / "host.db").is_file():
        checks += [
            ("clock", lambda: check_clock(data, now)),
            ("disk", lambda: check_disk(config)),
            ("permissions", lambda: check_permissions(data)),
            ("sqlite", lambda: check_sqlite(data)),
            ("schema", lambda: check_schema(data)),
            ("integrity", lambda: check_integrity(data)),
            ("leftovers", lambda: check_leftovers(data)),
        ]
        missing = []
    else:
        missing = [fail("folder", f"no host in {data}", do="Give its folder by --data, or start the host once.")]
    return missing + [finding for check, look in checks for finding in findings_of(check, look)]


@click.command(cls=SpokenCommand)
@click.option("--public", metavar="NAME", help="Look at the host of this name as a stranger sees it.")
@click.option("--ca", type=_FILE, help="With --public: trust these certificates, in PEM, and no others.")
@with_place
def doctor(*, public: str | None, ca: Path | None, data: Path | None, config: Path | None, as_json: bool) -> None:
    """Is this host well? Each check says what was found, and what to do. Exit code 1 if anything fails."""
    with spoken_errors(as_json=as_json):
        findings: list[Finding] = []
        if public is not None:
            findings += asyncio.run(check_public(public.lower(), ca=ca, now=system_clock()))
        if public is None or data is not None or config is not None:
            found = HostConfig() if config is None else read_config(config)
            findings += examine(found if data is None else replace(found, data=data), system_clock())
    is_well = all(finding.level is not Level.FAIL for finding in findings)
    record = {
        "is_well": is_well,
        "findings": [
            {"check": f.check, "level": f.level.value, "found": f.found, "advice": f.advice} for f in findings
        ],
    }
    tell(record, _lines(findings), as_json=as_json)
    if not is_well:
        sys.exit(1)


def _lines(findings: list[Finding]) -> list[str]:
    rows = columns([[f.level.value, f.check, f.found] for f in findings])
    lines: list[str] = []
    for row, finding in zip(rows, findings, strict=True):
        lines.append(row)
        if finding.advice:
            lines.append(f"      {finding.advice}")
    return lines
