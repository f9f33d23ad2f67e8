"""Hostile trees, commits, Welcomes and keys: refused within bounds (see `limits`)."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aparte.codec import encode_optional, encode_u16, encode_u32, encode_vector
from aparte.mls import (
    ContentType,
    DecodeError,
    KeyPackage,
    LeafNode,
    MlsError,
    PeerError,
    Update,
    Welcome,
    decode_message,
    encode_message,
    join,
    verify_key_package,
)
from aparte.mls.commits import Commit
from aparte.mls.leaf_node import LeafNodeContent
from aparte.mls.parent_hash import path_parent_hashes, verify_parent_hashes
from aparte.mls.private_message import PrivateMessage, SenderData
from aparte.mls.ratchet_tree import ParentNode, RatchetTree
from aparte.mls.tree_math import LeafIndex, NodeIndex, is_in_subtree, left, right
from aparte.mls.tree_validation import check_unmerged_leaves
from aparte.mls.update_path import HpkeCiphertexts, UpdatePath, UpdatePathNode
from tests.mls_scenes import NOW, Person, people, stage
from tests.properties import hostile
from tests.properties.counted import CountingProvider
from tests.properties.limits import MEGABYTE, at_most, counting, refuse

MILLION = 1_000_000


@pytest.fixture
def pair() -> list[Person]:
    return stage("alice", "bob")


# -- trees --------------------------------------------------------------------------------------------------------
def leaves_of(who: Person, count: int, parent_hash: bytes = b"") -> list[LeafNode]:
    """Leaves that differ in their keys and carry a parent hash; nobody signed them."""
    base = who.identity(grease=False).key_package.leaf_node.content
    tail = base.credential.encode() + base.capabilities.encode() + b"\x03" + encode_vector(parent_hash)
    tail += base.extensions.encode() + encode_vector(bytes(64))
    keys = [encode_vector((number + 1).to_bytes(32)) for number in range(count)]
    return [LeafNode.decode(key * 2 + tail) for key in keys]


def test_a_huge_tree_of_blanks(pair: list[Person]) -> None:
    """Two megabytes claim a million leaves; a wider tree is refused."""
    alice, _ = pair
    leaf = hostile.leaf_node(alice.group.own_leaf)
    wide = hostile.encoded_tree([None] * (2**17 - 2) + [leaf])
    with at_most(20, megabytes=32):
        RatchetTree.decode(alice.suite, wide).tree_hash()
    wider = hostile.encoded_tree([None] * (2**21 + 8) + [leaf])
    with pytest.raises(DecodeError, match="nodes"), at_most(30):
        RatchetTree.decode(alice.suite, wider)


def test_all_leaves_unmerged_at_many_levels() -> None:
    (mallory,) = people("mallory")
    count = 1 << 15
    nodes: list[LeafNode | ParentNode | None] = [None] * (2 * count - 1)
    nodes[::2] = leaves_of(mallory, count)
    tops = [NodeIndex(count - 1)]
    for _ in range(3):
        tops = [child for top in tops for child in (left(top), right(top))]
        for top in tops:
            below = tuple(LeafIndex(i) for i in range(count) if is_in_subtree(NodeIndex(2 * i), top))
            nodes[top] = ParentNode(b"key %d" % top, b"", below)
    tree = RatchetTree(mallory.suite, nodes)
    with at_most(1.5):
        check_unmerged_leaves(tree)
    with pytest.raises(PeerError), at_most(20):
        verify_parent_hashes(tree)


def test_all_leaves_claim_to_be_the_same_parents_child() -> None:
    (mallory,) = people("mallory")
    count = 1 << 16
    top = NodeIndex(count - 1)
    nodes: list[LeafNode | ParentNode | None] = [None] * (2 * count - 1)
    nodes[::2] = leaves_of(mallory, count)
    blank = RatchetTree(mallory.suite, list(nodes))
    carried = path_parent_hashes(blank, [(top, right(top))], [b"key"])[0]
    nodes[0:count:2] = leaves_of(mallory, count // 2, carried)
    nodes[top] = ParentNode(b"key", b"")
    with pytest.raises(PeerError) as caught, at_most(3):
        verify_parent_hashes(RatchetTree(mallory.suite, nodes))
    assert caught.value.rule == "7.9.2.1"


# -- commits ------------------------------------------------------------------------------------------------------
def commit_of(items: bytes, path: bytes | None = None) -> bytes:
    return encode_vector(items) + encode_optional(path)


def test_an_update_path_of_ten_thousand_nodes(pair: list[Person]) -> None:
    alice, bob = pair
    leaf = alice.group.own_leaf.encode()
    nodes = (encode_vector(b"k" * 32) + b"\x00") * 10_000
    body = commit_of(b"", leaf + encode_vector(nodes))
    error = refuse(
        bob, hostile.public_message(alice.group, ContentType.COMMIT, body, tag=bytes(32)), seconds=1, megabytes=4
    )
    assert isinstance(error, DecodeError)


def test_a_hundred_thousand_path_secrets(pair: list[Person]) -> None:
    alice, bob = pair
    real = alice.drafts().message
    alice.seat = alice.group.without_pending_commit()
    assert bob.considers(real).has_path
    content = alice.group.own_leaf.content
    signed = sign_leaf(alice, content)
    for item in (b"\x00\x00", encode_vector(bytes(32)) + encode_vector(bytes(48)), b"\x00\x01x"):
        sealed = HpkeCiphertexts(item * 100_000 + b"\x01x\x00")
        path = UpdatePath(signed, (UpdatePathNode(alice.suite.generate_kem_key().public_key, sealed),))
        body = Commit((), path).encode()
        message = hostile.public_message(alice.group, ContentType.COMMIT, body, tag=bytes(32))
        counted = counting(bob).counted
        refuse(bob, message, seconds=10)
        assert counted.calls["hpke_open"] == 0


def sign_leaf(who: Person, content: LeafNodeContent) -> LeafNode:
    fresh = replace(content, encryption_key=who.suite.generate_kem_key().public_key)
    group = who.group
    return fresh.sign_for_commit(group.state.signer, b"", group_id=group.group_id, leaf=group.own_index)


@pytest.mark.parametrize("kind", ["the same remove", "removes of nobody", "references", "the same reference", "psks"])
def test_a_commit_of_a_hundred_thousand_proposals(pair: list[Person], kind: str) -> None:
    alice, bob = pair
    count = range(100_000)
    items = {
        "the same remove": lambda: hostile.remove_by_value(1) * len(count),
        "removes of nobody": lambda: b"".join(map(hostile.remove_by_value, count)),
        "references": lambda: b"".join(b"\x02" + encode_vector(number.to_bytes(32)) for number in count),
        "the same reference": lambda: (b"\x02" + encode_vector(bytes(32))) * len(count),
        "psks": lambda: b"".join(b"\x01\x00\x04\x01\x04" + encode_u32(n) + encode_vector(bytes(32)) for n in count),
    }[kind]()
    message = hostile.public_message(alice.group, ContentType.COMMIT, commit_of(items), tag=bytes(32))
    counted = counting(bob).counted
    refuse(bob, message, seconds=30)
    assert counted.public_key_operations < 10


def test_ten_thousand_additions_of_one_client(pair: list[Person]) -> None:
    alice, bob = pair
    package = people("carol")[0].package().key_package
    items = (b"\x01\x00\x01" + package.encode()) * 10_000
    message = hostile.public_message(alice.group, ContentType.COMMIT, commit_of(items), tag=bytes(32))
    counted = counting(bob).counted
    error = refuse(bob, message, seconds=20)
    assert isinstance(error, PeerError)
    assert error.rule == "12.2.2/same-client"
    assert counted.calls["verify"] <= 1


# -- Welcomes -----------------------------------------------------------------------------------------------------
def test_a_welcome_with_a_hundred_thousand_secrets() -> None:
    mallory, bob = people("mallory", "bob")
    package = bob.package().key_package
    message = hostile.welcome(mallory.suite, package, b"no group info", decoys=100_000)
    provider = CountingProvider()
    with pytest.raises((MlsError, DecodeError)), at_most(10, megabytes=100):
        join(provider.counted, bob.config, message, bob.packages)  # type: ignore[arg-type]
    assert provider.counted.calls["hpke_open"] == 0  # more than any commit can add: not even decoded
    fewer = hostile.welcome(mallory.suite, package, b"no group info", decoys=60_000)
    with pytest.raises((MlsError, DecodeError)), at_most(10, megabytes=100):
        join(provider.counted, bob.config, fewer, bob.packages)  # type: ignore[arg-type]
    assert provider.counted.calls["hpke_open"] == 1


def test_a_welcome_of_another_suite() -> None:
    alice, bob = people("alice", "bob")
    package = bob.package().key_package
    decoded = decode_message(hostile.welcome(alice.suite, package, b""))
    assert isinstance(decoded, Welcome)
    for number in (0, 3, 0x0A0A, 0xFFFF):
        with pytest.raises(PeerError) as caught:
            bob.joins(encode_message(replace(decoded, cipher_suite=number)))
        assert caught.value.rule == "12.4.3.1/cipher-suite"


# -- keys ---------------------------------------------------------------------------------------------------------
BAD_KEYS = {"empty": b"", "short": bytes(31), "long": bytes(33), "zeros": bytes(32), "huge": bytes(MEGABYTE)}


@pytest.mark.parametrize("key", BAD_KEYS)
@pytest.mark.parametrize("suite", [0x0001, 0x0002, 0xF0A2])
def test_keys_of_no_use(key: str, suite: int) -> None:
    """In each place where a peer's key stands: a leaf's two keys and a package's init key."""
    alice, bob = people("alice", "bob", suite=suite)
    own = bob.identity(grease=False)
    package, bad = own.key_package, BAD_KEYS[key]
    for old in (package.init_key, package.leaf_node.encryption_key, package.leaf_node.signature_key):
        wrong = package.encode().replace(encode_vector(old), encode_vector(bad))
        with pytest.raises(PeerError), at_most(1):
            verify_key_package(alice.suite, KeyPackage.decode(wrong), config=alice.config, now=NOW)


