"""docs/how-to/host.md has every word that a configuration may have, and its defaults are the host's."""

from __future__ import annotations

import re
import tomllib
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aparte.server.shell.acme import AcmeSettings
from aparte.server.shell.config import WORDS, HostConfig, read_config
from tests.rules.house import ROOT

PAGE = (ROOT / "docs/how-to/host.md").read_text()
ROW = re.compile(r"^\| (?:`\[(\w+)\]` )?((?:`\w+`(?:, )?)+) \| (.*?) \| ", re.MULTILINE)


def words_of(page: str) -> dict[tuple[str, str], str]:
    """(table, word) → the default, as the page has it; "" if it is none that could be written."""
    found: dict[tuple[str, str], str] = {}
    for table, words, default in ROW.findall(page.partition("## Configuration")[2].partition("\n## ")[0]):
        names = re.findall(r"`(\w+)`", words)
        defaults = re.findall(r"`([^`]+)`", default) or [""] * len(names)
        found |= {(table, name): value for name, value in zip(names, defaults, strict=True)}
    return found


def test_every_word_is_on_the_page_and_no_other() -> None:
    known = {(table, word) for table, words in WORDS.items() for word in words}
    assert words_of(PAGE).keys() == known


def as_toml(found: dict[tuple[str, str], str]) -> str:
    """The page's defaults as a configuration."""
    plain = [f"{word} = {value}" for (table, word), value in found.items() if value and not table]
    tables = {table for table, _ in found if table} - {"tls", "acme"}
    for table in sorted(tables):
        plain += [f"[{table}]", *(f"{word} = {value}" for (t, word), value in found.items() if t == table)]
    return "\n".join(plain)


def test_the_defaults_are_the_hosts(tmp_path: Path) -> None:
    (tmp_path / "aparte.toml").write_text(as_toml(words_of(PAGE)))
    found = read_config(tmp_path / "aparte.toml")
    default = HostConfig()
    # `sign_up` and `tickets_from` have two defaults.
    assert replace(found, sign_up=None, tickets_from=None) == default
    assert found.issuer_policy == replace(default, behind_proxy=True).issuer_policy


def test_the_defaults_of_acme_are_the_hosts(tmp_path: Path) -> None:
    words = [f"{word} = {value}" for (table, word), value in words_of(PAGE).items() if table == "acme" and value]
    assert len(words) == 2
    (tmp_path / "aparte.toml").write_text("\n".join(["[acme]", "accept_terms = true", *words]))
    assert read_config(tmp_path / "aparte.toml").acme == AcmeSettings()


def test_the_examples_are_configurations(tmp_path: Path) -> None:
    examples = re.findall(r"^```toml\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)
    assert len(examples) == 2
    for example in examples:
        (tmp_path / "aparte.toml").write_text(example)
        found = read_config(tmp_path / "aparte.toml")
        assert found.domain == "chat.example.org" or found.acme is not None
        assert set(tomllib.loads(example)) <= {*WORDS, *WORDS[""]}


@pytest.mark.parametrize(
    ("row", "found"),
    [
        ('| `data` | `"x"` | y |', {("", "data"): '"x"'}),
        ("| `[disk]` `a_mib`, `a_percent` | `1`, `0` | y |", {("disk", "a_mib"): "1", ("disk", "a_percent"): "0"}),
        ("| `metrics` | nowhere | y |", {("", "metrics"): ""}),
    ],
)
def test_control(row: str, found: dict[tuple[str, str], Any]) -> None:
    assert words_of(f"## Configuration\n{row}\n\n## Next\n| `other` | `1` | no |\n") == found
    assert words_of("# Page\n") == {}
