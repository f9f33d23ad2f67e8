"""The integrity of a whole ratchet tree, as one who joins must see it (RFC 9420 §12.4.3.1)."""

from __future__ import annotations

from collections.abc import Mapping

from aparte.crypto import CryptoError
from aparte.mls.config import Config
from aparte.mls.errors import PeerError, require
from aparte.mls.extensions import Extensions
from aparte.mls.leaf_validation import (
    SignatureCheck,
    check_leaf,
    check_members,
    check_unique_keys,
    verify_signatures,
)
from aparte.mls.parent_hash import verify_parent_hashes
from aparte.mls.ratchet_tree import ParentNode, RatchetTree
from aparte.mls.tree_math import LeafIndex, NodeIndex, is_in_subtree, level, node_of

__all__ = ["check_parent_keys", "check_unmerged_leaves", "leaf_signatures", "validate_tree"]


def validate_tree(tree: RatchetTree, *, group_id: bytes, extensions: Extensions, config: Config) -> None:
    """Raise `PeerError` unless every node of the tree is as honest members would have left it."""
    leaves = [leaf for _, leaf in tree.leaves()]
    for leaf in leaves:
        check_leaf(tree.suite, leaf, extensions=extensions, config=config)
    check_members(tree, leaves)
    check_unique_keys(tree)
    check_unmerged_leaves(tree)
    check_parent_keys(tree)
    verify_parent_hashes(tree)
    verify_signatures(tree.suite, leaf_signatures(tree, group_id))


def check_parent_keys(tree: RatchetTree) -> None:
    """A malformed key would make every later commit fail at whoever has to seal to it."""
    for node in tree.nodes[1::2]:
        if isinstance(node, ParentNode):
            try:
                tree.suite.check_kem_public_key(node.encryption_key)
            except CryptoError as error:
                raise PeerError("7.1/encryption-key", "a parent's encryption key is malformed") from error


def leaf_signatures(tree: RatchetTree, group_id: bytes) -> list[SignatureCheck]:
    """What to verify for the leaves of a tree, in order."""
    return [
        (leaf.signature_key, leaf.signed_content(group_id, index), leaf.signature, "7.3/signature")
        for index, leaf in tree.leaves()
    ]


def check_unmerged_leaves(tree: RatchetTree) -> None:
    """Each entry names a member below, and the parents in between name it too (§12.4.3.1)."""
    unmerged = {
        index: frozenset(node.unmerged_leaves) for index, node in enumerate(tree.nodes) if isinstance(node, ParentNode)
    }
    for index, leaves in unmerged.items():
        node = NodeIndex(index)
        for leaf in leaves:
            below = is_in_subtree(node_of(leaf), node) and tree.leaf(leaf) is not None
            require(below, "12.4.3.1/unmerged-leaf", "an unmerged leaf is no member below its node")
            require(
                _named_between(unmerged, leaf, node),
                "12.4.3.1/unmerged-between",
                "an unmerged leaf is merged lower down",
            )


def _named_between(unmerged: Mapping[int, frozenset[LeafIndex]], leaf: LeafIndex, top: NodeIndex) -> bool:
    node, bit = 2 * leaf, 1
    for _ in range(level(top) - 1):
        node = (node | bit) & ~(bit << 1)
        bit <<= 1
        here = unmerged.get(node)
        if here is not None and leaf not in here:
            return False
    return True
