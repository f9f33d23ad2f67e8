"""Says at the end how many vector cases ran."""

from __future__ import annotations

import pytest

from tests.vectors.test_mimi import MEANINGS, RAN
from tests.vectors.test_mls import COUNTS, FILES


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    counts = ", ".join(f"{name} {count}" for name, count in COUNTS.items())
    line = f"MLS vectors: {sum(COUNTS.values())} cases ran, {len(COUNTS)} of {len(FILES)} families"
    terminalreporter.write_line(f"{line}: {counts}" if COUNTS else f"{line}: APARTE_VECTORS names no folder")
    line = f"MIMI content: {len(RAN)} of {len(MEANINGS)} examples ran"
    terminalreporter.write_line(line if RAN else f"{line}: APARTE_VECTORS names no folder")
