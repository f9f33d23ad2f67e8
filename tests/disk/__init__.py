"""A disk under SQLite that loses power and fails, from a seed.

    with LossyDisk(seed) as disk:
        connection = apsw.Connection(str(disk.folder / "host.db"), vfs=disk.name)
        ...                             # WAL, synchronous=FULL; connections on other threads as well
        disk.cut_at(disk.operations + 100)      # everything fails from the 100th operation on
        ...                             # work until apsw.Error, then close
        losses = disk.power_loss()      # the disk is mounted again: open `disk.folder / "host.db"` and look

What is modelled: `medium.py` says it of bytes, `volume.py` of folders, `faults.py` of failures.
"""

from tests.disk.faults import AfterFailedSync, Operation
from tests.disk.lossy_disk import LossyDisk
from tests.disk.medium import SECTOR, Losses

__all__ = ["SECTOR", "AfterFailedSync", "Losses", "LossyDisk", "Operation"]
