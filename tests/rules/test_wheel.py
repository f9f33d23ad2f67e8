"""The wheel builds from a bare checkout, holds the package alone and all of it, and a host runs out of it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen
from zipfile import ZipFile

import pytest

import aparte
from tests.rules.house import ROOT, project_files


def foreign(names: list[str]) -> list[str]:
    """Files of a wheel that belong neither to the package nor to its metadata."""
    return [name for name in names if not name.startswith(("aparte/", f"aparte-{aparte.__version__}.dist-info/"))]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    result = subprocess.run(command, check=False, capture_output=True, text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    [built] = folder.glob(f"aparte-{aparte.__version__}-py3-none-any.whl")
    return built


def test_what_is_in_it(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        names = archive.namelist()
        entry_points = archive.read(f"aparte-{aparte.__version__}.dist-info/entry_points.txt").decode()
    assert foreign(names) == []
    ours = {name.removeprefix("src/") for name in project_files() if name.startswith("src/aparte/")}
    assert ours - set(names) == set()
    assert {name for name in ours if name.endswith(".sql")}
    assert "aparte = aparte.cli:main" in entry_points


def test_a_host_runs_out_of_it(wheel: Path, tmp_path: Path) -> None:
    with ZipFile(wheel) as archive:
        archive.extractall(tmp_path / "site")
    program = tmp_path / "program.py"
    program.write_text(
        f"import sys; sys.path.insert(0, {str(tmp_path / 'site')!r})\n"
        "import aparte.cli; print(aparte.cli.__file__, flush=True); aparte.cli.main()"
    )
    command = [sys.executable, "-I", str(program), "serve", "--data", "data", "--listen", "127.0.0.1:0"]
    host = subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    try:
        assert host.stdout is not None
        assert host.stdout.readline().strip() == str(tmp_path / "site/aparte/cli/__init__.py")
        url = re.search(r"http://\S+", host.stdout.readline())
        assert url
        with urlopen(f"{url[0]}/.well-known/aparte", timeout=30) as answer:
            assert json.load(answer)["version"] == aparte.__version__
        host.terminate()
        assert host.wait(30) == 0
    finally:
        host.kill()
        host.communicate()


def test_control() -> None:
    assert foreign(["aparte/cli/__init__.py", "tests/x.py"]) == ["tests/x.py"]
