"""A host as a process, and people with the `aparte` command."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.reliability.processes import HURRIED, PROGRAM, HostProcess
from tests.server.proxies import free_port

PASSPHRASE = "correct horse"


@dataclass
class Place:
    """A host that can be stopped and started, at one address."""

    folder: Path
    port: int
    host: HostProcess | None = None

    @property
    def name(self) -> str:
        return f"localhost:{self.port}"

    def starts(self) -> None:
        self.host = HostProcess(self.folder / "host", config=HURRIED, listen=f"127.0.0.1:{self.port}")

    def ends(self) -> None:
        if self.host is not None:
            self.host.kill()
            self.host = None

    def person(self, name: str) -> Person:
        return Person(self, name)


@dataclass
class Person:
    """Somebody's device, used by commands."""

    place: Place
    name: str
    passphrase: str = PASSPHRASE

    @property
    def address(self) -> str:
        return f"{self.name}@{self.place.name}"

    @property
    def home(self) -> Path:
        return self.place.folder / self.name

    def command(self, *words: str) -> list[str]:
        return [*PROGRAM, "--home", str(self.home), *words]

    @property
    def surroundings(self) -> dict[str, str]:
        return {**os.environ, "APARTE_PASSPHRASE": self.passphrase}

    def runs(self, *words: str, code: int = 0, typed: str = "") -> str:
        """A command; what it printed, or, if it is to fail, its complaint."""
        done = subprocess.run(
            self.command(*words),
            check=False,
            env=self.surroundings,
            input=typed,
            capture_output=True,
            text=True,
            timeout=120,
        )
        assert done.returncode == code, f"{words}: {done.stdout}{done.stderr}"
        assert "Traceback" not in done.stderr
        return done.stdout if code == 0 else done.stderr

    def asks(self, *words: str) -> Any:
        """A command for programs."""
        return json.loads(self.runs(*words, "--json"))

    def registers(self) -> Person:
        self.runs("register", self.name, "--host", self.place.name)
        return self

    def reads(self, other: Person) -> list[str]:
        """What was said with somebody."""
        return [each["text"] for each in self.asks("read", other.address)]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path, free_port())
    made.starts()
    yield made
    made.ends()
