"""Parts of a group that do not fit each other are refused, each fault for what it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from aparte.mls import GroupParts, StateError, changed_parts, split_group
from aparte.mls.echoes import KEPT
from tests.mls_scenes import Person, all_hear, stage
from tests.unit.mls.parts import ECHOES, KEYS, NODES, RATCHET, SECRET, SKIPPED, TALK, comes_back, rejoined


@pytest.fixture
def busy() -> Person:
    """With ratchets, keys skipped, secrets of those who were silent, echoes."""
    alice, bob, *_ = stage("alice", "bob", "carol", "dave", "erin")
    letters = [alice.says(str(number)) for number in range(40)]
    all_hear(letters[39], [bob])
    for _ in range(20):
        bob.says("x")
    comes_back(bob)
    return bob


def of_kind(parts: GroupParts, kind: int) -> list[int]:
    return sorted(number for number in parts.pieces if number & 7 == kind)


Damage = Callable[[dict[int, bytes]], dict[int, bytes]]

#: What is done, and what it is refused for.
DAMAGES: dict[str, tuple[Damage, str]] = {
    "none left": (lambda _: {}, "12.4.3.3.2"),
    "a number of no kind": (lambda pieces: pieces | {6: b""}, "6 is not"),
    "zero": (lambda pieces: pieces | {0: b""}, "0 is not"),
    "a negative number": (lambda pieces: pieces | {RATCHET - 8: pieces[RATCHET]}, "no piece has"),
    "a number beyond 63 bits": (lambda pieces: pieces | {1 << 63 | SKIPPED: b""}, "no piece has"),
    "a slot beyond 32 bits": (lambda pieces: pieces | {1 << 35 | RATCHET: pieces[RATCHET]}, "no piece has"),
    "a ratchet of nobody": (lambda pieces: pieces | {16 << 3 | RATCHET: pieces[RATCHET]}, "lacks secrets"),
    "a ratchet elsewhere": (lambda pieces: pieces | {16 << 3 | RATCHET: pieces.pop(RATCHET)}, "lacks secrets"),
    "keys of no ratchet": (lambda pieces: pieces | {15 << 3 | SKIPPED: pieces[KEYS]}, "ratchet that it has not"),
    "keys in another's place": (lambda pieces: pieces | {5 << 35 | KEYS: pieces[KEYS]}, "another's place"),
    "keys that are still to come": (lambda pieces: pieces | {TALK: pieces[RATCHET]}, "give again"),
    "no keys": (lambda pieces: pieces | {KEYS: b"\x00"}, "another's place"),
    "a key that is cut": (
        lambda pieces: pieces | {KEYS: b"\x07" + bytes(4) + b"\x01x" + b"\x00"},
        "key of the state is cut",
    ),
    "a secret that is cut": (lambda pieces: pieces | {RATCHET: b"\x01x" + bytes(5)}, "secret of the state is cut"),
    "a hash too far": (lambda pieces: pieces | {9 << 3 | ECHOES: pieces[ECHOES]}, "lacks hashes"),
    "too many hashes": (
        lambda pieces: pieces | {n << 3 | ECHOES: pieces[ECHOES] for n in range(1 + KEPT // 4)},
        "cannot have",
    ),
    "a hash that is cut": (lambda pieces: pieces | {2 << 3 | ECHOES: b"\x02\x01x"}, "cannot have"),
    "a node far out": (lambda pieces: pieces | {(1 << 31) << 3 | NODES: pieces[NODES]}, "too wide"),
    "more nodes than fit": (lambda pieces: pieces | {NODES: pieces[NODES] + b"\x00"}, "more than 8 nodes"),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_parts_are_refused(busy: Person, damage: str) -> None:
    parts, (done, refusal) = split_group(busy.group), DAMAGES[damage]
    with pytest.raises(StateError, match=refusal):
        rejoined(busy, replace(parts, pieces=done(dict(parts.pieces))))


@pytest.mark.parametrize("kind", [RATCHET, SECRET, NODES])
def test_a_piece_that_is_missing_is_missed(busy: Person, kind: int) -> None:
    parts = split_group(busy.group)
    assert of_kind(parts, kind)
    for number in of_kind(parts, kind):
        with pytest.raises(StateError):
            rejoined(busy, replace(parts, pieces={n: piece for n, piece in parts.pieces.items() if n != number}))


@pytest.mark.parametrize("kind", [RATCHET, SKIPPED, SECRET, ECHOES, NODES])
def test_a_piece_that_is_cut_or_longer_is_refused(busy: Person, kind: int) -> None:
    parts = split_group(busy.group)
    for number in of_kind(parts, kind):
        piece = parts.pieces[number]
        for bad in (piece[: len(piece) // 2], piece + b"\xff", b"", bytes(len(piece) + 1)):
            with pytest.raises(StateError):
                rejoined(busy, replace(parts, pieces={**parts.pieces, number: bad}))


def test_a_secret_that_was_split_may_not_come_back() -> None:
    """As a store would leave it that writes what is put, and forgets to remove."""
    alice, *_ = stage("alice", "bob", "carol")
    before = alice.group
    alice.says("x")
    change = changed_parts(before, alice.group)
    assert change.removed
    parts = split_group(alice.group)
    with pytest.raises(StateError, match="two of one"):
        rejoined(alice, replace(parts, pieces={**split_group(before).pieces, **parts.pieces}))


def test_a_tree_of_another_epoch_is_refused(busy: Person) -> None:
    before = split_group(busy.group)
    busy.commits()
    after = split_group(busy.group)
    stale = {number: piece for number, piece in before.pieces.items() if number & 7 == NODES}
    assert stale.keys() <= after.pieces.keys()
    with pytest.raises(StateError, match="not its group's"):
        rejoined(busy, replace(after, pieces={**after.pieces, **stale}))


def test_parts_show_nothing(busy: Person) -> None:
    parts = split_group(busy.group)
    change = changed_parts(busy.group, busy.group)
    for value in (parts, change, busy.group.secret_tree.ratchets):
        assert "b'" not in repr(value)
        assert len(repr(value)) < 100
