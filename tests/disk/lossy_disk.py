"""The disk that a test holds: its name for SQLite, its folder, its faults, and the loss of power."""

from __future__ import annotations

from collections import Counter
from itertools import count
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from types import TracebackType
from typing import Final, Self

import apsw

from tests.disk.faults import AfterFailedSync, Failure, Faults, Operation
from tests.disk.medium import Losses
from tests.disk.vfs import LossyVFS
from tests.disk.volume import Volume

MEMORY: Final = Path("/dev/shm")  # Linux: files in memory
NUMBERS: Final = count()


class LossyDisk:
    """Open databases below `folder` with `vfs=disk.name`; `folder` stays the same path over losses of power.

    One *seed* and one thread give one history. With *syncs_lie* a sync reports success and makes nothing durable.
    Where SQLite forgives an error (a checkpoint behind a commit, a close) apsw raises it all the same.
    """

    def __init__(self, seed: int, *, syncs_lie: bool = False) -> None:
        self._rng = Random(seed)
        self._faults = Faults()
        self._losses = Losses()
        self._syncs_lie = syncs_lie
        self._root = TemporaryDirectory(prefix="aparte-disk-", dir=MEMORY if MEMORY.is_dir() else None)
        self._mounts = 0
        self.folder: Final = Path(self._root.name).resolve() / "disk"
        self.name: Final = f"lossy-{next(NUMBERS)}"
        self._vfs = LossyVFS(self.name, volume=self._mount({}))

    # ------------------------------------------------------------------------------------------- the plan
    def cut_at(self, k: int) -> None:
        """The power goes at operation *k* of all that this disk ever does; what that one changes may survive."""
        if k <= self.operations:
            raise ValueError(f"operation {k} is over: {self.operations} are done")
        self._faults.cut = k

    def fail(
        self,
        nth: int,
        operation: Operation,
        *,
        error: int = apsw.SQLITE_IOERR,
        lasting: bool = False,
        cache: AfterFailedSync = AfterFailedSync.FORGOTTEN,
    ) -> None:
        """The *nth* write or sync from now on fails with SQLITE_IOERR or SQLITE_FULL; with *lasting*, all from it on.

        A failed write may have brought some of its leading sectors into the cache. *cache* is for syncs.
        """
        if nth < 1 or operation not in {Operation.WRITE, Operation.SYNC}:
            raise ValueError("only writes and syncs fail, and the first one is number 1")
        if error not in {apsw.SQLITE_IOERR, apsw.SQLITE_FULL}:
            raise ValueError("the error is SQLITE_IOERR or SQLITE_FULL")
        at = self._faults.counts[operation] + nth
        self._faults.failures[operation] = Failure(at, error, lasting, cache)

    def heal(self) -> None:
        """No planned failure strikes any more. A cut stays planned, and a disk that is off stays off."""
        self._faults.failures.clear()

    # ---------------------------------------------------------------------------------------- the figures
    @property
    def is_on(self) -> bool:
        return self._vfs.volume.is_on

    @property
    def operations(self) -> int:
        """Writes, syncs, truncations and deletions that were begun, failed ones too."""
        return self._faults.operations

    @property
    def counts(self) -> Counter[Operation]:
        """`operations` by kind."""
        return self._faults.counts.copy()

    @property
    def syncs(self) -> int:
        return self._faults.counts[Operation.SYNC]

    @property
    def losses(self) -> Losses:
        """The sum over all losses of power and failed syncs so far."""
        total = Losses()
        total.add(self._losses)
        total.add(self._vfs.volume.losses)
        return total

    # ------------------------------------------------------------------------------------ power off and on
    def power_loss(self) -> Losses:
        """Off now, unless a cut was quicker, and on again with what survived; no fault is planned any more.

        Connections from before stay dead: close them, forgiving apsw.Error. Locks and shared memory are gone.
        """
        old = self._vfs.volume
        survivors, losses = old.lose_power()
        self._losses.add(losses)
        self._losses.add(old.losses)
        self._faults.failures.clear()
        self._faults.cut = None
        self._vfs.volume = self._mount(survivors)
        return losses

    def close(self) -> None:
        """Forget the disk and its files. Close the connections first."""
        self._vfs.unregister()
        self._root.cleanup()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _mount(self, files: dict[str, bytes]) -> Volume:
        """A volume in a folder of its own, so that what dead connections still delete is not ours."""
        self._mounts += 1
        folder = self.folder.parent / f"mount-{self._mounts}"
        folder.mkdir()
        for name, content in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        link = self.folder.with_name("next")
        link.symlink_to(folder, target_is_directory=True)
        link.replace(self.folder)
        return Volume(folder, rng=self._rng, faults=self._faults, syncs_lie=self._syncs_lie)
