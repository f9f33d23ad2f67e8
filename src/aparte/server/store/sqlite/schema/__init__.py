"""The schema as numbered SQL files, applied in order; `PRAGMA user_version` says how far a file has come."""

from __future__ import annotations

import re
from importlib.resources import files

__all__ = ["migrations"]


def migrations(package: str = __name__) -> list[tuple[int, str]]:
    """(number, SQL) of every step in a package of SQL files, in order."""
    named = {entry.name: entry for entry in files(package).iterdir() if re.fullmatch(r"\d{4}_\w+\.sql", entry.name)}
    return [(int(name[:4]), named[name].read_text(encoding="utf-8")) for name in sorted(named)]
