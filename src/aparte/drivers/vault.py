"""The key of an engine's store, in a file that a passphrase opens.

The store's key is random and never changes; the file holds it sealed by a key that Argon2id (RFC 9106) makes of the
passphrase. So another passphrase costs one small file, and no store is written anew.

    key.json = { version, salt, opslimit, memlimit, nonce, sealed }       bytes in hex; ChaCha20-Poly1305
"""

from __future__ import annotations

import json
import os
import unicodedata
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from nacl.pwhash import argon2id

from aparte.crypto import OpenError
from aparte.crypto.native import NativeProvider

__all__ = ["KEY_FILE", "Vault", "VaultDamaged", "VaultError", "VaultNewer", "WrongPassphrase"]

KEY_FILE: Final = "key.json"
_VERSION: Final = 1
_KEY_LENGTH: Final = 32
_NONCE_LENGTH: Final = 12
#: RFC 9106's second choice, for machines with little memory: 3 passes over 64 MiB.
_OPSLIMIT: Final = 3
_MEMLIMIT: Final = 64 << 20
#: What a file may ask for: who has changed it shall not use up the machine.
_MOST_OPS: Final = 16
_MOST_MEMORY: Final = 1 << 30
_LONGEST: Final = 4_096
_LABEL: Final = b"aparte/1 store key"


class VaultError(Exception):
    """The store's key cannot be had."""


class WrongPassphrase(VaultError):
    """It opens nothing here."""


class VaultDamaged(VaultError):
    """The file is not what any version of Aparte writes: restore it from a backup."""


class VaultNewer(VaultError):
    """A newer version of Aparte wrote the file."""


class Vault:
    """In a folder that is its owner's alone. Whoever opens one has to wait a tenth of a second: that is the point."""

    def __init__(self, folder: Path, *, rng: Callable[[int], bytes]) -> None:
        self._folder = folder
        self._rng = rng

    @property
    def exists(self) -> bool:
        """Whether there is a key already."""
        return (self._folder / KEY_FILE).exists()

    def create(self, passphrase: str) -> bytes:
        """A new key of 32 bytes. Raises `VaultError` if there is one: its store could not be read any more."""
        if self.exists:
            raise VaultError(f"{self._folder / KEY_FILE} is there already")
        key = self._rng(_KEY_LENGTH)
        self._write(key, passphrase)
        return key

    def open(self, passphrase: str) -> bytes:
        """The key. Raises `VaultError`, `OSError`."""
        found = self._read()
        secret = _stretch(passphrase, found["salt"], opslimit=found["opslimit"], memlimit=found["memlimit"])
        try:
            return NativeProvider().chacha20_poly1305.open(secret, found["nonce"], _LABEL, found["sealed"])
        except OpenError as error:
            raise WrongPassphrase("the passphrase does not fit") from error

    def change(self, before: str, after: str) -> None:
        """Another passphrase from now on. Raises `VaultError`, `OSError`; then the old one still fits."""
        self._write(self.open(before), after)

    def _write(self, key: bytes, passphrase: str) -> None:
        salt, nonce = self._rng(argon2id.SALTBYTES), self._rng(_NONCE_LENGTH)
        secret = _stretch(passphrase, salt, opslimit=_OPSLIMIT, memlimit=_MEMLIMIT)
        sealed = NativeProvider().chacha20_poly1305.seal(secret, nonce, _LABEL, key)
        values = {"version": _VERSION, "salt": salt.hex(), "opslimit": _OPSLIMIT, "memlimit": _MEMLIMIT}
        text = json.dumps(values | {"nonce": nonce.hex(), "sealed": sealed.hex()}, indent=1) + "\n"
        _replace(self._folder / KEY_FILE, text.encode())

    def _read(self) -> dict[str, Any]:
        path = self._folder / KEY_FILE
        with path.open("rb") as file:
            data = file.read(_LONGEST + 1)
        try:
            found: Any = json.loads(data) if len(data) <= _LONGEST else None
            version = found["version"]
            if type(version) is int and version > _VERSION:
                raise VaultNewer(f"{path} was written by a newer version of Aparte")
            if version != _VERSION:
                raise ValueError("no version of Aparte has that number")
            values = {name: bytes.fromhex(found[name]) for name in ("salt", "nonce", "sealed")}
            limits = {name: found[name] for name in ("opslimit", "memlimit")}
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise VaultDamaged(f"{path} is damaged") from error
        if not _is_sane(values, limits):
            raise VaultDamaged(f"{path} is damaged")
        return values | limits


def _is_sane(values: dict[str, bytes], limits: dict[str, Any]) -> bool:
    lengths = (len(values["salt"]), len(values["nonce"]), len(values["sealed"]))
    if lengths != (argon2id.SALTBYTES, _NONCE_LENGTH, _KEY_LENGTH + 16):
        return False
    ops, memory = limits["opslimit"], limits["memlimit"]
    if type(ops) is not int or type(memory) is not int:
        return False
    return argon2id.OPSLIMIT_MIN <= ops <= _MOST_OPS and argon2id.MEMLIMIT_MIN <= memory <= _MOST_MEMORY


def _stretch(passphrase: str, salt: bytes, *, opslimit: int, memlimit: int) -> bytes:
    """What was typed is the same on every keyboard: NFC."""
    typed = unicodedata.normalize("NFC", passphrase).encode()
    if not typed:
        raise WrongPassphrase("an empty passphrase protects nothing")
    return argon2id.kdf(_KEY_LENGTH, typed, salt, opslimit=opslimit, memlimit=memlimit)


def _replace(path: Path, data: bytes) -> None:
    """The whole file or the old one, whatever happens; readable by its owner alone."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    beside = path.with_suffix(".new")
    with suppress(FileNotFoundError):
        beside.unlink()
    with os.fdopen(os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(file.fileno())
    beside.replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
