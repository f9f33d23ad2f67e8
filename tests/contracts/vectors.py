"""Published vectors for providers, and the count of those that ran."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cryptography_vectors
import pytest

from aparte.crypto import CIPHER_SUITES, CipherSuite, Suite

#: Source → number of cases.
CASES_RUN: Counter[str] = Counter()

Case = dict[str, Any]


def suites_where(condition: Callable[[CipherSuite], bool]) -> list[int]:
    """Numbers for `pytest.mark.parametrize("suite", ..., indirect=True)`."""
    return [number for number, row in CIPHER_SUITES.items() if condition(row)]


def wycheproof(name: str) -> list[Case]:
    """All cases of `$APARTE_VECTORS/wycheproof/<name>.json`, each with its group as `case["group"]`."""
    folder = os.environ.get("APARTE_VECTORS")
    if folder is None:
        message = f"NOT RUN: wycheproof/{name}.json, because APARTE_VECTORS names no folder"
        if os.environ.get("APARTE_CI") == "1":
            pytest.fail(message)
        pytest.skip(message)
    document = json.loads((Path(folder) / "wycheproof" / f"{name}.json").read_text())
    cases = [{**case, "group": group} for group in document["testGroups"] for case in group["tests"]]
    assert len(cases) == document["numberOfTests"] > 0
    return cases


def hpke(name: str) -> list[Case]:
    """Base mode vectors of `cryptography_vectors`' HPKE folder."""
    with cryptography_vectors.open_vector_file(f"HPKE/{name}.json", "r") as file:
        vectors = [vector for vector in json.load(file) if vector["mode"] == 0]
    assert vectors
    return vectors


def run_cases(source: str, cases: list[Case], passes: Callable[[Case], bool]) -> None:
    """`passes` on every case; the failure names all cases that do not pass. Counts them."""
    failed = [case["tcId"] for case in cases if not passes(case)]
    assert not failed, f"{source}: tcId {failed}"
    count_cases(source, len(cases))


def count_cases(source: str, count: int) -> None:
    """Note that so many cases passed. None at all is a failure."""
    assert count > 0, source
    CASES_RUN[source] += count


def through(name: str, suite: Suite) -> str:
    """The source of cases that ran through one cipher suite."""
    return f"{name} through {suite.parameters.number:#06x}"
