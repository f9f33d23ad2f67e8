"""The public ratchet tree (RFC 9420 §4.1, §7.1, §7.8): a frozen value; edits make a new one.

The array has the width of a full tree. A copy is two memcpys, so an edit copies the arrays and shares every
node; tree hashes are cached by node and an edit forgets only those above what it touched.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

from aparte.codec import DecodeError, Reader, encode_u32, encode_vector
from aparte.crypto import Suite
from aparte.mls.errors import require
from aparte.mls.leaf_node import LeafNode
from aparte.mls.tree_math import (
    LeafIndex,
    NodeIndex,
    ancestors,
    copath,
    left,
    level,
    node_count,
    node_of,
    right,
    root,
)

__all__ = ["MAX_LEAVES", "Node", "ParentNode", "RatchetTree", "TreeEditor", "encode_nodes", "read_nodes"]

_LEAF, _PARENT = 1, 2

#: Widest tree that will be decoded. A blank leaf is a byte on the wire and 100 in memory: at most 13 MB.
MAX_LEAVES = 1 << 17


@dataclass(frozen=True, slots=True)
class ParentNode:
    """§7.1. `unmerged_leaves` is in increasing order."""

    encryption_key: bytes
    parent_hash: bytes
    unmerged_leaves: tuple[LeafIndex, ...] = ()

    @classmethod
    def read(cls, reader: Reader) -> ParentNode:
        encryption_key, parent_hash = reader.vector(), reader.vector()
        inner = reader.nested()
        leaves = []
        while inner:
            leaves.append(LeafIndex(inner.u32()))
        rising = all(a < b for a, b in pairwise(leaves))
        require(rising, "7.1.1", "unmerged leaves are not in increasing order")
        return cls(encryption_key, parent_hash, tuple(leaves))

    def encode(self) -> bytes:
        leaves = encode_vector(b"".join(map(encode_u32, self.unmerged_leaves)))
        return encode_vector(self.encryption_key) + encode_vector(self.parent_hash) + leaves


Node = LeafNode | ParentNode


class RatchetTree:
    """Nodes by array index; None is blank. Never changed after construction (but for its hash cache)."""

    __slots__ = ("_hashes", "leaf_count", "nodes", "suite")

    def __init__(self, suite: Suite, nodes: list[Node | None], hashes: list[bytes | None] | None = None) -> None:
        self.suite = suite
        self.nodes = nodes
        self.leaf_count = (len(nodes) + 1) // 2
        self._hashes: list[bytes | None] = [None] * len(nodes) if hashes is None else hashes

    @classmethod
    def of_one(cls, suite: Suite, leaf: LeafNode) -> RatchetTree:
        """The tree of a new group (§11)."""
        return cls(suite, [leaf])

    # -- encoding (§12.4.3.3) ----------------------------------------------------------------------------------
    @classmethod
    def decode(cls, suite: Suite, data: bytes) -> RatchetTree:
        """`optional<Node> ratchet_tree<V>`. Raises `DecodeError` or `PeerError`."""
        outer = Reader(data)
        reader = outer.nested()
        outer.finish()
        return cls.of_nodes(suite, read_nodes(reader, limit=2 * MAX_LEAVES))

    @classmethod
    def of_nodes(cls, suite: Suite, nodes: list[Node | None]) -> RatchetTree:
        """The tree whose last node that is not blank comes last. Raises `PeerError`."""
        require(nodes and nodes[-1] is not None, "12.4.3.3.2", "the ratchet tree ends with a blank node")
        require(len(nodes) % 2, "12.4.3.3.3", "the ratchet tree ends with a parent node")
        leaf_count = 1 << ((len(nodes) - 1) // 2).bit_length()
        return cls(suite, nodes + [None] * (node_count(leaf_count) - len(nodes)))

    def encode(self) -> bytes:
        """Without the blank nodes after the last non-blank one (rule 12.4.3.3.1)."""
        width = len(self.nodes)
        while width > 1 and self.nodes[width - 1] is None:
            width -= 1
        return encode_vector(encode_nodes(self.nodes[:width]))

    # -- reading -----------------------------------------------------------------------------------------------
    def leaf(self, index: LeafIndex) -> LeafNode | None:
        """The leaf at an index; None if it is blank or outside the tree."""
        if not 0 <= index < self.leaf_count:
            return None
        node = self.nodes[2 * index]
        return node if isinstance(node, LeafNode) else None

    def parent_node(self, node: NodeIndex) -> ParentNode | None:
        found = self.nodes[node]
        return found if isinstance(found, ParentNode) else None

    def leaves(self) -> Iterator[tuple[LeafIndex, LeafNode]]:
        """The members, in order of their leaf index."""
        for index, node in enumerate(self.nodes[::2]):
            if isinstance(node, LeafNode):
                yield LeafIndex(index), node

    def root(self) -> NodeIndex:
        return root(self.leaf_count)

    def resolution(self, node: NodeIndex) -> list[NodeIndex]:
        """§4.1.1: the nodes that together cover a subtree's members."""
        nodes, found, todo = self.nodes, [], [node]
        reach = (1 << level(node)) - 1
        low, high = node - reach, node + reach + 1
        if not any(nodes[low + 1 : high : 2]):  # no parent stands in between: a fresh group, or a small subtree
            return [NodeIndex(index) for index in range(low, high, 2) if nodes[index] is not None]
        while todo:
            index = todo.pop()
            here = nodes[index]
            if isinstance(here, ParentNode):
                found.append(index)
                found.extend([node_of(leaf) for leaf in here.unmerged_leaves])
            elif here is not None:
                found.append(index)
            elif index & 1:
                todo.append(right(index))
                todo.append(left(index))
        return found

    def covers_anybody(self, node: NodeIndex) -> bool:
        """Whether the resolution of a node is not empty, found without listing it."""
        nodes, reach = self.nodes, (1 << level(node)) - 1
        low, high = node - reach, node + reach + 1
        return any(nodes[low:high:2]) or any(nodes[low + 1 : high : 2])

    def filtered_direct_path(self, leaf: LeafIndex) -> list[tuple[NodeIndex, NodeIndex]]:
        """§4.1.2 as (node, its child on the copath), from the leaf upwards."""
        pairs = zip(ancestors(leaf, self.leaf_count), copath(leaf, self.leaf_count), strict=True)
        return [(above, beside) for above, beside in pairs if self.covers_anybody(beside)]

    # -- tree hash (§7.8) --------------------------------------------------------------------------------------
    def tree_hash(self, node: NodeIndex | None = None) -> bytes:
        """The hash of the subtree at `node`, of the whole tree by default."""
        return self._subtree_hash(self.root() if node is None else node)

    def _subtree_hash(self, node: int) -> bytes:
        found = self._hashes[node]
        if found is None:
            found = self._hashes[node] = self.suite.hash(self._hash_input(node))
        return found

    def _hash_input(self, node: int) -> bytes:
        here = self.nodes[node]
        if not node & 1:
            leaf = b"\x00" if here is None else b"\x01" + here.raw if isinstance(here, LeafNode) else b""
            return b"\x01" + encode_u32(node >> 1) + leaf
        below = NodeIndex(node)
        return parent_hash_input(
            here if isinstance(here, ParentNode) else None,
            self._subtree_hash(left(below)),
            self._subtree_hash(right(below)),
        )

    def hash_without(self, node: NodeIndex, absent: frozenset[LeafIndex]) -> bytes:
        """The subtree's hash as if the given leaves were blank and nowhere unmerged (§7.9).

        Costs only the nodes on the way to those leaves; the rest comes from the cache.
        """
        reach = (1 << level(node)) - 1
        first, last = (node - reach) >> 1, (node + reach) >> 1
        inside = frozenset(leaf for leaf in absent if first <= leaf <= last)
        if not inside:
            return self._subtree_hash(node)
        if not node & 1:
            return self.suite.hash(b"\x01" + encode_u32(node >> 1) + b"\x00")
        here = self.parent_node(node)
        if here is not None:
            here = replace(here, unmerged_leaves=tuple(x for x in here.unmerged_leaves if x not in inside))
        halves = self.hash_without(left(node), inside), self.hash_without(right(node), inside)
        return self.suite.hash(parent_hash_input(here, *halves))

    # -- editing -----------------------------------------------------------------------------------------------
    def edit(self) -> TreeEditor:
        return TreeEditor(self)

    def hashes_copy(self) -> list[bytes | None]:
        """The cache, for an editor to start from."""
        return self._hashes.copy()


