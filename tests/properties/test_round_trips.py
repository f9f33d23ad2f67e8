"""Every structure: written and read back it is the same, field by field and byte for byte; more or less is refused."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aparte.mls import DecodeError, PeerError
from aparte.mls.proposals import OpaqueProposal, decode_proposal, encode_proposal
from aparte.mls.ratchet_tree import RatchetTree
from tests.conftest import SOAK
from tests.properties.structures import STRUCTURES, Structure, opaque, u16

HURRIED = settings(max_examples=400 if SOAK else 60, suppress_health_check=list(HealthCheck))


def same(left: Any, right: Any) -> bool:
    """Equal in every field, also where a class compares by its bytes alone."""
    if isinstance(left, RatchetTree):
        return isinstance(right, RatchetTree) and same(left.nodes, right.nodes)
    if type(left) is not type(right):
        return False
    if is_dataclass(left):
        return all(same(getattr(left, f.name), getattr(right, f.name)) for f in fields(left))
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same, left, right))
    return bool(left == right)


@pytest.mark.parametrize("name", STRUCTURES)
def test_values_come_back(name: str) -> None:
    structure = STRUCTURES[name]

    @HURRIED
    @given(structure.values)
    def comes_back(value: Any) -> None:
        encoded = structure.encode(value)
        decoded = structure.decode(encoded)
        assert same(decoded, value)
        assert structure.encode(decoded) == encoded

    comes_back()


@pytest.mark.parametrize("name", STRUCTURES)
def test_more_or_less_is_refused(name: str) -> None:
    structure = STRUCTURES[name]

    @HURRIED
    @given(structure.values, st.binary(min_size=1, max_size=3), st.data())
    def refused(value: Any, trailing: bytes, data: st.DataObject) -> None:
        encoded = structure.encode(value)
        with pytest.raises(DecodeError):
            structure.decode(encoded + trailing)
        cut = data.draw(st.integers(0, len(encoded) - 1))
        with pytest.raises(DecodeError):
            structure.decode(encoded[:cut])

    refused()


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_cut_is_refused(name: str) -> None:
    """One value of each structure, cut at every byte."""
    structure = STRUCTURES[name]

    @settings(max_examples=20 if SOAK else 2, suppress_health_check=list(HealthCheck))
    @given(structure.values)
    def refused(value: Any) -> None:
        encoded = structure.encode(value)
        for cut in range(len(encoded)):
            with pytest.raises(DecodeError):
                structure.decode(encoded[:cut])

    refused()


@HURRIED
@given(u16, opaque)
def test_unknown_proposals_survive(kind: int, content: bytes) -> None:
    proposal = OpaqueProposal(0xF000 | kind, content)
    assert decode_proposal(encode_proposal(proposal)) == proposal


@pytest.mark.parametrize("name", STRUCTURES)
def test_what_is_read_is_written_alike(name: str) -> None:
    """Also from bytes that no encoder made: whatever decodes, encodes to the very same bytes."""
    structure = STRUCTURES[name]

    @HURRIED
    @given(structure.values, st.data())
    def alike(value: Any, data: st.DataObject) -> None:
        bent = bytearray(structure.encode(value))
        place = data.draw(st.integers(0, len(bent) - 1))
        bent[place] ^= 1 << data.draw(st.integers(0, 7))
        agree(structure, bytes(bent))

    alike()


def agree(structure: Structure, encoded: bytes) -> None:
    try:
        decoded = structure.decode(encoded)
    except (DecodeError, PeerError):
        return
    assert structure.encode(decoded) == encoded


def test_control_different_values_are_not_the_same() -> None:
    one, other = (decode_proposal(b"\x00\x03" + bytes(3) + bytes([leaf])) for leaf in (1, 2))
    assert same(one, one)
    assert not same(one, other)
