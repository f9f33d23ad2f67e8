"""A module is named by its subject."""

from __future__ import annotations

import re
from collections.abc import Iterable

from tests.rules.house import project_files

# With their plurals, alone or as a part of a longer name (`tree_utils`).
SAYS_NOTHING = re.compile(r"(^|_)(util|helper|common|manager|misc|stuff)s?(_|$)")


def nameless(names: Iterable[str]) -> list[str]:
    """Modules and packages whose name says nothing."""
    code = [name for name in names if name.endswith((".py", ".ts", ".tsx", ".mjs"))]
    return [name for name in code if any(SAYS_NOTHING.search(part.split(".")[0]) for part in name.split("/"))]


def test_modules_are_named_by_their_subject() -> None:
    assert nameless(project_files()) == []


def test_control() -> None:
    bad = ["src/aparte/utils.py", "src/aparte/common/x.py", "tests/tree_helpers.py", "web/src/manager.ts"]
    assert nameless([*bad, "src/aparte/mls/commit.py", "docs/common.md"]) == bad
