"""Which stored form of a file a client gets: content codings and their weights (RFC 9110 §12.5.3)."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Final

__all__ = ["IDENTITY", "SUFFIXES", "choose_coding"]

IDENTITY: Final = "identity"
#: Codings by the ends of file names, the best first.
SUFFIXES: Final = {".br": "br", ".gz": "gzip"}

_PART: Final = re.compile(r"([!#$%&'*+.^_`|~0-9a-z-]+)(?:[ \t]*;[ \t]*q=(0(?:\.\d{0,3})?|1(?:\.0{0,3})?))?")
_ORDER: Final = (*SUFFIXES.values(), IDENTITY)
#: What nobody has forbidden is taken if there is nothing better.
_UNSAID: Final = 0.0001


def choose_coding(header: str, available: Collection[str]) -> str:
    """The coding that the client likes best among those there are; if it likes none, the file as it is."""
    weights = _weights(header)
    found, best = IDENTITY, 0.0
    for coding in _ORDER:
        anything = weights.get("*", _UNSAID if coding == IDENTITY else 0.0)
        weight = weights.get(coding, anything)
        if (coding in available or coding == IDENTITY) and weight > best:
            found, best = coding, weight
    return found


def _weights(header: str) -> dict[str, float]:
    """What is no coding with a weight says nothing."""
    weights: dict[str, float] = {}
    for part in header.lower().split(","):
        found = _PART.fullmatch(part.strip(" \t"))
        if found:
            weights[found[1].removeprefix("x-")] = float(found[2] or 1)
    return weights
