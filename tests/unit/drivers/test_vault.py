"""The store's key, and who gets it."""

from __future__ import annotations

import json
import os
import stat
from pathlib import Path
from typing import Any

import pytest

from aparte.drivers import vault
from aparte.drivers.vault import KEY_FILE, Vault, VaultDamaged, VaultError, VaultNewer, WrongPassphrase


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(vault, "_MEMLIMIT", 8192)
    monkeypatch.setattr(vault, "_OPSLIMIT", 1)


@pytest.fixture
def made(tmp_path: Path) -> Vault:
    return Vault(tmp_path / "home", rng=os.urandom)


def contents(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "home" / KEY_FILE).read_text())
    return found


def test_the_same_key_each_time(made: Vault) -> None:
    assert not made.exists
    key = made.create("correct horse")
    assert len(key) == 32
    assert made.exists
    assert made.open("correct horse") == key


def test_another_passphrase(made: Vault) -> None:
    key = made.create("one")
    for wrong in ("One", "one ", "", "two"):
        with pytest.raises(WrongPassphrase):
            made.open(wrong)
    made.change("one", "two")
    assert made.open("two") == key
    with pytest.raises(WrongPassphrase):
        made.open("one")
    with pytest.raises(WrongPassphrase):
        made.change("one", "three")
    with pytest.raises(WrongPassphrase):
        made.change("two", "")
    assert made.open("two") == key


def test_keyboards_that_write_accents_otherwise(made: Vault) -> None:
    key = made.create("caf\u00e9")
    assert made.open("cafe\u0301") == key


def test_a_key_is_never_overwritten(made: Vault) -> None:
    key = made.create("one")
    with pytest.raises(VaultError, match="already"):
        made.create("two")
    assert made.open("one") == key


def test_its_owners_alone(made: Vault, tmp_path: Path) -> None:
    key = made.create("one")
    path = tmp_path / "home" / KEY_FILE
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert key.hex() not in path.read_text()
    assert sorted(entry.name for entry in path.parent.iterdir()) == [KEY_FILE]


def test_what_an_unlucky_crash_left_is_in_nobodys_way(made: Vault, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "key.new").write_text("half")
    assert made.create("one") == made.open("one")


@pytest.mark.parametrize(
    "change",
    [
        {"salt": "00"}, {"salt": 1}, {"nonce": "zz" * 12}, {"sealed": "00" * 47}, {"opslimit": 0}, {"opslimit": 1000},
        {"memlimit": 1 << 40}, {"memlimit": 1}, {"opslimit": "3"}, {"opslimit": True}, {"version": "1"}, {"salt": None},
    ],
)  # fmt: skip
def test_a_file_that_is_damaged(made: Vault, tmp_path: Path, change: dict[str, Any]) -> None:
    """And asks for no more of the machine than Aparte ever does."""
    made.create("one")
    (tmp_path / "home" / KEY_FILE).write_text(json.dumps(contents(tmp_path) | change))
    with pytest.raises(VaultDamaged):
        made.open("one")


@pytest.mark.parametrize("data", [b"", b"[]", b"null", b"{}", b"\xff\xfe", b" " * 5_000, b'{"version": 1}'])
def test_a_file_that_is_none(made: Vault, tmp_path: Path, data: bytes) -> None:
    made.create("one")
    (tmp_path / "home" / KEY_FILE).write_bytes(data)
    with pytest.raises(VaultDamaged):
        made.open("one")


def test_a_newer_one(made: Vault, tmp_path: Path) -> None:
    made.create("one")
    (tmp_path / "home" / KEY_FILE).write_text(json.dumps(contents(tmp_path) | {"version": 2}))
    with pytest.raises(VaultNewer):
        made.open("one")


def test_bytes_that_were_changed(made: Vault, tmp_path: Path) -> None:
    made.create("one")
    found = contents(tmp_path)
    for name in ("salt", "nonce", "sealed"):
        data = bytearray.fromhex(found[name])
        data[0] ^= 1
        (tmp_path / "home" / KEY_FILE).write_text(json.dumps(found | {name: data.hex()}))
        with pytest.raises(WrongPassphrase):
            made.open("one")
