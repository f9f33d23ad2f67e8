"""The bulk rows in a group ten times as large, and commits in a group where others have committed, too."""

from __future__ import annotations

import math
from dataclasses import dataclass

from aparte.crypto import Suite
from aparte.mls import Group
from benchmarks.mls import engine
from benchmarks.mls.aparte_side import bulk_once
from benchmarks.mls.engine import Cast
from benchmarks.mls.rows import Row, Sample, timed

__all__ = ["WHY", "Growth", "grow", "settled_commit"]

#: Why each row grows as it does.
WHY = {
    Row.ADD: "n: two signatures to verify and one Welcome secret to seal per joiner",
    Row.JOIN: "n: one signature to verify and one leaf to decode and to hash per member",
    Row.COMMIT: "n: nobody else has committed yet, so parents are blank and every leaf gets its own ciphertext",
    Row.PROCESS: "log n keys; n: the commit's bytes (signed, hashed, sealed), copying the tree, seeking doubles",
}


@dataclass(frozen=True, slots=True)
class Growth:
    """One row at two sizes. `exponent` e means: CPU time ~ n^e."""

    row: str
    small: Sample
    large: Sample
    exponent: float
    why: str


def _growth(row: str, small: Sample, large: Sample, *, factor: float, why: str) -> Growth:
    return Growth(row, small, large, math.log(large.cpu / small.cpu) / math.log(factor), why)


def grow(suite: Suite, sizes: tuple[int, int]) -> list[Growth]:
    """Every bulk row at both sizes, once each and one after the other."""
    found, settled = [], []
    for members in sizes:
        cast = Cast.create(suite, members)
        found.append(bulk_once(cast, 0)[0])
        settled.append(settled_commit(cast))
    factor = sizes[1] / sizes[0]
    rows = [_growth(row.value, found[0][row], found[1][row], factor=factor, why=WHY[row]) for row in WHY]
    labels = ("the same commit, settled group", "process it, settled group")
    why = "log n keys, ciphertexts and hashes; n: copying the tree, and its keys into sets to find doubles"
    rows += [_growth(label, *pair, factor=factor, why=why) for label, *pair in zip(labels, *settled, strict=True)]
    return rows


def settled_commit(cast: Cast) -> tuple[Sample, Sample]:
    """(committing, processing) once one member below each node of the creator's copath has committed."""
    group, welcome = engine.add_all(cast)
    commits: list[bytes] = []
    leaf = 1
    while leaf <= len(cast.joiners):
        member, message = engine.empty_commit(_caught_up(cast, leaf, welcome, commits))
        commits.append(message)
        group = engine.follow(group, message)
        leaf *= 2
    committed, (_, message) = timed(lambda: engine.empty_commit(group))
    processed, _ = timed(lambda: engine.follow(member, message))
    return committed, processed


def _caught_up(cast: Cast, leaf: int, welcome: bytes, commits: list[bytes]) -> Group:
    member = engine.join_as(cast, leaf - 1, welcome)
    for message in commits:
        member = engine.follow(member, message)
    return member
