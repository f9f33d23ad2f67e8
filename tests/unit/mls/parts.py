"""Groups in parts, as tests look at them: their pieces by kind, what a change writes, and what it leads to."""

from __future__ import annotations

from aparte.mls import (
    Group,
    GroupParts,
    PartsChange,
    changed_parts,
    decode_group,
    encode_group,
    join_parts,
    split_group,
)
from tests.mls_scenes import Person

RATCHET, SKIPPED, SECRET, ECHOES, NODES = range(1, 6)

#: The ratchet by which the first member talks, and the first keys that were skipped on it.
TALK, KEYS = 1 << 3 | RATCHET, 1 << 3 | SKIPPED


def rejoined(who: Person, parts: GroupParts | None = None) -> Group:
    return join_parts(parts or split_group(who.group), who.provider, who.config)


def comes_back(who: Person) -> None:
    """By way of the parts as by way of the whole, and into the same parts."""
    whole = encode_group(who.group)
    parts = split_group(who.group)
    assert encode_group(rejoined(who)) == encode_group(decode_group(whole, who.provider, who.config)) == whole
    assert split_group(rejoined(who)) == parts
    who.seat = rejoined(who)


def leads_to(before: Group, after: Group) -> None:
    """What changed makes the one's parts of the other's, and removes only what is there."""
    parts, change = split_group(before), changed_parts(before, after)
    assert change.removed <= parts.pieces.keys()
    assert not change.removed & change.put.keys()
    kept = {number: piece for number, piece in parts.pieces.items() if number not in change.removed}
    assert GroupParts(change.epoch or parts.epoch, kept | {**change.put}) == split_group(after)


def written(change: PartsChange) -> int:
    """Bytes to be written, eight for each number that goes with them."""
    pieces = sum(len(piece) + 8 for piece in change.put.values())
    return len(change.epoch or b"") + pieces + 8 * len(change.removed)


def kinds(change: PartsChange) -> set[int]:
    return {number & 7 for number in (*change.put, *change.removed)}