@pytest.mark.parametrize("key", BAD_KEYS)
def test_paths_and_updates_with_keys_of_no_use(pair: list[Person], key: str) -> None:
    alice, bob = pair
    bad = BAD_KEYS[key]
    path = UpdatePath(sign_leaf(alice, alice.group.own_leaf.content), (UpdatePathNode(bad, HpkeCiphertexts(b"")),))
    body = Commit((), path).encode()
    refuse(bob, hostile.public_message(alice.group, ContentType.COMMIT, body, tag=bytes(32)), seconds=1)
    content = replace(alice.group.own_leaf.content, encryption_key=bad)
    leaf = content.sign_for_update(alice.group.state.signer, alice.group.group_id, alice.group.own_index)
    body = encode_u16(Update.proposal_type) + Update(leaf).body()
    if key != "zeros":
        refuse(bob, hostile.public_message(alice.group, ContentType.PROPOSAL, body), seconds=1)


def test_sender_data_of_a_leaf_that_no_tree_has(pair: list[Person]) -> None:
    alice, bob = pair
    letter = decode_message(alice.says("x"))
    assert isinstance(letter, PrivateMessage)
    for leaf in (2, 7, 2**31, 2**32 - 1):
        key, nonce = alice.group.state.frame.sender_data_keys(letter.ciphertext)
        data = SenderData(leaf, 0, bytes(4))  # type: ignore[arg-type]
        plain = encode_u32(data.leaf) + encode_u32(data.generation) + data.reuse_guard
        sealed = alice.suite.seal(key, nonce, letter.head, plain)
        error = refuse(bob, encode_message(letter._replace(encrypted_sender_data=sealed)), seconds=1)
        assert isinstance(error, PeerError)
