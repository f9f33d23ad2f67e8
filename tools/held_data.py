"""docs/protocol/held-data.md, from the remarks in the host's schema.

    python tools/held_data.py [--check]

Each column of `CREATE TABLE` ends its line with `-- why | how long | can it be found from an account`. The page has all
of them; a column without a remark is an error here, and in tests/rules/test_held_data.py.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs/protocol/held-data.md"
FOLDERS = ("src/aparte/server/store/sqlite/schema", "src/aparte/server/blobs/schema")
TABLE = re.compile(r"^CREATE TABLE (\w+) \(\n(.*?)^\)", re.MULTILINE | re.DOTALL)
COLUMN = re.compile(r"^    ([a-z_]+) +(.*?)(?:--(.*))?$")

INTRODUCTION = """\
# What a host holds

Every column of a host's databases: why it is there, how long it stays, and whether it can be found from an account.
Made from the schema by `tools/held_data.py`; a test fails when a column is missing. What is not in this list, a host
of this version does not write: no address, no time of a visit, no list of members, no sender.

Beside the databases there are the files of blobs (sealed, named by their ids, without times of their own), `keys.json`
with the host's own keys, and lines of log that name nobody. "From an account: no" means that nothing in these tables
leads from an account to the row or back. What traffic tells whoever watches it, the threat model says."""


@dataclass(frozen=True, slots=True)
class Column:
    """A column and the three parts of its remark."""

    table: str
    name: str
    why: str
    how_long: str
    from_account: str


def columns(sql: str) -> list[Column]:
    """Every column of every table. Raises ValueError for one without a remark of three parts."""
    found = []
    for table, body in TABLE.findall(sql):
        for line in body.splitlines():
            column = COLUMN.match(line)
            if column is None:
                continue
            parts = [part.strip() for part in (column[3] or "").split("|")]
            if len(parts) != 3 or not all(parts):
                raise ValueError(f"{table}.{column[1]}: no remark of three parts")
            found.append(Column(table, column[1], *parts))
    return found


def all_columns() -> list[Column]:
    """Those of the host's databases."""
    files = [path for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.sql"))]
    return [column for path in files for column in columns(path.read_text(encoding="utf-8"))]


def page(found: Sequence[Column]) -> str:
    """The page's text."""
    parts = [INTRODUCTION]
    for table in dict.fromkeys(column.table for column in found):
        rows = [f"| `{c.name}` | {c.why} | {c.how_long} | {c.from_account} |" for c in found if c.table == table]
        head = ["| column | why | how long | from an account |", "|---|---|---|---|"]
        parts.append("\n".join([f"## {table}\n", *head, *rows]))
    return "\n\n".join(parts) + "\n"


def main(arguments: Sequence[str]) -> int:
    """Write or check the page."""
    text = page(all_columns())
    if "--check" in arguments:
        current = PAGE.exists() and PAGE.read_text(encoding="utf-8") == text
        print("up to date" if current else f"{PAGE.relative_to(ROOT)} is out of date: run tools/held_data.py")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
