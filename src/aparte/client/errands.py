"""What has to be done some time: begun once, tried again after a while, never twice at once.

What it is for stands in the store; this does not, and is begun anew after whatever went wrong.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Final

from aparte.wire.ids import Millis

__all__ = ["Errand", "Errands"]

#: How long to wait after a failure: twice as long each time.
_FIRST_WAIT: Final = 1_000
_LONGEST_WAIT: Final = 300_000


@dataclass
class Errand:
    """One of them."""

    is_under_way: bool = False
    failures: int = 0
    not_before: Millis = Millis(0)  # noqa: RUF009 - a number


@dataclass
class Errands:
    """By whatever names them."""

    of: dict[Hashable, Errand] = field(default_factory=dict)

    def waits(self, key: Hashable, now: Millis) -> bool:
        """Whether it is not to be done before later."""
        errand = self.of.get(key)
        return errand is not None and now < errand.not_before

    def begin(self, key: Hashable, now: Millis) -> bool:
        """Whether it is to be done now; it is then under way."""
        errand = self.of.setdefault(key, Errand())
        if errand.is_under_way or now < errand.not_before:
            return False
        errand.is_under_way = True
        return True

    def put_off(self, key: Hashable, until: Millis) -> None:
        """It is not to be done before then, and nothing is wrong."""
        self.of.setdefault(key, Errand()).not_before = until

    def done(self, key: Hashable) -> None:
        """It is over, and may be begun again at any time."""
        self.of.pop(key, None)

    def later(self, key: Hashable, now: Millis, *, wait: int = 0, jitter: float = 0.0) -> None:
        """It could not be done: not before `wait` ms, or, if 0, not before longer than the last time."""
        errand = self.of.setdefault(key, Errand())
        wait = wait or min(_LONGEST_WAIT, _FIRST_WAIT << min(errand.failures, 16))
        errand.is_under_way = False
        errand.failures += 1
        errand.not_before = Millis(now + wait + int(wait * jitter / 10))

    def times(self) -> list[Millis]:
        """When those are due that wait, or were due."""
        return [each.not_before for each in self.of.values() if not each.is_under_way]