def parent_hash_input(node: ParentNode | None, left_hash: bytes, right_hash: bytes) -> bytes:
    """TreeHashInput of a parent (§7.8)."""
    optional = b"\x00" if node is None else b"\x01" + node.encode()
    return b"\x02" + optional + encode_vector(left_hash) + encode_vector(right_hash)


def encode_nodes(nodes: Sequence[Node | None]) -> bytes:
    """`optional<Node>`, one after the other."""
    return b"".join([_encode_node(node) for node in nodes])


def _encode_node(node: Node | None) -> bytes:
    if node is None:
        return b"\x00"
    return b"\x01\x01" + node.raw if isinstance(node, LeafNode) else b"\x01\x02" + node.encode()


def read_nodes(reader: Reader, *, limit: int, first: int = 0) -> list[Node | None]:
    """All that are left, `limit` at most; the first of them is of index `first`."""
    nodes: list[Node | None] = []
    while reader:
        if len(nodes) >= limit:
            raise DecodeError(f"more than {limit} nodes", reader.position)
        nodes.append(_read_node(reader, first + len(nodes)) if reader.optional() else None)
    return nodes


def _read_node(reader: Reader, index: int) -> Node:
    at = reader.position
    kind = reader.u8()
    if kind != (_PARENT if index & 1 else _LEAF):
        raise DecodeError(f"node type {kind} at index {index}", at)
    return ParentNode.read(reader) if index & 1 else LeafNode.read(reader)


