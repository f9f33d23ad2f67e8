"""The working group's vectors (RFC 9420): all families, every suite; one test a family, one assertion a case."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from aparte.crypto.native import NativeProvider
from tools.mls_vectors import FAMILIES, run_case

FILES = (
    "crypto-basics",
    "deserialization",
    "key-schedule",
    "message-protection",
    "messages",
    "passive-client-handling-commit",
    "passive-client-random",
    "passive-client-welcome",
    "psk_secret",
    "secret-tree",
    "transcript-hashes",
    "tree-math",
    "tree-operations",
    "tree-validation",
    "treekem",
    "welcome",
)
COUNTS: dict[str, int] = {}


@cache
def cases_of(name: str) -> list[dict[str, Any]]:
    folder = os.environ.get("APARTE_VECTORS")
    if folder is None:
        message = f"NOT RUN: mls/{name}.json, because APARTE_VECTORS names no folder"
        if os.environ.get("APARTE_CI") == "1":
            pytest.fail(message)
        pytest.skip(message)
    loaded: list[dict[str, Any]] = json.loads((Path(folder) / "mls" / f"{name}.json").read_text())
    return loaded


@pytest.mark.parametrize("name", FILES)
def test_family(name: str) -> None:
    provider = NativeProvider()
    outcomes = [run_case(case, index, provider) for index, case in enumerate(cases_of(name))]
    failed = {outcome.index: outcome.error for outcome in outcomes if outcome.error}
    assert not failed, f"{name}: {failed}"
    assert all(outcome.supported for outcome in outcomes), "a cipher suite of the vectors is not supported"
    COUNTS[name] = len(outcomes)


def test_every_family_has_a_file() -> None:
    ran = {run_case(cases_of(name)[0], 0, NativeProvider()).family for name in FILES}
    assert ran == {name for name, _, _ in FAMILIES}


@pytest.mark.parametrize("name", FILES)
def test_altered_case_fails(name: str) -> None:
    """A runner that cannot fail proves nothing: each value of a case, altered, must be noticed."""
    case = cases_of(name)[0]
    noticed = [run_case(altered, 0, NativeProvider()).error is not None for altered in alterations(case)]
    assert any(noticed), name
    if name != "messages":  # which may hold any opaque bytes: only what breaks the structure can be noticed
        assert sum(noticed) >= len(noticed) * 0.6, f"{name}: {sum(noticed)} of {len(noticed)} alterations noticed"


def alterations(case: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The case with one leaf value changed, for up to 40 of its values spread over the case."""
    places = [place for place in leaf_places(case) if place[0] != "cipher_suite"]
    for place in places[:: max(1, len(places) // 40)]:
        yield with_change(case, place)


def with_change(value: Any, place: tuple[Any, ...]) -> Any:
    """A copy with the value at one place changed; all that is not on the way there is shared."""
    if not place:
        return changed(value)
    copy = value.copy()
    copy[place[0]] = with_change(value[place[0]], place[1:])
    return copy


def leaf_places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaf_places(item, (*path, key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from leaf_places(item, (*path, index))
    elif isinstance(value, int) or (isinstance(value, str) and value):
        yield path


def changed(value: Any) -> Any:
    if isinstance(value, int):
        return value + 1
    middle = len(value) // 2
    flipped = "1" if value[middle] == "0" else "0"
    return value[:middle] + flipped + value[middle + 1 :]
