"""A package's public names are its `__all__`: sorted, without doubles, importable."""

from __future__ import annotations

import importlib
import pkgutil
import re
from types import ModuleType

import pytest

import aparte

MODULES = ["aparte", *(m.name for m in pkgutil.walk_packages(aparte.__path__, "aparte."))]


def rank(name: str) -> tuple[int, list[tuple[int, str]]]:
    """The order that ruff keeps (RUF022): CONSTANTS, Classes, others; numbers within names by value."""
    kind = 0 if len(name) > 1 and name.isupper() else 1 if name[0].isupper() else 2
    return kind, [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def export_faults(module: ModuleType) -> list[str]:
    """What is wrong with a module's `__all__`; a package must have one, another module may."""
    is_package = hasattr(module, "__path__")
    if not hasattr(module, "__all__"):
        return [f"{module.__name__} has no __all__"] if is_package else []
    names = list(module.__all__)
    faults = [f"{name} is not there" for name in names if not hasattr(module, name)]
    if names != (expected := sorted(set(names), key=rank)):
        faults.append(f"not sorted, or doubled: expected {expected}")
    return faults


@pytest.mark.parametrize("name", MODULES)
def test_exports(name: str) -> None:
    assert export_faults(importlib.import_module(name)) == []


def test_control() -> None:
    module = ModuleType("sample")
    assert export_faults(module) == []
    module.__path__ = []
    assert len(export_faults(module)) == 1
    ordered = ["SUITE_2", "SUITE_10", "Group", "commit"]
    module.__dict__.update(dict.fromkeys(ordered), __all__=ordered)
    assert export_faults(module) == []
    for bad in (["b", "a"], ["a", "a"], ["a", "c"]):
        module.__dict__.update(a=1, b=2, __all__=bad)
        assert export_faults(module), bad
