"""Array-based tree arithmetic (RFC 9420 Appendix C) and the index types. Pure integers, no tree.

Trees are always full: `leaf_count` is a power of two and a tree has ``2 * leaf_count - 1`` nodes. Leaves have
even node indices, parents odd ones; the level of a node is its number of trailing one bits.
"""

from __future__ import annotations

from typing import NewType

__all__ = [
    "Generation",
    "LeafIndex",
    "NodeIndex",
    "ancestors",
    "copath",
    "is_in_subtree",
    "leaf_of",
    "left",
    "level",
    "node_count",
    "node_of",
    "parent",
    "right",
    "root",
    "sibling",
]

LeafIndex = NewType("LeafIndex", int)
NodeIndex = NewType("NodeIndex", int)
Generation = NewType("Generation", int)


def node_of(leaf: LeafIndex) -> NodeIndex:
    """The node of a leaf."""
    return NodeIndex(2 * leaf)


def leaf_of(node: NodeIndex) -> LeafIndex:
    """The leaf at an even node index."""
    if node & 1:
        raise ValueError(f"node {node} is not a leaf")
    return LeafIndex(node >> 1)


def node_count(leaf_count: int) -> int:
    """Width of the array for a tree of `leaf_count` leaves."""
    return 2 * leaf_count - 1 if leaf_count else 0


def level(node: NodeIndex) -> int:
    """0 for a leaf; a parent is one above its children."""
    return ((node ^ (node + 1)) >> 1).bit_length()


def root(leaf_count: int) -> NodeIndex:
    """The root of a full tree."""
    return NodeIndex(leaf_count - 1)


def left(node: NodeIndex) -> NodeIndex:
    """The left child. Raises `ValueError` for a leaf."""
    height = level(node)
    if height == 0:
        raise ValueError("a leaf has no children")
    return NodeIndex(node ^ (1 << (height - 1)))


def right(node: NodeIndex) -> NodeIndex:
    """The right child. Raises `ValueError` for a leaf."""
    height = level(node)
    if height == 0:
        raise ValueError("a leaf has no children")
    return NodeIndex(node ^ (3 << (height - 1)))


def parent(node: NodeIndex, leaf_count: int) -> NodeIndex:
    """The parent. Raises `ValueError` for the root."""
    if node == root(leaf_count):
        raise ValueError("the root has no parent")
    height = level(node)
    return NodeIndex((node | (1 << height)) & ~(1 << (height + 1)))


def sibling(node: NodeIndex, leaf_count: int) -> NodeIndex:
    """The other child of the node's parent. Raises `ValueError` for the root."""
    above = parent(node, leaf_count)
    return right(above) if node < above else left(above)


def ancestors(leaf: LeafIndex, leaf_count: int) -> list[NodeIndex]:
    """The direct path (RFC 9420 §4.1.1): from the leaf's parent up to the root.

    Raises `ValueError` for a leaf outside the tree, from which no way leads there.
    """
    if not 0 <= leaf < leaf_count:
        raise ValueError(f"leaf {leaf} lies outside a tree of {leaf_count}")
    node, top = 2 * leaf, leaf_count - 1
    path = []
    bit = 1
    while node != top:
        node = (node | bit) & ~(bit << 1)
        path.append(NodeIndex(node))
        bit <<= 1
    return path


def copath(leaf: LeafIndex, leaf_count: int) -> list[NodeIndex]:
    """For each node of the direct path, its child that is not on the path, in the same order."""
    below = node_of(leaf)
    siblings = []
    for above in ancestors(leaf, leaf_count):
        siblings.append(right(above) if below < above else left(above))
        below = above
    return siblings


def is_in_subtree(node: NodeIndex, top: NodeIndex) -> bool:
    """Whether `node` is `top` or below it."""
    reach = (1 << level(top)) - 1
    return top - reach <= node <= top + reach
