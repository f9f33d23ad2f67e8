"""`aparte admin restore` by root, into a folder of the host's user: all of it is that user's afterwards."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest

from aparte.server.admin.errors import AdminError
from aparte.server.admin.owners import Owner, owner_of
from aparte.server.shell.folder import locked
from tests.server.admin.hosts import aparte

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")

USER, GROUP = 54_321, 54_322


def given(folder: Path, uid: int = USER, gid: int = GROUP) -> None:
    """All of it becomes this user's."""
    for path in (folder, *folder.rglob("*")):
        os.chown(path, uid, gid, follow_symlinks=False)


def owners(folder: Path) -> set[tuple[int, int]]:
    found = [path.lstat() for path in (folder, *folder.rglob("*"))]
    assert len(found) > 10
    return {(each.st_uid, each.st_gid) for each in found}


def copy_of(data: Path, backup: Path) -> Path:
    assert aparte("admin", "backup", "--data", data, backup).code == 0
    return backup


def restored(backup: Path, data: Path, *words: str) -> None:
    assert aparte("admin", "restore", backup, "--data", data, *words).code == 0


def test_a_folder_of_somebodys(at_rest: Path, tmp_path: Path) -> None:
    backup = copy_of(at_rest, tmp_path / "backup")
    given(at_rest)
    given(backup, 0, 0)
    restored(backup, at_rest, "--replace")
    assert owners(at_rest) == {(USER, GROUP)}
    assert stat.S_IMODE(at_rest.stat().st_mode) == 0o700
    assert owners(backup) == {(0, 0)}, "the backup is whose it was"
    blobs = [path for path in (at_rest / "blobs").rglob("*") if path.is_file()]
    assert len(blobs) == 5
    assert {(path.stat().st_nlink, path.stat().st_mtime) for path in blobs} == {(1, 0)}


def test_an_empty_folder_of_somebodys(at_rest: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    given(tmp_path / "new")
    restored(copy_of(at_rest, tmp_path / "backup"), tmp_path / "new")
    assert owners(tmp_path / "new") == {(USER, GROUP)}


def test_a_new_folder_in_one_of_somebodys(at_rest: Path, tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    given(tmp_path / "home")
    restored(copy_of(at_rest, tmp_path / "backup"), tmp_path / "home" / "new")
    assert owners(tmp_path / "home" / "new") == {(USER, GROUP)}


def test_blobs_that_are_theirs_are_linked(at_rest: Path, tmp_path: Path) -> None:
    backup = copy_of(at_rest, tmp_path / "backup")
    for folder in (at_rest, backup):
        given(folder)
    restored(backup, at_rest, "--replace")
    assert owners(at_rest) == {(USER, GROUP)}
    assert {path.stat().st_nlink for path in (at_rest / "blobs").rglob("*") if path.is_file()} == {3}


def test_a_folder_of_roots_stays_roots(at_rest: Path, tmp_path: Path) -> None:
    restored(copy_of(at_rest, tmp_path / "backup"), at_rest, "--replace")
    assert owners(at_rest) == {(0, 0)}


def test_only_the_folder_that_we_made_is_given_away(tmp_path: Path) -> None:
    """Its owner-to-be may put another, with links in it, where ours was."""
    owner, (ours, theirs) = Owner(USER, GROUP), (tmp_path / "ours", tmp_path / "theirs")
    secret = tmp_path / "secret"
    secret.write_text("root's")
    for folder in (ours, theirs):
        folder.mkdir()
        (folder / "link").symlink_to(secret)
    os.chown(theirs, USER, GROUP)
    owner.take(ours)
    assert (ours / "link").lstat().st_uid == USER
    with pytest.raises(AdminError, match="another folder in the place"):
        owner.take(theirs)
    (tmp_path / "a link").symlink_to(tmp_path)
    with pytest.raises(OSError, match=r"Not a directory|symbolic links"):
        owner.take(tmp_path / "a link")
    assert (secret.stat().st_uid, tmp_path.stat().st_uid) == (0, 0)


def test_whose_a_folder_would_be(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    given(tmp_path / "home")
    assert owner_of(tmp_path / "home" / "a" / "b") == Owner(USER, GROUP)
    assert owner_of(tmp_path) == Owner(0, 0)


def test_a_lock_that_root_makes(at_rest: Path, tmp_path: Path) -> None:
    """Every command at rest takes it, this one in vain."""
    backup = copy_of(at_rest, tmp_path / "backup")
    (at_rest / "lock").unlink()
    given(at_rest)
    assert aparte("admin", "restore", backup, "--data", at_rest).code == 1, "there is something in it"
    assert (at_rest / "lock").exists()
    assert owners(at_rest) == {(USER, GROUP)}


def test_a_lock_that_leads_elsewhere(tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text("root's")
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "lock").symlink_to(secret)
    with pytest.raises(OSError, match="symbolic links"), locked(tmp_path / "data"):
        pass
    assert secret.read_text() == "root's"
