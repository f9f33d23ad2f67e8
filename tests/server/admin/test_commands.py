"""`aparte admin`, every command: on a host that runs and on one at rest, as text and as JSON."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

import aparte as package
from aparte.server.accounts.invites import hash_code
from aparte.server.blobs import BlobFiles
from aparte.server.opening import day_of
from aparte.server.shell.folder import locked
from aparte.server.store import Store
from aparte.wire.account_frames import Found, LookUpName
from aparte.wire.ids import Request, TicketKind
from aparte.wire.link_frames import Problem
from tests.hosting import HOST
from tests.server.admin.hosts import APARTE, NAMES, Host, add_blobs, aparte, blob_index, clock, fill, opened, people


def test_status(data: Path) -> None:
    said = aparte("admin", "status", "--data", data, "--json").json
    assert (said["version"], said["schema"]) == (package.__version__, 2)
    assert (said["logs"], said["entries"]) == (3, 6)
    assert (said["accounts"], said["devices"]) == (3, 3)
    assert said["blobs"] >= 5
    assert said["blob_bytes"] == 1000 * said["blobs"]
    assert said["free_bytes"] > 0
    assert len(said["incarnation"]) == 32


def test_status_says_whether_the_host_runs(host: Host, at_rest: Path) -> None:
    live = aparte("admin", "status", "--data", host.data, "--json").json
    rest = aparte("admin", "status", "--data", at_rest, "--json").json
    assert (live["is_running"], live["host"], live["links"]) == (True, HOST, 0)
    assert live["uptime_seconds"] >= 0
    assert (rest["is_running"], rest["host"], rest["links"], rest["uptime_seconds"]) == (False, None, None, None)


def test_status_as_text_names_nobody(data: Path) -> None:
    said = aparte("admin", "status", "--data", data)
    lines = said.out.splitlines()
    assert len({line.index(line.split("  ")[-1].strip()) for line in lines if "  " in line}) == 1, said.out
    assert re.search(r"^accounts +3$", said.out, re.MULTILINE)
    assert not any(name in said.out for name in NAMES)


def test_users(data: Path) -> None:
    found = people(data)
    assert set(NAMES) <= found.keys()
    alice = found["alice"]
    assert (alice["devices"], alice["is_operator"], alice["is_suspended"], alice["deletes_on"]) == (
        1,
        False,
        False,
        None,
    )
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", alice["created_on"])
    said = aparte("admin", "users", "--data", data).out
    assert re.search(rf"^alice +{alice['created_on']} +1", said, re.MULTILINE)


def test_an_empty_host_has_no_users(tmp_path: Path) -> None:
    opened_folder = tmp_path / "data"
    opened_folder.mkdir()
    opened(opened_folder).close()
    assert aparte("admin", "users", "--data", opened_folder).out == "No accounts.\n"


def test_many_users_come_page_by_page(at_rest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aparte.server.admin.operations.PAGE", 2)
    assert list(people(at_rest)) == list(NAMES)


def test_invite(data: Path) -> None:
    said = aparte("admin", "invite", "--data", data, "--uses", 5, "--days", 3, "--json").json
    assert re.fullmatch(r"[A-Z2-7]{26}", said["code"])
    assert said["uses"] == 5
    text = aparte("admin", "invite", "--data", data).out
    assert re.search(r"^code +[A-Z2-7]{26}$", text, re.MULTILINE)
    assert "for 1 account, until" in text


def test_an_invite_is_good_and_kept_as_a_hash_alone(at_rest: Path) -> None:
    code = aparte("admin", "invite", "--data", at_rest, "--uses", 5, "--days", 3, "--json").json["code"]
    store = opened(at_rest)
    with store.transaction() as transaction:
        found = transaction.accounts().directory.invite(hash_code(code.lower()))
    store.close()
    assert found is not None
    assert found[:3] == (5, day_of(clock()) + 3, False)
    assert code.encode() not in (at_rest / "host.db").read_bytes()


def test_the_link_of_an_invite_is_below_the_hosts_name(host: Host, tmp_path: Path, at_rest: Path) -> None:
    said = aparte("admin", "invite", "--data", host.data, "--json").json
    assert said["link"] == f"https://{HOST}/#join={said['code']}"
    config = tmp_path / "host.toml"
    config.write_text(f'domain = "chat.example"\ndata = "{at_rest}"\n')
    said = aparte("admin", "invite", "--config", config, "--json").json
    assert said["link"].startswith("https://chat.example/#join=")
    assert aparte("admin", "invite", "--data", at_rest, "--json").json["link"] is None


@pytest.mark.parametrize("words", [["--uses", 0], ["--uses", -1], ["--uses", "many"], ["--days", -1], ["--days", 9999]])
def test_invites_out_of_bounds(data: Path, words: list[object]) -> None:
    assert aparte("admin", "invite", "--data", data, *words, "--json").fault == "bad-request"
    text = aparte("admin", "invite", "--data", data, *words)
    assert (text.code, text.out) == (1, "")
    assert "Error: " in text.err


def test_suspend_and_back(data: Path) -> None:
    said = aparte("admin", "suspend", "--data", data, "Bob", "--json").json
    assert said == {"account": "bob", "is_suspended": True, "has_changed": True}
    assert people(data)["bob"]["is_suspended"]
    assert aparte("admin", "suspend", "--data", data, "bob").out == "bob is suspended already.\n"
    assert re.search(r"^bob .* suspended$", aparte("admin", "users", "--data", data).out, re.MULTILINE)
    assert aparte("admin", "unsuspend", "--data", data, "bob").out == "bob is not suspended.\n"
    assert not people(data)["bob"]["is_suspended"]


def test_nobody_finds_who_is_suspended(host: Host) -> None:
    assert isinstance(host.asks(LookUpName(Request(1), "bob")), Found)
    aparte("admin", "suspend", "--data", host.data, "bob")
    assert isinstance(host.asks(LookUpName(Request(1), "bob")), Problem)
    aparte("admin", "unsuspend", "--data", host.data, "bob")
    assert isinstance(host.asks(LookUpName(Request(1), "bob")), Found)


def test_an_account_by_its_id(data: Path) -> None:
    called = f"id:{people(data)['carol']['account_id']}"
    assert aparte("admin", "suspend", "--data", data, called, "--json").json["account"] == "carol"
    assert aparte("admin", "unsuspend", "--data", data, called, "--json").json["has_changed"]
    assert aparte("admin", "quota", "--data", data, f"id:{'00' * 32}", "--json").fault == "not-found"
    assert aparte("admin", "quota", "--data", data, "id:xyz", "--json").fault == "bad-request"


@pytest.mark.parametrize(
    "command",
    [
        ["suspend"],
        ["unsuspend"],
        ["quota"],
        ["purge", "account", "--yes"],
        ["release-name"],
        ["release-name", "--take"],
    ],
)
def test_unknown_names(data: Path, command: list[str]) -> None:
    words = ["admin", *command, "--data", data]
    assert aparte(*words, "nobody-here", "--json").fault == "not-found"
    assert aparte(*words, "no such name", "--json").fault == "bad-request"
    said = aparte(*words, "nobody-here")
    assert (said.code, said.out) == (1, "")
    assert re.fullmatch(r"Error: .*'nobody-here'.*\n", said.err)


def test_quota(at_rest: Path) -> None:
    count_tickets(opened(at_rest), people(at_rest)["alice"]["account_id"])
    said = aparte("admin", "quota", "--data", at_rest, "alice", "--json").json
    assert {t["kind"]: t["issued"] for t in said["tickets"]}["knock"] == 7
    text = aparte("admin", "quota", "--data", at_rest, "alice").out
    assert re.search(r"^knock +7 of 50$", text, re.MULTILINE)
    assert "same for all accounts" in text


def count_tickets(store: Store, account_id: str) -> None:
    with store.transaction() as transaction:
        directory = transaction.accounts().directory
        row = directory.find(bytes.fromhex(account_id))  # type: ignore[arg-type]
        assert row is not None
        directory.issue(row.ref, TicketKind.KNOCK, day=day_of(clock()), count=7)
    store.close()


def test_quota_of_a_running_host(host: Host) -> None:
    said = aparte("admin", "quota", "--data", host.data, "alice", "--json").json
    assert said["account"] == "alice"
    assert all(ticket["issued"] == 0 < ticket["daily"] for ticket in said["tickets"])


def test_names_are_taken_rest_and_are_released(data: Path) -> None:
    in_use = aparte("admin", "release-name", "--data", data, "carol", "--json")
    assert in_use.fault == "in-use"
    assert "carol" in people(data)
    taken = aparte("admin", "release-name", "--data", data, "carol", "--take", "--json").json
    assert re.fullmatch(r"\d{4}-\d\d-\d\d", taken["rests_until"])
    assert "carol" not in people(data)
    assert aparte("admin", "release-name", "--data", data, "carol").out == "carol is free for anybody.\n"
    assert aparte("admin", "release-name", "--data", data, "carol", "--json").fault == "not-found"
    nameless = people(data)[""]
    assert f"id:{nameless['account_id']}" in aparte("admin", "users", "--data", data).out


def test_purge_an_account(tmp_path: Path, at_rest: Path) -> None:
    unsure = aparte("admin", "purge", "account", "--data", at_rest, "bob", "--json")
    assert unsure.fault == "bad-request"
    assert "bob" in people(at_rest)
    said = aparte("admin", "purge", "account", "--data", at_rest, "bob", "--yes", "--json").json
    assert said == {"account": "bob", "name": "bob", "devices": 1}
    assert people(at_rest).keys() == {"alice", "carol"}
    fill(tmp_path / "other")
    text = aparte("admin", "purge", "account", "--data", tmp_path / "other", "bob", "--yes").out
    assert text == "bob is deleted, with 1 device. Its name, bob, rests.\n"


def test_purge_an_account_of_a_running_host(host: Host) -> None:
    assert isinstance(host.asks(LookUpName(Request(1), "bob")), Found)
    assert aparte("admin", "purge", "account", "--data", host.data, "bob", "--yes", "--json").json["devices"] == 1
    assert isinstance(host.asks(LookUpName(Request(1), "bob")), Problem)


def test_purge_what_is_out_of_date(data: Path) -> None:
    [late] = add_blobs(data, 1, days=-1)
    said = aparte("admin", "purge", "expired", "--data", data, "--yes", "--json").json
    assert said == {"entries": 0, "account_rows": 0, "blobs": 1, "uploads": 0}
    assert not BlobFiles(data).blob_path(late).exists()
    with blob_index(data) as index:
        assert index.blob(late) is None
    assert re.search(r"^blobs +0$", aparte("admin", "purge", "expired", "--data", data, "--yes").out, re.MULTILINE)


def test_purge_entries_and_accounts_that_are_out_of_date(at_rest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = opened(at_rest)
    with store.transaction() as transaction:
        directory = transaction.accounts().directory
        row = directory.find(bytes.fromhex(people(at_rest)["bob"]["account_id"]))  # type: ignore[arg-type]
        assert row is not None
        directory.set_deletion(row.ref, day_of(clock()))
    store.close()
    said = aparte("admin", "purge", "expired", "--data", at_rest, "--yes", "--json").json
    assert (said["entries"], said["account_rows"]) == (0, 1)
    assert "bob" not in people(at_rest)
    late = clock() + 40 * 86_400_000
    monkeypatch.setattr("aparte.server.admin.desk.time.time_ns", lambda: late * 1_000_000)
    assert aparte("admin", "purge", "expired", "--data", at_rest, "--yes", "--json").json["entries"] == 6


def test_nothing_is_purged_by_a_clock_that_has_leapt(at_rest: Path) -> None:
    store = opened(at_rest)
    store.note_sweep(type(clock())(clock() - 90 * 86_400_000))
    store.close()
    assert aparte("admin", "purge", "expired", "--data", at_rest, "--json").fault == "clock"
    store = opened(at_rest)
    store.note_sweep(clock())
    store.close()
    assert aparte("admin", "purge", "expired", "--data", at_rest, "--json").code == 0


@pytest.mark.parametrize(
    "command",
    [
        ["status"],
        ["users"],
        ["invite"],
        ["suspend", "bob"],
        ["release-name", "bob"],
        ["quota", "bob"],
        ["purge", "expired"],
        ["purge", "account", "bob", "--yes"],
        ["backup", "copy"],
    ],
)
def test_where_no_host_is(tmp_path: Path, command: list[str]) -> None:
    for folder in (tmp_path / "none", tmp_path / "empty"):
        said = aparte("admin", *command, "--data", folder, "--json")
        assert said.fault == "no-host"
        assert not list(tmp_path.glob("none/*")) + list(tmp_path.glob("empty/*")), "made something there"
        (tmp_path / "empty").mkdir(exist_ok=True)


def test_a_bad_configuration(tmp_path: Path) -> None:
    config = tmp_path / "host.toml"
    config.write_text("color = 1\n")
    assert aparte("admin", "status", "--config", config, "--json").fault == "failed"
    assert aparte("admin", "status", "--config", tmp_path / "none", "--json").fault == "bad-request"


def test_the_folder_of_another_who_does_not_answer(at_rest: Path) -> None:
    with locked(at_rest):
        said = aparte("admin", "users", "--data", at_rest, "--json")
    assert said.fault == "running"


def test_the_command_itself(host: Host) -> None:
    """In a process of its own: exit codes, streams."""
    good = subprocess.run([APARTE, "admin", "status", "--data", host.data], check=False, capture_output=True, text=True)
    assert (good.returncode, good.stderr) == (0, "")
    bad = [APARTE, "admin", "quota", "nobody-here", "--data", host.data, "--json"]
    failed = subprocess.run(bad, check=False, capture_output=True, text=True)
    assert (failed.returncode, failed.stdout) == (1, "")
    assert '"not-found"' in failed.stderr
