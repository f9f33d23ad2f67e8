"""What `aparte admin status` says of the host's certificate: when it ends, and that the next one was not to be had."""

from __future__ import annotations

import asyncio
import json
import re
import time
from pathlib import Path

import pytest

from aparte.server.admin.control import ask
from aparte.server.admin.hosting import control_socket
from aparte.server.admin.requests import CertificateStatus, GetStatus, Status
from aparte.server.admin.text import render
from aparte.server.shell.acme import Shelf
from aparte.server.shell.acme.pace import Failures
from aparte.server.shell.acme.settings import LETS_ENCRYPT
from aparte.server.shell.acme.shelf import load_key
from aparte.server.shell.serve import Host
from tests.hosting import HOST
from tests.server.acme_ca import Refused
from tests.server.acme_scenes import DAY, Place, played, until
from tests.server.admin.authority import Authority
from tests.server.admin.hosts import aparte, running

MOMENT = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"
FAILED = Failures().with_another("the CA: no", at=1_800_000_000.0, heard=True, pause=0.0)
TOLD = "on 2027-01-15 08:00 UTC: the CA: no"
STAGING = "https://staging.example/directory"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def shelf_of(data: Path, files: tuple[Path, Path] | None, *, directory: str = LETS_ENCRYPT) -> Shelf:
    shelf = Shelf(data, directory)
    shelf.prepare()
    if files is not None:
        shelf.put_certificate(files[0].read_bytes(), load_key(files[1].read_bytes(), of=files[1]))
    return shelf


def configured(data: Path, text: str) -> Path:
    path = data.with_name("host.toml")
    path.write_text(f'data = "{data}"\ndomain = "{HOST}"\n{text}')
    return path


def line(text: str, word: str) -> str | None:
    found = re.search(rf"^{word} +(.*)$", text, re.MULTILINE)
    return found[1] if found else None


def test_a_host_that_does_not_encrypt(data: Path) -> None:
    assert aparte("admin", "status", "--data", data, "--json").json["certificate"] is None
    text = aparte("admin", "status", "--data", data).out
    assert (line(text, "certificate"), line(text, "not renewed")) == ("-", None)


@pytest.mark.parametrize("is_configured", [True, False])
def test_a_renewal_that_failed(at_rest: Path, authority: Authority, is_configured: bool) -> None:
    shelf = shelf_of(at_rest, authority.certify(HOST, ends=5.5, label="ends"))
    config = configured(at_rest, "[acme]\naccept_terms = true")
    where = ["--config", config] if is_configured else ["--data", at_rest]
    said = aparte("admin", "status", *where, "--json").json["certificate"]
    ends = time.mktime(time.strptime(said["ends"], "%Y-%m-%dT%H:%M:%SZ")) - time.timezone
    assert 5.4 * DAY < ends - time.time() < 5.6 * DAY
    assert (said["failed_at"], said["failure"]) == (None, None)
    shelf.note_failures(FAILED)
    said = aparte("admin", "status", *where, "--json").json["certificate"]
    assert (said["failed_at"], said["failure"]) == ("2027-01-15T08:00:00Z", "the CA: no")
    text = aparte("admin", "status", *where).out
    assert re.fullmatch(r"ends on \d{4}-\d\d-\d\d \d\d:\d\d UTC", line(text, "certificate") or "")
    assert line(text, "not renewed") == TOLD


def test_a_host_that_never_had_one(at_rest: Path) -> None:
    shelf_of(at_rest, None).note_failures(FAILED)
    text = aparte("admin", "status", "--data", at_rest).out
    assert (line(text, "certificate"), line(text, "not renewed")) == ("none that can be read", TOLD)


def test_the_ca_that_is_configured_or_else_the_latest(at_rest: Path, authority: Authority) -> None:
    shelf_of(at_rest, authority.certify(HOST, label="real"))
    shelf_of(at_rest, None, directory=STAGING).note_failures(FAILED)
    assert aparte("admin", "status", "--data", at_rest, "--json").json["certificate"]["failure"] == "the CA: no"
    config = configured(at_rest, "[acme]\naccept_terms = true")
    said = aparte("admin", "status", "--config", config, "--json").json["certificate"]
    assert re.fullmatch(MOMENT, said["ends"])
    assert said["failure"] is None
    config = configured(at_rest, "behind_proxy = true")
    assert aparte("admin", "status", "--config", config, "--json").json["certificate"] is None


@pytest.mark.parametrize("at", [-1.0, 1e300, 253_402_300_800.0])
def test_a_record_of_failures_that_is_none(at_rest: Path, authority: Authority, at: float) -> None:
    shelf = shelf_of(at_rest, authority.certify(HOST, label="fine"))
    shelf.note_failures(FAILED)
    path = shelf.folder / "failures.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"at": at}))
    assert aparte("admin", "status", "--data", at_rest, "--json").json["certificate"]["failed_at"] is None


def test_a_running_host_with_files(at_rest: Path, authority: Authority) -> None:
    chain, key = authority.certify(HOST, ends=30.5, label="files")
    with running(at_rest, "--tls-cert", chain, "--tls-key", key) as host:
        said = aparte("admin", "status", "--data", host.data, "--json").json
        assert said["is_running"]
        assert re.fullmatch(MOMENT, said["certificate"]["ends"])
        chain.write_text("half of a certifi")
        text = aparte("admin", "status", "--data", host.data).out
        assert line(text, "certificate") == "none that can be read"


def test_a_running_host_whose_renewal_fails(tmp_path: Path) -> None:
    """The CA says no; whoever asks hears of it, from the host itself."""

    async def asks(host: Host) -> Status:
        found = await asyncio.to_thread(ask, host.data, GetStatus())
        assert isinstance(found, Status)
        return found

    async def play(place: Place) -> None:
        place.ca.validity[:] = [(-80, 10)]
        await place.obtains()
        place.ages(80)
        place.ca.refusals.update(order=Refused("rateLimited", "too many\x1b[31m certificates"))

        async def has_failed() -> bool:
            return bool(place.shelf.failures().said)

        async with place.host() as (_, host), control_socket(host):
            await until(has_failed)
            found = await asks(host)
            assert isinstance(found.certificate, CertificateStatus)
            assert found.certificate.failure == "the CA: too many [31m certificates"
            assert re.fullmatch(MOMENT, found.certificate.failed_at or "")
            assert re.fullmatch(MOMENT, found.certificate.ends or "")
            [told] = [each for each in render(found) if each.startswith("not renewed")]
            assert told.endswith("UTC: the CA: too many [31m certificates")

    played(tmp_path, play)
