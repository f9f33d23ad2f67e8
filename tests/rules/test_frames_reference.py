"""docs/protocol says what the code does: the page of frames is made from it, and every example is true."""

from __future__ import annotations

import hmac
import json
import re
import struct
from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from enum import IntEnum
from hashlib import sha256
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from aparte.codec import decode_length, encode_vector
from aparte.wire import ANONYMOUS_FRAMES, FRAMES, IDENTITY_FRAMES, ErrorCode, decode_frame, layout_of, limits
from aparte.wire.account_frames import IssuedTicket
from aparte.wire.frames import FROM_HOST
from aparte.wire.link_frames import Problem
from aparte.wire.log_frames import OpenStatus
from tests.rules.house import ROOT
from tools.frame_answers import ANSWERS, COMMON, HTTP_ONLY, LINK_ONLY, UNASKED
from tools.frames_reference import ENUMS, PAGE, page, remarks, structures

EXAMPLE = re.compile(r"^### (\w+)\n\nNumber (0x[0-9a-f]{2});.*?^```text\n(.*?)^```$", re.MULTILINE | re.DOTALL)
ROW = re.compile(r"([0-9a-f]+)(?: +(\S.*))?")


# -- the page of frames -----------------------------------------------------------------------------------------------
def test_the_page_is_up_to_date() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run tools/frames_reference.py"


def rows(table: str) -> list[tuple[bytes, str]]:
    """(bytes, what they are) of an example; lines without words go on with the bytes of the one before."""
    found: list[tuple[bytes, str]] = []
    for line in table.splitlines():
        match = ROW.fullmatch(line)
        assert match, line
        if match[2]:
            found.append((bytes.fromhex(match[1]), match[2]))
        else:
            found[-1] = (found[-1][0] + bytes.fromhex(match[1]), found[-1][1])
    return found


def said(data: bytes, words: str) -> tuple[str, Any]:
    """A row's name and the value that the page gives to it."""
    if match := re.fullmatch(r"(\S+) = (.*)", words):
        return match[1], _literal(match[2])
    if match := re.fullmatch(r"(\S+): (\d+) bytes", words):
        return match[1], vector(data, int(match[2]))
    if match := re.fullmatch(r"(\S+): (\d+) in (\d+) bytes", words):
        assert decode_length(data) == int(match[3])
        return f"{match[1]}.items", int(match[2])
    if match := re.fullmatch(r"(\S+): (absent|present)", words):
        assert data == bytes([match[2] == "present"])
        return f"{match[1]}.present", match[2] == "present"
    return words, data


def vector(data: bytes, length: int) -> bytes:
    """The contents of a vector of that length."""
    contents = data[len(data) - length :]
    assert data == encode_vector(contents)
    return contents


def _literal(text: str) -> Any:
    return text if text.isupper() else json.loads(text)


def flat(value: Any, path: str, declared: Any = None) -> Iterator[tuple[str, Any]]:
    """(name, value) of all fields of a decoded frame, as the page names them; told by the values alone."""
    optional = str(declared or "").startswith("Annotated[") and "| None" in str(declared)
    if optional:
        yield f"{path}.present", value is not None
    if is_dataclass(value):
        dot = f"{path}." if path else ""
        for field in fields(value):
            yield from flat(getattr(value, field.name), dot + field.name.rstrip("_"), field.type)
    elif isinstance(value, tuple):
        yield f"{path}.items", len(value)
        for number, item in enumerate(value):
            yield from flat(item, f"{path}[{number}]")
    elif value is not None:
        yield path, value.name if isinstance(value, IntEnum) else value


def check_example(name: str, number: str, table: str) -> None:
    """The bytes of an example decode to the values beside them, all of them and in order."""
    (first, title), *others = rows(table)
    data = b"".join(part for part, _ in rows(table))
    value = decode_frame(data)
    assert (first, title) == (bytes([int(number, 16)]), name)
    assert type(value).__name__ == name
    assert [said(*row) for row in others] == list(flat(value, ""))


def test_every_example_decodes_to_what_stands_beside_it() -> None:
    examples = EXAMPLE.findall(PAGE.read_text(encoding="utf-8"))
    assert [int(number, 16) for _, number, _ in examples] == sorted(FRAMES)
    for name, number, table in examples:
        check_example(name, number, table)


# -- the table of answers ---------------------------------------------------------------------------------------------
def test_every_request_has_an_answer_and_every_answer_a_request() -> None:
    assert ANSWERS.keys() == ANONYMOUS_FRAMES | IDENTITY_FRAMES
    answers = {answer for given, _ in ANSWERS.values() for answer in given}
    from_host = {cls for number, cls in FRAMES.items() if number >= FROM_HOST}
    assert answers | UNASKED.keys() | {Problem} == from_host
    assert not answers & UNASKED.keys()
    for cls in from_host:
        asked = layout_of(cls).fields[0][0] == "request"
        assert asked is (cls not in UNASKED), cls.__name__
    assert HTTP_ONLY | LINK_ONLY <= ANONYMOUS_FRAMES


def test_every_error_is_met_somewhere() -> None:
    met = {code for _, codes in ANSWERS.values() for code in codes}
    assert met | set(COMMON) == set(ErrorCode)
    assert not met & set(COMMON)


