"""`aparte admin backup`: consistent, durable, private; and nothing half done under its name."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import stat
from pathlib import Path
from typing import Any

import apsw
import pytest

from aparte.server.admin import backup as backup_module
from aparte.server.admin import commands
from aparte.server.admin.control import ask
from aparte.server.admin.copies import link_or_copy
from aparte.server.admin.requests import Answer, Request
from aparte.server.blobs import BlobFiles, BlobId, Upload, UploadId
from tests.server.admin.hosts import Host, add_blobs, aparte, blob_index, clock


def backed_up(folder: Path) -> apsw.Connection:
    return apsw.Connection(str(folder / "blobs.db"), flags=apsw.SQLITE_OPEN_READONLY)


def test_backup(data: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    said = aparte("admin", "backup", "--data", data, copy, "--json").json
    assert said["destination"] == str(copy)
    assert said["blobs"] >= 5
    assert said["blob_bytes"] == 1000 * said["blobs"]
    assert said["lost_blobs"] == 0
    assert {path.name for path in copy.iterdir()} == {
        "backup.json", "blobs", "blobs.db", "host.db", "keys.json", "uploads",
    }  # fmt: skip
    assert not list(tmp_path.glob("copy.*"))


def test_as_text(data: Path, tmp_path: Path) -> None:
    said = aparte("admin", "backup", "--data", data, tmp_path / "copy")
    assert said.code == 0
    assert f"backup     {tmp_path / 'copy'}\n" in said.out


def test_what_it_says_of_itself_is_so(data: Path, tmp_path: Path) -> None:
    aparte("admin", "backup", "--data", data, tmp_path / "copy")
    found = json.loads((tmp_path / "copy" / "backup.json").read_text())["backup"]
    for file in found["files"]:
        content = (tmp_path / "copy" / file["name"]).read_bytes()
        assert (file["size"], file["sha256"]) == (len(content), hashlib.sha256(content).hexdigest())
    status = aparte("admin", "status", "--data", data, "--json").json
    assert (found["incarnation"], found["schema"]) == (status["incarnation"], status["schema"])


def test_it_is_for_its_owner_alone(data: Path, tmp_path: Path) -> None:
    aparte("admin", "backup", "--data", data, tmp_path / "copy")
    copied = [tmp_path / "copy", *(tmp_path / "copy").iterdir()]
    assert {stat.S_IMODE(path.stat().st_mode) & 0o077 for path in copied} == {0}


def test_the_databases_stand_alone(data: Path, tmp_path: Path) -> None:
    """One file each, whole, that no write-ahead log belongs to."""
    aparte("admin", "backup", "--data", data, tmp_path / "copy")
    for name, table in (("host.db", "entry"), ("blobs.db", "blob")):
        connection = apsw.Connection(str(tmp_path / "copy" / name), flags=apsw.SQLITE_OPEN_READONLY)
        assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert connection.pragma("journal_mode") == "delete"
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchall()[0][0] >= 5
        connection.close()


def test_a_relative_path_is_the_callers(data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert aparte("admin", "backup", "--data", data, "copy", "--json").json["destination"] == str(tmp_path / "copy")


def test_nothing_is_overwritten(data: Path, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nowhere")
    (tmp_path / "other.partial").mkdir()
    before = sorted(tmp_path.rglob("*"))
    for name in ("folder", "file", "link", "other"):
        assert aparte("admin", "backup", "--data", data, tmp_path / name, "--json").fault == "exists"
    assert [path for path in sorted(tmp_path.rglob("*")) if "data" not in path.parts] == [
        path for path in before if "data" not in path.parts
    ]


def test_bad_places(data: Path, tmp_path: Path) -> None:
    assert aparte("admin", "backup", "--data", data, tmp_path / "no" / "copy", "--json").fault == "not-found"
    assert aparte("admin", "backup", "--data", data, data / "copy", "--json").fault == "bad-request"
    assert aparte("admin", "backup", "--data", data, data / ".." / data.name / "x", "--json").fault == "bad-request"
    assert aparte("admin", "backup", "--data", data, "--json").fault == "bad-request"
    assert aparte("admin", "backup", "--data", data).code == 1


@pytest.mark.parametrize("number", [errno.EROFS, errno.EACCES])
def test_where_the_host_may_not_write(
    at_rest: Path, tmp_path: Path, number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    mkdir = Path.mkdir

    def refuses(path: Path, *args: Any, **kwargs: Any) -> None:
        if path.suffix == ".partial":
            raise OSError(number, os.strerror(number), str(path))
        mkdir(path, *args, **kwargs)

    monkeypatch.setattr(Path, "mkdir", refuses)
    said = aparte("admin", "backup", "--data", at_rest, tmp_path / "copy", "--json")
    assert said.fault == "failed"
    assert f"the host may not write to {tmp_path}" in said.err
    assert "Errno" not in said.err


def test_a_backup_that_only_the_host_can_see(host: Host, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def private_tmp(data: Path, request: Request) -> Answer:
        answer = ask(data, request)
        (tmp_path / "copy").rename(tmp_path / "elsewhere")
        return answer

    monkeypatch.setattr(commands, "ask", private_tmp)
    said = aparte("admin", "backup", "--data", host.data, tmp_path / "copy", "--json")
    assert said.fault == "failed"
    assert "is not there" in said.err


def test_blobs_are_linked_or_copied(at_rest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert aparte("admin", "backup", "--data", at_rest, tmp_path / "linked", "--json").json["linked_blobs"] == 5

    def no_link(*_: Path) -> None:
        raise OSError(18, "another file system")

    monkeypatch.setattr(os, "link", no_link)
    assert aparte("admin", "backup", "--data", at_rest, tmp_path / "copied", "--json").json["linked_blobs"] == 0
    for blob_id in BlobFiles(at_rest).blobs():
        original, *copies = (
            BlobFiles(folder).blob_path(blob_id) for folder in (at_rest, tmp_path / "linked", tmp_path / "copied")
        )
        assert [copy.read_bytes() == original.read_bytes() for copy in copies] == [True, True]
        assert [copy.samefile(original) for copy in copies] == [True, False]


def test_a_blob_that_is_erased_meanwhile_is_in_neither(
    at_rest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone: list[BlobId] = []

    def erase_first(source: Path, target: Path) -> bool:
        if not gone:
            gone.append(BlobId(bytes.fromhex(source.name)))
            with blob_index(at_rest) as index:
                index.erase(gone)
            source.unlink()
        return link_or_copy(source, target)

    monkeypatch.setattr(backup_module, "link_or_copy", erase_first)
    said = aparte("admin", "backup", "--data", at_rest, tmp_path / "copy", "--json").json
    assert (said["blobs"], said["lost_blobs"]) == (4, 0)
    assert_index_and_files_agree(tmp_path / "copy", 4)


def test_a_blob_that_comes_meanwhile_is_in_neither(
    at_rest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    came: list[BlobId] = []

    def add_first(source: Path, target: Path) -> bool:
        if not came:
            came.extend(add_blobs(at_rest, 1))
        return link_or_copy(source, target)

    monkeypatch.setattr(backup_module, "link_or_copy", add_first)
    assert aparte("admin", "backup", "--data", at_rest, tmp_path / "copy", "--json").json["blobs"] == 5
    assert_index_and_files_agree(tmp_path / "copy", 5)


def assert_index_and_files_agree(folder: Path, count: int) -> None:
    connection = backed_up(folder)
    indexed = dict(connection.execute("SELECT blob_id, size FROM blob").fetchall())
    connection.close()
    files = BlobFiles(folder)
    assert indexed == {blob_id: files.blob_size(blob_id) for blob_id in files.blobs()}
    assert len(indexed) == count


def test_a_blob_that_the_host_has_lost_is_told(data: Path, tmp_path: Path) -> None:
    [lost, short] = add_blobs(data, 2)
    BlobFiles(data).blob_path(lost).unlink()
    BlobFiles(data).blob_path(short).write_bytes(b"short")
    said = aparte("admin", "backup", "--data", data, tmp_path / "copy")
    assert "2 blobs should be there and were not, or not whole: look at the disk.\n" in said.out
    assert_index_and_files_agree(tmp_path / "copy", 5)


def test_unfinished_uploads_stay_away(at_rest: Path, tmp_path: Path) -> None:
    with blob_index(at_rest) as index:
        for finished, number in ((False, b"1"), (True, b"2")):
            upload = Upload(UploadId(number * 16), BlobId(number * 16), 9, 0, 3, 1 << 50, bytes(32))
            index.begin(upload)
            if finished:
                BlobFiles(at_rest).blob_path(upload.blob_id).write_bytes(b"nine byte")
                index.finish(upload.upload_id, type(clock())(30_000))  # type: ignore[arg-type]
    (at_rest / "uploads" / (b"1" * 16).hex()).write_bytes(b"half")
    aparte("admin", "backup", "--data", at_rest, tmp_path / "copy")
    connection = backed_up(tmp_path / "copy")
    assert connection.execute("SELECT upload_id FROM blob_upload").fetchall() == [(b"2" * 16,)]
    connection.close()
    assert not list((tmp_path / "copy" / "uploads").iterdir())


@pytest.mark.parametrize("step", ["_copy_blobs", "hash_file", "write_inventory", "flush_folder"])
def test_a_backup_that_fails_leaves_nothing(
    at_rest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backup_module, step, fail)
    said = aparte("admin", "backup", "--data", at_rest, tmp_path / "copy", "--json")
    assert said.fault == "failed"
    assert "No space left" in said.err
    assert not list(tmp_path.glob("copy*"))


def test_a_folder_without_keys(at_rest: Path, tmp_path: Path) -> None:
    (at_rest / "keys.json").unlink()
    assert aparte("admin", "backup", "--data", at_rest, tmp_path / "copy", "--json").fault == "failed"
    assert not list(tmp_path.glob("copy*"))


def test_a_backup_leaves_an_older_schema_as_it_is(at_rest: Path, tmp_path: Path) -> None:
    connection = apsw.Connection(str(at_rest / "host.db"))
    connection.pragma("user_version", 1)
    connection.close()
    aparte("admin", "backup", "--data", at_rest, tmp_path / "copy")
    assert json.loads((tmp_path / "copy" / "backup.json").read_text())["backup"]["schema"] == 1
