"""`aparte doctor --public NAME`: a host behind TLS that is well, and one fault for each check."""

from __future__ import annotations

import asyncio
import json
import re
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from aparte.server.admin.doctor.findings import Finding, Level
from aparte.server.admin.doctor.public import check_public
from tests.server.admin.authority import Authority
from tests.server.admin.front import Front, listening
from tests.server.admin.hosts import aparte, clock, fill, running


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def files(authority: Authority) -> tuple[Path, Path]:
    return authority.certify("localhost", label="good")


def look(name: str, authority: Authority, *, ahead: int = 0) -> list[Finding]:
    now = type(clock())(clock() + ahead)
    return asyncio.run(check_public(name, ca=authority.file, now=now))


def bad(findings: list[Finding]) -> dict[str, str]:
    """Check → what was found."""
    assert all(finding.advice.endswith(".") for finding in findings if finding.level is not Level.OK)
    return {finding.check: finding.found for finding in findings if finding.level is not Level.OK}


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return int(listener.getsockname()[1])


def test_a_real_host_that_is_well(tmp_path: Path, authority: Authority, files: tuple[Path, Path]) -> None:
    fill(tmp_path / "data", logs=0, blobs=0)
    port = free_port()
    name = f"localhost:{port}"
    words = ("--tls-cert", files[0], "--tls-key", files[1])
    with running(tmp_path / "data", *words, domain=name, port=port):
        said = aparte("doctor", "--public", name, "--ca", authority.file, "--json").json
        assert said["is_well"] is True
        assert {finding["level"] for finding in said["findings"]} == {"ok"}, said
        assert {finding["check"] for finding in said["findings"]} == {
            "tls", "clock", "host", "cors", "headers", "websocket (anonymous)", "websocket (identity)", "frame",
            "big body",
        }  # fmt: skip
        text = aparte("doctor", "--public", name.upper(), "--ca", authority.file)
        assert text.code == 0
        assert re.search(r"^ok +big body +1 MiB at once$", text.out, re.MULTILINE)
        toml = tmp_path / "host.toml"
        toml.write_text(
            f'data = "{tmp_path / "data"}"\nlisten = "127.0.0.1:{port}"\ndomain = "{name}"\n'
            f'tls = {{ cert = "{files[0]}", key = "{files[1]}" }}\n'
        )
        both = aparte("doctor", "--public", name, "--ca", authority.file, "--config", toml, "--json").json
        assert {"port", "integrity", "frame"} <= {finding["check"] for finding in both["findings"]}
        unknown = aparte("doctor", "--public", name, "--json")
        assert unknown.code == 1
        assert [finding["check"] for finding in json.loads(unknown.out)["findings"]] == ["tls"]


def test_a_front_that_is_well(authority: Authority, files: tuple[Path, Path]) -> None:
    with listening(Front(), files) as name:
        assert bad(look(name, authority)) == {}


