"""Saving a group in parts, so that whoever saves it after each message writes little (our own format, versioned).

`GroupParts.epoch` is what proposals and commits change; the rest comes in pieces, each under a number of its own:

    ratchets        one piece each                          by slot
    skipped keys    those of 16 generations of a ratchet    by slot and generation
    tree secrets    one piece each: those not yet split     by node
    echoes          8 hashes of messages that one sent      by their place among all that one sent in the epoch
    tree nodes      8 of the ratchet tree, if not all blank by node

Like `encode_group`'s, the bytes hold private keys; those of keys that were used are overwritten or removed.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import IntEnum
from itertools import islice
from typing import Final, TypeVar

from aparte.codec import Reader, encode_u16, encode_vector
from aparte.crypto import Provider, Suite
from aparte.mls.config import Config
from aparte.mls.echoes import KEPT, NO_ECHOES, Echoes
from aparte.mls.errors import StateError
from aparte.mls.group import Group, GroupStatus
from aparte.mls.ratchet_tree import MAX_LEAVES, Node, RatchetTree, encode_nodes, read_nodes
from aparte.mls.ratchets import Ratchet, Ratchets
from aparte.mls.secret_tree import NO_SECRET_TREE, SecretTree
from aparte.mls.state import (
    encode_all_but_pieces,
    encode_list,
    encode_ratchet,
    encode_skipped,
    guarded,
    read_group,
    read_items,
    read_ratchet,
    read_skipped,
)
from aparte.mls.tree_math import NodeIndex

__all__ = ["GroupParts", "PartsChange", "changed_parts", "join_parts", "split_group"]

#: Of all parts together; apart from those of `encode_group`, so that neither is taken for the other.
_VERSION: Final = encode_u16(0x8001)

#: What one piece holds at most: little to write for one message, and few pieces for a thousand.
_GENERATIONS, _HASHES, _NODES = 16, 8, 8


class _Kind(IntEnum):
    """The lowest three bits of a piece's number; above them stands its place."""

    RATCHET = 1
    SKIPPED = 2
    SECRET = 3
    ECHOES = 4
    NODES = 5


#: Places are less, but for skipped keys: there the slot is the lower half, and 28 bits of generations the upper.
_PLACES: Final = 1 << 32

_Pieces = dict[_Kind, dict[int, bytes]]
#: By number; None for a piece that is no more.
_Changes = Iterator[tuple[int, bytes | None]]

_K = TypeVar("_K")
_V = TypeVar("_V")


@dataclass(frozen=True, slots=True, repr=False)
class GroupParts:
    """A saved group. The numbers of the pieces are positive and fit 63 bits: 0 is free for a store to use."""

    epoch: bytes
    pieces: Mapping[int, bytes]


@dataclass(frozen=True, slots=True, repr=False)
class PartsChange:
    """What makes one saved group of another, to be written in one transaction. `epoch` is None if it stays."""

    epoch: bytes | None
    put: Mapping[int, bytes]
    removed: frozenset[int]


def split_group(group: Group) -> GroupParts:
    """Everything that `join_parts` needs besides provider and configuration."""
    pieces = dict(_node_changes([], group.tree.nodes))
    pieces.update(_secret_changes(NO_SECRET_TREE, group.secret_tree))
    pieces.update(_echo_changes(NO_ECHOES, group.sent))
    return GroupParts(_VERSION + encode_all_but_pieces(group), _there(pieces))


def changed_parts(before: Group, after: Group) -> PartsChange:
    """From the parts of `before` to those of `after`. What the two values share is not looked into."""
    stays = (
        before.state is after.state
        and before.proposals is after.proposals
        and before.own_updates is after.own_updates
        and before.pending_commit is after.pending_commit
    )
    pieces = dict(_node_changes(before.tree.nodes, after.tree.nodes))
    pieces.update(_secret_changes(before.secret_tree, after.secret_tree))
    pieces.update(_echo_changes(before.sent, after.sent))
    removed = frozenset(number for number, piece in pieces.items() if piece is None)
    return PartsChange(None if stays else _VERSION + encode_all_but_pieces(after), _there(pieces), removed)


def join_parts(parts: GroupParts, provider: Provider, config: Config) -> Group:
    """Raises `StateError`, or `UnsupportedSuite` if the provider cannot carry the group on."""

    def read(reader: Reader) -> Group:
        pieces = _sorted(parts.pieces)
        nodes = _read_nodes(pieces[_Kind.NODES])
        group = read_group(reader, provider, config, read_tree=lambda suite, _: RatchetTree.of_nodes(suite, nodes))
        secret_tree = _read_secrets(pieces, group.suite)
        active = group.status is GroupStatus.ACTIVE
        if not secret_tree.covers(group.tree.leaf_count if active else 0):
            raise StateError("the state lacks secrets of some members, or has two of one")
        return replace(group, secret_tree=secret_tree, sent=_read_echoes(pieces[_Kind.ECHOES], group.suite))

    return guarded(parts.epoch, _VERSION, read=read)


# -- numbers -----------------------------------------------------------------------------------------------------
def _number(kind: _Kind, place: int) -> int:
    return place << 3 | kind


def _there(pieces: Mapping[int, bytes | None]) -> dict[int, bytes]:
    return {number: piece for number, piece in pieces.items() if piece is not None}


def _sorted(pieces: Mapping[int, bytes]) -> _Pieces:
    found: _Pieces = {kind: {} for kind in _Kind}
    for number, piece in sorted(pieces.items()):
        kind, place = _Kind(number & 7), number >> 3
        if not 0 <= place < (_PLACES << 28 if kind is _Kind.SKIPPED else _PLACES):
            raise StateError("a piece of the state has a number that no piece has")
        found[kind][place] = piece
    return found


