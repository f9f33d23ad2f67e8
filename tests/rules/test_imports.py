"""The import contracts of `pyproject.toml` bite: a copy of the house with one bad import breaks them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.rules.house import PYPROJECT, ROOT

(LAYERS,) = (c for c in PYPROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
SINGLE = {"__init__", "cli", "codec"}  # modules; every other room is a package

BAD = {
    "src/aparte/codec.py": "import aparte.crypto\n",
    "src/aparte/mls/__init__.py": "import os\n",
    "src/aparte/mls/deep.py": "import cryptography\n",
    "src/aparte/wire/__init__.py": "import aparte.crypto\n",
    "src/aparte/trust/__init__.py": "import aparte.server\n",
    "src/aparte/newroom.py": "",
}


def lint_imports(copy: Path) -> subprocess.CompletedProcess[str]:
    """Run import-linter in a copy of the project."""
    command = [Path(sys.executable).parent / "lint-imports", "--no-cache"]
    environment = {"PYTHONPATH": str(copy / "src"), "PATH": ""}
    return subprocess.run(command, cwd=copy, env=environment, check=False, capture_output=True, text=True)


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A house of empty rooms under the project's own contracts."""
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    rooms = (name for layer in LAYERS["layers"] for name in layer.split(" | "))
    for name in ("__init__", *rooms):
        path = tmp_path / "src/aparte" / (f"{name}.py" if name in SINGLE else f"{name}/__init__.py")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch()
    return tmp_path


def test_empty_rooms_keep_the_contracts(copy: Path) -> None:
    result = lint_imports(copy)
    assert result.returncode == 0, result.stdout


@pytest.mark.parametrize("name", BAD)
def test_control(copy: Path, name: str) -> None:
    (copy / name).write_text(BAD[name])
    result = lint_imports(copy)
    assert result.returncode == 1
    assert "BROKEN" in result.stdout, result.stdout + result.stderr
