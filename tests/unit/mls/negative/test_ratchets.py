"""Keys that are gone, or not yet there (RFC 9420 §9): replays, late comers, leaps ahead, and what was deleted."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from aparte.codec import encode_u32
from aparte.mls import (
    CommitOptions,
    ContentType,
    GenerationGone,
    GenerationTooFar,
    Group,
    LeafIndex,
    MlsError,
    OwnMessage,
    PrivateMessage,
    RatchetBounds,
    Remove,
    commit,
    decode_message,
    encode_group,
    encode_message,
    process,
    protect,
)
from aparte.mls.key_schedule import EpochSecrets
from aparte.mls.secret_tree import Ratchet, SecretTree
from aparte.mls.staging import derive_next_epoch
from aparte.mls.treekem import FreshPath, create_path
from tests.mls_scenes import Person, stage
from tests.unit.mls.forge import hearing, refused

SECOND = 1.0


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


def at_generation(who: Person, message: bytes, generation: int, leaf: int = 0) -> bytes:
    """The same ciphertext, said to be of another generation: any member can write that."""
    decoded = decode_message(message)
    assert isinstance(decoded, PrivateMessage)
    key, nonce = who.group.state.frame.sender_data_keys(decoded.ciphertext)
    sealed = who.suite.seal(key, nonce, decoded.head, encode_u32(leaf) + encode_u32(generation) + bytes(4))
    return encode_message(decoded._replace(encrypted_sender_data=sealed))


# -- once ---------------------------------------------------------------------------------------------------------
def test_a_replay(trio: list[Person]) -> None:
    alice, bob, carol = trio
    letter = alice.says("once")
    bob.hears(letter)
    refused("9.2.1", hearing(bob, letter), bob, kind=GenerationGone, gate=False)
    assert carol.hears(letter).data == b"once"
    proposal = alice.proposes(Remove(LeafIndex(2)))
    bob.hears(proposal)
    refused("9.2.1", hearing(bob, proposal), bob, kind=GenerationGone, gate=False)


def test_a_replay_of_a_skipped_message(trio: list[Person]) -> None:
    alice, bob, _ = trio
    first, second = alice.says("one"), alice.says("two")
    bob.hears(second)
    bob.hears(first)
    for letter in (first, second):
        refused("9.2.1", hearing(bob, letter), bob, kind=GenerationGone, gate=False)


def test_ones_own_message_is_recognised(trio: list[Person]) -> None:
    alice, *_ = trio
    event = process(alice.group, alice.says("mine"))
    assert isinstance(event, OwnMessage)
    assert event.content_type is ContentType.APPLICATION


def test_a_message_that_comes_too_late(trio: list[Person]) -> None:
    alice, bob, _ = trio
    letters = [alice.says(str(number)) for number in range(6)]
    config = replace(bob.config, bounds=RatchetBounds(forward=10, kept=2))
    bob.seat = replace(bob.group, state=replace(bob.group.state, config=config))
    bob.hears(letters[5])
    for letter in letters[:3]:
        refused("9.2.1", hearing(bob, letter), bob, kind=GenerationGone, gate=False)
    assert [bob.hears(letter).data for letter in letters[3:5]] == [b"3", b"4"]


@pytest.mark.parametrize("ahead", [1001, 1 << 20, (1 << 31) + 7, (1 << 32) - 1])
def test_a_leap_ahead(trio: list[Person], ahead: int) -> None:
    alice, bob, _ = trio
    message = at_generation(alice, alice.says("far"), ahead)
    began = time.perf_counter()
    refused("9.1.1/bound", hearing(bob, message), bob, kind=GenerationTooFar, gate=False)
    assert time.perf_counter() - began < SECOND


def test_as_far_as_the_bound(trio: list[Person]) -> None:
    alice, bob, _ = trio
    for _ in range(1000):
        alice.seat = protect(alice.group, b"").group
    assert bob.hears(alice.says("just so far")).data == b"just so far"


# -- gone (§9.2) --------------------------------------------------------------------------------------------------
def slot(group: Group, leaf: int) -> tuple[SecretTree, Ratchet]:
    """The secret tree with that leaf's ratchets in it, and its application ratchet."""
    tree, ratchet = group.secret_tree._ratchet(group.suite, LeafIndex(leaf), 2 * leaf + 1)
    return tree, ratchet


def hold(group: Group, *secrets: bytes) -> list[bool]:
    saved = encode_group(group)
    assert all(len(secret) >= 12 for secret in secrets)
    return [secret in saved for secret in secrets]


