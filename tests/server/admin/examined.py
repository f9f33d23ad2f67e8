"""What `aparte doctor` finds, for tests: all is well, or one thing is bad."""

from __future__ import annotations

import re
from typing import NamedTuple

from aparte.server.admin.doctor.command import examine
from aparte.server.admin.doctor.findings import Finding, Level
from aparte.server.shell.config import HostConfig
from tests.server.admin.hosts import clock


class Bad(NamedTuple):
    """A thing that is broken: the check that notices, how bad it is, what it says."""

    check: str
    level: Level
    found: str


def look(config: HostConfig) -> list[Finding]:
    return examine(config, clock())


def worst(findings: list[Finding]) -> list[Bad]:
    assert all(bool(finding.advice) == (finding.level is not Level.OK) for finding in findings)
    return [Bad(f.check, f.level, f.found) for f in findings if f.level is not Level.OK]


def assert_bad(findings: list[Finding], check: str, level: Level, pattern: str) -> None:
    """One thing is bad, and nothing else."""
    [bad] = worst(findings)
    assert (bad.check, bad.level) == (check, level)
    assert re.search(pattern, bad.found), bad.found
