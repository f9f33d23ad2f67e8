"""Ratchet trees that honest members cannot have left so (RFC 9420 §7.1, §7.9.2, §12.4.3.1, §12.4.3.3).

bob joins a group of six by a Welcome whose tree was changed; all else in the Welcome is right, the tree hash too.

             7
         3       (11)        11 is blank, and so is 9: carol (leaf 4) and dave (leaf 5) came last.
       1   5    9
      0 1 2 3  4 5
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from aparte.codec import encode_u32, encode_vector
from aparte.mls import BadSignature, Extension, Extensions, LeafIndex, NodeIndex
from aparte.mls.grease import GREASE_VALUES
from aparte.mls.ratchet_tree import ParentNode, RatchetTree
from tests.mls_scenes import Person, gather, people
from tests.unit.mls.forge import BadLeaf, flipped, lenient, refused, respoiled
from tests.unit.mls.forge_welcome import OpenWelcome, joining

ROOT, LEFT, INNER = 7, 3, 1


@pytest.fixture
def door() -> tuple[Person, OpenWelcome]:
    """bob, and what he was welcomed with, as leaf 5 of a tree in which he is unmerged."""
    alice, *others, bob = people("alice", "erin", "frank", "grace", "carol", "bob")
    gather(alice, *others)
    for who in (others[0], others[2]):
        message = who.commits().message
        for other in (alice, *others):
            if other is not who:
                other.hears(message)
    welcome = alice.commits(bob.package(), path=False).welcomes[0]
    return bob, OpenWelcome.of(welcome, bob, alice)


Door = tuple[Person, OpenWelcome]


def test_the_tree_is_as_the_picture_says(door: Door) -> None:
    _, opened = door
    assert opened.tree.leaf_count == 8
    assert [index for index in range(1, 15, 2) if opened.tree.nodes[index] is not None] == [1, 3, 5, 7]
    assert opened.tree.parent_node(NodeIndex(ROOT)).unmerged_leaves[-1] == 5


BAD_TREES: dict[str, Callable[[OpenWelcome], OpenWelcome]] = {
    "12.4.3.1/unmerged-leaf": lambda opened: opened.parent(LEFT, unmerged_leaves=(LeafIndex(5),)),
    "12.4.3.1/unmerged-between": lambda opened: opened.parent(LEFT, unmerged_leaves=(LeafIndex(1),)),
    "12.4.3.1/unique-parent-key": lambda opened: opened.parent(LEFT, encryption_key=key_of(opened, ROOT)),
    "7.9.2.1": lambda opened: opened.parent(LEFT, parent_hash=bytes(32)),
    "7.1.1": lambda opened: opened.parent(ROOT, unmerged_leaves=(LeafIndex(5), LeafIndex(4))),
    "16.7.1": lambda opened: opened.parent(LEFT, encryption_key=opened.tree.leaf(LeafIndex(1)).signature_key),
}


def key_of(opened: OpenWelcome, index: int) -> bytes:
    here = opened.tree.nodes[index]
    assert here is not None
    return here.encryption_key


@pytest.mark.parametrize("rule", BAD_TREES)
def test_a_bad_tree(door: Door, rule: str) -> None:
    bob, opened = door
    with lenient(rule):
        changed = BAD_TREES[rule](opened)
    refused(rule, joining(bob, changed))


def test_more_bad_parents(door: Door) -> None:
    bob, opened = door
    for rule, changed in (
        ("7.9.2.1", opened.parent(ROOT, encryption_key=flipped(key_of(opened, ROOT), 0))),
        ("7.9.2.1", opened.with_nodes({9: ParentNode(bytes(31) + b"\x09", b"", (LeafIndex(5),))})),
        ("7.9.2.1", opened.parent(ROOT, unmerged_leaves=())),
        ("12.4.3.1/unmerged-leaf", opened.parent(ROOT, unmerged_leaves=(LeafIndex(5), LeafIndex(6)))),
        ("12.4.3.1/unmerged-leaf", opened.parent(ROOT, unmerged_leaves=(LeafIndex(5), LeafIndex(1 << 31)))),
        ("12.4.3.1/unique-parent-key", opened.parent(LEFT, encryption_key=key_of(opened, 8))),
        ("7.1.1", doubled(opened)),
    ):
        refused(rule, joining(bob, changed), gate=rule != "12.4.3.1/unmerged-leaf")


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_a_malformed_key_of_a_parent(door: Door, key: bytes) -> None:
    bob, opened = door
    refused("7.1/encryption-key", joining(bob, opened.parent(LEFT, encryption_key=key)), gate=False)


def doubled(opened: OpenWelcome) -> OpenWelcome:
    with lenient("7.1.1"):
        return opened.parent(ROOT, unmerged_leaves=(LeafIndex(5), LeafIndex(5)))


def test_bad_leaves(door: Door) -> None:
    bob, opened = door
    erin = opened.tree.leaf(LeafIndex(1))
    assert erin is not None
    own = respoiled(opened.package.leaf_node)
    refused("7.3/signature", joining(bob, opened.with_nodes({10: own})), kind=BadSignature)
    for rule, changed in (
        ("7.3/unique-signature-key", opened.with_nodes({4: erin})),
        ("7.3/version", opened.with_nodes({2: BadLeaf(erin).version()})),
        ("7.2.4", opened.with_nodes({2: BadLeaf(erin).credential()})),
        ("7.2.3", opened.with_nodes({2: BadLeaf(erin).extension()})),
        ("7.3/encryption-key", opened.with_nodes({2: BadLeaf(erin).key(b"short")})),
    ):
        refused(rule, joining(bob, changed), gate=rule != "7.3/encryption-key")


def test_a_group_extension_that_a_leaf_does_not_know(door: Door) -> None:
    bob, opened = door
    odd = Extensions((Extension(0xF00D, b""),))
    refused("13.4.7", joining(bob, opened.with_context(extensions=odd)))
    with lenient("13.4.7"):
        refused("13.4.8", joining(bob, opened.with_context(extensions=odd)))


def test_a_group_that_uses_grease(door: Door) -> None:
    """bob lists a value that means nothing. A group that means something by it is none for him."""
    bob, opened = door
    greased = set(opened.package.leaf_node.capabilities.extensions) & set(GREASE_VALUES)
    odd = Extensions((Extension(greased.pop(), b""),))
    with lenient("13.4.7"):
        refused("13.4.8", joining(bob, opened.with_context(extensions=odd)))


def test_a_member_that_the_application_does_not_accept(door: Door) -> None:
    bob, opened = door
    bob.config = replace(bob.config, authenticate=lambda credential, _key: credential.identity != b"erin")
    refused("5.3.1.1", joining(bob, opened))


# -- how it is written (§12.4.3.3) --------------------------------------------------------------------------------
def encoded(opened: OpenWelcome, change: Callable[[bytes], bytes]) -> bytes:
    """The tree's vector with other contents."""
    data = opened.tree.encode()
    header = 2 if len(data) < 0x4000 else 4
    return encode_vector(change(data[header:]))


