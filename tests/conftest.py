"""What holds for every suite: nothing is skipped in CI, soak tests wait for `make soak`."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

CI = os.environ.get("APARTE_CI") == "1"
SOAK = os.environ.get("APARTE_SOAK") == "1"

settings.register_profile("test", deadline=None, print_blob=True)
settings.register_profile("soak", deadline=None, print_blob=True, max_examples=1_000)
settings.load_profile("soak" if SOAK else "test")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what is marked `soak`, unless it is asked for."""
    if SOAK:
        return
    late = [item for item in items if item.get_closest_marker("soak")]
    config.hook.pytest_deselected(items=late)
    items[:] = [item for item in items if item not in late]


def pytest_sessionfinish(session: pytest.Session) -> None:
    """In CI a skipped test is a failed run."""
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")
    if CI and reporter is not None and reporter.stats.get("skipped"):
        reporter.write_line("\nAPARTE_CI=1: nothing may be skipped", red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
