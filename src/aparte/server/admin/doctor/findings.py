"""What a check finds, and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import Enum

__all__ = ["Finding", "Level", "fail", "findings_of", "ok", "warn"]


class Level(Enum):
    """How bad it is: a host with a failure does not work, or not safely; a warning can wait."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    """One check's. `advice` is one sentence, empty if all is well."""

    check: str
    level: Level
    found: str
    advice: str = ""


def ok(check: str, found: str) -> Finding:
    """All is well."""
    return Finding(check, Level.OK, found)


def warn(check: str, found: str, *, do: str) -> Finding:
    """It works, and may not for long, or not for everybody."""
    return Finding(check, Level.WARN, found, do)


def fail(check: str, found: str, *, do: str) -> Finding:
    """It does not work, or not safely."""
    return Finding(check, Level.FAIL, found, do)


def findings_of(check: str, look: Callable[[], Iterable[Finding]]) -> list[Finding]:
    """What a check finds; one that cannot be carried out is a finding as well."""
    try:
        return list(look())
    except Exception as error:  # noqa: BLE001 - the other checks go on
        return [fail(check, f"could not be checked: {str(error) or repr(error)}", do="Mend that, and run this again.")]
