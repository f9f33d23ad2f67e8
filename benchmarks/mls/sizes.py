"""Bytes on the wire, per suite."""

from __future__ import annotations

from aparte.mls import commit, protect
from benchmarks.mls import engine
from benchmarks.mls.engine import MESSAGE, Cast

__all__ = ["wire_sizes"]


def wire_sizes(pair: Cast, cast: Cast) -> tuple[dict[str, int], bytes]:
    """Lengths by name, and a Welcome to the group of the whole cast."""
    two, _ = engine.two_members(pair)
    everybody, welcome = engine.add_all(cast)
    members = len(cast.joiners)
    return {
        "key package": len(cast.packages[0]),
        "message of 1 KiB": len(protect(two, MESSAGE).message),
        "empty path commit, 2 members": len(commit(two).message),
        f"empty path commit, {members:,} added": len(commit(everybody).message),
        f"Welcome for {members:,}, with the tree": len(welcome),
        f"ratchet tree of {members:,} added": len(everybody.tree.encode()),
    }, welcome
