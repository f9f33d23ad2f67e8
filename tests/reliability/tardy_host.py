"""`aparte`, but answers leave before their COMMIT, which follows a moment later: what a crash has to find."""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

from aparte.cli import main
from aparte.server.store.sqlite import SqliteStore


class TardyStore(SqliteStore):
    """Leaves a transaction to whoever comes next."""

    _left: AbstractContextManager[Any] | None = None

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        self._settle()
        inner = super().transaction()
        transaction = inner.__enter__()
        try:
            yield transaction
        except BaseException:
            inner.__exit__(*sys.exc_info())
            raise
        self._left = inner

    def _settle(self) -> None:
        inner, self._left = self._left, None
        if inner is not None:
            time.sleep(0.02)
            inner.__exit__(None, None, None)

    def _writing(self) -> AbstractContextManager[None]:
        self._settle()
        return super()._writing()

    def tidy(self) -> None:
        self._settle()
        super().tidy()


if __name__ == "__main__":
    vars(importlib.import_module("aparte.server.shell.serve"))["SqliteStore"] = TardyStore
    main()
