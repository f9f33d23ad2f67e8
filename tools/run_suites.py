"""Run the suites one after another, then print the time of each. Exit 1 if any fails.

    python tools/run_suites.py test [SUITE...]
    python tools/run_suites.py soak [SUITE...]

A new suite is one line in a table below. A suite whose folder does not exist yet is skipped with a line;
with APARTE_CI=1 that, too, is a failure.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PYTHON = sys.executable
BIN = Path(PYTHON).parent
CI = os.environ.get("APARTE_CI") == "1"
MINUTES = os.environ.get("SOAK_MINUTES", "10")


@dataclass(frozen=True, slots=True)
class Suite:
    """Commands that all have to succeed, and the path without which there is nothing to run."""

    needs: str
    commands: tuple[tuple[str, ...], ...]


def tests(folder: str) -> Suite:
    """The pytest suite in `tests/<folder>`."""
    return Suite(f"tests/{folder}", ((PYTHON, "-m", "pytest", "-q", f"tests/{folder}"),))


def tool(name: str, *arguments: str) -> tuple[str, ...]:
    """A command of the virtual environment."""
    return (str(BIN / name), *arguments)


TABLES = {
    "test": {
        "lint": Suite("src", (tool("ruff", "check", "--quiet"), tool("ruff", "format", "--check", "--quiet"))),
        "types": Suite("src", (tool("mypy"),)),
        "imports": Suite("src", (tool("lint-imports", "--no-cache", "--no-logo"),)),
        "rules": tests("rules"),
        "unit": tests("unit"),
        "contracts": tests("contracts"),
        "vectors": tests("vectors"),
        "properties": tests("properties"),
        "disk": tests("disk"),
        "server": tests("server"),
        "scenes": tests("scenes"),
        "drivers": tests("drivers"),
        "people": tests("people"),
        "simulation": tests("simulation"),
        "reliability": tests("reliability"),
        "interop": tests("interop"),
    },
    "soak": {
        "properties": tests("properties"),
        "reliability": tests("reliability"),
        "interop": tests("interop"),
        "fuzz": Suite("tools/fuzz.py", ((PYTHON, "tools/fuzz.py", "--minutes", MINUTES),)),
    },
}


def run(name: str, suite: Suite) -> tuple[str, float]:
    """Run one suite; return its verdict (`ok`, `FAILED`, `skipped`) and its wall time in seconds."""
    print(f"\n== {name} ".ljust(80, "="), flush=True)
    if not (ROOT / suite.needs).exists():
        print(f"skipped: {suite.needs} does not exist yet", flush=True)
        return ("FAILED" if CI else "skipped"), 0.0
    begin = time.perf_counter()
    codes = [subprocess.run(command, cwd=ROOT, check=False).returncode for command in suite.commands]
    return ("FAILED" if any(codes) else "ok"), time.perf_counter() - begin


def main(arguments: Sequence[str]) -> int:
    """Run the table named first, or those of its suites named after it."""
    if not arguments or arguments[0] not in TABLES:
        print(__doc__, file=sys.stderr)
        return 2
    table = TABLES[arguments[0]]
    names = arguments[1:] or list(table)
    if unknown := [name for name in names if name not in table]:
        print(f"no such suite: {', '.join(unknown)}; there are: {', '.join(table)}", file=sys.stderr)
        return 2
    if arguments[0] == "soak":
        os.environ["APARTE_SOAK"] = "1"
    results = {name: run(name, table[name]) for name in names}
    print("\n" + "=" * 80)
    for name, (verdict, seconds) in results.items():
        print(f"{name:12}{verdict:>8}{seconds:9.1f} s")
    print(f"{'total':20}{sum(seconds for _, seconds in results.values()):9.1f} s")
    return int(any(verdict == "FAILED" for verdict, _ in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
