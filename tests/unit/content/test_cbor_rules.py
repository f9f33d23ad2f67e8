"""Each rule by which bytes are refused as CBOR: what breaks it, and beside it what just does not."""

from __future__ import annotations

import cbor2
import pytest

from aparte.codec import DecodeError, EncodeError
from aparte.content import MAX_CONTENT, CborRefused, CborRule, ContentError
from aparte.content.cbor import dumps, loads
from aparte.content.limits import MAX_ITEMS

#: Rule → bytes that break it, in hex.
BROKEN = {
    CborRule.TOO_DEEP: ["81" * 10 + "80", "a101" * 10 + "80", "a1" + "81" * 10 + "0000"],
    CborRule.INDEFINITE: ["9f00ff", "bf0000ff", "5f4100ff", "7f6161ff", "ff", "1f", "9f" * 20],
    CborRule.RESERVED: ["1c", "1d", "1e", "5c", "9e", "bd", "fc", "fe"],
    CborRule.NOT_SHORTEST: [
        *("1817", "1900ff", "1a0000ffff", "1b00000000ffffffff", "3817", "3900ff"),
        *("5801ff", "7817" + "61" * 23, "9800", "b80100" + "00", "9b0000000000000001" + "00"),
        *("fb3ff8000000000000", "fa3fc00000", "fb7ff0000000000000", "fa7f800000", "fb0000000000000000"),
        *("fb8000000000000000", "fb3810000000000000", "fb36a0000000000000"),
    ],
    CborRule.TAG: [
        "c11a514b67b0",
        "c24101",
        "c482010a",
        "d81c80",
        "81d81d00",
        "d9010080",
        "d9d9f700",
        "d823612e",
        "c0",
    ],
    CborRule.SIMPLE: ["f7", "f0", "e0", "f3", "f820", "f8ff", "f814"],
    CborRule.NAN: ["f97e00", "f97c01", "fa7fc00000", "fb7ff8000000000000", "f9fe00", "fbfff0000000000001"],
    CborRule.UTF_8: ["61ff", "62c328", "63eda080", "61c3", "64f4908080", "62c0af", "a161ff00"],
    CborRule.KEY: [
        *("a1f600", "a1f500", "a1f93c0000", "a18000", "a1a000"),
        *("a11b002000000000000000", "a13b001fffffffffffff00", "a11bffffffffffffffff00"),
    ],
    CborRule.KEY_ORDER: ["a202000100", "a2616200616100", "a2200001" + "00", "a26262620061" + "6100", "a240000100"],
    CborRule.KEY_TWICE: ["a201000100", "a2616100616100", "a301000200" + "0200"],
}
#: The same rules, kept by a hair.
KEPT = [
    *("81" * 9 + "80", "81" * 9 + "a0", "a101" * 9 + "80"),
    *("17", "1818", "18ff", "190100", "19ffff", "1a00010000", "1affffffff", "1b0000000100000000", "1bffffffffffffffff"),
    *("37", "3818", "3bffffffffffffffff", "57" + "00" * 23, "5818" + "00" * 24, "7818" + "61" * 24),
    *("f4", "f5", "f6", "f93e00", "f97c00", "f9fc00", "f98000", "f90001", "fa3fc00001", "fa33000000", "fa7f7fffff"),
    *("fb3ff8000000000001", "fb3690000000000000", "fb7fefffffffffffff"),
    *("60", "62c3a4", "63ed9fbf", "64f48fbfbf"),
    *("a11b001fffffffffffff00", "a13b001ffffffffffffe00", "a1400" + "0", "a16000", "a0"),
    *("a201000200", "a2616100616200", "a21718" + "64181800", "a3200040006000", "a201002000", "a261620062616100"),
]


@pytest.mark.parametrize(("rule", "data"), [(rule, data) for rule, cases in BROKEN.items() for data in cases])
def test_what_breaks_a_rule(rule: CborRule, data: str) -> None:
    with pytest.raises(CborRefused) as caught:
        loads(bytes.fromhex(data))
    assert caught.value.rule is rule
    assert caught.value.offset < len(data) // 2
    assert f"[rule {rule.number}] (at byte " in str(caught.value)


@pytest.mark.parametrize("data", KEPT)
def test_what_keeps_all_rules(data: str) -> None:
    value = loads(bytes.fromhex(data))
    assert value == cbor2.loads(bytes.fromhex(data))
    assert dumps(value).hex() == data


def test_lengths() -> None:
    longest = b"\x59" + (MAX_CONTENT - 3).to_bytes(2) + bytes(MAX_CONTENT - 3)
    assert loads(longest) == bytes(MAX_CONTENT - 3)
    with pytest.raises(CborRefused) as caught:
        loads(b"\x59" + (MAX_CONTENT - 2).to_bytes(2) + bytes(MAX_CONTENT - 2))
    assert caught.value.rule is CborRule.TOO_LONG
    most = b"\x99" + (MAX_ITEMS - 1).to_bytes(2) + bytes(MAX_ITEMS - 1)
    assert loads(most) == [0] * (MAX_ITEMS - 1)
    with pytest.raises(CborRefused) as caught:
        loads(b"\x99" + MAX_ITEMS.to_bytes(2) + bytes(MAX_ITEMS))
    assert caught.value.rule is CborRule.TOO_MANY


def test_every_rule_has_a_case() -> None:
    assert BROKEN.keys() | {CborRule.TOO_LONG, CborRule.TOO_MANY} == set(CborRule)


@pytest.mark.parametrize("data", ["", "18", "8200", "0000", "f600", "9bffffffffffffffff", "5bffffffffffffffff", "a1"])
def test_too_few_bytes_and_too_many(data: str) -> None:
    with pytest.raises(DecodeError, match=r"unexpected end|trailing"):
        loads(bytes.fromhex(data))


def test_every_tag_is_refused() -> None:
    for tag in [*range(24), *range(24, 300), 1001, 1004, 43000, 55799, 2**32, 2**64 - 1]:
        with pytest.raises(CborRefused) as caught:
            loads(cbor2.dumps(cbor2.CBORTag(tag, [0])))
        assert caught.value.rule is CborRule.TAG


def test_bytes_that_cost_the_most_are_still_cheap() -> None:
    """Keys that collide, many items, deep ones, lengths that lie: milliseconds each, or the suite hangs."""
    step = 2**40
    colliding = {number * step: 0 for number in range(MAX_ITEMS // 2 - 1)}
    assert loads(dumps(colliding)) == colliding
    for hostile in (b"\x9b" + b"\xff" * 8 + bytes(40_000), b"\x81" * 40_000, b"\xbb" + b"\xff" * 8 + bytes(40_000)):
        with pytest.raises(DecodeError):
            loads(hostile)


@pytest.mark.parametrize(
    "value",
    [2**64, -(2**64) - 1, float("nan"), object(), {1, 2}, "\ud800", {True: 0}, {1.5: 0}, {(): 0}, {2**53: 0}],
)
def test_what_would_be_refused_is_not_written(value: object) -> None:
    with pytest.raises(EncodeError):
        dumps(value)


def test_refused_bytes_are_decode_errors_and_nothing_of_the_tree() -> None:
    assert issubclass(CborRefused, DecodeError)
    assert not issubclass(CborRefused, ContentError)
