"""The secret tree: keys come in any order within the bounds, each once, and what was used is nowhere any more."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from aparte.crypto import Suite, expand_with_label
from aparte.crypto.native import NativeProvider
from aparte.mls import CallerError, Generation, GenerationGone, GenerationTooFar, LeafIndex, RatchetBounds
from aparte.mls.ratchets import Ratchet, Ratchets
from aparte.mls.secret_tree import NO_SECRET_TREE, SecretTree, derive_tree_secret

ROOT_SECRET = bytes(range(32))
BOUNDS = RatchetBounds(forward=10, kept=4)
ALICE, BOB = LeafIndex(0), LeafIndex(3)
LAST = Generation(2**32 - 1)

Keys = tuple[bytes, bytes]


@pytest.fixture
def suite() -> Suite:
    return NativeProvider().suite(0x0001)


@pytest.fixture
def tree() -> SecretTree:
    return SecretTree.create(ROOT_SECRET, 4)


def sent(suite: Suite, tree: SecretTree, count: int, leaf: LeafIndex = BOB) -> tuple[list[Keys], SecretTree]:
    """What a sender's ratchet gives, and the sender's tree afterwards."""
    keys = []
    for number in range(count):
        generation, pair, tree = tree.next_key(suite, leaf, application=True)
        assert generation == number
        keys.append(pair)
    return keys, tree


def opened(suite: Suite, tree: SecretTree, generation: int, bounds: RatchetBounds = BOUNDS) -> tuple[Keys, SecretTree]:
    return tree.key_at(suite, BOB, Generation(generation), application=True, bounds=bounds)


def secrets_in(tree: SecretTree) -> Iterator[bytes]:
    yield from tree.nodes.values()
    for ratchet in tree.ratchets.values():
        yield ratchet.secret
        for key, nonce in ratchet.skipped.values():
            yield key
            yield nonce


def test_the_first_key_spelt_out(suite: Suite, tree: SecretTree) -> None:
    """RFC 9420 §9: down to the leaf by "tree", then "application", then the ratchet."""
    right = expand_with_label(suite, ROOT_SECRET, b"tree", b"right", 32)
    leaf = expand_with_label(suite, right, b"tree", b"right", 32)
    secret = expand_with_label(suite, leaf, b"application", b"", 32)
    expected = (
        derive_tree_secret(suite, secret, b"key", 0, 16),
        derive_tree_secret(suite, secret, b"nonce", 0, 12),
    )
    assert sent(suite, tree, 1)[0] == [expected]


def test_both_sides_have_the_same_keys_in_order(suite: Suite, tree: SecretTree) -> None:
    keys, _ = sent(suite, tree, 20)
    for generation, expected in enumerate(keys):
        found, tree = opened(suite, tree, generation)
        assert found == expected


def test_handshake_and_application_keys_are_apart(suite: Suite, tree: SecretTree) -> None:
    _, application, _ = tree.next_key(suite, BOB, application=True)
    _, handshake, _ = tree.next_key(suite, BOB, application=False)
    _, other, _ = tree.next_key(suite, ALICE, application=True)
    assert len({application, handshake, other}) == 3


def test_keys_come_out_of_order(suite: Suite, tree: SecretTree) -> None:
    keys, _ = sent(suite, tree, 5)
    for generation in (3, 0, 4, 2, 1):
        found, tree = opened(suite, tree, generation)
        assert found == keys[generation]


def test_each_key_comes_once(suite: Suite, tree: SecretTree) -> None:
    for generation in (2, 0):
        _, tree = opened(suite, tree, generation)
    for used in (2, 0):
        with pytest.raises(GenerationGone) as caught:
            opened(suite, tree, used)
        assert caught.value.rule == "9.2.1"
    opened(suite, tree, 1)


def test_a_refused_key_changes_nothing(suite: Suite, tree: SecretTree) -> None:
    _, tree = opened(suite, tree, 2)
    before = list(secrets_in(tree))
    for generation in (2, 14):
        with pytest.raises((GenerationGone, GenerationTooFar)):
            opened(suite, tree, generation)
    assert list(secrets_in(tree)) == before


def test_the_forward_bound_is_exact(suite: Suite, tree: SecretTree) -> None:
    opened(suite, tree, BOUNDS.forward)
    with pytest.raises(GenerationTooFar) as caught:
        opened(suite, tree, BOUNDS.forward + 1)
    assert caught.value.rule == "9.1.1/bound"
    _, tree = opened(suite, tree, 5)
    opened(suite, tree, 6 + BOUNDS.forward)
    with pytest.raises(GenerationTooFar):
        opened(suite, tree, 7 + BOUNDS.forward)


def test_the_oldest_skipped_keys_go_first(suite: Suite, tree: SecretTree) -> None:
    keys, _ = sent(suite, tree, 10)
    _, tree = opened(suite, tree, 9)
    ratchet = tree.ratchets[2 * BOB + 1]
    assert sorted(ratchet.skipped) == [5, 6, 7, 8]
    for generation in range(5):
        with pytest.raises(GenerationGone):
            opened(suite, tree, generation)
    assert opened(suite, tree, 5)[0] == keys[5]


def test_the_bound_on_kept_keys_holds_over_several_leaps(suite: Suite, tree: SecretTree) -> None:
    for generation in (3, 7, 11, 12):
        _, tree = opened(suite, tree, generation)
        assert len(tree.ratchets[2 * BOB + 1].skipped) <= BOUNDS.kept


def test_what_was_used_is_gone(suite: Suite, tree: SecretTree) -> None:
    """Neither a used key, nor any secret from which it could be derived again, stays in the value."""
    keys, sender = sent(suite, tree, 3)
    _, receiver = opened(suite, tree, 1)
    _, receiver = opened(suite, receiver, 0)
    _, receiver = opened(suite, receiver, 2)
    first = tree.next_key(suite, BOB, application=True)[2]
    above = expand_with_label(suite, ROOT_SECRET, b"tree", b"right", 32)
    leaf = expand_with_label(suite, above, b"tree", b"right", 32)
    application = expand_with_label(suite, leaf, b"application", b"", 32)
    for after in (sender, receiver):
        present = set(secrets_in(after))
        assert present.isdisjoint({part for pair in keys for part in pair})
        assert present.isdisjoint({ROOT_SECRET, above, leaf, application, first.ratchets[2 * BOB + 1].secret})
    assert application not in set(secrets_in(first))


def test_what_others_need_stays(suite: Suite, tree: SecretTree) -> None:
    """Forward secrecy for one leaf costs no other leaf its keys."""
    expected = {leaf: tree.next_key(suite, LeafIndex(leaf), application=True)[1] for leaf in range(4)}
    for leaf in (2, 0, 3, 1):
        _, found, tree = tree.next_key(suite, LeafIndex(leaf), application=True)
        assert found == expected[leaf]
    assert tree.nodes == {}


def test_a_leaf_outside_the_tree_has_no_keys(suite: Suite, tree: SecretTree) -> None:
    for leaf in (4, 2**31):
        with pytest.raises(GenerationGone):
            tree.next_key(suite, LeafIndex(leaf), application=True)
    with pytest.raises(GenerationGone):
        NO_SECRET_TREE.next_key(suite, ALICE, application=True)


def test_a_ratchet_ends_with_its_last_generation(suite: Suite) -> None:
    """Generations are uint32: after 2^32 - 1 the sender has to wait for the next epoch."""
    slot = 2 * BOB + 1
    tree = SecretTree({}, Ratchets.of({slot: Ratchet(ROOT_SECRET, LAST)}))
    with pytest.raises(CallerError, match="exhausted"):
        tree.next_key(suite, BOB, application=True)
    with pytest.raises(GenerationTooFar):
        opened(suite, tree, LAST)


def test_the_generation_before_the_last_serves(suite: Suite) -> None:
    tree = SecretTree({}, Ratchets.of({2 * BOB + 1: Ratchet(ROOT_SECRET, Generation(LAST - 1))}))
    generation, keys, after = tree.next_key(suite, BOB, application=True)
    assert generation == LAST - 1
    assert opened(suite, tree, LAST - 1)[0] == keys
    assert after.ratchets[2 * BOB + 1].generation == LAST


def test_every_leaf_has_one_source_of_its_keys(suite: Suite, tree: SecretTree) -> None:
    assert NO_SECRET_TREE.covers(0)
    assert not NO_SECRET_TREE.covers(1)
    for split in (tree, sent(suite, tree, 1)[1], sent(suite, sent(suite, tree, 1)[1], 1, ALICE)[1]):
        assert split.covers(4)
        assert not split.covers(2)
        assert not split.covers(8)
        for node in split.nodes:
            assert not split._replace(nodes={n: s for n, s in split.nodes.items() if n != node}).covers(4)
        for slot in split.ratchets:
            others = {s: ratchet for s, ratchet in split.ratchets.items() if s != slot}
            assert not split._replace(ratchets=Ratchets.of(others)).covers(4)
            elsewhere = Ratchets.of({**others, slot ^ 4: split.ratchets[slot]})
            assert not split._replace(ratchets=elsewhere).covers(4)
    assert not sent(suite, tree, 1)[1]._replace(nodes=tree.nodes).covers(4)


def test_a_message_leaves_all_other_pages_of_ratchets_as_they_are() -> None:
    before = Ratchets.of({slot: Ratchet(slot.to_bytes(32)) for slot in range(2_000)})
    after = before.with_ratchets({5: Ratchet(ROOT_SECRET)})
    assert [*after.slots_changed_since(before)] == [5]
    assert [*before.slots_changed_since(after)] == [5]
    assert sum(after._pages[number] is not page for number, page in before._pages.items()) == 1
    assert len(before._pages) > 20
    assert len(after) == len(before) == 2_000
    assert (before[5].secret, after[5].secret) == ((5).to_bytes(32), ROOT_SECRET)
    assert {*after.slots_changed_since(Ratchets())} == {*Ratchets().slots_changed_since(after)} == {*range(2_000)}
    assert after.find(2_000) is None
    with pytest.raises(KeyError):
        after[2_000]