def test_blank_nodes_at_the_end(door: Door) -> None:
    bob, opened = door
    for blanks in (b"\x00", bytes(2), bytes(4)):
        tree = encoded(opened, lambda data, blanks=blanks: data + blanks)
        refused("12.4.3.3.2", joining(bob, opened.without_tree(), ratchet_tree=tree))
    refused("12.4.3.3.2", joining(bob, opened.without_tree(), ratchet_tree=b"\x00"))


def test_a_parent_at_the_end(door: Door) -> None:
    bob, opened = door
    parent = b"\x01\x02" + ParentNode(bytes(31) + b"\x09", b"").encode()
    tree = encoded(opened, lambda data: data + parent)
    refused("12.4.3.3.3", joining(bob, opened.without_tree(), ratchet_tree=tree))


def test_a_tree_of_another_group(door: Door) -> None:
    bob, opened = door
    other = people("other")[0]
    other.founds()
    own = opened.package.leaf_node
    for tree in (other.group.tree, RatchetTree.of_one(bob.suite, own)):
        refused("12.4.3.3.4", joining(bob, opened.without_tree(), ratchet_tree=tree.encode()))
    refused("12.4.3.3.4", joining(bob, opened.with_context(tree_hash=bytes(32))))


def test_unmerged_leaves_that_are_not_numbers(door: Door) -> None:
    bob, opened = door
    node = b"\x01\x02" + encode_vector(bytes(32)) + encode_vector(b"") + encode_vector(encode_u32(1)[:3])
    tree = encoded(opened, lambda data: data + node)
    with pytest.raises(ValueError, match="unexpected end"):
        joining(bob, opened.without_tree(), ratchet_tree=tree)()


def test_control(door: Door) -> None:
    bob, opened = door
    joining(bob, opened)()
    joining(bob, opened.without_tree(), ratchet_tree=opened.tree.encode())()
