"""Proxies and a CA are programs of the system, which not every machine has: without one its tests are out, loudly."""

from __future__ import annotations

import pytest

from tests.server.proxies import PEBBLE, PEBBLE_DNS, PROGRAMS

_ABSENT = {name: f"deploy/{program.shipped}" for name, program in PROGRAMS.items() if not program.path}
if not PEBBLE or not PEBBLE_DNS:
    _ABSENT["pebble"] = "ACME with a CA of others"


def _needs(item: pytest.Item) -> str | None:
    """The proxy, or the CA, that a test is about."""
    if item.name == "test_pebble":
        return "pebble"
    called = getattr(item, "callspec", None)
    return None if called is None else called.params.get("program")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out what needs a proxy that is not installed."""
    absent = [item for item in items if _needs(item) in _ABSENT]
    config.hook.pytest_deselected(items=absent)
    items[:] = [item for item in items if item not in absent]


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    for name, shipped in _ABSENT.items():
        terminalreporter.write_line(f"NOT TRIED: {name} is not installed, so {shipped} was not", yellow=True)
