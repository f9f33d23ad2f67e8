"""Fixtures of the provider contract, and the count of vector cases at the end of a run.

A test module of a provider defines the fixture `make_provider`, which takes an `rng`, and imports the contracts.
"""

from __future__ import annotations

import os
import random
from collections.abc import Callable

import pytest

from aparte.crypto import CIPHER_SUITES, Provider, Suite
from tests.contracts.vectors import CASES_RUN

MakeProvider = Callable[[Callable[[int], bytes]], Provider]


@pytest.fixture(scope="module")
def provider(make_provider: MakeProvider) -> Provider:
    return make_provider(os.urandom)


@pytest.fixture(scope="module")
def seeded(make_provider: MakeProvider) -> Callable[[], Provider]:
    """Providers that all draw the same randomness."""
    return lambda: make_provider(random.Random(9180).randbytes)


@pytest.fixture(scope="module", params=sorted(CIPHER_SUITES), ids=lambda number: f"{number:#06x}")
def suite(provider: Provider, request: pytest.FixtureRequest) -> Suite:
    number: int = request.param
    if number not in provider.supported():
        pytest.skip(f"NOT RUN: {type(provider).__name__} has no cipher suite {number:#06x}")
    return provider.suite(number)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not CASES_RUN:
        return
    terminalreporter.section("vector cases run against providers")
    for source, count in sorted(CASES_RUN.items()):
        terminalreporter.write_line(f"{count:7}  {source}")
    terminalreporter.write_line(f"{sum(CASES_RUN.values()):7}  in all")
