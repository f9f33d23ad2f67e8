"""The secret tree and its ratchets (RFC 9420 §9): every key once, then gone.

Values, not objects that change: taking a key returns the key and the tree that no longer holds it. Nodes are
derived lazily: a member that never speaks costs nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, NamedTuple

from aparte.codec import encode_u32
from aparte.crypto import Suite
from aparte.crypto.labeled import derive_secret, expand_label_info, expand_with_label
from aparte.mls.errors import CallerError, GenerationGone, GenerationTooFar
from aparte.mls.ratchets import Ratchet, Ratchets
from aparte.mls.tree_math import Generation, LeafIndex, NodeIndex, left, level, right, root

__all__ = ["DEFAULT_BOUNDS", "NO_SECRET_TREE", "Ratchet", "RatchetBounds", "SecretTree", "derive_tree_secret"]


@dataclass(frozen=True, slots=True)
class RatchetBounds:
    """How far a ratchet may be pushed by a peer. A skipped generation costs three KDF calls and 44 bytes."""

    #: Generations a message may lie ahead of the last one seen: about 6 µs each.
    forward: int = 1000
    #: Unused keys kept per ratchet for messages that come out of order; the oldest go first.
    kept: int = 1000


DEFAULT_BOUNDS: Final = RatchetBounds()

#: Never used: generations are uint32, and a ratchet that has used the last one could not be written down.
_EXHAUSTED: Final = 2**32 - 1


def derive_tree_secret(suite: Suite, secret: bytes, label: bytes, generation: int, length: int) -> bytes:
    """DeriveTreeSecret (§9)."""
    return expand_with_label(suite, secret, label, encode_u32(generation), length)


class _Labels:
    """The constant heads of the three KDFLabels that every message needs."""

    __slots__ = ("key", "key_length", "nonce", "nonce_length", "secret", "secret_length")

    def __init__(self, suite: Suite) -> None:
        sizes = suite.parameters
        self.key_length, self.nonce_length, self.secret_length = (
            sizes.key_length,
            sizes.nonce_length,
            sizes.hash_length,
        )
        self.key = expand_label_info(b"key", bytes(4), self.key_length)[:-4]
        self.nonce = expand_label_info(b"nonce", bytes(4), self.nonce_length)[:-4]
        self.secret = expand_label_info(b"secret", bytes(4), self.secret_length)[:-4]


_labels_by_suite: Final[dict[int, _Labels]] = {}


def _labels(suite: Suite) -> _Labels:
    number = suite.parameters.number
    labels = _labels_by_suite.get(number)
    if labels is None:
        labels = _labels_by_suite[number] = _Labels(suite)
    return labels


def _step(suite: Suite, labels: _Labels, secret: bytes, generation: int) -> tuple[tuple[bytes, bytes], bytes]:
    """((key, nonce), next secret). One HKDF block is HMAC(secret, info || 1), and all three fit one block."""
    tail = encode_u32(generation) + b"\x01"
    key, nonce, following = suite.macs(secret, labels.key + tail, labels.nonce + tail, labels.secret + tail)
    return (key[: labels.key_length], nonce[: labels.nonce_length]), following


class SecretTree(NamedTuple):
    """`nodes`: secrets not yet split. `ratchets`: of the leaves whose secret was split."""

    nodes: Mapping[NodeIndex, bytes]
    ratchets: Ratchets

    def __repr__(self) -> str:
        return "<SecretTree>"

    @classmethod
    def create(cls, encryption_secret: bytes, leaf_count: int) -> SecretTree:
        return cls({root(leaf_count): encryption_secret}, Ratchets())

    def covers(self, leaf_count: int) -> bool:
        """Whether every leaf has one source of its keys, and only one: a secret above it, or its two ratchets."""
        above = [(node + 1 - (1 << level(node)), 2 << level(node)) for node in self.nodes]
        reached = 0
        for first_slot, width in sorted(above + [(slot, 1) for slot in self.ratchets]):
            if first_slot != reached:
                return False
            reached += width
        return reached == 2 * leaf_count

    def next_key(
        self, suite: Suite, leaf: LeafIndex, *, application: bool
    ) -> tuple[Generation, tuple[bytes, bytes], SecretTree]:
        """The sender's own next (generation, (key, nonce), tree without it)."""
        slot = 2 * leaf + application
        tree, ratchet = self._ratchet(suite, leaf, slot)
        if ratchet.generation == _EXHAUSTED:
            raise CallerError("the ratchet is exhausted: wait for the next epoch")
        keys, secret = _step(suite, _labels(suite), ratchet.secret, ratchet.generation)
        after = Ratchet(secret, Generation(ratchet.generation + 1), ratchet.skipped)
        return ratchet.generation, keys, tree._with(slot, after)

    def key_at(
        self,
        suite: Suite,
        leaf: LeafIndex,
        generation: Generation,
        *,
        application: bool,
        bounds: RatchetBounds,
    ) -> tuple[tuple[bytes, bytes], SecretTree]:
        """A receiver's (key, nonce) of one generation, and the tree without it.

        Raises `GenerationGone` (9.2.1) and `GenerationTooFar` (9.1.1/bound); the bound is checked before
        anything is derived.
        """
        slot = 2 * leaf + application
        tree, ratchet = self._ratchet(suite, leaf, slot)
        ahead = generation - ratchet.generation
        if ahead < 0:
            keys = ratchet.skipped.get(generation)
            if keys is None:
                raise GenerationGone("9.2.1", f"the key of generation {generation} is gone")
            skipped = {g: k for g, k in ratchet.skipped.items() if g != generation}
            return keys, tree._with(slot, Ratchet(ratchet.secret, ratchet.generation, skipped))
        if ahead > bounds.forward or generation == _EXHAUSTED:
            raise GenerationTooFar("9.1.1/bound", f"generation {generation} is {ahead} ahead")
        keys, after = _forward(suite, ratchet, ahead, bounds.kept)
        return keys, tree._with(slot, after)

    def _with(self, slot: int, ratchet: Ratchet) -> SecretTree:
        return SecretTree(self.nodes, self.ratchets.with_ratchets({slot: ratchet}))

    def _ratchet(self, suite: Suite, leaf: LeafIndex, slot: int) -> tuple[SecretTree, Ratchet]:
        found = self.ratchets.find(slot)
        if found is not None:
            return self, found
        nodes = dict(self.nodes)
        secret = _split_down(suite, nodes, NodeIndex(2 * leaf))
        fresh = {
            2 * leaf: Ratchet(derive_secret(suite, secret, b"handshake")),
            2 * leaf + 1: Ratchet(derive_secret(suite, secret, b"application")),
        }
        return SecretTree(nodes, self.ratchets.with_ratchets(fresh)), fresh[slot]


