"""The safety number: the same on both sides, another for any other pair, and what a scanned code says."""

from __future__ import annotations

import hashlib
import re
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aparte.codec import DecodeError, EncodeError
from aparte.trust import (
    Account,
    CallerError,
    SafetyCode,
    SafetyComparison,
    compare_safety_code,
    safety_number,
)
from tests.properties.mutations import bent
from tests.unit.trust.household import ACCOUNT as ALICE
from tests.unit.trust.household import LAPTOP, PHONE, ROOT, account_of, create_genesis

BOB, CAROL, MALLORY, MALORY = map(account_of, (8, 10, 12, 14))
PAGE = (Path(__file__).resolve().parents[3] / "docs/protocol/meeting.md").read_text()
NAMES = {"own_address": "alice@example.org", "peer_address": "bob@example.net"}
SWAPPED = {"own_address": "bob@example.net", "peer_address": "alice@example.org"}
CODE = safety_number(ALICE, BOB).code(**NAMES)


def says(scanned: SafetyCode, mine: SafetyCode) -> SafetyComparison:
    return compare_safety_code(scanned.encode(), mine)


def test_the_page_tells_number_and_code() -> None:
    told = dict(re.findall(r"^    (Alice|Bob|digits|code) +(\S.*)$", PAGE, re.MULTILINE))
    assert told["Alice"] == f"{ALICE.account_id.hex()} {ALICE.root_key.hex()}"
    assert told["Bob"] == f"{BOB.account_id.hex()} {BOB.root_key.hex()}"
    assert told["digits"] == safety_number(ALICE, BOB).digits
    assert told["code"] == CODE.encode().hex()


def test_another_way_to_compute_it() -> None:
    """As docs/protocol/meeting.md has it, without the program's functions."""
    a, b = ALICE.account_id + ALICE.root_key, BOB.account_id + BOB.root_key
    parties = a + b if a < b else b + a
    value = hashlib.sha512(b"\x0faparte/1 safety" + parties).digest()
    for _ in range(5200):
        value = hashlib.sha512(value + parties).digest()
    groups = [int(value[5 * n : 5 * n + 5].hex(), 16) for n in range(12)]
    assert safety_number(ALICE, BOB).digits == " ".join(str(group % 100_000).zfill(5) for group in groups)


def test_both_sides_see_one_number() -> None:
    assert safety_number(ALICE, BOB).digits == safety_number(BOB, ALICE).digits
    assert re.fullmatch(r"([0-9]{5} ){11}[0-9]{5}", safety_number(ALICE, BOB).digits)


def test_every_other_pair_has_another() -> None:
    accounts = [ALICE, BOB, CAROL, MALLORY]
    pairs = [(a, b) for i, a in enumerate(accounts) for b in accounts[i + 1 :]]
    assert len({safety_number(a, b).digits for a, b in pairs}) == len(pairs)


def test_each_key_and_each_id_counts() -> None:
    other_root = Account(replace(BOB.genesis, root_key=CAROL.root_key), BOB.account_id)
    other_id = Account(BOB.genesis, CAROL.account_id)
    numbers = {safety_number(ALICE, one).digits for one in (BOB, other_root, other_id)}
    numbers |= {safety_number(one, ALICE).digits for one in (BOB, other_root, other_id)}
    assert len(numbers) == 3


def test_devices_have_no_part_in_it() -> None:
    """Two genesis statements of one owner are two accounts; what comes after a genesis is in no input at all."""
    again = create_genesis(ROOT, LAPTOP, nonce=bytes([7]) * 32)
    assert (again.root_key, ALICE.first_device_key) == (ALICE.root_key, PHONE.public_key)
    assert safety_number(again, BOB).digits != safety_number(ALICE, BOB).digits


def test_nobody_compares_with_themselves() -> None:
    with pytest.raises(CallerError):
        safety_number(ALICE, ALICE)


# -- codes --------------------------------------------------------------------------------------------------------
def test_a_match() -> None:
    assert says(CODE, safety_number(BOB, ALICE).code(**SWAPPED)) is SafetyComparison.MATCH
    assert says(CODE, safety_number(BOB, ALICE).code()) is SafetyComparison.MATCH


def test_somebody_between() -> None:
    """Mallory is Bob to Alice and Alice to Bob, under their addresses."""
    alices = safety_number(ALICE, MALLORY).code(**NAMES)
    bobs = safety_number(BOB, MALORY).code(**SWAPPED)
    assert says(alices, bobs) is SafetyComparison.MISMATCH
    assert says(bobs, alices) is SafetyComparison.MISMATCH
    half = safety_number(BOB, ALICE).code(**SWAPPED)
    assert says(alices, half) is SafetyComparison.MISMATCH


def test_a_fingerprint_that_differs() -> None:
    mine = safety_number(BOB, ALICE).code()
    for place in (0, 31):
        other = bytearray(CODE.fingerprint)
        other[place] ^= 1
        assert says(replace(CODE, fingerprint=bytes(other)), mine) is SafetyComparison.MISMATCH


def test_the_wrong_chat() -> None:
    mine = safety_number(BOB, ALICE).code(**SWAPPED)
    with_carol = safety_number(ALICE, CAROL).code(own_address="alice@example.org", peer_address="carol@example.org")
    assert says(with_carol, mine) is SafetyComparison.OTHER_PAIR
    strangers = safety_number(CAROL, MALLORY).code()
    assert says(strangers, mine) is SafetyComparison.OTHER_PAIR
    assert says(mine, mine) is SafetyComparison.OTHER_PAIR  # one's own code, in a mirror


def test_no_address_is_no_likeness() -> None:
    assert says(safety_number(CAROL, MALLORY).code(), safety_number(BOB, ALICE).code()) is SafetyComparison.OTHER_PAIR


def test_a_newer_version() -> None:
    mine = safety_number(BOB, ALICE).code()
    assert compare_safety_code(b"\x02whatever", mine) is SafetyComparison.NEWER_VERSION
    for never in (b"\x00" + CODE.encode()[1:], b"", CODE.encode() + b"\x00", CODE.encode()[:-1]):
        with pytest.raises(DecodeError):
            compare_safety_code(never, mine)


def test_what_does_not_fit_a_code() -> None:
    own = safety_number(ALICE, BOB)
    with pytest.raises(EncodeError):
        own.code(own_address="x" * 327).encode()
    with pytest.raises(EncodeError):
        replace(CODE, fingerprint=b"short").encode()
    assert SafetyCode.decode(own.code(own_address="x" * 326).encode()).own.address == "x" * 326
    with pytest.raises(DecodeError):
        SafetyCode.decode(CODE.encode().replace(b"alice@", b"\xff" * 6))


@settings(max_examples=200)
@given(st.data())
def test_bent_codes(data: st.DataObject) -> None:
    code = data.draw(bent([CODE.encode()], [CODE.encode()]))
    mine = safety_number(BOB, ALICE).code(**SWAPPED)
    try:
        found = SafetyCode.decode(code)
    except DecodeError:
        return
    assert found.encode() == code
    if compare_safety_code(code, mine) is SafetyComparison.MATCH:
        assert found.fingerprint == CODE.fingerprint
        assert {found.own.account_id, found.peer.account_id} == {ALICE.account_id, BOB.account_id}
