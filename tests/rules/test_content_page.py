"""docs/protocol/content.md has every rule and every limit of contents, and its example is true."""

from __future__ import annotations

import re
from hashlib import sha256

import cbor2
import pytest

from aparte.content import CborRule, ContentRule, Origin, Reply, Text, account_of, conversation_of, write_message
from aparte.content import limits as named
from tests.rules.house import ROOT

PAGE = (ROOT / "docs/protocol/content.md").read_text(encoding="utf-8")


def rules_on(page: str) -> list[tuple[str, str]]:
    return re.findall(r"^\| ((?:cbor|content)\.\d+) \| (.*) \|$", page, re.MULTILINE)


def limits_on(page: str) -> dict[str, int]:
    rows = re.findall(r"^\| `([A-Z_0-9]+)` \| ([\d,]+) \| ", page, re.MULTILINE)
    return {name: int(value.replace(",", "")) for name, value in rows}


def example(page: str) -> tuple[bytes, dict[str, str]]:
    """The content's bytes, and the values that stand below them."""
    blocks = re.findall(r"^```text\n(.*?)^```$", page.partition("\n## Example")[2], re.MULTILINE | re.DOTALL)
    rows = (line.split("  ")[0] for line in blocks[0].splitlines())
    return bytes.fromhex("".join(rows)), dict(line.split() for line in blocks[1].splitlines())


def check_example(page: str) -> None:
    """The example against the formulas of the page, by another decoder than ours; and against our own writing."""
    data, said = example(page)
    salt, *fields, part = cbor2.loads(data)
    reply_to, text = fields[3], part[4].decode()
    assert fields == [None, b"", None, reply_to, {}]
    assert part == [1, "", 1, "text/markdown;variant=GFM-MIMI", text.encode()]
    uris = b"".join(len(said[name]).to_bytes(2) + said[name].encode() for name in ("senderURI", "roomURI"))
    assert said["messageId"] == (b"\x01" + sha256(uris + data + salt).digest()[:31]).hex()
    sender, conversation = account_of(said["senderURI"]), conversation_of(said["roomURI"])
    assert sender is not None
    assert conversation is not None
    written = write_message(Reply(reply_to, Text(text)), Origin(sender, conversation), salt=salt)
    assert (written.data, written.message_id.hex()) == (data, said["messageId"])
    assert text in page.partition("\n## Example")[2].replace("\\", "").partition("```")[0]


def test_every_rule_is_on_the_page() -> None:
    assert rules_on(PAGE) == [(rule.number, rule.problem) for rules in (CborRule, ContentRule) for rule in rules]


def test_every_limit_is_on_the_page() -> None:
    assert limits_on(PAGE) == {name: getattr(named, name) for name in named.__all__}


def test_the_example_is_true() -> None:
    check_example(PAGE)


@pytest.mark.parametrize(
    ("right", "wrong"),
    [("a0a1a2a3", "a0a1a2a4"), ("aparte:c/40", "aparte:c/41"), ("01009ba9", "01009ba8"), ("4d 59", "4d 58")],
)
def test_control(right: str, wrong: str) -> None:
    assert right in PAGE
    with pytest.raises(AssertionError):
        check_example(PAGE.replace(right, wrong))
    assert rules_on("| cbor.1 | x |\n| content.12 | y |\n| trust.1 | z |") == [("cbor.1", "x"), ("content.12", "y")]
    assert limits_on("| `A_1` | 4,096 | bytes |\n| b | 1 | |") == {"A_1": 4096}
