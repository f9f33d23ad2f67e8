"""A town: a host's core over a real store. And one whose store breaks when told to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aparte.server.store.sqlite import SqliteStore
from tests.hosting import Client, Scene, scene
from tests.unit.server.brittle_store import BrittleStore
from tests.unit.server.village import Village


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Scene]:
    with scene(tmp_path) as made:
        yield made


@pytest.fixture
def alice(town: Scene) -> Client:
    return town.client()


@pytest.fixture
def bob(town: Scene) -> Client:
    return town.client()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[BrittleStore]:
    store = BrittleStore(SqliteStore(tmp_path / "host.db"))
    yield store
    store.close()


@pytest.fixture
def shaky(disk: BrittleStore) -> Scene:
    """A town on the brittle store; its faults are the test's to look at."""
    return Scene(disk)


@pytest.fixture
def village(shaky: Scene, disk: BrittleStore) -> Village:
    alice, bob, carol = shaky.client(), shaky.client(), shaky.client()
    log = alice.creates()
    bob.opens(log)
    carol.opens(log)
    return Village(shaky, disk, log, alice, bob, carol)