def test_what_a_received_message_consumed(trio: list[Person]) -> None:
    alice, bob, _ = trio
    root = bob.group.secret_tree.nodes[bob.group.tree.root()]
    assert hold(bob.group, root) == [True]
    skipped, used = alice.says("later"), alice.says("now")
    tree, ratchet = slot(bob.group, 0)
    bob.seat = replace(bob.group, secret_tree=tree)
    assert hold(bob.group, root, ratchet.secret) == [False, True]
    first, second = keys_of(bob.group, 0, 2)
    bob.hears(used)
    assert hold(bob.group, ratchet.secret, *second) == [False, False, False]
    assert hold(bob.group, *first) == [True, True]  # not consumed: it may still come
    bob.hears(skipped)
    assert hold(bob.group, *first, *second, ratchet.secret, root) == [False] * 6
    assert bob.group.secret_tree.ratchets[1].generation == 2


def keys_of(group: Group, leaf: int, count: int) -> list[tuple[bytes, bytes]]:
    """The next keys of somebody's application ratchet."""
    found, tree = [], group.secret_tree
    for _ in range(count):
        _, keys, tree = tree.next_key(group.suite, LeafIndex(leaf), application=True)
        found.append(keys)
    return found


def test_what_a_sent_message_consumed(trio: list[Person]) -> None:
    alice, *_ = trio
    tree, ratchet = slot(alice.group, 0)
    alice.seat = replace(alice.group, secret_tree=tree)
    ((key, nonce),) = keys_of(alice.group, 0, 1)
    assert hold(alice.group, ratchet.secret) == [True]
    alice.says("now")
    assert hold(alice.group, ratchet.secret, key, nonce) == [False, False, False]


def test_every_secret_on_the_way_to_a_leaf(trio: list[Person]) -> None:
    _, bob, _ = trio
    before = bob.group.secret_tree
    halves, _ = before._ratchet(bob.suite, LeafIndex(2), 5)
    ways = {*before.nodes.values()}
    assert all(hold(bob.group, *ways))
    bob.seat = replace(bob.group, secret_tree=halves)
    assert not any(hold(bob.group, *ways))


def epoch_values(alice: Person, monkeypatch: pytest.MonkeyPatch) -> tuple[list[bytes], EpochSecrets, FreshPath]:
    """What alice's next commit derives: (init, commit, joiner), the new epoch's secrets, the path."""
    seen: dict[str, object] = {}

    def derive(group, commit, provisional, inputs):
        following = derive_next_epoch(group, commit, provisional, inputs)
        seen["values"] = [inputs.init_secret, inputs.commit_secret, following.joiner_secret]
        seen["secrets"] = following.secrets
        return following

    def create(*arguments, **named):
        seen["path"] = create_path(*arguments, **named)
        return seen["path"]

    monkeypatch.setattr("aparte.mls.committing.derive_next_epoch", derive)
    monkeypatch.setattr("aparte.mls.committing.create_path", create)
    alice.drafts()
    return seen["values"], seen["secrets"], seen["path"]


def test_what_a_commit_consumed(trio: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, _ = trio
    old_key = alice.group.state.path_keys[0].private_key
    (init, *consumed), secrets, path = epoch_values(alice, monkeypatch)
    assert hold(bob.group, init) == [True]
    assert hold(alice.group, init, old_key) == [True, True]
    pending = alice.group.pending_commit
    assert pending is not None
    bob.hears(pending.message)
    alice.hears(pending.message)
    for who in (alice, bob):
        assert not any(hold(who.group, init, *consumed, *path.secrets.secrets, path.secrets.commit_secret))
        assert all(hold(who.group, secrets.init, secrets.exporter, secrets.encryption))
    assert hold(alice.group, old_key, path.leaf_key.private_key) == [False, True]
    bob.hears(alice.says("and the root of the secret tree is gone"))
    assert hold(bob.group, secrets.encryption) == [False]


def test_what_an_old_path_leaves(trio: list[Person]) -> None:
    """Of the keys above a leaf only those stay whose public halves are in the tree (rule 7.5.3)."""
    alice, bob, _ = trio
    before = {node: key.private_key for node, key in bob.group.state.path_keys.items()}
    assert all(hold(bob.group, *before.values()))
    bob.hears(alice.commits().message)
    kept = [node for node, key in before.items() if hold(bob.group, key) == [True]]
    assert kept == [2]


def test_what_a_removed_member_keeps(trio: list[Person]) -> None:
    alice, _, carol = trio
    state = carol.group.state
    secrets = [key.private_key for key in state.path_keys.values()]
    secrets += [state.secrets.init, state.secrets.exporter, *carol.group.secret_tree.nodes.values()]
    assert all(hold(carol.group, *secrets))
    carol.hears(commit(alice.group, [Remove(LeafIndex(2))], CommitOptions()).message)
    assert not any(hold(carol.group, *secrets))
    with pytest.raises(MlsError, match="removed"):
        protect(carol.group, b"hello?")
