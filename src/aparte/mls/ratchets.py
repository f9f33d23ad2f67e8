"""The ratchets of a secret tree (RFC 9420 §9), in pages: a message makes anew only the page that it touches."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

from aparte.mls.tree_math import Generation

__all__ = ["Ratchet", "Ratchets"]

#: Slots of a page: with a thousand senders there are as many pages, about, as slots in each.
_PAGE: Final = 64

_Page = Mapping[int, "Ratchet"]
_NO_PAGE: Final[_Page] = MappingProxyType({})


class Ratchet(NamedTuple):
    """One sender's chain: the next secret, its generation, and keys skipped on the way.

    This and the tree are tuples, because each message makes new ones: a frozen dataclass takes twice as long.
    """

    secret: bytes
    generation: Generation = Generation(0)
    skipped: Mapping[int, tuple[bytes, bytes]] = MappingProxyType({})

    def __repr__(self) -> str:
        return "<Ratchet>"


class Ratchets(Mapping[int, Ratchet]):
    """Ratchets by slot: ``2 * leaf + (1 if application else 0)``. Never changed after construction."""

    __slots__ = ("_pages",)

    def __init__(self, pages: Mapping[int, _Page] = MappingProxyType({})) -> None:
        self._pages = pages

    @classmethod
    def of(cls, ratchets: Mapping[int, Ratchet]) -> Ratchets:
        return cls().with_ratchets(ratchets)

    def with_ratchets(self, ratchets: Mapping[int, Ratchet]) -> Ratchets:
        """These besides or instead of those that are there."""
        pages = dict(self._pages)
        for slot, ratchet in ratchets.items():
            number = slot // _PAGE
            pages[number] = {**pages.get(number, _NO_PAGE), slot: ratchet}
        return Ratchets(pages)

    def find(self, slot: int) -> Ratchet | None:
        return self._pages.get(slot // _PAGE, _NO_PAGE).get(slot)

    def slots_changed_since(self, before: Ratchets) -> Iterator[int]:
        """Slots whose ratchet is not the same value, or not there, in one of the two. A shared page costs nothing."""
        for number in self._pages.keys() | before._pages.keys():
            old, new = before._pages.get(number, _NO_PAGE), self._pages.get(number, _NO_PAGE)
            if old is not new:
                yield from (slot for slot in old.keys() | new.keys() if old.get(slot) is not new.get(slot))

    def __getitem__(self, slot: int) -> Ratchet:
        return self._pages.get(slot // _PAGE, _NO_PAGE)[slot]

    def __iter__(self) -> Iterator[int]:
        for page in self._pages.values():
            yield from page

    def __len__(self) -> int:
        return sum(map(len, self._pages.values()))

    def __repr__(self) -> str:
        return "<Ratchets>"
