"""Commits that are false in themselves (RFC 9420 §12.4, §7.5, §7.6, §7.9): paths, leaves, tags."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any
from unittest.mock import patch

import pytest

from aparte.mls import (
    Add,
    BadSignature,
    DecodeError,
    LeafNodeContent,
    MlsError,
    PathUndecryptable,
    PeerError,
    PublicMessage,
    Remove,
    commit,
    decode_message,
    encode_group,
    encode_message,
    process,
)
from aparte.mls.commits import Commit
from aparte.mls.tree_math import LeafIndex
from aparte.mls.treekem import FreshPath, seal_path
from aparte.mls.update_path import UpdatePath
from tests.mls_scenes import PUBLIC, Person, agree, people, stage
from tests.unit.mls.forge import (
    doctored_path,
    drafted,
    flipped,
    hearing,
    refused,
    respoiled,
    sent,
    shares_of,
    with_key,
    with_shares,
)
from tests.unit.mls.forge_welcome import OpenWelcome


@pytest.fixture
def four() -> list[Person]:
    """alice and bob below one parent, carol and dave below the other: paths of two nodes."""
    return stage("alice", "bob", "carol", "dave")


def doctored(who: Person, change: Callable[[UpdatePath], UpdatePath]) -> bytes:
    """A commit whose path was changed before it was signed and confirmed."""
    with doctored_path(change):
        return drafted(who).message


# -- what everybody can judge -------------------------------------------------------------------------------------
def test_a_commit_without_the_path_that_it_needs(four: list[Person]) -> None:
    alice, bob, *_ = four
    with patch("aparte.mls.committing.path_required", return_value=False):
        removal = drafted(alice, Remove(LeafIndex(2)), path=False)
        empty = drafted(alice, path=False)
    for draft in (removal, empty):
        refused("12.4.3", hearing(bob, draft.message), bob)


def test_a_leaf_that_was_not_made_for_a_commit(four: list[Person]) -> None:
    alice, bob, *_ = four

    def for_update(self: LeafNodeContent, signer: object, _hash: bytes, *, group_id: bytes, leaf: LeafIndex) -> object:
        return self.sign_for_update(signer, group_id, leaf)

    with patch.object(LeafNodeContent, "sign_for_commit", for_update):
        draft = drafted(alice)
    refused("12.4.2.1", hearing(bob, draft.message), bob)


def test_a_leaf_with_a_bad_signature(four: list[Person]) -> None:
    alice, bob, *_ = four
    message = doctored(alice, lambda path: replace(path, leaf_node=respoiled(path.leaf_node)))
    refused("7.3/signature", hearing(bob, message), bob, kind=BadSignature)


def test_a_leaf_that_keeps_its_encryption_key(four: list[Person]) -> None:
    alice, bob, *_ = four
    own = alice.group.own_leaf

    def keep(path: UpdatePath) -> UpdatePath:
        content = replace(path.leaf_node.content, encryption_key=own.encryption_key)
        signer, group = alice.group.state.signer, alice.group
        leaf = content.sign_for_commit(
            signer, path.leaf_node.parent_hash, group_id=group.group_id, leaf=group.own_index
        )
        return replace(path, leaf_node=leaf)

    refused("7.3/fresh-key", hearing(bob, doctored(alice, keep)), bob)


def test_a_leaf_with_a_wrong_parent_hash(four: list[Person]) -> None:
    alice, bob, *_ = four
    sign = LeafNodeContent.sign_for_commit

    def wrong(self: LeafNodeContent, signer: object, parent_hash: bytes, **place: object) -> object:
        return sign(self, signer, flipped(parent_hash), **place)

    with patch.object(LeafNodeContent, "sign_for_commit", wrong):
        draft = drafted(alice)
    refused("7.9.2.2", hearing(bob, draft.message), bob)


def test_a_path_of_another_length(four: list[Person]) -> None:
    alice, bob, *_ = four
    fresh = alice.suite.generate_kem_key().public_key

    def longer(path: UpdatePath) -> UpdatePath:
        return replace(path, nodes=(*path.nodes, replace(path.nodes[-1], encryption_key=fresh)))

    for change in (
        longer,
        lambda path: replace(path, nodes=path.nodes[:-1]),
        lambda path: replace(path, nodes=path.nodes[1:]),
        lambda path: replace(path, nodes=()),
    ):
        refused("7.6.2/path", hearing(bob, doctored(alice, change)), bob)


@pytest.mark.parametrize("count", [0, 1, 3])
def test_another_number_of_ciphertexts(four: list[Person], count: int) -> None:
    """The upper node is sealed to carol and to dave, since there is no key for both."""
    alice, bob, *_ = four

    def cut(path: UpdatePath) -> UpdatePath:
        assert len(shares_of(path, 1)) == 2
        return with_shares(path, 1, (shares_of(path, 1) * 2)[:count])

    refused("7.6.2", hearing(bob, doctored(alice, cut)), bob)


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_a_malformed_key_in_the_path(four: list[Person], key: bytes) -> None:
    alice, bob, *_ = four
    message = doctored(alice, lambda path: with_key(path, 0, key))
    refused("7.3/encryption-key", hearing(bob, message), bob, gate=False)


def test_a_key_twice_in_the_path(four: list[Person]) -> None:
    alice, bob, *_ = four
    twice = doctored(alice, lambda path: with_key(path, 0, path.nodes[1].encryption_key))
    refused("12.4.2/path-keys", hearing(bob, twice), bob)


def test_a_key_that_stands_in_the_tree(four: list[Person]) -> None:
    alice, bob, *_ = four
    for node in (2, 4, 3):
        here = bob.group.tree.nodes[node]
        assert here is not None
        message = doctored(alice, lambda path, key=here.encryption_key: with_key(path, 0, key))
        refused("12.4.2/path-keys", hearing(bob, message), bob)


def test_a_signature_key_in_the_path(four: list[Person]) -> None:
    alice, bob, carol, _ = four
    key = carol.group.own_leaf.signature_key
    refused("16.7.1", hearing(bob, doctored(alice, lambda path: with_key(path, 0, key))), bob)


def test_a_wrong_confirmation_tag(four: list[Person]) -> None:
    alice, *others = four
    draft = drafted(alice, wire_format=PUBLIC)
    decoded = decode_message(draft.message)
    assert isinstance(decoded, PublicMessage)
    body = decoded.authenticated.content.body
    assert isinstance(body, Commit)
    right = decoded.authenticated.confirmation_tag or b""
    for tag in (flipped(right), b"", right[:-1], right + b"\x00"):
        message = sent(alice, body, tag=tag)
        for who in others:
            refused("12.4.2/confirmation-tag", hearing(who, message), who)


def test_a_commit_after_the_last_epoch() -> None:
    """No group gets there by commits; bob's inviter said that his had."""
    alice, bob, dave = people("alice", "bob", "dave")
    alice.founds()
    welcome = alice.commits(bob.package()).welcomes[0]
    bob.joins(OpenWelcome.of(welcome, bob, alice).with_context(epoch=2**64 - 1).sealed())
    refused("12.4.2/epoch", lambda: commit(bob.group), bob)
    state = replace(bob.group.state, own=alice.group.own_index, signer=alice.group.state.signer)
    alice.seat = replace(bob.group, state=state)
    message = sent(alice, Commit((Add(dave.package().key_package),), None))
    refused("12.4.2/epoch", hearing(bob, message), bob)


