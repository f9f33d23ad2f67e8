"""`aparte.mls` and `aparte.content` take nothing from the air; no check in `src` is an `assert` (`-O` strips them)."""

from __future__ import annotations

import ast

from tests.rules.house import PYPROJECT, listing, sources

CONTRACTS = PYPROJECT["tool"]["importlinter"]["contracts"]
FORBIDDEN = {m for c in CONTRACTS if c.get("id") == "pure-mls" for m in c["forbidden_modules"]}
FORBIDDEN_CALLS = {"__import__", "breakpoint", "eval", "exec", "input", "open", "print"}


def imported(node: ast.AST) -> list[str]:
    """Top-level names of the modules that a statement imports."""
    match node:
        case ast.Import(names=names):
            return [alias.name.partition(".")[0] for alias in names]
        case ast.ImportFrom(module=str(module), level=0):
            return [module.partition(".")[0]]
        case _:
            return []


def impurities(texts: dict[str, str]) -> dict[str, str]:
    """Imports, wherever they stand, and calls that reach outside."""
    faults = {}
    for name, text in texts.items():
        for node in ast.walk(ast.parse(text, name)):
            for module in FORBIDDEN.intersection(imported(node)):
                faults[f"{name}:{node.lineno}"] = f"imports {module}"  # type: ignore[attr-defined]
            match node:
                case ast.Call(func=ast.Name(id=called)) if called in FORBIDDEN_CALLS:
                    faults[f"{name}:{node.lineno}"] = f"calls {called}"
    return faults


def asserts(texts: dict[str, str]) -> dict[str, str]:
    """Every `assert` statement."""
    return {
        f"{name}:{node.lineno}": "assert"
        for name, text in texts.items()
        for node in ast.walk(ast.parse(text, name))
        if isinstance(node, ast.Assert)
    }


def test_mls_and_content_are_pure() -> None:
    faults = impurities(sources(".py", "src/aparte/content/", "src/aparte/mls/"))
    assert not faults, listing(faults)


def test_no_check_is_an_assert() -> None:
    faults = asserts(sources(".py", "src/"))
    assert not faults, listing(faults)


def test_control() -> None:
    asked = "os time datetime random secrets logging socket asyncio threading io pathlib sqlite3 subprocess"
    assert FORBIDDEN.issuperset(asked.split())
    for bad in ("import os.path", "from time import time", "def f():\n  import random as r", "print(1)"):
        assert impurities({"f.py": bad}), bad
    assert not impurities({"f.py": "import hashlib\nfrom aparte.codec import Reader\nfrom . import os"})
    assert asserts({"f.py": "def f(x):\n  assert x"})
