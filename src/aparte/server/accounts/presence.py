"""Which links are whose: a device may have several, and loses all of them when it is revoked."""

from __future__ import annotations

from aparte.server.journal import Journal
from aparte.server.links import Link, LinkNumber, Standing
from aparte.server.store.accounts import DeviceRef

__all__ = ["Presence"]


class Presence:
    """The links that have proved a device, by device."""

    __slots__ = ("_journal", "_links")

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._links: dict[DeviceRef, dict[LinkNumber, Link]] = {}

    def __len__(self) -> int:
        return sum(map(len, self._links.values()))

    def links(self, device: DeviceRef) -> tuple[LinkNumber, ...]:
        """The links of a device."""
        return tuple(self._links.get(device, ()))

    def join(self, link: Link, standing: Standing) -> None:
        """The link has proved this device."""
        if link.standing is None:
            self._enter(link, standing)
            self._journal.note(lambda: self.leave(link))

    def leave(self, link: Link) -> None:
        """The link is gone."""
        standing, link.standing = link.standing, None
        if standing is not None:
            links = self._links[standing.device]
            del links[link.number]
            if not links:
                del self._links[standing.device]

    def expel(self, device: DeviceRef) -> None:
        """The device is not the account's any more."""
        expelled = [(link, link.standing) for link in self._links.get(device, {}).values()]
        for link, _ in expelled:
            self.leave(link)

        def undo() -> None:
            for link, standing in expelled:
                if standing is not None:
                    self._enter(link, standing)

        self._journal.note(undo)

    def _enter(self, link: Link, standing: Standing) -> None:
        link.standing = standing
        self._links.setdefault(standing.device, {})[link.number] = link
