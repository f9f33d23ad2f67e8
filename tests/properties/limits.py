"""How much a block of code may take. Seconds are of CPU, many times what the work takes on a slow machine, and far
below what it would take if it grew with the square."""

from __future__ import annotations

import time
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from aparte.mls import DecodeError, MlsError, decode_group, encode_group, process
from tests.mls_scenes import Person
from tests.properties.counted import CountingProvider

MEGABYTE = 1 << 20


@dataclass
class Spent:
    """What a block of code took."""

    seconds: float = 0.0
    peak: int = 0


@contextmanager
def at_most(seconds: float, *, megabytes: float | None = None) -> Iterator[Spent]:
    """Fail if the block takes longer, or (traced, which is slow) holds more memory at once."""
    spent = Spent()
    if megabytes is not None:
        tracemalloc.start()
    begin = time.process_time()
    try:
        yield spent
    finally:
        spent.seconds = time.process_time() - begin
        if megabytes is not None:
            spent.peak = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
    assert spent.seconds < seconds
    assert megabytes is None or spent.peak < megabytes * MEGABYTE


def counting(who: Person) -> CountingProvider:
    """Let `who` go on with its group over a suite that counts."""
    provider = CountingProvider()
    who.seat = decode_group(encode_group(who.group), provider, who.config)  # type: ignore[arg-type]
    provider.counted.calls.clear()
    return provider


def refuse(bob: Person, message: bytes, *, seconds: float, megabytes: float | None = None) -> MlsError | DecodeError:
    before = encode_group(bob.group)
    with pytest.raises((MlsError, DecodeError)) as caught, at_most(seconds, megabytes=megabytes):
        process(bob.group, message)
    assert encode_group(bob.group) == before
    return caught.value
