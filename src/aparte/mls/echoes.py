"""What one has sent in an epoch, by hash: so that a message of one's own that comes back is known for certain.

Sender data alone proves nothing (any member can name any leaf in it), and what one sent oneself cannot be opened
again. Only the very bytes that this state sent are an echo.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Final

__all__ = ["KEPT", "NO_ECHOES", "Echoes"]

#: Hashes kept at least, of the newest messages; at twice as many the older half goes. 32 to 64 bytes each.
KEPT: Final = 1000

_Link = tuple[bytes, "_Link"] | tuple[()]


@dataclass(frozen=True, slots=True, repr=False)
class Echoes:
    """A linked list, newest first: adding one shares all the rest, which a set could not."""

    newest: _Link = ()
    count: int = 0
    #: How many went before the oldest one that is kept: a hash keeps its place while others go.
    forgotten: int = 0

    @property
    def end(self) -> int:
        """The place after the newest."""
        return self.forgotten + self.count

    def add(self, digest: bytes) -> Echoes:
        if self.count < 2 * KEPT:
            return Echoes((digest, self.newest), self.count + 1, self.forgotten)
        kept = [*islice(self, KEPT)]
        return Echoes.of(kept[::-1], forgotten=self.end - KEPT).add(digest)

    @classmethod
    def of(cls, oldest_first: Iterable[bytes], *, forgotten: int = 0) -> Echoes:
        echoes = cls(forgotten=forgotten)
        for digest in oldest_first:
            echoes = Echoes((digest, echoes.newest), echoes.count + 1, forgotten)
        return echoes

    def grew_from(self, before: Echoes) -> bool:
        """Whether this is `before` and what was added to it since."""
        link = self.newest
        for _ in range(self.end - before.end):
            if not link:
                return False
            _, link = link
        return link is before.newest

    def __iter__(self) -> Iterator[bytes]:
        """Newest first."""
        link = self.newest
        while link:
            digest, link = link
            yield digest

    def __contains__(self, digest: bytes) -> bool:
        return any(held == digest for held in self)


NO_ECHOES: Final = Echoes()
