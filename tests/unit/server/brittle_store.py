"""A store that breaks when told to: on entering, at any call, or when the transaction is left."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from aparte.server.store import LogKey, Pruned, Reader, Store
from aparte.wire.ids import Incarnation, Millis

#: Tells what goes wrong at a call, if anything does: the call's name and its arguments.
Breaks = Callable[[str, tuple[Any, ...]], Exception | None]


class BrittleStore:
    """A good store behind a bad disk."""

    def __init__(self, inner: Store) -> None:
        self._inner = inner
        self.calls: Counter[str] = Counter()
        self.breaks: Breaks = lambda _name, _arguments: None

    def fails(self, at: str, error: Exception, *, after: int = 0, times: int = 1) -> None:
        """The call `at` fails a number of times: any method's name, or "enter" or "leave"."""
        turns = iter([None] * after + [error] * times)
        self.breaks = lambda name, _arguments: next(turns, None) if name == at else None

    def heals(self) -> None:
        self.breaks = lambda _name, _arguments: None

    def trip(self, name: str, *arguments: Any) -> None:
        self.calls[name] += 1
        error = self.breaks(name, arguments)
        if error is not None:
            raise error

    @contextmanager
    def transaction(self) -> Iterator[Any]:
        self.trip("enter")
        with self._inner.transaction() as transaction:
            yield _BrittleTransaction(self, transaction)
            self.trip("leave")

    def reader(self) -> Reader:
        return self._inner.reader()

    def incarnation(self, rng: Callable[[int], bytes]) -> Incarnation:
        return self._inner.incarnation(rng)

    def swept(self) -> Millis | None:
        return self._inner.swept()

    def believed(self) -> Millis | None:
        return self._inner.believed()

    def prune(self, now: Millis, *, after: LogKey, limit: int) -> Pruned:
        return self._inner.prune(now, after=after, limit=limit)

    def tidy(self) -> None:
        self.trip("tidy")
        self._inner.tidy()

    def close(self) -> None:
        self._inner.close()


class _BrittleTransaction:
    def __init__(self, store: BrittleStore, inner: Any) -> None:
        self._store = store
        self._inner = inner

    def __getattr__(self, name: str) -> Any:
        def call(*arguments: Any, **named: Any) -> Any:
            self._store.trip(name, *arguments)
            return getattr(self._inner, name)(*arguments, **named)

        return call
