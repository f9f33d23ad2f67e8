"""Resolve requirements/*.txt from pyproject.toml: exact versions with hashes, for every platform at once.

    python tools/lock.py [--upgrade]

Without `--upgrade`, versions already locked are kept. The development lock agrees with the runtime lock, and so does
the one for whoever only installs: what the wheel is built with.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
UV = Path(sys.executable).parent / "uv"
OPTIONS = (
    "--universal",
    "--python-version=3.11",
    "--generate-hashes",
    "--no-emit-index-url",
    "--no-emit-find-links",
    "--custom-compile-command=make lock",
    "--quiet",
)
LOCKS: dict[str, tuple[str, ...]] = {
    "runtime": ("pyproject.toml",),
    "dev": ("pyproject.toml", "--group=dev", "--constraints=requirements/runtime.txt"),
    "build": ("--group=build", "--constraints=requirements/dev.txt"),
}


def main(arguments: Sequence[str]) -> int:
    """Write all locks."""
    for name, extra in LOCKS.items():
        lock = f"requirements/{name}.txt"
        command = [
            UV,
            "pip",
            "compile",
            *OPTIONS,
            *extra,
            *arguments,
            "--output-file",
            lock,
        ]
        subprocess.run(command, cwd=ROOT, check=True)
        print(f"wrote {lock}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