def test_the_docstrings_agree_with_the_table() -> None:
    """Where a docstring says `Answers `X``, or `Answered by `X``, the table has it."""
    found = 0
    for cls in FRAMES.values():
        text = cls.__doc__ or ""
        for name in re.findall(r"Answers `(\w+)`", text):
            asker = next(asker for asker in ANSWERS if asker.__name__ == name)
            assert cls in ANSWERS[asker][0]
            found += 1
        for name in re.findall(r"Answered by `(\w+)`", text):
            assert name in [answer.__name__ for answer in ANSWERS[cls][0]]
            found += 1
    assert found >= 5, "nothing found: is the pattern right?"


def test_everything_that_is_declared_is_on_the_page() -> None:
    text = PAGE.read_text(encoding="utf-8")
    for cls in [*FRAMES.values(), *structures(), *ENUMS]:
        assert text.count(f"}} {cls.__name__};\n") == 1, cls.__name__
        assert text.count(f"\n### {cls.__name__}\n") == 1, cls.__name__
    assert IssuedTicket in structures()
    declared = set(re.findall(r"^    (?:optional<)?([A-Z]\w*)>? \w", text, re.MULTILINE))
    assert declared <= {cls.__name__ for cls in [*structures(), *ENUMS]}
    assert {f"| {name} |" in text for name in limits.__all__} == {True}


def test_every_error_is_explained() -> None:
    assert remarks(ErrorCode).keys() == {code.name for code in ErrorCode}
    reactions = (PAGE.parent / "README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| ([A-Z_]+) \|", reactions, re.MULTILINE) == [code.name for code in ErrorCode]
    states = (PAGE.parent / "log.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| ([A-Z_]+) \|", states, re.MULTILINE) == [status.name for status in OpenStatus]


# -- the example of log.md --------------------------------------------------------------------------------------------
def computed(text: str) -> dict[str, bytes]:
    """Name → bytes of the example of a chain."""
    block = re.search(r"^### Example\n.*?^```text\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert block
    found: dict[str, bytes] = {}
    name = ""
    for line in block[1].splitlines():
        *named, digits = line.split()
        name = named[0] if named else name
        found[name] = found.get(name, b"") + bytes.fromhex(digits)
    return found


def label(text: bytes) -> bytes:
    return bytes([len(text)]) + text


def check_chain(v: Mapping[str, bytes]) -> None:
    """The example against the formulas of log.md, without any of our own code."""
    for node in "02":
        key = Ed25519PrivateKey.from_private_bytes(v[f"seed_{node}"]).public_key()
        assert key.public_bytes_raw() == v[f"epoch_key_{node}"]
    assert v["chain_0"] == sha256(label(b"aparte/1 log") + v["log_id"] + v["epoch_key_0"]).digest()
    for seq, kind, key in ((1, 1, bytes(32)), (2, 2, v["epoch_key_2"])):
        head, digest = v[f"head_{seq}"], sha256(v[f"body_{seq}"]).digest()
        assert struct.unpack(">Q8xQB", head[:25]) == (seq, 0, kind)
        assert head[41:] == key
        assert v[f"body_hash_{seq}"] == digest
        covered = v["log_id"] + head + digest
        assert v[f"chain_{seq}"] == sha256(label(b"aparte/1 chain") + v[f"chain_{seq - 1}"] + covered).digest()
        assert v[f"receipt_{seq}"] == hmac.digest(v["receipt_key"], label(b"aparte/1 receipt") + covered, "sha256")
    passed = label(b"aparte/1 pass") + v["log_id"] + struct.pack(">QI", 2, 20_461)
    assert v["pass_2"] == struct.pack(">I", 20_461) + hmac.digest(v["pass_key"], passed, "sha256")[:16]
    where = label(b"aparte/1 open") + label(b"chat.example") + v["nonce"]
    assert v["statement_2"] == where + v["log_id"] + struct.pack(">Q", 2)
    assert v["signature_2"] == Ed25519PrivateKey.from_private_bytes(v["seed_2"]).sign(v["statement_2"])


def test_the_chain_in_the_page_of_the_log() -> None:
    values = computed((ROOT / "docs/protocol/log.md").read_text(encoding="utf-8"))
    assert len(values) == 22
    check_chain(values)


# -- control ----------------------------------------------------------------------------------------------------------
def test_control() -> None:
    text = PAGE.read_text(encoding="utf-8")
    name, number, table = next(found for found in EXAMPLE.findall(text) if found[0] == "Post")
    check_example(name, number, table)
    for right, wrong in (
        ("kind = APP", "kind = COMMIT"),
        ("node = 3", "node = 4"),
        ("body: 8 bytes", "body: 7 bytes"),
        ("pass: present", "pass: absent"),
        ("00000007  ", "00000008  "),
        ("  idem", "  item_id"),
    ):
        assert right in table, right
        with pytest.raises(AssertionError):
            check_example(name, number, table.replace(right, wrong))
    values = computed((ROOT / "docs/protocol/log.md").read_text(encoding="utf-8"))
    for changed in values:
        with pytest.raises(AssertionError):
            check_chain({**values, changed: values[changed][:-1] + bytes([values[changed][-1] ^ 1])})
