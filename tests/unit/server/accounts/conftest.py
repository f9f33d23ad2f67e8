"""A town whose host serves accounts, and two who live in it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aparte.server.store.sqlite import SqliteStore
from tests.hosting_accounts import Gadget, Town
from tests.hosting_accounts import town as open_town
from tests.unit.server.brittle_store import BrittleStore


@pytest.fixture
def town(tmp_path: Path) -> Iterator[Town]:
    with open_town(tmp_path) as made:
        yield made


@pytest.fixture
def alice(town: Town) -> Gadget:
    """Alice's phone."""
    return town.resident("alice")


@pytest.fixture
def bob(town: Town) -> Gadget:
    """Bob's phone."""
    return town.resident("bob")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[BrittleStore]:
    store = BrittleStore(SqliteStore(tmp_path / "host.db"))
    yield store
    store.close()


@pytest.fixture
def shaky(disk: BrittleStore) -> Town:
    """A town on the brittle store; its faults are the test's to look at."""
    return Town(disk)