# -- the ratchet tree --------------------------------------------------------------------------------------------
def _node_changes(before: Sequence[Node | None], after: Sequence[Node | None]) -> _Changes:
    if before is after:
        return
    for first in range(0, max(len(before), len(after)), _NODES):
        old, new = before[first : first + _NODES], after[first : first + _NODES]
        if old != new and (any(old) or any(new)):
            yield _number(_Kind.NODES, first // _NODES), encode_nodes(new) if any(new) else None


def _read_nodes(pieces: Mapping[int, bytes]) -> list[Node | None]:
    """Without the blank nodes after the last one that is not."""
    nodes: list[Node | None] = []
    for place, piece in pieces.items():
        first = place * _NODES
        if first >= 2 * MAX_LEAVES:
            raise StateError("the state's tree is too wide")
        nodes.extend([None] * (first - len(nodes)))
        nodes.extend(read_nodes(Reader(piece), limit=_NODES, first=first))
    while nodes and nodes[-1] is None:
        nodes.pop()
    return nodes


# -- the secret tree ---------------------------------------------------------------------------------------------
def _secret_changes(before: SecretTree, after: SecretTree) -> _Changes:
    if before.nodes is not after.nodes:
        for node in _differing(before.nodes, after.nodes):
            yield _number(_Kind.SECRET, node), after.nodes.get(node)
    for slot in after.ratchets.slots_changed_since(before.ratchets):
        yield from _ratchet_changes(slot, before.ratchets.find(slot), after.ratchets.find(slot))


def _ratchet_changes(slot: int, before: Ratchet | None, after: Ratchet | None) -> _Changes:
    if before is None or after is None or before.secret is not after.secret:
        yield _number(_Kind.RATCHET, slot), None if after is None else encode_ratchet(after._replace(skipped={}))
    old, new = before.skipped if before else {}, after.skipped if after else {}
    if old is new:
        return
    for block in {generation // _GENERATIONS for generation in _differing(old, new)}:
        generations = range(block * _GENERATIONS, (block + 1) * _GENERATIONS)
        kept = {generation: new[generation] for generation in generations if generation in new}
        yield _number(_Kind.SKIPPED, block * _PLACES + slot), encode_skipped(kept) if kept else None


def _differing(before: Mapping[_K, object], after: Mapping[_K, object]) -> set[_K]:
    return {key for key in before.keys() | after.keys() if before.get(key) is not after.get(key)}


def _read_secrets(pieces: _Pieces, suite: Suite) -> SecretTree:
    nodes = {NodeIndex(node): secret for node, secret in pieces[_Kind.SECRET].items()}
    ratchets = {slot: _whole(piece, read_ratchet) for slot, piece in pieces[_Kind.RATCHET].items()}
    secrets = [*nodes.values(), *(ratchet.secret for ratchet in ratchets.values())]
    if any(len(secret) != suite.parameters.hash_length for secret in secrets):
        raise StateError("a secret of the state is cut")
    for place, piece in pieces[_Kind.SKIPPED].items():
        block, slot = divmod(place, _PLACES)
        ratchet = ratchets.get(slot)
        if ratchet is None:
            raise StateError("the state has keys of a ratchet that it has not")
        skipped = _read_skipped(piece, block, suite)
        if max(skipped) >= ratchet.generation:
            raise StateError("the state has a key that its ratchet would give again")
        ratchets[slot] = ratchet._replace(skipped={**ratchet.skipped, **skipped})
    return SecretTree(nodes, Ratchets.of(ratchets))


def _read_skipped(piece: bytes, block: int, suite: Suite) -> Mapping[int, tuple[bytes, bytes]]:
    skipped, sizes = _whole(piece, read_skipped), suite.parameters
    if {generation // _GENERATIONS for generation in skipped} != {block}:
        raise StateError("the state has a key in another's place")
    if any((len(key), len(nonce)) != (sizes.key_length, sizes.nonce_length) for key, nonce in skipped.values()):
        raise StateError("a key of the state is cut")
    return skipped


# -- echoes ------------------------------------------------------------------------------------------------------
def _echo_changes(before: Echoes, after: Echoes) -> _Changes:
    if before is after:
        return
    since = before.end // _HASHES if after.grew_from(before) else 0
    old, new = _echo_pieces(before, since), _echo_pieces(after, since)
    yield from ((number, new.get(number)) for number in old.keys() | new.keys() if old.get(number) != new.get(number))


def _echo_pieces(echoes: Echoes, since: int) -> dict[int, bytes]:
    """From the piece at place `since` on."""
    first = max(since * _HASHES, echoes.forgotten)
    hashes = [encode_vector(held) for held in islice(echoes, echoes.end - first)][::-1]
    return {
        _number(_Kind.ECHOES, (first + start) // _HASHES): encode_list(hashes[start : start + _HASHES])
        for start in range(0, len(hashes), _HASHES)
    }


def _read_echoes(pieces: Mapping[int, bytes], suite: Suite) -> Echoes:
    forgotten = next(iter(pieces), 0) * _HASHES
    hashes: list[bytes] = []
    for place, piece in pieces.items():
        if forgotten + len(hashes) != place * _HASHES:
            raise StateError("the state lacks hashes of messages sent")
        hashes += _whole(piece, lambda reader: read_items(reader, Reader.vector))
    if len(hashes) > 2 * KEPT or any(len(held) != suite.parameters.hash_length for held in hashes):
        raise StateError("the state has hashes that it cannot have")
    return Echoes.of(hashes, forgotten=forgotten)


def _whole(piece: bytes, read: Callable[[Reader], _V]) -> _V:
    reader = Reader(piece)
    value = read(reader)
    reader.finish()
    return value
