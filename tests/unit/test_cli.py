"""The `aparte` command says what it is."""

from __future__ import annotations

import pytest

import aparte
from aparte.cli import main


def test_welcome_names_the_rooms_and_where_to_read_on(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    printed = capsys.readouterr().out
    for expected in (
        f"Aparte {aparte.__version__}",
        "aparte.codec",
        "aparte.crypto",
        "aparte.mls",
        "docs/start.md",
    ):
        assert expected in printed


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="0"):
        main(["--version"])
    assert capsys.readouterr().out == f"aparte {aparte.__version__}\n"