# -- what only one can judge --------------------------------------------------------------------------------------
def garbled(path: UpdatePath, position: int, index: int, *, kem: bool = False) -> UpdatePath:
    shares = shares_of(path, position)
    output, sealed = shares[index]
    shares[index] = (flipped(output), sealed) if kem else (output, flipped(sealed))
    return with_shares(path, position, shares)


def blind(who: Person, message: bytes) -> PathUndecryptable:
    """`who` cannot follow, and does not accuse."""
    before = encode_group(who.group)
    with pytest.raises(MlsError) as caught:
        process(who.group, message)
    assert isinstance(caught.value, PathUndecryptable)
    assert not isinstance(caught.value, PeerError)
    assert encode_group(who.group) == before
    return caught.value


@pytest.mark.parametrize("kem", [False, True])
def test_garbage_for_one(four: list[Person], kem: bool) -> None:
    alice, bob, carol, dave = four
    with doctored_path(lambda path: garbled(path, 0, 0, kem=kem)):
        committed = alice.commits()
    assert blind(bob, committed.message).committer == alice.leaf
    for who in (carol, dave):
        who.hears(committed.message)
    assert agree(alice, carol, dave)
    assert bob.group.epoch == 1


def test_another_secret_for_one(four: list[Person]) -> None:
    """It opens, and leads to other keys than those in the path."""
    alice, bob, carol, dave = four

    def seal(fresh: FreshPath, leaf: LeafIndex, **rest: Any) -> UpdatePath:
        other = (bytes(32), *fresh.secrets.secrets[1:])
        return seal_path(replace(fresh, secrets=replace(fresh.secrets, secrets=other)), leaf, **rest)

    with patch("aparte.mls.committing.seal_path", seal):
        committed = alice.commits()
    assert "not its key's" in str(blind(bob, committed.message))
    for who in (carol, dave):
        who.hears(committed.message)
    assert agree(alice, carol, dave)


def test_the_share_of_another(four: list[Person]) -> None:
    """What was sealed to somebody else does not open."""
    alice, bob, carol, dave = four

    def swap(path: UpdatePath) -> UpdatePath:
        return with_shares(path, 0, shares_of(path, 1)[:1])

    with doctored_path(swap):
        committed = alice.commits()
    blind(bob, committed.message)
    for who in (carol, dave):
        who.hears(committed.message)
    assert agree(alice, carol, dave)


def test_a_share_that_is_no_ciphertext(four: list[Person]) -> None:
    alice, bob, carol, _ = four
    with doctored_path(lambda path: with_shares(path, 0, [(b"", b"")])):
        committed = alice.commits()
    blind(bob, committed.message)
    carol.hears(committed.message)
    assert agree(alice, carol)


def test_control(four: list[Person]) -> None:
    alice, *others = four
    committed = doctored(alice, lambda path: path)
    for who in others:
        process(who.group, committed)
    with pytest.raises(DecodeError):
        process(others[0].group, encode_message(decode_message(committed))[:-1])
