"""What the docs say is true: Python snippets run, links lead somewhere, every page can be reached."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.rules.house import ROOT, project_files

PAGES = [name for name in project_files() if name.endswith(".md")]
SNIPPET = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FENCE = re.compile(r"^( *)(```|~~~).*?^\1\2$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"""\]\(\s*<?([^)\s>]+)|(?:src|srcset|href)="([^"]+)\"""")
HEADING = re.compile(r"^#+ +(.+?)\s*$", re.MULTILINE)


def run_snippets(text: str, name: str) -> int:
    """Run the ```python blocks of one page in one namespace; return how many there were."""
    namespace: dict[str, object] = {"__name__": name}
    snippets = list(SNIPPET.finditer(text))
    for snippet in snippets:
        before = text.count("\n", 0, snippet.start(1))
        exec(compile("\n" * before + snippet[1], name, "exec"), namespace)
    return len(snippets)


def links(text: str) -> list[str]:
    """Where a page's links and images lead, addresses on the web left out."""
    found = [a or b for a, b in LINK.findall(FENCE.sub("", text))]
    return [link for link in found if not re.match(r"[a-z]+:", link)]


def anchors(text: str) -> set[str]:
    """The anchors that a forge gives to a page's headings."""
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in HEADING.findall(FENCE.sub("", text))]
    return {heading.replace(" ", "-") for heading in plain}


def broken_links(page: Path) -> list[str]:
    """Links of a page that lead to no file, or to no heading of it."""
    broken = []
    for link in links(page.read_text()):
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        headed = target.suffix == ".md" and anchor
        if not target.exists() or (headed and anchor not in anchors(target.read_text())):
            broken.append(link)
    return broken


def reachable(start: Path) -> set[Path]:
    """Every page that can be reached from *start* by links."""
    seen, ahead = {start}, [start]
    while ahead:
        page = ahead.pop()
        targets = {(page.parent / link.partition("#")[0]).resolve() for link in links(page.read_text())}
        new = {target for target in targets - seen if target.suffix == ".md" and target.exists()}
        seen |= new
        ahead += new
    return seen


@pytest.mark.parametrize("page", PAGES)
def test_snippets_run(page: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run_snippets((ROOT / page).read_text(), page)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    assert broken_links(ROOT / page) == []


def test_every_page_can_be_reached_from_the_readme() -> None:
    pages = {ROOT / page for page in PAGES if page.startswith("docs/")}
    assert sorted(map(str, pages - reachable(ROOT / "README.md"))) == []


def test_control(tmp_path: Path) -> None:
    page = "# A b: c\n```python\nx = 1\n```\n\n```console\n$ exit 1\n```\n\n```python\nassert x == 1\n```\n"
    assert run_snippets(page, "page") == 2
    with pytest.raises(AssertionError):
        run_snippets(page.replace("x = 1", "x = 2"), "page")
    linked = page + '[a](#a-b-c) [b](#no) [c](c.md) [d](d.md#d) <img src="e.svg"> [w](https://w.example)\n'
    (tmp_path / "a.md").write_text(linked)
    (tmp_path / "d.md").write_text("no heading")
    assert broken_links(tmp_path / "a.md") == ["#no", "c.md", "d.md#d", "e.svg"]
    assert reachable(tmp_path / "a.md") == {tmp_path / "a.md", tmp_path / "d.md"}
