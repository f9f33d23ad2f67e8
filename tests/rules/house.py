"""What the rules look at: the project's files, their syntax trees, and the list of exceptions."""

from __future__ import annotations

import ast
import subprocess
import tomllib
from collections.abc import Iterator
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
ALLOWED: dict[str, dict[str, str]] = tomllib.loads((ROOT / "tests/rules/allowed.toml").read_text())

FunctionNode = ast.FunctionDef | ast.AsyncFunctionDef


@cache
def project_files() -> tuple[str, ...]:
    """Every file that is tracked, or would be after `git add`, relative to the root."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    return tuple(name for name in sorted(set(listing.splitlines())) if (ROOT / name).is_file())


def sources(suffix: str, *folders: str) -> dict[str, str]:
    """Name → text of the project's files with that suffix, below one of the folders."""
    names = [name for name in project_files() if name.endswith(suffix) and name.startswith(folders or "")]
    return {name: (ROOT / name).read_text(encoding="utf-8") for name in names}


def functions(source: str, name: str) -> Iterator[tuple[str, FunctionNode, bool]]:
    """(qualified name, node, is a method with self or cls) of every function, nested ones too."""

    def walk(node: ast.AST, prefix: str, *, in_class: bool) -> Iterator[tuple[str, FunctionNode, bool]]:
        for child in ast.iter_child_nodes(node):
            if isinstance(child, FunctionNode):
                static = any(isinstance(d, ast.Name) and d.id == "staticmethod" for d in child.decorator_list)
                yield prefix + child.name, child, in_class and not static
                yield from walk(child, f"{prefix}{child.name}.", in_class=False)
            elif isinstance(child, ast.ClassDef):
                yield from walk(child, f"{prefix}{child.name}.", in_class=True)
            else:
                yield from walk(child, prefix, in_class=in_class)

    return walk(ast.parse(source, name), "", in_class=False)


def not_allowed(rule: str, faults: dict[str, str]) -> dict[str, str]:
    """The faults (place → what is wrong) that no pattern of `allowed.toml` covers."""
    patterns = ALLOWED[rule]
    return {p: what for p, what in faults.items() if not any(fnmatchcase(p, pattern) for pattern in patterns)}


def listing(faults: dict[str, str]) -> str:
    """Faults, one a line, for a failure's message."""
    return "\n" + "\n".join(f"  {place}: {what}" for place, what in sorted(faults.items()))
