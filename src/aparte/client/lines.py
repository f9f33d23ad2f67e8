"""Which links an engine wants: to which hosts, and of which kind."""

from __future__ import annotations

from enum import Enum
from typing import NamedTuple

__all__ = ["Line", "LineKind"]


class LineKind(Enum):
    """Which of a host's two kinds of link (docs/design.md §4.3)."""

    IDENTITY = "identity"
    ANONYMOUS = "anonymous"


class Line(NamedTuple):
    """A link that is wanted, whether it is up or not."""

    host: str
    kind: LineKind
