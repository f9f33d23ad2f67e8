"""One mount of the disk, from power on to power off: its folder, the files in it, and what the medium holds of them.

The folder's real files are the cache: reads see every write. Names are durable when the folder is synced (a delete
that asks for it, or the first sync of a new journal or log), and a new file's own name with its first sync; of other
names each survives in any state it had since. Opening and deleting are the only changes of names: SQLite never renames.
"""

from __future__ import annotations

import os
from pathlib import Path
from random import Random
from threading import RLock

import apsw

from tests.disk.faults import AfterFailedSync, Failure, Faults, Operation, error_for
from tests.disk.medium import SECTOR, Losses, Medium


class Volume:
    """Whoever changes anything holds `lock`, so that the cache and what is known of it never differ."""

    def __init__(self, folder: Path, *, rng: Random, faults: Faults, syncs_lie: bool) -> None:
        self.folder = folder
        self.lock = RLock()
        self.is_on = True
        self.losses = Losses()  # by failed syncs
        self._names: dict[str, list[Medium | None]] = {}  # each state since the last durable one, which comes first
        self._rng = rng
        self._faults = faults
        self._syncs_lie = syncs_lie

    # ------------------------------------------------------------------------------------------ operations
    def begin(self, operation: Operation) -> tuple[apsw.Error | None, Failure | None]:
        """Count an operation. The error that it must end with, and the planned failure behind it.

        Raises apsw.IOError, having counted nothing, when the power is off.
        """
        if not self.is_on:
            raise error_for(operation)
        failure = self._faults.count(operation)
        if self._faults.cuts_now():
            self.is_on = False
            return error_for(operation), None
        return (error_for(operation, failure.error), failure) if failure else (None, None)

    def landed(self, data: bytes) -> bytes:
        """What a failing write still brings into the cache: any number of its leading sectors."""
        return data[: SECTOR * self._rng.randint(0, -(-len(data) // SECTOR))]

    def sync(self, medium: Medium, *, with_folder: bool) -> None:
        """The file is durable, its name with it, and all other names too if asked."""
        if self._syncs_lie:
            return
        medium.settle()
        for name, states in self._names.items():
            if medium in states:
                self._names[name] = states[states.index(medium) :]
        if with_folder:
            self.sync_folder()

    def fail_sync(self, medium: Medium, cache: AfterFailedSync) -> None:
        """Chance decides what a failed sync made durable, unless the writes wait on."""
        if cache is not AfterFailedSync.DIRTY:
            self.losses.add(medium.scatter(self._rng))

    # ---------------------------------------------------------------------------------------------- names
    def opened(self, path: str, *, existed: bool) -> Medium:
        """The file of that path, which has just been opened. One that nobody here wrote is durable as it is."""
        name = self._name(path)
        states = self._names.get(name)
        if states is None:
            states = self._names[name] = [Medium(Path(path).read_bytes()) if existed else None]
        medium = states[-1]
        if medium is None:
            medium = Medium()
            states.append(medium)
        return medium

    def deleted(self, path: str) -> None:
        states = self._names.get(self._name(path))
        if states is not None:
            states.append(None)

    def sync_folder(self) -> None:
        if not self._syncs_lie:
            for states in self._names.values():
                del states[:-1]

    def holds(self, path: str) -> bool:
        return path.startswith(f"{self.folder}{os.sep}")

    def _name(self, path: str) -> str:
        return path.removeprefix(f"{self.folder}{os.sep}")

    # ------------------------------------------------------------------------------------------- the end
    def lose_power(self) -> tuple[dict[str, bytes], Losses]:
        """Switch off for good. What the medium holds, by name relative to the folder, and what was lost.

        Files beside the database that were not written through SQLite survive as they are.
        """
        with self.lock:
            self.is_on = False
            losses = Losses()
            survivors = dict(self._strangers())
            for name, states in self._names.items():
                medium = self._rng.choice(states)
                if medium is not None:
                    losses.add(medium.scatter(self._rng))
                    survivors[name] = bytes(medium.durable)
            return survivors, losses

    def _strangers(self) -> list[tuple[str, bytes]]:
        paths = [path for path in sorted(self.folder.rglob("*")) if path.is_file() and not path.name.endswith("-shm")]
        names = [(self._name(str(path)), path) for path in paths]
        return [(name, path.read_bytes()) for name, path in names if name not in self._names]
