"""The wheel builds from a bare checkout and holds the package alone."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import aparte
from tests.rules.house import ROOT


def foreign(names: list[str]) -> list[str]:
    """Files of a wheel that belong neither to the package nor to its metadata."""
    return [name for name in names if not name.startswith(("aparte/", f"aparte-{aparte.__version__}.dist-info/"))]


def test_wheel(tmp_path: Path) -> None:
    command = [
        sys.executable,
        "-m",
        "build",
        "--wheel",
        "--no-isolation",
        "--outdir",
        str(tmp_path),
        str(ROOT),
    ]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    [wheel] = tmp_path.glob(f"aparte-{aparte.__version__}-py3-none-any.whl")
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        entry_points = archive.read(f"aparte-{aparte.__version__}.dist-info/entry_points.txt").decode()
    assert foreign(names) == []
    assert {"aparte/py.typed", "aparte/cli.py"} <= set(names)
    assert "aparte = aparte.cli:main" in entry_points


def test_control() -> None:
    assert foreign(["aparte/cli.py", "tests/x.py"]) == ["tests/x.py"]
