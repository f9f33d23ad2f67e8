"""Folders of hosts, at rest and running: what every command is tried on, both ways."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from aparte.server.shell.config import HostConfig
from tests.hosting import HOST
from tests.server.admin.hosts import Host, fill, running


@pytest.fixture
def at_rest(tmp_path: Path) -> Path:
    """The folder of a host that does not run."""
    fill(tmp_path / "data")
    return tmp_path / "data"


@pytest.fixture(scope="module")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host that runs, the same for all of a module."""
    data = tmp_path_factory.mktemp("host") / "data"
    fill(data)
    with running(data) as made:
        yield made


@pytest.fixture(params=["running", "at rest"])
def data(request: pytest.FixtureRequest) -> Path:
    """A host's folder: of one that runs, then of one that does not."""
    if request.param == "running":
        return Path(request.getfixturevalue("host").data)
    return Path(request.getfixturevalue("at_rest"))


@pytest.fixture
def config(at_rest: Path) -> HostConfig:
    """Of a host that is well, and does not run."""
    return HostConfig(data=at_rest, port=0, named=HOST)
