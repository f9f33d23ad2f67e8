"""Write docs/rules.md from tests/rules/rfc9420.toml: each rule of RFC 9420 with its code and its tests.

    python tools/rules_table.py [--check]

With `--check`, say only whether the page is up to date (exit 1 if not).
"""

from __future__ import annotations

import sys
import tomllib
from collections.abc import Mapping, Sequence
from itertools import groupby
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "tests/rules/rfc9420.toml"
PAGE = ROOT / "docs/rules.md"

Row = Mapping[str, str | list[str]]

INTRODUCTION = """\
# The rules of RFC 9420

Every requirement of [RFC 9420](https://www.rfc-editor.org/rfc/rfc9420) §§5–13 and 16 and what `aparte.mls` makes of
it. Made by `tools/rules_table.py` from [`tests/rules/rfc9420.toml`](../tests/rules/rfc9420.toml); do not edit.

**Numbers.** *12.4.2.1* is the first MUST (or MUST NOT) of section 12.4.2: the word is counted as one reads, each time
it stands there. Where the RFC states a condition without that word, the number has a name after a slash: *7.3/version*
belongs to section 7.3, *12.2.2/same-leaf* to the requirement 12.2.2. When a peer breaks a rule, `PeerError.rule` is
its number. *(as …)* says that a breach is refused by the number of another rule.

**Tests.** What refuses has a test that provokes just that number in a message which is genuine otherwise, and finds
the receiver's group unchanged; most take the one check away, too, and see that nothing else refuses by that number.
`tests/rules/test_rfc9420.py` counts the requirements of each section, and sees that all code and tests named here
exist and that no rule of the code is missing.
"""


def table() -> dict[str, Row]:
    """Rules by number, in the file's order."""
    return tomllib.loads(TABLE.read_text(encoding="utf-8"))


def chapter(number: str) -> str:
    """The RFC's section on the first level; on the second within §12, which is long."""
    parts = number.partition("/")[0].split(".")
    return ".".join(parts[: 2 if parts[0] == "12" else 1])


def is_must(number: str) -> bool:
    return "/" not in number


def listed(row: Row, key: str) -> list[str]:
    """A list of the row; empty if it has none."""
    found = row.get(key, [])
    return [found] if isinstance(found, str) else found


def page(rules: Mapping[str, Row]) -> str:
    """The whole of docs/rules.md."""
    absent = sum("not_applicable" in row for row in rules.values())
    musts = sum(is_must(number) for number in rules)
    counted = f"{musts} requirements, {len(rules) - musts} further conditions; {absent} do not apply."
    parts = [INTRODUCTION, counted]
    for name, group in groupby(rules, key=chapter):
        lines = [_line(number, rules[number]) for number in group]
        parts.append(
            "\n".join([f"## §{name}\n", "| rule | what it says | code | tests |", "|---|---|---|---|", *lines])
        )
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _line(number: str, row: Row) -> str:
    says = str(row["says"])
    if "not_applicable" in row:
        return f"| {number} | {says} | *not applicable* | {row['not_applicable']} |"
    raises = listed(row, "raises")
    says += f" *(as {', '.join(raises)})*" if raises else ""
    code = "<br>".join(_link(place, "src/aparte/mls", full=True) for place in listed(row, "code"))
    tests = "<br>".join(_link(place, "tests/unit/mls", full=False) for place in listed(row, "tests"))
    return f"| {number} | {says} | {code} | {tests} |"


def _link(place: str, folder: str, *, full: bool) -> str:
    path, name = place.split("::")
    text = f"{Path(path).stem}: {name}" if full else name.removeprefix("test_").replace("_", " ")
    return f"[{text}](../{folder}/{path})"


def main(arguments: Sequence[str]) -> int:
    """Write or check the page."""
    text = page(table())
    if "--check" in arguments:
        current = PAGE.read_text(encoding="utf-8") == text
        print("up to date" if current else f"{PAGE.relative_to(ROOT)} is out of date: run tools/rules_table.py")
        return 0 if current else 1
    PAGE.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
