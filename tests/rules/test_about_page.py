"""docs/protocol/about.md says what `/.well-known/aparte` says: every member, and an example that is true."""

from __future__ import annotations

import json
import re
from fnmatch import fnmatchcase
from typing import Any

from aparte.server.shell.about import describe
from aparte.server.shell.config import HostConfig
from aparte.server.shell.http import About
from aparte.wire.ids import Incarnation
from tests.rules.house import ROOT

PAGE = (ROOT / "docs/protocol/about.md").read_text()
EXAMPLE = About("chat.example.org", "0.1.0", Incarnation(bytes(range(16))), bytes(range(32, 64)))
#: The members of a pace belong to it.
PACE = {"interval_ms", "burst"}


def members(said: dict[str, Any], above: str = "") -> list[str]:
    """The paths of all members, `a.b.c`; a pace is one."""
    found: list[str] = []
    for name, value in said.items():
        path = f"{above}{name}"
        is_group = isinstance(value, dict) and value.keys() != PACE
        found += members(value, f"{path}.") if is_group else [path]
    return found


def documented(page: str) -> list[str]:
    """The members in the page's table."""
    return re.findall(r"^\| `([a-z_.*]+)` \| ", page, re.MULTILINE)


def disagreement(said: dict[str, Any], page: str) -> tuple[list[str], list[str]]:
    """What is served and not documented, and what is documented and not served."""
    served, patterns = members(said), documented(page)
    unsaid = [member for member in served if not any(fnmatchcase(member, pattern) for pattern in patterns)]
    unserved = [pattern for pattern in patterns if not any(fnmatchcase(member, pattern) for member in served)]
    return unsaid, unserved


def behind_a_proxy() -> dict[str, Any]:
    return describe(EXAMPLE, HostConfig(named=EXAMPLE.host, behind_proxy=True))


def test_every_member_is_documented_and_every_documented_one_is_served() -> None:
    assert disagreement(behind_a_proxy(), PAGE) == ([], [])


def test_the_example_is_true() -> None:
    [example] = re.findall(r"^```json\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert json.loads(example) == behind_a_proxy()
    assert example == json.dumps(behind_a_proxy(), indent=2) + "\n"


def test_control() -> None:
    page = "| `host` | x |\n| `limits.*` | y |\n| `gone` | z |\n"
    said = {"host": "h", "limits": {"a": 1, "b": {"interval_ms": 1, "burst": 2}}, "new": {"x": 1}}
    assert disagreement(said, page) == (["new.x"], ["gone"])