FAULTS: dict[str, tuple[Callable[[], Front], dict[str, str]]] = {
    "not found": (lambda: Front(about_status=404), {"host": "answered with 404"}),
    "moved": (lambda: Front(about_status=301), {"host": "answered with 301"}),
    "a page": (lambda: Front(about=None), {"host": "not an Aparte host's"}),
    "another host": (lambda: Front(about={"host": "x.example"}), {"host": "calls itself x.example"}),
    "a later protocol": (lambda: Front(about={"protocol": 2}), {"host": "speaks protocol 2"}),
    "no CORS": (lambda: Front(headers={}), {"cors": "no Access-Control-Allow-Origin"}),
    "CORS for one": (
        lambda: Front(headers={"Access-Control-Allow-Origin": "https://x.example"}),
        {"cors": "no Access-Control-Allow-Origin"},
    ),
    "cookies": (
        lambda: Front(headers={"Access-Control-Allow-Origin": "*", "Set-Cookie": "id=1", "NEL": "{}"}),
        {"headers": "^Set-Cookie, NEL$"},
    ),
    "no upgrade": (
        lambda: Front(upgrades=False),
        {"websocket (anonymous)": "refused: 400", "websocket (identity)": "refused: 400"},
    ),
    "no greeting": (
        lambda: Front(greets=False),
        {"websocket (anonymous)": "no greeting", "websocket (identity)": "no greeting"},
    ),
    "a greeting that is none": (
        lambda: Front(greeting=b"hello"),
        {"websocket (anonymous)": "no greeting", "websocket (identity)": "no greeting"},
    ),
    "greeted by another": (
        lambda: Front(greets_as="x.example"),
        {"websocket (anonymous)": "by x.example", "websocket (identity)": "by x.example"},
    ),
    "no POST": (lambda: Front(frame_status=405), {"frame": "405", "big body": "405"}),
    "no frames": (lambda: Front(frame_body=b"hi"), {"frame": "no frame", "big body": "no frame"}),
    "a host that vouches for anything": (lambda: Front(genuine=True), {"frame": "ReceiptChecked"}),
    "small bodies": (lambda: Front(most_bytes=1 << 19), {"big body": "answered with 413"}),
    "cut off": (lambda: Front(cuts_off=True), {"well known": "."}),
}


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(authority: Authority, files: tuple[Path, Path], fault: str) -> None:
    make, expected = FAULTS[fault]
    with listening(make(), files) as name:
        found = bad(look(name, authority))
    assert found.keys() == expected.keys()
    for check, pattern in expected.items():
        assert re.search(pattern, found[check]), found


@pytest.mark.parametrize(("ahead", "level"), [(20_000, Level.WARN), (600_000, Level.FAIL), (-600_000, Level.FAIL)])
def test_clocks_that_differ(authority: Authority, files: tuple[Path, Path], ahead: int, level: Level) -> None:
    with listening(Front(), files) as name:
        findings = look(name, authority, ahead=ahead)
    assert [(f.check, f.level) for f in findings if f.level is not Level.OK] == [("clock", level)]


@pytest.mark.parametrize(
    ("names", "days", "found"),
    [
        (("localhost",), (-9, -2), "expired"),
        (("localhost",), (2, 9), "not yet valid"),
        (("other.example",), (-1, 90), "[Hh]ostname mismatch"),
    ],
)
def test_bad_certificates(authority: Authority, names: tuple[str, ...], days: tuple[int, int], found: str) -> None:
    files = authority.certify(*names, begins=days[0], ends=days[1], label="bad")
    with listening(Front(), files) as name:
        findings = look(name, authority)
    assert [finding.check for finding in findings] == ["tls"]
    assert re.search(found, bad(findings)["tls"]), findings


def test_a_certificate_that_ends_soon(authority: Authority) -> None:
    with listening(Front(), authority.certify("localhost", ends=3.2, label="soon")) as name:
        assert bad(look(name, authority)) == {"tls": "the certificate ends in 3 days"}


def test_a_certificate_of_nobody_known(authority: Authority, tmp_path: Path) -> None:
    stranger = Authority(tmp_path, "somebody else")
    with listening(Front(), stranger.certify("localhost")) as name:
        assert "self-signed certificate in certificate chain" in bad(look(name, authority))["tls"]


def test_nobody_there(authority: Authority) -> None:
    assert f"no TLS at localhost:{(port := free_port())}" in bad(look(f"localhost:{port}", authority))["tls"]
    assert "has no address" in bad(look("no-such-host.invalid", authority))["tls"]


def test_no_tls_there(authority: Authority, tmp_path: Path) -> None:
    fill(tmp_path / "data", logs=0, blobs=0)
    with running(tmp_path / "data") as host:
        found = bad(look(f"localhost:{host.url.rsplit(':', 1)[1]}", authority))
    assert "no TLS at" in found["tls"]


def test_an_authority_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "ca.pem").write_text("hello")
    said = aparte("doctor", "--public", "localhost:1", "--ca", tmp_path / "ca.pem", "--json")
    assert said.code == 1
    assert json.loads(said.out)["findings"][0]["check"] == "tls"
