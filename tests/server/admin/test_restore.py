"""`aparte admin restore`: the host of the backup, in a new life; and whatever is wrong with it, nothing has changed."""

from __future__ import annotations

import json
import shutil
import stat
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import apsw
import pytest

from aparte.server.admin import restoring
from aparte.server.blobs import BlobFiles
from aparte.server.shell.folder import locked
from aparte.wire import ErrorCode
from aparte.wire.link_frames import Problem
from aparte.wire.log_frames import Accepted
from tests.hosting_accounts import town
from tests.server.admin.hosts import (
    Host,
    Member,
    aparte,
    blob_index,
    clock,
    fill,
    keys_of,
    log_with,
    people,
    running,
)


@pytest.fixture
def backup(at_rest: Path, tmp_path: Path) -> Path:
    """A backup of `at_rest`."""
    assert aparte("admin", "backup", "--data", at_rest, tmp_path / "backup").code == 0
    return tmp_path / "backup"


def tree(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() if path.is_file() else b"" for path in folder.rglob("*")}


def restored(backup: Path, data: Path, *words: str) -> dict[str, object]:
    return aparte("admin", "restore", backup, "--data", data, *words, "--json").json


def test_restore_to_a_new_folder(backup: Path, at_rest: Path, tmp_path: Path) -> None:
    said = restored(backup, tmp_path / "deep" / "new")
    before = aparte("admin", "status", "--data", at_rest, "--json").json
    after = aparte("admin", "status", "--data", tmp_path / "deep" / "new", "--json").json
    kept = ("logs", "entries", "accounts", "devices", "blobs", "blob_bytes", "schema")
    assert {name: before[name] for name in kept} == {name: after[name] for name in kept}
    assert said["incarnation"] == after["incarnation"] != before["incarnation"]
    assert said["moved_aside"] is None


def test_restore_as_text(backup: Path, tmp_path: Path) -> None:
    said = aparte("admin", "restore", backup, "--data", tmp_path / "new")
    assert said.code == 0
    assert f"restored     {tmp_path / 'new'}\n" in said.out
    assert "all passes and tickets, 6 key packages, 0 invites\n" in said.out


def test_the_folder_is_its_owners_alone(backup: Path, tmp_path: Path) -> None:
    restored(backup, tmp_path / "new")
    for path in (tmp_path / "new", tmp_path / "new" / "host.db", tmp_path / "new" / "keys.json"):
        assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    assert not list(tmp_path.glob("new.*"))


