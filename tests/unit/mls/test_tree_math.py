"""Tree arithmetic against a tree that is really built (RFC 9420 Appendix C has the formulas, this has none)."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from aparte.mls.tree_math import (
    LeafIndex,
    NodeIndex,
    ancestors,
    copath,
    is_in_subtree,
    leaf_of,
    left,
    level,
    node_count,
    node_of,
    parent,
    right,
    root,
    sibling,
)

WIDTHS = [1, 2, 4, 8, 16, 64]


@dataclass
class Built:
    """A node of a full binary tree, numbered from left to right."""

    index: int
    level: int
    below: tuple[Built, Built] | None
    above: Built | None = None

    def leaves(self) -> list[int]:
        return [self.index] if self.below is None else self.below[0].leaves() + self.below[1].leaves()

    def everything(self) -> list[Built]:
        return [self] if self.below is None else [*self.below[0].everything(), self, *self.below[1].everything()]


def build(first: int, leaf_count: int) -> Built:
    if leaf_count == 1:
        return Built(first, 0, None)
    half = leaf_count // 2
    low = build(first, half)
    high = build(first + 2 * half, half)
    node = Built(first + 2 * half - 1, low.level + 1, (low, high))
    low.above = high.above = node
    return node


@pytest.mark.parametrize("width", WIDTHS)
def test_nodes_lie_where_a_built_tree_has_them(width: int) -> None:
    top = build(0, width)
    nodes = top.everything()
    assert [node.index for node in nodes] == list(range(node_count(width)))
    assert root(width) == top.index
    for node in nodes:
        index = NodeIndex(node.index)
        assert level(index) == node.level
        assert [i for i in range(0, 2 * width, 2) if is_in_subtree(NodeIndex(i), index)] == node.leaves()
        if node.below is not None:
            assert (left(index), right(index)) == (node.below[0].index, node.below[1].index)
        if node.above is not None and node.above.below is not None:
            assert parent(index, width) == node.above.index
            beside = next(child for child in node.above.below if child is not node)
            assert sibling(index, width) == beside.index


@pytest.mark.parametrize("width", WIDTHS)
def test_paths_climb_to_the_root(width: int) -> None:
    for leaf in [node for node in build(0, width).everything() if node.below is None]:
        direct, beside, node = [], [], leaf
        while node.above is not None and node.above.below is not None:
            beside.append(next(child.index for child in node.above.below if child is not node))
            node = node.above
            direct.append(node.index)
        index = LeafIndex(leaf.index // 2)
        assert ancestors(index, width) == direct
        assert copath(index, width) == beside


@pytest.mark.parametrize("width", WIDTHS)
def test_subtrees_contain_what_lies_below(width: int) -> None:
    nodes = build(0, width).everything()
    for top in nodes:
        inside = {node.index for node in top.everything()}
        assert {n.index for n in nodes if is_in_subtree(NodeIndex(n.index), NodeIndex(top.index))} == inside


def test_leaves_have_even_indices() -> None:
    assert [node_of(LeafIndex(i)) for i in range(4)] == [0, 2, 4, 6]
    assert [leaf_of(NodeIndex(i)) for i in (0, 2, 4, 6)] == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="not a leaf"):
        leaf_of(NodeIndex(3))


def test_an_empty_tree_has_no_nodes() -> None:
    assert node_count(0) == 0


def test_edges_of_the_tree() -> None:
    for child in (left, right):
        with pytest.raises(ValueError, match="no children"):
            child(NodeIndex(4))
    with pytest.raises(ValueError, match="no parent"):
        parent(NodeIndex(7), 8)
    with pytest.raises(ValueError, match="no parent"):
        sibling(NodeIndex(0), 1)


def test_the_widest_tree_that_indices_can_name() -> None:
    width = 1 << 31
    last = LeafIndex(width - 1)
    assert len(ancestors(last, width)) == 31
    assert ancestors(last, width)[-1] == root(width) == width - 1
    assert level(root(width)) == 31
