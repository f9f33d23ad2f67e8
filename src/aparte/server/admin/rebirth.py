"""A restored host begins anew: what must not come back with an older state is ended.

- Passes end with the incarnation, which is a new one.
- Tickets that were spent since the backup are not known as spent. So the ticket key is a new one, and all that the
  host has issued end. Nor do they count: accounts get others at once.
- Key packages may have been given out since, and two groups must not use one. So none of the stock is given out any
  more; those of last resort, which are made to be used again, stay. Devices bring new ones.
- Invites may have been used up since. None is good any more.

Receipts stay good: each says that an entry was accepted, at a time, in a place, and that stays true of one that is
gone.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import apsw

from aparte.server.admin.errors import AdminError, Fault
from aparte.server.shell.keys import KeysDamaged, load_keys
from aparte.wire.ids import ID_LENGTH

__all__ = ["Reborn", "begin_anew"]

_SEED_LENGTH = 32


@dataclass(frozen=True, slots=True)
class Reborn:
    """The new incarnation, and how much was ended."""

    incarnation: bytes
    key_packages: int
    invites: int


def begin_anew(database: apsw.Connection, keys: Path, *, rng: Callable[[int], bytes]) -> Reborn:
    """Durably, on files that no host uses. Raises `AdminError` if the keys are none."""
    _renew_ticket_key(keys, rng=rng)
    incarnation = rng(ID_LENGTH)
    tables = {name for (name,) in database.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    with database:
        database.execute("INSERT OR REPLACE INTO host (name, value) VALUES ('incarnation', ?)", (incarnation,))
        packages = invites = 0
        if "key_package" in tables:
            database.execute(
                "UPDATE key_package SET key_package = NULL WHERE last_resort = 0 AND key_package IS NOT NULL"
            )
            packages = database.changes()
        if "allowance" in tables:
            database.execute("DELETE FROM allowance")
        if "invite" in tables:
            database.execute("DELETE FROM invite")
            invites = database.changes()
    return Reborn(incarnation, packages, invites)


def _renew_ticket_key(keys: Path, *, rng: Callable[[int], bytes]) -> None:
    try:
        load_keys(keys, rng=rng)
    except KeysDamaged as error:
        raise AdminError(Fault.DAMAGED, f"the backup's keys.json is damaged: {error}") from error
    values = json.loads(keys.read_text())
    values["ticket_seed"] = rng(_SEED_LENGTH).hex()
    with keys.open("w") as file:
        json.dump(values, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
