"""What one has sent in an epoch, by hash: so that a message of one's own that comes back is known for certain.

Sender data alone proves nothing (any member can name any leaf in it), and what one sent oneself cannot be opened
again. Only the very bytes that this state sent are an echo.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final

__all__ = ["NO_ECHOES", "Echoes"]

#: Hashes kept at least, of the newest messages; at twice as many the older half goes. 32 to 64 bytes each.
KEPT: Final = 1000

_Link = tuple[bytes, "_Link"] | tuple[()]


@dataclass(frozen=True, slots=True, repr=False)
class Echoes:
    """A linked list, newest first: adding one shares all the rest, which a set could not."""

    newest: _Link = ()
    count: int = 0

    def add(self, digest: bytes) -> Echoes:
        if self.count < 2 * KEPT:
            return Echoes((digest, self.newest), self.count + 1)
        kept = [held for held, _ in zip(self, range(KEPT), strict=False)]
        return Echoes.of(kept[::-1]).add(digest)

    @classmethod
    def of(cls, oldest_first: Iterable[bytes]) -> Echoes:
        echoes = cls()
        for digest in oldest_first:
            echoes = Echoes((digest, echoes.newest), echoes.count + 1)
        return echoes

    def __iter__(self) -> Iterator[bytes]:
        """Newest first."""
        link = self.newest
        while link:
            digest, link = link
            yield digest

    def __contains__(self, digest: bytes) -> bool:
        return any(held == digest for held in self)


NO_ECHOES: Final = Echoes()
