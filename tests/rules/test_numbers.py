"""The house numbers: files up to 600 lines, functions up to 40, five parameters, keyword-only beyond two."""

from __future__ import annotations

import ast
import warnings

import pytest

from tests.rules.house import ALLOWED, FunctionNode, fnmatchcase, functions, listing, not_allowed, sources

FILE_LINES, THINK_AGAIN, FUNCTION_LINES, PARAMETERS, POSITIONAL = 600, 350, 40, 5, 2
CODE = ("src/", "tools/", "benchmarks/")
CONSTRUCTORS = {"__init__", "__new__", "__call__"}


def files_above(texts: dict[str, str], limit: int) -> dict[str, str]:
    """Files with more than *limit* lines."""
    lengths = {name: len(text.splitlines()) for name, text in texts.items()}
    return {name: f"{lines} lines, limit {limit}" for name, lines in lengths.items() if lines > limit}


def line_count(node: FunctionNode) -> int:
    """Lines of a function from `def` to its end, without its docstring."""
    first = node.body[0]
    is_docstring = isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)
    docstring = (first.end_lineno or 0) - first.lineno + 1 if is_docstring else 0
    return (node.end_lineno or 0) - node.lineno + 1 - docstring


def function_faults(texts: dict[str, str]) -> dict[str, dict[str, str]]:
    """Rule → place → what is wrong."""
    faults: dict[str, dict[str, str]] = {"length": {}, "parameters": {}, "positional": {}}
    for name, text in texts.items():
        for qualified, node, is_method in functions(text, name):
            place = f"{name}::{qualified}"
            positional = len(node.args.posonlyargs) + len(node.args.args) - is_method
            total = positional + len(node.args.kwonlyargs)
            if (lines := line_count(node)) > FUNCTION_LINES:
                faults["length"][place] = f"{lines} lines, limit {FUNCTION_LINES}"
            if total > PARAMETERS:
                faults["parameters"][place] = f"{total} parameters, limit {PARAMETERS}"
            given_by_python = node.name.startswith("__") and node.name not in CONSTRUCTORS
            if positional > POSITIONAL and not given_by_python:
                faults["positional"][place] = f"{positional} positional parameters: keyword-only beyond two"
    return faults


def test_no_file_above_600_lines() -> None:
    faults = files_above(sources(".py"), FILE_LINES)
    assert not faults, listing(faults)


def test_files_to_think_about_again() -> None:
    for place, what in not_allowed("think-again", files_above(sources(".py"), THINK_AGAIN)).items():
        warnings.warn(f"think again about {place}: {what}", stacklevel=1)


@pytest.mark.parametrize("rule", ["length", "parameters", "positional"])
def test_functions(rule: str) -> None:
    faults = not_allowed(rule, function_faults(sources(".py", *CODE))[rule])
    assert not faults, listing(faults)


def test_every_exception_has_a_reason_and_is_needed() -> None:
    faults = function_faults(sources(".py", *CODE))
    faults["think-again"] = files_above(sources(".py"), THINK_AGAIN)
    assert ALLOWED.keys() == faults.keys()
    for rule, patterns in ALLOWED.items():
        for pattern, reason in patterns.items():
            assert len(reason.split()) > 2, f"{rule}: {pattern} needs a reason"
            assert any(fnmatchcase(place, pattern) for place in faults[rule]), f"{rule}: {pattern} is stale"


def test_control() -> None:
    long_body = "def long():\n" + "    pass\n" * 40
    assert files_above({"f.py": "\n" * 601}, FILE_LINES)
    assert not files_above({"f.py": "\n" * 600}, FILE_LINES)
    assert function_faults({"f.py": long_body})["length"] == {"f.py::long": "41 lines, limit 40"}
    documented = 'class A:\n    def f(self, a, b, *, c, d, e):\n        """One.\n\n        Two.\n        """\n'
    assert not any(function_faults({"f.py": documented + "        pass\n" * 39}).values())
    assert function_faults({"f.py": "def f(a, *, b, c, d, e, g): ..."})["parameters"]
    assert function_faults({"f.py": "class A:\n  def f(self, a, b, c): ..."})["positional"]
    assert function_faults({"f.py": "class A:\n  def __exit__(self, a, b, c): ..."})["positional"] == {}