#: Of a member that is no longer in the epoch, or not yet.
NO_SECRET_TREE: Final = SecretTree({}, Ratchets())


def _forward(suite: Suite, ratchet: Ratchet, ahead: int, kept: int) -> tuple[tuple[bytes, bytes], Ratchet]:
    labels, secret, generation = _labels(suite), ratchet.secret, int(ratchet.generation)
    if not ahead:
        keys, secret = _step(suite, labels, secret, generation)
        return keys, Ratchet(secret, Generation(generation + 1), ratchet.skipped)
    skipped = dict(ratchet.skipped)
    for _ in range(ahead):
        skipped[generation], secret = _step(suite, labels, secret, generation)
        generation += 1
    keys, secret = _step(suite, labels, secret, generation)
    for oldest in sorted(skipped)[: max(0, len(skipped) - kept)]:
        del skipped[oldest]
    return keys, Ratchet(secret, Generation(generation + 1), skipped)


def _split_down(suite: Suite, nodes: dict[NodeIndex, bytes], leaf_node: NodeIndex) -> bytes:
    """Take the leaf's secret out of `nodes`: on the way down, each parent is replaced by its children."""
    # The lowest ancestor (or the leaf itself) that still stands unsplit.
    node, bit = int(leaf_node), 1
    while node not in nodes:
        if bit >> 32:
            raise GenerationGone("9.2.1", "the secrets of that leaf are gone")
        node = (node | bit) & ~(bit << 1)
        bit <<= 1
    length = suite.parameters.hash_length
    secret = nodes.pop(NodeIndex(node))
    while node != leaf_node:
        below = NodeIndex(node)
        for child, label in ((left(below), b"left"), (right(below), b"right")):
            nodes[child] = expand_with_label(suite, secret, b"tree", label, length)
        node = left(below) if leaf_node < node else right(below)
        secret = nodes.pop(NodeIndex(node))
    return secret
