"""How long a host listens to a CA, and on port 80 to anybody; and how it writes what it gets: whole or not at all."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from aparte.server.shell import guard
from aparte.server.shell.acme import challenges, keeper, network, shelf
from aparte.server.shell.acme.keeper import Keeper
from aparte.server.shell.acme.shelf import Shelf, new_key
from tests.server.acme_scenes import Place, played, shown
from tests.server.guests import until


class Endless(web.StreamResponse):
    """One space after the other, for ten seconds."""

    async def write_eof(self, data: bytes = b"") -> None:
        for _ in range(500):
            await self.write(data or b" ")
            await asyncio.sleep(0.02)


def test_an_answer_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_MOST_SECONDS_OF_AN_ANSWER", 0.3)

    async def play(place: Place) -> None:
        place.ca.instead["directory"] = Endless
        assert "an answer of the CA does not end" in str(await place.fails())

    played(tmp_path, play)


def test_a_try_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_MOST_SECONDS", 0.0)

    async def play(place: Place) -> None:
        assert "the CA takes too long" in str(await place.fails())
        assert place.ca.asked.total() == 1

    played(tmp_path, play)


@pytest.mark.parametrize("said", [b"", b"GET / HTTP/1.1\r\nHost: ", b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"])
def test_who_says_nothing_on_port_80_is_cut_off(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, said: bytes) -> None:
    monkeypatch.setattr(guard, "PATIENCE", 0.1)
    monkeypatch.setattr(challenges, "_SWEEP", 0.05)
    monkeypatch.setattr(challenges, "_KEEP_ALIVE", 3600.0)

    async def play(place: Place) -> None:
        async with place.applicant():
            reader, writer = await asyncio.open_connection(*place.settings.http)
            writer.write(said)
            with contextlib.suppress(ConnectionError):
                async with asyncio.timeout(30):
                    await reader.read()
            writer.close()

    played(tmp_path, play)


def test_a_file_gets_its_name_when_it_is_on_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = Shelf(tmp_path, "https://ca.example/directory")
    kept.prepare()
    account = kept.account_key()
    steps: list[str] = []

    def noting(name: str, right: Any) -> Any:
        def step(*words: Any) -> Any:
            steps.append(name)
            return right(*words)

        return step

    monkeypatch.setattr(os, "fsync", noting("flush", os.fsync))
    monkeypatch.setattr(Path, "replace", noting("name", Path.replace))
    monkeypatch.setattr(shelf, "flush_folder", noting("keep the name", lambda _: None))
    kept.note_failures(kept.failures().with_another("no", at=1.0, heard=True, pause=0.0))
    assert steps == ["flush", "name", "keep the name"]
    assert kept.account_key().private_numbers() == account.private_numbers()


@pytest.mark.parametrize("name", ["account.pem", "certificate.pem", "order.json", "failures.json"])
def test_files_that_are_elsewhere(tmp_path: Path, name: str) -> None:
    kept = Shelf(tmp_path, "https://ca.example/directory")
    kept.prepare()
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text(shelf.key_pem(new_key()))
    elsewhere.chmod(0o600)
    (kept.folder / name).symlink_to(elsewhere)
    reads: dict[str, Any] = {"account.pem": kept.account_key, "certificate.pem": kept.read_certificate}
    reads |= {"order.json": lambda: kept.pending("host.example"), "failures.json": kept.failures}
    with pytest.raises(OSError, match="symbolic links"):
        reads[name]()


def test_its_thread_outlives_what_goes_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    right, calls = Keeper._renew_if_due, []

    def odd(self: Keeper) -> None:
        calls.append(self)
        if len(calls) == 1:
            raise ZeroDivisionError
        right(self)

    monkeypatch.setattr(Keeper, "_renew_if_due", odd)
    monkeypatch.setattr(keeper, "_LOOK", 0.1)

    async def play(place: Place) -> None:
        place.ca.validity[:] = [(-60.0, 20.0), (-1.0, 89.0)]
        await place.obtains()
        place.ages(60)
        async with place.host() as (started, _):

            async def renewed() -> bool:
                return await shown(started, place) != place.ca.issued[0]

            await until(renewed)
            assert len(calls) > 1

    played(tmp_path, play)
