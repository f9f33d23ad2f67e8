"""Slices: all items once and in order, errors of the first slice first, no thread left."""

from __future__ import annotations

import subprocess
import sys
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.crypto import parallel
from aparte.crypto.parallel import map_slices


@pytest.fixture(autouse=True)
def _four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parallel, "MAX_THREADS", 4)


@given(count=st.integers(0, 500), smallest=st.integers(1, 100))
def test_every_item_once_and_in_order(count: int, smallest: int) -> None:
    slices = map_slices(lambda part: part, count, smallest=smallest)
    assert [i for part in slices for i in part] == list(range(count))
    assert len(slices) == max(1, min(4, count // smallest))
    assert len(slices) == 1 or all(len(part) >= smallest for part in slices)


def test_results_and_threads() -> None:
    here, before = threading.get_ident(), threading.active_count()
    idents = map_slices(lambda _: threading.get_ident(), 100, smallest=10)
    assert idents[0] == here
    assert len(idents) == 4
    assert here not in idents[1:]
    assert threading.active_count() == before


def test_one_core_takes_no_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    for cores in (None, 1):
        monkeypatch.setattr(parallel, "MAX_THREADS", parallel.threads_for(cores))
        assert map_slices(len, 100, smallest=1) == [100]


def test_the_error_of_the_earliest_slice_goes_through() -> None:
    def work(part: range) -> None:
        if part.start > 0:
            raise LookupError(part.start)

    with pytest.raises(LookupError) as failure:
        map_slices(work, 100, smallest=10)
    assert failure.value.args == (25,)


def test_without_threads_to_be_had(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("cannot schedule new futures after interpreter shutdown")

    monkeypatch.setattr(parallel.ThreadPoolExecutor, "submit", refuse)
    assert map_slices(list, 8, smallest=1) == [[0, 1], [2, 3], [4, 5], [6, 7]]


AT_EXIT = """
import atexit, os
os.cpu_count = lambda: 4
from aparte.crypto.native import NativeProvider
suite = NativeProvider().suite(1)
signer = suite.generate_signer()
items = [(signer.public_key, b"m", signer.sign(b"m"))] * 64
suite.verify_many(items)
if os.fork() == 0:
    suite.verify_many(items)
    print("child", flush=True)
    os._exit(0)
os.wait()
atexit.register(lambda: print(suite.verify_many(items), "at exit"))
"""


def test_fork_and_exit() -> None:
    run = subprocess.run([sys.executable, "-c", AT_EXIT], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.split() == ["child", "None", "at", "exit"]
    assert run.stderr == ""
