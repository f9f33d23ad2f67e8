"""`aparte doctor` and the TLS files of a host."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from aparte.server.admin.doctor.certificates import check_tls, matches
from aparte.server.admin.doctor.findings import Finding, Level
from aparte.server.shell.acme import AcmeSettings, Shelf
from aparte.server.shell.acme.pace import Failures
from aparte.server.shell.acme.settings import LETS_ENCRYPT
from aparte.server.shell.acme.shelf import load_key
from aparte.server.shell.config import HostConfig
from tests.hosting import HOST
from tests.server.acme_scenes import Place, played
from tests.server.admin.authority import Authority
from tests.server.admin.examined import assert_bad, look, worst
from tests.server.admin.hosts import clock


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


def tls(config: HostConfig, files: tuple[Path, Path]) -> list[Finding]:
    return list(check_tls(replace(config, certificate=files), clock()))


def test_a_good_certificate(config: HostConfig, authority: Authority) -> None:
    for names in ((HOST,), ("*.example",), ("other.example", HOST.upper())):
        [finding] = tls(config, authority.certify(*names))
        assert finding.level is Level.OK, finding
        assert "89 days more" in finding.found or "90 days more" in finding.found


def test_certificates_that_end(config: HostConfig, authority: Authority) -> None:
    files = authority.certify(HOST, begins=-9, ends=-3, label="over")
    assert_bad(tls(config, files), "tls", Level.FAIL, "^it ended 3 days ago$")
    files = authority.certify(HOST, ends=5.1, label="soon")
    assert_bad(tls(config, files), "tls", Level.WARN, "^it ends in 5 days$")
    files = authority.certify(HOST, begins=2, label="future")
    assert_bad(tls(config, files), "tls", Level.FAIL, "^it begins on ")


def test_a_certificate_for_another_name(config: HostConfig, authority: Authority) -> None:
    for names in (("other.example",), ("*.other.example",), ("*",), ()):
        assert_bad(tls(config, authority.certify(*names, label="name")), "tls", Level.FAIL, "^it is for ")


def test_a_key_of_another_certificate(config: HostConfig, authority: Authority) -> None:
    chain, _ = authority.certify(HOST, label="one")
    _, key = authority.certify(HOST, label="two")
    assert_bad(tls(config, (chain, key)), "tls", Level.FAIL, "is not the key of")


def test_a_key_that_everybody_may_read(config: HostConfig, authority: Authority) -> None:
    chain, key = authority.certify(HOST, label="open")
    key.chmod(0o644)
    assert_bad(tls(config, (chain, key)), "tls", Level.WARN, "everybody may read")


def test_files_that_are_no_certificates(config: HostConfig, authority: Authority, tmp_path: Path) -> None:
    chain, key = authority.certify(HOST, label="fine")
    (tmp_path / "bad.pem").write_text("hello")
    for files in ((tmp_path / "bad.pem", key), (chain, tmp_path / "bad.pem"), (tmp_path / "none", key), (key, chain)):
        assert_bad(tls(config, files), "tls", Level.FAIL, "")


def test_a_host_without_tls(config: HostConfig) -> None:
    assert_bad(list(check_tls(replace(config, address="0.0.0.0"), clock())), "tls", Level.FAIL, "nothing encrypts")
    for changes in ({"address": "::1"}, {"address": "localhost"}, {"address": "0.0.0.0", "behind_proxy": True}):
        assert worst(list(check_tls(replace(config, **changes), clock()))) == []  # type: ignore[arg-type]


def test_names() -> None:
    assert matches(["a.example"], "A.example:8443")
    assert matches(["*.example"], "a.example")
    assert not matches(["*.example"], "a.b.example")
    assert not matches(["*.example"], "example")
    assert not matches(["*"], "localhost")


def by_acme(config: HostConfig, files: tuple[Path, Path] | None, *, failures: Failures | None = None) -> list[Finding]:
    asking = replace(config, address="0.0.0.0", acme=AcmeSettings())
    shelf = Shelf(config.data, LETS_ENCRYPT)
    shelf.prepare()
    if files is not None:
        shelf.put_certificate(files[0].read_bytes(), load_key(files[1].read_bytes(), of=files[1]))
    if failures is not None:
        shelf.note_failures(failures)
    return list(check_tls(asking, clock()))


def test_a_certificate_by_acme(config: HostConfig, authority: Authority) -> None:
    [finding] = by_acme(config, authority.certify(HOST, begins=0, ends=6, label="six"))
    assert finding.level is Level.OK, "a CA may certify for six days at a time"
    files = authority.certify(HOST, begins=-70, ends=20, label="late")
    assert_bad(by_acme(config, files), "tls", Level.WARN, "^it ends in 20 days$")
    files = authority.certify("b.example", label="of another")
    assert_bad(by_acme(config, files), "tls", Level.FAIL, "^it is for b.example$")


def test_no_certificate_by_acme(config: HostConfig) -> None:
    assert_bad(by_acme(config, None), "tls", Level.WARN, "^there is no certificate yet$")
    failures = Failures().with_another("the CA: no", at=1_800_000_000.0, heard=True, pause=0.0)
    told = "^on 2027-01-15 08:00 UTC the CA gave no certificate: the CA: no$"
    assert_bad(by_acme(config, None, failures=failures), "tls", Level.WARN, told)


def test_a_certificate_by_acme_that_others_may_read(config: HostConfig, authority: Authority) -> None:
    by_acme(config, authority.certify(HOST, label="read"))
    Shelf(config.data, LETS_ENCRYPT).certificate.chmod(0o640)
    assert_bad(by_acme(config, None), "tls", Level.FAIL, "^others may use .*certificate.pem")


def test_the_port_of_a_host_that_encrypts(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        async with place.host() as (started, _):
            config = replace(place.config, port=int(started.url.rpartition(":")[2]))
            found = {finding.check: finding.found for finding in await asyncio.to_thread(look, config)}
            assert found["port"].startswith("our host listens at")
            assert found["tls"].endswith("days more")

    played(tmp_path, play)
