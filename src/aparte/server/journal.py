"""How to take back what was changed in memory, should the store fail to make it durable."""

from __future__ import annotations

from collections.abc import Callable

__all__ = ["Journal"]


class Journal:
    """The changes of one batch, latest last."""

    __slots__ = ("_undo", "batch")

    def __init__(self) -> None:
        self._undo: list[Callable[[], object]] = []
        #: Counts batches.
        self.batch = 0

    def note(self, undo: Callable[[], object]) -> None:
        """Something was changed; this takes it back."""
        self._undo.append(undo)

    def keep(self) -> None:
        """The batch is durable."""
        self._undo.clear()
        self.batch += 1

    def take_back(self) -> None:
        """The batch failed: take all of it back, the latest first."""
        while self._undo:
            self._undo.pop()()
        self.batch += 1
