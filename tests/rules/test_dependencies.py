"""Every dependency is declared, has its line in docs/dependencies.md, and is pinned by hash in the locks."""

from __future__ import annotations

import ast
import json
import re
import sys
from importlib.metadata import packages_distributions

import pytest

from tests.rules.house import PYPROJECT, ROOT, project_files, sources

PIN = re.compile(r"^([a-z0-9-]+)==(\S+)(?: ; (.*?))? \\$")


def name_of(requirement: str) -> str:
    """The normalised name in a requirement such as `Py_NaCl>=1.6; marker`."""
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    return re.sub(r"[._-]+", "-", found[0]).lower() if found else ""


def declared_python() -> set[str]:
    """What pyproject.toml asks for: at run time, to build, to develop."""
    groups = PYPROJECT["dependency-groups"].values()
    asked = [*PYPROJECT["project"]["dependencies"], *PYPROJECT["build-system"]["requires"]]
    return {name_of(requirement) for requirement in [*asked, *(r for group in groups for r in group)]}


def declared_npm() -> set[str]:
    """What the package.json files ask for."""
    manifests = [json.loads((ROOT / n).read_text()) for n in project_files() if n.endswith("package.json")]
    kinds = ("dependencies", "devDependencies")
    return {name for manifest in manifests for kind in kinds for name in manifest.get(kind, {})}


def documented(text: str) -> set[str]:
    """The names in backticks in the first column of the page's tables."""
    rows = [line.split("|")[1] for line in text.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`([^`]+)`", row)}


def pins(lock: str) -> dict[tuple[str, str], str]:
    """(name, marker) → version; ValueError for a line that is neither pin nor comment."""
    found: dict[tuple[str, str], str] = {}
    for entry in re.split(r"\n(?=\S)", lock.strip()):
        if entry.startswith("#"):
            continue
        head, _, rest = entry.partition("\n")
        pin = PIN.match(head)
        if not pin or "--hash=sha256:" not in rest:
            raise ValueError(f"neither a pin with a hash nor a comment: {head}")
        found[pin[1], pin[3] or ""] = pin[2]
    return found


def versions(lock: dict[tuple[str, str], str]) -> set[tuple[str, str]]:
    """(name, version) of what a lock pins."""
    return {(name, version) for (name, _), version in lock.items()}


def test_dependencies_and_their_page_agree() -> None:
    page = documented((ROOT / "docs/dependencies.md").read_text())
    assert page == declared_python() | declared_npm()


def test_locks_pin_what_is_declared() -> None:
    runtime = pins((ROOT / "requirements/runtime.txt").read_text())
    development = pins((ROOT / "requirements/dev.txt").read_text())
    build = pins((ROOT / "requirements/build.txt").read_text())
    # A marker may be wider there: what the checks need everywhere, the program may need on some platforms only.
    assert versions(runtime) | versions(build) <= versions(development)
    assert {name_of(r) for r in PYPROJECT["build-system"]["requires"]} <= {name for name, _ in build}
    assert declared_python() <= {name for name, _ in development}
    assert {name_of(r) for r in PYPROJECT["project"]["dependencies"]} <= {name for name, _ in runtime}
    assert development["cryptography-vectors", ""] == development["cryptography", ""]


def test_control() -> None:
    assert name_of("Py_NaCl>=1.6; python_version < '4'") == "py-nacl"
    assert documented("| `a`, `@b/c` | `d` |\n|---|---|\nprose with `e`") == {"a", "@b/c"}
    good = "# lock\na==1 ; os_name == 'nt' \\\n    --hash=sha256:00\n    # via b\n"
    good += "b==2 \\\n    --hash=sha256:01\n"
    assert pins(good) == {("a", "os_name == 'nt'"): "1", ("b", ""): "2"}
    for bad in ("a>=1 \\\n    --hash=sha256:00", "a==1", "-e ."):
        with pytest.raises(ValueError, match="neither"):
            pins(bad)


def imported(source: str) -> set[str]:
    """The packages that a module imports, by their names in Python."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module.partition(".")[0])
    return found


def projects_of(package: str) -> set[str]:
    """Which installed projects a package comes from; itself, if none is installed."""
    return {name_of(project) for project in packages_distributions().get(package, [package])}


def undeclared(packages: set[str], declared: set[str]) -> set[str]:
    """What is imported and neither Python's own nor asked for."""
    foreign = packages - sys.stdlib_module_names - {"aparte"}
    return {package for package in foreign if not projects_of(package) & declared}


def test_what_is_imported_is_declared() -> None:
    """What merely comes with something else may go with its next version."""
    declared = {name_of(requirement) for requirement in PYPROJECT["project"]["dependencies"]}
    found = set().union(*map(imported, sources(".py", "src/").values()))
    assert {"aiohttp", "nacl", "apsw"} <= found
    assert undeclared(found, declared) == set()


def test_control_of_imports() -> None:
    assert imported("import a.b, c\nfrom d.e import f\nfrom . import g\n\ndef x():\n    import h") == {
        "a",
        "c",
        "d",
        "h",
    }
    assert undeclared({"nacl", "json", "aparte"}, {"pynacl"}) == set()
    assert undeclared({"nacl", "nowhere"}, {"aiohttp"}) == {"nacl", "nowhere"}
