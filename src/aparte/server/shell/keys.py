"""The host's own keys: made at the first start, kept in one file that only its owner reads."""

from __future__ import annotations

import hmac
import json
import os
from collections.abc import Callable
from pathlib import Path

from aparte.server.folders import flush_folder
from aparte.server.policy import HostKeys
from aparte.wire.ids import Incarnation

__all__ = ["KeysDamaged", "load_keys", "pass_key_of"]

_NAMES = ("receipt_key", "pass_key", "ticket_seed")


class KeysDamaged(Exception):
    """The file with the host's keys is there, and is not one."""


def load_keys(path: Path, *, rng: Callable[[int], bytes]) -> HostKeys:
    """The keys in `path`; made and written, durably, if there is no such file. Raises `KeysDamaged`."""
    if not path.exists():
        _write(path, {name: rng(32).hex() for name in _NAMES})
    try:
        found = json.loads(path.read_text())
        return HostKeys(**{name: bytes.fromhex(found[name]) for name in _NAMES})
    except (ValueError, KeyError, TypeError) as error:
        raise KeysDamaged(f"{path} does not hold the host's keys: {error}") from error


def pass_key_of(keys: HostKeys, incarnation: Incarnation) -> bytes:
    """A pass ends with the incarnation: after a restore a node of the same number may be another one."""
    return hmac.digest(keys.pass_key, b"aparte/1 incarnation" + incarnation, "sha256")


def _write(path: Path, values: dict[str, str]) -> None:
    temporary = path.with_suffix(".new")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        json.dump({"version": 1, **values}, file, indent=2)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(path)
    flush_folder(path.parent)