class TreeEditor:
    """A private copy of a tree while proposals are applied (§12.1.1–12.1.3, §7.7). `build` ends it."""

    __slots__ = ("_first_free", "_hashes", "_nodes", "_suite")

    def __init__(self, tree: RatchetTree) -> None:
        self._suite = tree.suite
        self._nodes = tree.nodes.copy()
        self._hashes = tree.hashes_copy()
        self._first_free = 0

    @property
    def leaf_count(self) -> int:
        return (len(self._nodes) + 1) // 2

    def build(self) -> RatchetTree:
        return RatchetTree(self._suite, self._nodes, self._hashes)

    def set_leaf(self, leaf: LeafIndex, content: LeafNode) -> None:
        """Replace a leaf and leave the path alone (a commit's own leaf: the path is set beside it)."""
        self._put(node_of(leaf), content)
        self._forget_above(leaf)

    def update(self, leaf: LeafIndex, content: LeafNode) -> None:
        """§12.1.2: replace a leaf and blank its direct path."""
        self._put(node_of(leaf), content)
        self._blank_path(leaf)

    def remove(self, leaf: LeafIndex) -> None:
        """§12.1.3: blank a leaf and its direct path. `truncate` does the rest, after the last one."""
        self._put(node_of(leaf), None)
        self._blank_path(leaf)
        self._first_free = min(self._first_free, leaf)

    def truncate(self) -> None:
        """§7.7: drop the right half while nobody is in it. Once, after the last remove."""
        while len(self._nodes) > 1 and not any(self._nodes[len(self._nodes) // 2 + 1 :: 2]):
            half = len(self._nodes) // 2
            del self._nodes[half:], self._hashes[half:]

    def reserve(self) -> LeafIndex:
        """The leftmost blank leaf, for who joins next; the tree doubles if there is none."""
        nodes = self._nodes
        index = 2 * self._first_free
        while index < len(nodes) and nodes[index] is not None:
            index += 2
        if index >= len(nodes):
            self._extend()
        self._first_free = index // 2
        return LeafIndex(self._first_free)

    def add(self, content: LeafNode) -> LeafIndex:
        """§12.1.1: take the leftmost blank leaf; the new leaf is unmerged in all parents above."""
        leaf, nodes = self.reserve(), self._nodes
        self._put(node_of(leaf), content)
        for node in ancestors(leaf, self.leaf_count):
            here = nodes[node]
            self._hashes[node] = None
            if isinstance(here, ParentNode):
                unmerged = _insert(here.unmerged_leaves, leaf)
                nodes[node] = ParentNode(here.encryption_key, here.parent_hash, unmerged)
        return leaf

    def set_parent(self, node: NodeIndex, content: ParentNode | None) -> None:
        """Set one node of a path. The caller sets the leaf below too, which forgets the hashes above."""
        self._put(node, content)

    def blank_path(self, leaf: LeafIndex) -> None:
        self._blank_path(leaf)

    def _extend(self) -> None:
        width = len(self._nodes)
        self._nodes.extend([None] * (width + 1))
        self._hashes.extend([None] * (width + 1))

    def _put(self, node: NodeIndex, content: Node | None) -> None:
        self._nodes[node] = content
        self._hashes[node] = None

    def _forget_above(self, leaf: LeafIndex) -> None:
        for node in ancestors(leaf, self.leaf_count):
            self._hashes[node] = None

    def _blank_path(self, leaf: LeafIndex) -> None:
        for node in ancestors(leaf, self.leaf_count):
            self._put(node, None)


def _insert(leaves: tuple[LeafIndex, ...], leaf: LeafIndex) -> tuple[LeafIndex, ...]:
    if not leaves or leaves[-1] < leaf:
        return (*leaves, leaf)
    return tuple(sorted({*leaves, leaf}))
