"""A group saved in parts: it comes back whole, a message writes little, and what was used is in no part."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aparte.mls import (
    MLS10,
    GroupParts,
    LeafIndex,
    PartsChange,
    ReInit,
    Remove,
    StateError,
    changed_parts,
    decode_group,
    encode_group,
    process,
    protect,
    split_group,
)
from aparte.mls.echoes import KEPT, NO_ECHOES
from tests.mls_scenes import Person, agree, all_hear, people, person, stage
from tests.unit.mls.parts import ECHOES, KEYS, NODES, RATCHET, SKIPPED, comes_back, kinds, leads_to, rejoined, written


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


# -- every kind of group -------------------------------------------------------------------------------------------
def test_a_fresh_group_and_one_that_talks(trio: list[Person]) -> None:
    alice, bob, carol = trio
    for who in trio:
        comes_back(who)
    first, second, third = (alice.says(word) for word in ("one", "two", "three"))
    bob.hears(third)
    for who in trio:
        comes_back(who)
    assert [bob.hears(letter).data for letter in (second, first)] == [b"two", b"one"]
    all_hear(bob.commits().message, [alice, carol])
    assert agree(*trio)


@pytest.mark.parametrize("suite", [0x0001, 0x0002, 0x0003, 0x0005, 0x0007, 0xF0A2])
def test_every_suite(suite: int) -> None:
    alice, bob = stage("alice", "bob", suite=suite)
    letter, late = alice.says("x"), alice.says("y")
    bob.hears(late)
    comes_back(alice)
    comes_back(bob)
    assert bob.hears(letter).data == b"x"
    all_hear(alice.commits().message, [bob])
    assert agree(alice, bob)


def test_everything_that_can_be_pending(trio: list[Person]) -> None:
    alice, bob, carol = trio
    all_hear(carol.proposes_update(), [alice, bob])
    draft = alice.drafts(*(who.package() for who in people("dave")))
    for who in trio:
        comes_back(who)
    assert alice.considers(draft.message).changes == draft.staged.changes
    all_hear(draft.message, trio)
    assert agree(*trio)


def test_a_group_that_is_over(trio: list[Person]) -> None:
    alice, bob, carol = trio
    all_hear(alice.commits(Remove(LeafIndex(2))).message, [bob, carol])
    comes_back(carol)
    bob.hears(alice.commits(ReInit(b"next", MLS10, 0x0003, alice.group.extensions)).message)
    comes_back(bob)


def test_a_tree_with_gaps() -> None:
    """Pieces of the tree in which nobody is are not there."""
    (alice,) = stage("alice")
    values = [alice.group]
    crowd = people(*(f"member {number}" for number in range(20)))
    alice.commits(*(who.package() for who in crowd))
    values.append(alice.group)
    alice.commits(*(Remove(LeafIndex(leaf)) for leaf in range(4, 16)))
    values.append(alice.group)
    for before in values:
        for after in values:
            leads_to(before, after)
    places = {number >> 3 for number in split_group(alice.group).pieces if number & 7 == NODES}
    assert places == {0, 3, 4, 5}, "and 31 is the root"
    comes_back(alice)


def test_parts_and_the_whole_are_not_taken_for_one_another(trio: list[Person]) -> None:
    alice, *_ = trio
    parts = split_group(alice.group)
    with pytest.raises(StateError, match="version"):
        decode_group(parts.epoch, alice.provider, alice.config)
    with pytest.raises(StateError, match="version"):
        rejoined(alice, replace(parts, epoch=encode_group(alice.group)))


# -- what was used is gone ----------------------------------------------------------------------------------------
def test_keys_that_were_used_are_in_no_part(trio: list[Person]) -> None:
    """Written by changes alone: each value that a message consumed is overwritten or removed."""
    alice, bob, _ = trio
    tree = alice.group.secret_tree
    _, (first, _), tree = tree.next_key(alice.suite, LeafIndex(alice.leaf), application=True)
    chain = tree.ratchets[1].secret
    _, (second, _), _ = tree.next_key(alice.suite, LeafIndex(alice.leaf), application=True)
    (root,) = alice.group.secret_tree.nodes.values()
    one, two = alice.says("one"), alice.says("two")
    stored = dict(split_group(bob.group).pieces)
    for letter, gone in ((two, [root, chain, second]), (one, [first])):
        if letter is one:
            assert any(first in piece for piece in stored.values()), "skipped, and so still to be had"
        else:
            assert root in stored.values()
        before = bob.group
        bob.hears(letter)
        change = changed_parts(before, bob.group)
        stored = {number: piece for number, piece in stored.items() if number not in change.removed} | {**change.put}
        assert not [secret for secret in gone for piece in stored.values() if secret in piece]


# -- little is written ---------------------------------------------------------------------------------------------
THOUSAND = 1000


def test_a_message_in_a_group_of_a_thousand(capsys: pytest.CaptureFixture[str]) -> None:
    alice, bob = people("alice", "bob")
    alice.founds()
    others = [person("another", provider=alice.provider).package() for _ in range(THOUSAND - 2)]
    bob.joins(alice.commits(bob.package(), *others).welcomes[0])
    sizes: dict[str, list[int]] = {"sent": [], "received": []}
    for _ in range(50):
        sent = protect(alice.group, b"hello")
        heard = process(bob.group, sent.message).group
        for direction, change in (
            ("sent", changed_parts(alice.group, sent.group)),
            ("received", changed_parts(bob.group, heard)),
        ):
            sizes[direction].append(written(change))
            assert change.epoch is None
            assert NODES not in kinds(change)
        alice.seat, bob.seat = sent.group, heard
    draft = alice.drafts()
    before = bob.group
    bob.hears(draft.message)
    commit, whole = written(changed_parts(before, bob.group)), len(encode_group(bob.group))
    with capsys.disabled():
        print(f"\nbytes written in a group of {THOUSAND}: the whole {whole}, a commit {commit}")
        for direction, written_each in sizes.items():
            print(f"  {direction}: the first {written_each[0]}, then at most {max(written_each[1:])}")
    for first, *later in sizes.values():
        assert first < 2048
        assert max(later) < 512
    assert commit < whole // 10


def test_what_was_skipped_is_not_written_again(trio: list[Person]) -> None:
    """A thousand lost messages cost once; each that comes late costs the piece that it is in."""
    alice, bob, _ = trio
    *lost, last, following = [alice.says(str(number)) for number in range(902)]
    before = bob.group
    bob.hears(last)
    assert written(changed_parts(before, bob.group)) > 30 * len(lost)
    for letter in (following, lost[0], lost[450], lost[899]):
        before = bob.group
        bob.hears(letter)
        change = changed_parts(before, bob.group)
        assert written(change) < 1024
        assert kinds(change) == ({RATCHET} if letter is following else {SKIPPED})


def test_nothing_stays_of_keys_that_came_to_use(trio: list[Person]) -> None:
    alice, bob, _ = trio
    early, late = alice.says("early"), alice.says("late")
    bob.hears(late)
    assert KEYS in split_group(bob.group).pieces
    before = bob.group
    bob.hears(early)
    assert changed_parts(before, bob.group) == PartsChange(None, {}, frozenset({KEYS}))
    assert KEYS not in split_group(bob.group).pieces


def test_a_proposal_does_not_write_the_tree(trio: list[Person]) -> None:
    alice, bob, _ = trio
    for private in (alice.proposes(Remove(LeafIndex(2))),):
        before = bob.group
        bob.hears(private)
        change = changed_parts(before, bob.group)
        assert change.epoch is not None
        assert NODES not in kinds(change)
    before = bob.group
    bob.seat = bob.group.without_exporter()
    change = changed_parts(before, bob.group)
    assert change.epoch is not None
    assert not change.put
    assert not change.removed


def test_echoes_cost_the_same_when_old_ones_go() -> None:
    """Also where the older half is forgotten, no message writes more than a few hundred bytes."""
    (alice,) = stage("alice")
    parts = split_group(alice.group)
    store = dict(parts.pieces)
    for _ in range(2 * KEPT + 20):
        before = alice.group
        alice.says("x")
        change = changed_parts(before, alice.group)
        assert change.epoch is None
        assert sum(map(len, change.put.values())) < 512
        store = {number: piece for number, piece in store.items() if number not in change.removed} | {**change.put}
        assert sum(number & 7 == ECHOES for number in store) <= 2 * KEPT // 8 + 1
    assert GroupParts(parts.epoch, store) == split_group(alice.group)
    assert alice.group.sent.forgotten == KEPT
    comes_back(alice)
    assert alice.group.sent.forgotten == KEPT


def test_nothing_changed_is_nothing_to_write(trio: list[Person]) -> None:
    alice, *_ = trio
    nothing = PartsChange(None, {}, frozenset())
    assert changed_parts(alice.group, alice.group) == nothing
    assert changed_parts(alice.group, replace(alice.group)) == nothing


def test_what_goes_out_of_one_group_and_into_another(trio: list[Person]) -> None:
    """Any two values of a group, however far apart, and be it that they share nothing."""
    alice, bob, carol = trio
    values = [alice.group, rejoined(alice)]
    all_hear(alice.says("x"), [bob])
    values += [alice.group, replace(alice.group, sent=NO_ECHOES)]
    alice.proposes_update()
    values += [alice.group, replace(alice.group, own_updates={}), replace(alice.group, proposals=())]
    alice.seat = alice.group.without_proposals()
    alice.drafts()
    values += [alice.group, alice.group.without_pending_commit()]
    alice.seat = alice.group.without_pending_commit()
    all_hear(alice.commits(Remove(LeafIndex(carol.leaf))).message, [bob])
    values += [alice.group, rejoined(alice)]
    for before in values:
        for after in values:
            leads_to(before, after)
