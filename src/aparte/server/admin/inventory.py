"""What a backup says of itself: `backup.json`, beside the files that it lists."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from aparte.server.admin.errors import AdminError, Fault
from aparte.server.admin.records import from_json, to_json

__all__ = ["DATABASES", "CopiedFile", "Inventory", "read_inventory", "write_inventory"]

_NAME: Final = "backup.json"
_FORMAT: Final = 1
_MAX_BYTES: Final = 1 << 20
#: In the order in which they are copied: see backup.
DATABASES: Final = ("host.db", "blobs.db")


@dataclass(frozen=True, slots=True)
class CopiedFile:
    """A file of the backup."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Inventory:
    """All of a backup but its blobs, which their index names."""

    aparte: str
    made_at: str
    host: str | None
    incarnation: str | None
    schema: int
    files: tuple[CopiedFile, ...]
    blobs: int
    blob_bytes: int


def write_inventory(folder: Path, inventory: Inventory) -> None:
    """Durably."""
    descriptor = os.open(folder / _NAME, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump({"format": _FORMAT, "backup": to_json(inventory)}, file, indent=2)
        file.write("\n")
        file.flush()
        os.fsync(file.fileno())


def read_inventory(folder: Path) -> Inventory:
    """Raises `AdminError` if this is not a whole backup of a kind that is known."""
    try:
        text = (folder / _NAME).read_bytes()[:_MAX_BYTES]
    except OSError as error:
        raise AdminError(Fault.NOT_FOUND, f"{folder} is not a backup: {_NAME}: {error.strerror}") from error
    try:
        found = json.loads(text)
        if found["format"] != _FORMAT:
            raise AdminError(Fault.DAMAGED, f"{folder} is a backup of format {found['format']}: a newer Aparte made it")
        inventory = from_json(Inventory, found["backup"])
    except (ValueError, KeyError, TypeError) as error:
        raise AdminError(Fault.DAMAGED, f"{folder / _NAME} is damaged: {error}") from error
    if sorted(file.name for file in inventory.files) != sorted((*DATABASES, "keys.json")):
        raise AdminError(Fault.DAMAGED, f"{folder / _NAME} is damaged: it lists other files than a backup has")
    return inventory
