"""Parent hashes (RFC 9420 §7.9): each key in the tree traced back to the member that put it there."""

from __future__ import annotations

from collections.abc import Sequence

from aparte.codec import encode_vector
from aparte.crypto import Suite
from aparte.mls.errors import require
from aparte.mls.leaf_node import LeafNode, LeafNodeSource
from aparte.mls.ratchet_tree import ParentNode, RatchetTree
from aparte.mls.tree_math import NodeIndex, is_in_subtree, left, node_of, right

__all__ = ["path_parent_hashes", "verify_parent_hashes"]


def _parent_hash(suite: Suite, encryption_key: bytes, parent_hash: bytes, original_sibling: bytes) -> bytes:
    fields = (encryption_key, parent_hash, original_sibling)
    return suite.hash(b"".join([encode_vector(field) for field in fields]))


def path_parent_hashes(
    tree: RatchetTree, path: Sequence[tuple[NodeIndex, NodeIndex]], keys: Sequence[bytes]
) -> list[bytes]:
    """The parent_hash values along a fresh path: first the leaf's, then each path node's, the last empty.

    `path` is the filtered direct path as (node, copath child); `keys` are its new encryption keys. The nodes
    of the path have no unmerged leaves, so every original sibling tree hash is the present one (§7.9.1).
    """
    hashes = [b""]
    for (_, beside), key in zip(reversed(path), reversed(keys), strict=True):
        hashes.append(_parent_hash(tree.suite, key, hashes[-1], tree.tree_hash(beside)))
    return hashes[::-1]


def verify_parent_hashes(tree: RatchetTree) -> None:
    """Raise `PeerError` 7.9.2.1 unless exactly one descendant authenticates each non-blank parent node."""
    for index in range(1, len(tree.nodes), 2):
        node = NodeIndex(index)
        here = tree.parent_node(node)
        if here is not None:
            halves = left(node), right(node)
            valid = _authenticated_by(tree, here, *halves) + _authenticated_by(tree, here, *halves[::-1])
            require(valid == 1, "7.9.2.1", f"parent node {index} is not parent-hash valid")


def _authenticated_by(tree: RatchetTree, here: ParentNode, child: NodeIndex, sibling: NodeIndex) -> int:
    """How many nodes in the resolution of `child` were set together with `here` (§7.9.2)."""
    resolution = tree.resolution(child)
    candidates = [node for node in resolution if _carried_hash(tree, node)]
    if not candidates:
        return 0
    unmerged = frozenset(here.unmerged_leaves)
    original = tree.hash_without(sibling, unmerged)
    expected = _parent_hash(tree.suite, here.encryption_key, here.parent_hash, original)
    below = {node_of(leaf) for leaf in unmerged if is_in_subtree(node_of(leaf), child)}
    members = set(resolution)
    alone = members - below  # the one node that was set here, if there is just one
    if len(alone) != 1 or len(members) != len(below) + 1:
        return 0
    return sum(node in alone and _carried_hash(tree, node) == expected for node in candidates)


def _carried_hash(tree: RatchetTree, node: NodeIndex) -> bytes:
    """The parent hash that a node carries; empty for those that never were on a committer's path."""
    here = tree.nodes[node]
    if isinstance(here, ParentNode):
        return here.parent_hash
    if isinstance(here, LeafNode) and here.source is LeafNodeSource.COMMIT:
        return here.parent_hash
    return b""
