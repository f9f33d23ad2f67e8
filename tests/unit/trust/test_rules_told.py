"""Every rule by which something is refused that people hold in their hands stands on a page of the protocol."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from aparte.trust import AddressRule, InviteRule, LinkingRule, PhraseRule, Rule

PROTOCOL = Path(__file__).resolve().parents[3] / "docs/protocol"
PAGES = {AddressRule: "meeting.md", InviteRule: "meeting.md", LinkingRule: "linking.md", PhraseRule: "phrase.md"}


def told(text: str) -> list[str]:
    """The rules in the first column of a page's tables; `x.2, 3` are two."""
    found = []
    for kind, numbers in re.findall(r"^\| (\w+)\.(\d+(?:, \d+)*) \|", text, re.MULTILINE):
        found += [f"{kind}.{number}" for number in numbers.split(", ")]
    return found


@pytest.mark.parametrize("rules", PAGES)
def test_every_rule_is_told_once(rules: type[Rule]) -> None:
    numbers = [rule.number for rule in rules]
    kind = numbers[0].partition(".")[0]
    assert sorted(n for n in told((PROTOCOL / PAGES[rules]).read_text()) if n.startswith(f"{kind}.")) == sorted(numbers)
    assert numbers == [f"{kind}.{place}" for place in range(1, len(numbers) + 1)]


def test_control() -> None:
    assert told("| a.1, 2 | x |\n| b.3 | y |\nprose a.4") == ["a.1", "a.2", "b.3"]