def test_restore_to_an_empty_folder(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    restored(backup, tmp_path / "new")
    assert people(tmp_path / "new").keys() == {"alice", "bob", "carol"}


def test_what_is_there_is_moved_aside_if_asked(backup: Path, at_rest: Path) -> None:
    before = tree(at_rest)
    assert aparte("admin", "restore", backup, "--data", at_rest, "--json").fault == "exists"
    assert {path: content for path, content in tree(at_rest).items() if path.name != "lock"} == {
        path: content for path, content in before.items() if path.name != "lock"
    }
    aside = Path(str(restored(backup, at_rest, "--replace")["moved_aside"]))
    moved = {aside / path.relative_to(at_rest): content for path, content in before.items()}
    assert {path: content for path, content in tree(aside).items() if path.name != "lock"} == {
        path: content for path, content in moved.items() if path.name != "lock"
    }
    other = Path(str(restored(backup, at_rest, "--replace")["moved_aside"]))
    assert other != aside
    assert other.is_dir()
    assert aside.is_dir()


def test_not_while_a_host_runs(backup: Path, host: Host) -> None:
    for words in ([], ["--replace"]):
        assert aparte("admin", "restore", backup, "--data", host.data, *words, "--json").fault == "running"
    assert aparte("admin", "status", "--data", host.data, "--json").json["is_running"]


def test_what_must_not_come_back(at_rest: Path, tmp_path: Path) -> None:
    code = aparte("admin", "invite", "--data", at_rest, "--json").json["code"]
    aparte("admin", "backup", "--data", at_rest, tmp_path / "backup")
    said = restored(tmp_path / "backup", tmp_path / "new")
    assert (said["dropped_key_packages"], said["dropped_invites"]) == (6, 1)
    before, after = keys_of(at_rest), keys_of(tmp_path / "new")
    assert after.ticket_seed != before.ticket_seed
    assert after.pass_key != before.pass_key
    assert after.receipt_key == before.receipt_key, "receipts stay good"
    connection = apsw.Connection(str(tmp_path / "new" / "host.db"), flags=apsw.SQLITE_OPEN_READONLY)
    known = connection.execute("SELECT count(*), count(key_package) FROM key_package").fetchall()
    assert known == [(6, 0)]
    assert connection.execute("SELECT count(*) FROM invite").fetchall() == [(0,)]
    connection.close()
    assert code not in (tmp_path / "new" / "host.db").read_bytes().decode("latin-1")


def test_a_key_package_of_last_resort_stays(tmp_path: Path) -> None:
    fill(tmp_path / "data")
    with town(tmp_path / "data", now=clock()) as place:
        place.resident("dave").stocks(b"last", last_resort=True)
    aparte("admin", "backup", "--data", tmp_path / "data", tmp_path / "backup")
    assert restored(tmp_path / "backup", tmp_path / "new")["dropped_key_packages"] == 6
    connection = apsw.Connection(str(tmp_path / "new" / "host.db"), flags=apsw.SQLITE_OPEN_READONLY)
    found = connection.execute("SELECT key_package FROM key_package WHERE key_package IS NOT NULL").fetchall()
    connection.close()
    assert found == [(b"last",)]


def spoil(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.unlink()
    path.write_bytes(content)


def edit(folder: Path, **changes: object) -> None:
    path = folder / "backup.json"
    found = json.loads(path.read_text())
    found.update({name: value for name, value in changes.items() if name == "format"})
    found["backup"].update({name: value for name, value in changes.items() if name != "format"})
    path.write_text(json.dumps(found))


def trust_all(folder: Path) -> None:
    """Make the hashes in the backup those of its files: whoever damaged it was careful."""
    found = json.loads((folder / "backup.json").read_text())
    for file in found["backup"]["files"]:
        file["size"], file["sha256"] = restoring.hash_file(folder / file["name"], go_on=lambda: None)
    (folder / "backup.json").write_text(json.dumps(found))


def damage_pages(folder: Path) -> None:
    path = folder / "host.db"
    content = bytearray(path.read_bytes())
    content[5 * 4096 : 6 * 4096] = b"\xff" * 4096
    path.write_bytes(content)
    trust_all(folder)


def no_keys(folder: Path) -> None:
    (folder / "keys.json").write_text("{}")
    trust_all(folder)


def no_database(folder: Path) -> None:
    (folder / "blobs.db").write_bytes(b"hello")
    trust_all(folder)


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a bit of host.db": (lambda folder: spoil(folder / "host.db"), "damaged"),
    "a bit of blobs.db": (lambda folder: spoil(folder / "blobs.db"), "damaged"),
    "a bit of keys.json": (lambda folder: spoil(folder / "keys.json"), "damaged"),
    "a page, and its hash": (damage_pages, "damaged"),
    "keys that are none": (no_keys, "damaged"),
    "a database that is none": (no_database, "damaged"),
    "no host.db": (lambda folder: (folder / "host.db").unlink(), "damaged"),
    "no list": (lambda folder: (folder / "backup.json").unlink(), "not-found"),
    "half a list": (lambda folder: (folder / "backup.json").write_text('{"format": 1'), "damaged"),
    "a list of nothing": (lambda folder: (folder / "backup.json").write_text("[]"), "damaged"),
    "a list without files": (lambda folder: edit(folder, files=[]), "damaged"),
    "a file from elsewhere": (
        lambda folder: edit(folder, files=[{"name": "/etc/passwd", "size": 1, "sha256": ""}]),
        "damaged",
    ),
    "a later format": (lambda folder: edit(folder, format=2), "damaged"),
    "a later schema": (lambda folder: edit(folder, schema=999), "damaged"),
    "no blob": (lambda folder: next(folder.glob("blobs/*/*")).unlink(), "damaged"),
    "half a blob": (lambda folder: cut(next(folder.glob("blobs/*/*"))), "damaged"),
    "nothing at all": (shutil.rmtree, "not-found"),
}


def cut(path: Path) -> None:
    path.unlink()
    path.write_bytes(b"half")


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_backup_changes_nothing(backup: Path, at_rest: Path, damage: str) -> None:
    break_it, fault = DAMAGE[damage]
    break_it(backup)
    before = tree(at_rest)
    siblings = {path for path in at_rest.parent.iterdir() if path != backup}
    assert aparte("admin", "restore", backup, "--data", at_rest, "--replace", "--json").fault == fault
    assert {path: content for path, content in tree(at_rest).items() if path.name != "lock"} == {
        path: content for path, content in before.items() if path.name != "lock"
    }
    assert {path for path in at_rest.parent.iterdir() if path != backup} == siblings


def test_a_restore_that_fails_at_its_last_step_puts_all_back(
    backup: Path, at_rest: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rename = Path.rename

    def fail(path: Path, target: Path) -> Path:
        if path.name.endswith(".restoring"):
            raise OSError(5, "Input/output error")
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", fail)
    assert aparte("admin", "restore", backup, "--data", at_rest, "--replace", "--json").fault == "failed"
    assert people(at_rest).keys() == {"alice", "bob", "carol"}
    assert {path.name for path in at_rest.parent.iterdir()} == {"backup", "data"}


def test_what_an_interrupted_restore_left_is_not_touched(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "new.restoring").mkdir()
    said = aparte("admin", "restore", backup, "--data", tmp_path / "new", "--json")
    assert said.fault == "exists"
    assert (tmp_path / "new.restoring").is_dir()
    assert not (tmp_path / "new").exists()


def test_a_file_is_no_folder(backup: Path, tmp_path: Path) -> None:
    (tmp_path / "new").write_text("mine")
    assert aparte("admin", "restore", backup, "--data", tmp_path / "new", "--replace", "--json").fault in {
        "exists", "bad-request",
    }  # fmt: skip
    assert (tmp_path / "new").read_text() == "mine"


def test_no_host_starts_on_it_before_all_is_done(backup: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[bool] = []
    take_place = restoring._take_place

    def look(staging: Path, data: Path, *, has_old: bool) -> Path | None:
        with pytest.raises(restoring.AlreadyRunning), locked(staging):
            pass
        seen.append(True)
        return take_place(staging, data, has_old=has_old)

    monkeypatch.setattr(restoring, "_take_place", look)
    restored(backup, tmp_path / "new")
    assert seen


# -- a whole story ----------------------------------------------------------------------------------------------
@pytest.fixture
def busy(tmp_path: Path) -> Iterator[tuple[Host, list[Member]]]:
    """A running host with many logs."""
    data = tmp_path / "busy"
    fill(data, logs=0, blobs=40)
    with town(data, now=clock()) as place:
        logs = [log_with(place, b"first") for _ in range(24)]
    with running(data) as host:
        yield host, [Member(log, keys_of(data)) for log in logs]


def test_a_backup_under_load_serves_the_same_entries_in_a_new_life(
    busy: tuple[Host, list[Member]], tmp_path: Path
) -> None:
    host, members = busy
    accepted: dict[bytes, dict[int, bytes]] = {member.log.log_id: {} for member in members}
    enough, stop = threading.Event(), threading.Event()

    def post(mine: list[Member]) -> None:
        for number in range(55):  # as many as a log takes at once
            for member in mine:
                if stop.is_set():
                    return
                body = b"%d %d" % (number, id(member))
                answer = member.posts(host, body)
                assert isinstance(answer, Accepted), answer
                accepted[member.log.log_id][answer.seq] = body
                if number >= 3:
                    enough.set()

    threads = [threading.Thread(target=post, args=(members[i::3],)) for i in range(3)]
    for thread in threads:
        thread.start()
    assert enough.wait(20)
    sure = {log_id: dict(entries) for log_id, entries in accepted.items()}
    made = aparte("admin", "backup", "--data", host.data, tmp_path / "backup", "--json").json
    assert any(thread.is_alive() for thread in threads), "the load ended before the backup did"
    stop.set()
    for thread in threads:
        thread.join()
    assert made["blobs"] == 40
    old = host.about()
    host.stops()

    restored(tmp_path / "backup", tmp_path / "new")
    with running(tmp_path / "new") as again:
        new = again.about()
        assert new["incarnation"] != old["incarnation"]
        assert new["ticket_key"] != old["ticket_key"]
        assert new["host"] == old["host"]
        for member in members:
            refusal = member.reads(again)
            assert isinstance(refusal, Problem)
            assert refusal.code == ErrorCode.REFUSED
            found = Member(member.log, keys_of(tmp_path / "new")).entries(again)
            assert [entry.seq for entry in found] == list(range(1, len(found) + 1))
            bodies = {int(entry.seq): entry.body for entry in found}
            assert sure[member.log.log_id].items() <= bodies.items()
            assert bodies.items() <= (accepted[member.log.log_id] | {1: b"first"}).items()
            assert isinstance(Member(member.log, keys_of(tmp_path / "new")).posts(again, b"more"), Accepted)


def test_the_host_of_a_backup_goes_on_as_before(backup: Path, tmp_path: Path) -> None:
    restored(backup, tmp_path / "new")
    with running(tmp_path / "new"):
        assert people(tmp_path / "new").keys() == {"alice", "bob", "carol"}
    with blob_index(tmp_path / "new") as index:
        files = BlobFiles(tmp_path / "new")
        assert len([blob_id for blob_id in files.blobs() if index.blob(blob_id)]) == 5
