"""The peers as fixtures. Where one is not installed its tests are skipped, loudly; in CI they fail."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import NoReturn

import pytest

from tests.interop.peers import MlsRsPeer, Peer, TsMlsPeer, why_absent


@pytest.fixture(scope="session")
def mls_rs() -> MlsRsPeer:
    try:
        return MlsRsPeer()
    except ImportError as error:
        _do_without(f"mls-rs peer: agentvault-mls-rs-uniffi is not installed here ({error})")


@pytest.fixture(scope="session")
def ts_mls() -> Iterator[TsMlsPeer]:
    """ts-mls as published."""
    yield from _node_peer(mended=False)


@pytest.fixture(scope="session")
def mended_ts_mls() -> Iterator[TsMlsPeer]:
    """ts-mls that joins every valid group (tsmls/mend.mjs)."""
    yield from _node_peer(mended=True)


@pytest.fixture(params=["mls_rs", "ts_mls"])
def peer(request: pytest.FixtureRequest) -> Peer:
    chosen: Peer = request.getfixturevalue(request.param)
    return chosen


def _node_peer(*, mended: bool) -> Iterator[TsMlsPeer]:
    absent = why_absent()
    if absent is not None:
        _do_without(absent)
    with TsMlsPeer(mended=mended) as started:
        yield started


def _do_without(reason: str) -> NoReturn:
    if os.environ.get("APARTE_CI") == "1":
        pytest.fail(f"APARTE_CI=1: {reason}")
    pytest.skip(f"NOT TRIED, {reason}")
