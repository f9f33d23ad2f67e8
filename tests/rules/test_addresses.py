"""No tracked file names a package registry: what is installed is decided by name and hash."""

from __future__ import annotations

import re

from tests.rules.house import ROOT, listing, project_files

ADDRESS = re.compile(
    r"""https?://[\w.-]*(?:pypi|pythonhosted|npmjs|npmmirror|yarnpkg|jsr\.io|deb\.debian|registry)[\w.-]*
    | --(?:extra-)?index-url | --find-links[ =]
    | "resolved":\s*"https?: | registry\s*=\s*["']?https?:""",
    re.VERBOSE | re.IGNORECASE,
)


def addresses(texts: dict[str, str]) -> dict[str, str]:
    """Lines that name a registry."""
    return {
        f"{name}:{number}": found[0]
        for name, text in texts.items()
        for number, line in enumerate(text.splitlines(), 1)
        if (found := ADDRESS.search(line))
    }


def test_no_registry_is_named() -> None:
    faults = addresses({name: (ROOT / name).read_text(errors="replace") for name in project_files()})
    assert not faults, listing(faults)


def test_control() -> None:
    scheme = "https" + "://"
    for bad in (
        f"{scheme}pypi.org/simple",
        f"{scheme}files.pythonhosted.org/x",
        f"{scheme}registry.npmjs.org/a",
    ):
        assert addresses({"f": bad}), bad
    for bad in ("-" + "-index-url x", "-" + "-extra-index-url=x", '"resolved"' + f': "{scheme}a/b"'):
        assert addresses({"f": bad}), bad
    assert not addresses({"f": f"{scheme}www.rfc-editor.org/rfc/rfc9420"})
