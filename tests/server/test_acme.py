"""A host that gets its certificate itself: the first before it serves, then in good time, while people are there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import stat
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from cryptography import x509

from aparte.server.shell import guard
from aparte.server.shell.acme import AcmeFailed, challenges
from aparte.server.shell.serve import Started, serve
from aparte.wire.log_frames import Accepted
from tests.server.acme_ca import Refused
from tests.server.acme_scenes import Place, named, scene, shown, until
from tests.server.admin.examined import look, worst
from tests.server.admin.hosts import running
from tests.server.guests import Guest
from tests.server.living import NAME

#: Two thirds of its time, and more, are over.
DUE = (-60.0, 20.0)


def test_the_first_start(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place:
            async with place.host() as (started, _), place.stranger() as session:
                assert started.url.startswith("https://")
                assert started.address == f"https://{NAME}"
                guest = await Guest.calls(session, named(started))
                await guest.creates(place.data)
                assert await shown(started, place) == place.kept() == place.ca.issued[0]
            assert place.ca.contacts == [["mailto:you@host.example"]]
            assert len(place.ca.orders) == 1

    asyncio.run(play())


def test_the_command(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place:
            where = f'directory = "{place.ca.directory}"\nhttp = "127.0.0.1:{place.ca.http_port}"\n'
            (tmp_path / "aparte.toml").write_text(f"[acme]\naccept_terms = true\n{where}")

            def runs(*words: str) -> tuple[str, bytes]:
                context = ssl.create_default_context(cafile=str(place.ca.authority.file))
                with running(place.data, "--config", tmp_path / "aparte.toml", *words, domain=NAME) as host:
                    port = int(host.url.rpartition(":")[2])
                    with (
                        socket.create_connection(("127.0.0.1", port), timeout=60) as link,
                        context.wrap_socket(link, server_hostname=NAME) as secured,
                    ):
                        return host.url, secured.getpeercert(binary_form=True) or b""

            for words in ((), ("--acme",)):
                url, der = await asyncio.to_thread(runs, *words)
                assert url.startswith("https://")
                assert x509.load_der_x509_certificate(der) == place.ca.issued[0]
            assert place.ca.contacts == [[]]

    asyncio.run(play())


def test_hosts_without_it_do_not_wait_for_the_library() -> None:
    look = (
        "import sys, aparte.cli, aparte.server.shell.serve; print('acme.client' in sys.modules, 'acme' in sys.modules)"
    )
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True)
    assert found.stdout == "False False\n"


def test_what_it_keeps_is_its_owners_alone(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place:
            await place.obtains()
            files = sorted(place.shelf.folder.iterdir())
            assert [file.name for file in files] == ["account.pem", "certificate.pem"]
            assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}
            for folder in (place.shelf.folder, place.shelf.folder.parent):
                assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert place.shelf.folder.parent == place.data / "acme"

    asyncio.run(play())


def test_a_restart_asks_nobody(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place:
            await place.obtains()
            place.ca.asked.clear()
            async with place.host() as (started, _):
                assert await shown(started, place) == place.ca.issued[0]
                await asyncio.sleep(1.5)  # its thread has looked
            assert not place.ca.asked

    asyncio.run(play())


@pytest.mark.parametrize("what", ["another name's", "another key's", "over"])
def test_a_certificate_that_cannot_be_served_with_is_none(tmp_path: Path, what: str) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place:
            place.data.mkdir()
            place.shelf.prepare()
            name = "other.example" if what == "another name's" else NAME
            chain, key = place.ca.authority.certify(name, begins=-9, ends=-1 if what == "over" else 9, label="other")
            if what == "another key's":
                _, key = place.ca.authority.certify(name, label="another")
            place.shelf.certificate.write_bytes(key.read_bytes() + chain.read_bytes())
            place.shelf.certificate.chmod(0o600)
            async with place.host() as (started, _):
                assert await shown(started, place) == place.ca.issued[0]

    asyncio.run(play())


async def due(place: Place) -> None:
    """A certificate is kept that should be renewed, and was not obtained just now."""
    place.ca.validity[:] = [DUE, (-1.0, 89.0)]
    await place.obtains()
    place.ages(60)


def test_renewal_while_people_are_there(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place:
            await due(place)
            place.ca.may_issue.clear()
            async with place.host() as (started, _), place.stranger() as session:
                old = await shown(started, place)
                guest = await Guest.calls(session, named(started))
                log = await guest.creates(place.data)
                await guest.opens(log)
                await until(lambda: looked(place))
                assert await shown(started, place) == old, "the CA has not answered yet, and the host serves"
                place.ca.may_issue.set()
                await until(lambda: shows_another(started, place, old=old))
                assert isinstance(await guest.posts(log, b"I am still here"), Accepted)
                assert place.kept() == place.ca.issued[1]
                await Guest.calls(session, named(started))
            assert [old, place.kept()] == place.ca.issued
            assert len(place.ca.accounts) == 1
            assert old.public_key() != place.kept().public_key()

    asyncio.run(play())


async def looked(place: Place) -> bool:
    return place.ca.asked["finalize"] == 2


async def shows_another(started: Started, place: Place, *, old: x509.Certificate) -> bool:
    return await shown(started, place) != old


def test_a_renewal_that_fails_is_told_and_keeps_the_old(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place:
            await due(place)
            place.ca.refusals["order"] = Refused("serverInternal", "out of order", status=500)
            async with place.host() as (started, _):
                await until(lambda: failed(place))
                assert await shown(started, place) == place.ca.issued[0]
                orders = place.ca.asked["order"]
                await asyncio.sleep(2.5)
                assert place.ca.asked["order"] == orders, "it does not ask again at once"
            async with place.host():
                await asyncio.sleep(2.5)
            assert place.ca.asked["order"] == orders, "nor after a restart"
            findings = [bad.found for bad in worst(look(place.config)) if bad.check == "tls"]
            assert findings[0] == "it ends in 20 days"
            assert findings[1].endswith("UTC the CA gave no certificate: the CA: out of order")

    asyncio.run(play())
    printed = "".join(capfd.readouterr())
    assert "could not renew the certificate, and kept the old" in printed
    assert "days_left=20" in printed


async def failed(place: Place) -> bool:
    return bool(place.shelf.failures().said)


def test_a_host_without_a_certificate_does_not_start(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place:
            place.ca.refusals["order"] = Refused("rejectedIdentifier", "we do not know you")
            for _ in range(4):
                with pytest.raises(AcmeFailed, match="the CA: we do not know you"):
                    async with place.host():
                        pass
            asked = place.ca.asked.total()
            with pytest.raises(AcmeFailed, match=r"not asked again before \S+ \S+ UTC: the CA: we do not know you"):
                async with place.host():
                    pass
            assert place.ca.asked.total() == asked, "four failures within an hour are enough"
            assert not (place.data / "host.db").exists()

    asyncio.run(play())


def test_a_host_that_is_stopped_while_the_ca_thinks(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place:
            place.ca.may_issue.clear()
            stop = asyncio.Event()
            task = asyncio.create_task(serve(place.config, ready=lambda _: pytest.fail("it serves"), stop=stop))
            await until(lambda: asked_to_finalize(place))
            stop.set()
            with pytest.raises(AcmeFailed, match="stopped before there was a certificate"):
                await task
            place.ca.may_issue.set()
            await until(left_alone)
            assert place.ca.asked["finalize"] == 1
            assert not place.ca.asked["certificate"], "nobody waits for it any more"
            assert not place.shelf.failures().said
            async with place.host() as (started, _):
                assert await shown(started, place) == place.ca.issued[0]
            assert len(place.ca.orders) == len(place.ca.issued) == 1, "the order was taken up again"

    asyncio.run(play())


async def left_alone() -> bool:
    return not any(thread.name == "aparte-acme" for thread in threading.enumerate())


async def asked_to_finalize(place: Place) -> bool:
    return place.ca.asked["finalize"] == 1


@pytest.mark.parametrize(
    ("path", "status", "location"),
    [
        ("/", 308, f"https://{NAME}/"),
        ("/a/b?c=d%20e", 308, f"https://{NAME}/a/b?c=d%20e"),
        ("//evil.example/x", 308, None),
        ("/.well-known/aparte", 308, f"https://{NAME}/.well-known/aparte"),
        ("/.well-known/acme-challenge/", 404, None),
        ("/.well-known/acme-challenge/unknown", 404, None),
        ("/.well-known/acme-challenge/../../etc/passwd", 404, None),
    ],
)
def test_port_80(tmp_path: Path, path: str, status: int, location: str | None) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place, place.applicant() as applicant:
            with applicant.challenges.answering("known", "known.thumbprint"):
                found, headers, _ = await plain_http(place, "GET", path)
                assert found == status
                assert headers.get("Location", f"https://{NAME}/").startswith(f"https://{NAME}/")
                if location is not None:
                    assert headers["Location"] == location
                assert (await plain_http(place, "POST", path))[0] == status

    asyncio.run(play())


def test_port_80_answers_the_ca(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place, place.applicant() as applicant:
            path = "/.well-known/acme-challenge/known"
            with applicant.challenges.answering("known", "known.thumbprint"):
                status, headers, body = await plain_http(place, "GET", path)
                assert (status, body) == (200, b"known.thumbprint")
                assert headers["Content-Type"] == "application/octet-stream"
                assert (await plain_http(place, "POST", path))[0] == 404
            assert (await plain_http(place, "GET", path))[0] == 404
            for token in ("", "a/b", "../x", "a" * 257, "ä"):
                with pytest.raises(AcmeFailed), applicant.challenges.answering(token, "x"):
                    pass

    asyncio.run(play())


async def plain_http(place: Place, method: str, path: str) -> tuple[int, dict[str, str], bytes]:
    """As it is said, nothing tidied."""
    reader, writer = await asyncio.open_connection(*place.settings.http)
    writer.write(f"{method} {path} HTTP/1.1\r\nHost: {NAME}\r\nConnection: close\r\nContent-Length: 0\r\n\r\n".encode())
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    lines = head.decode().split("\r\n")
    return int(lines[0].split()[1]), dict(line.split(": ", 1) for line in lines[1:]), body


def test_port_80_is_not_for_lingering(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.5)
    monkeypatch.setattr(challenges, "_KEEP_ALIVE", 3600.0)

    async def play() -> None:
        async with scene(tmp_path) as place, place.applicant():
            reader, writer = await asyncio.open_connection(*place.settings.http)
            writer.write(b"GET / HTTP/1.1\r\nHost: ")
            with contextlib.suppress(ConnectionError):
                assert await asyncio.wait_for(reader.read(), 180) == b"", "it is cut off, not answered"
            writer.close()

    asyncio.run(play())


def test_a_port_80_that_is_taken(tmp_path: Path) -> None:
    async def play() -> None:
        async with scene(tmp_path) as place:
            taken = await asyncio.start_server(lambda _, __: None, *place.settings.http)
            with pytest.raises(AcmeFailed, match="the CA comes to port 80, and the host cannot listen at 127"):
                async with place.host():
                    pass
            taken.close()
            assert not place.ca.asked

    asyncio.run(play())
