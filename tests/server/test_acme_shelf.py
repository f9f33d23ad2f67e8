"""What a host keeps of a CA: whole after a crash at any step, its owner's alone, and worth nothing if it is damaged."""

from __future__ import annotations

import json
import ssl
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from aparte.server.shell.acme import AcmeFailed, ordering
from aparte.server.shell.acme.shelf import PendingOrder, Shelf, key_pem, new_key
from tests.server.acme_scenes import DAY, Place, played, shown
from tests.server.living import NAME


class Crash(BaseException):
    """The power is gone."""


STEPS = [
    (Shelf, "_write", 1),  # the account's key
    (Shelf, "note_pending", 1),
    (ordering, "_chain_of", 1),
    (ordering, "_require_good", 1),
    (Shelf, "put_certificate", 1),
    (Shelf, "note_pending", 2),
]


@pytest.mark.parametrize(("where", "step", "nth"), STEPS)
def test_a_crash_between_steps(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: Any, step: str, nth: int
) -> None:
    async def play(place: Place) -> None:
        if step != "_write":
            await place.obtains()
        issued, before = len(place.ca.issued), place.shelf.read_certificate() if step != "_write" else None
        right, calls = getattr(where, step), []

        def crash(*words: Any, **named: Any) -> Any:
            calls.append(step)
            if len(calls) == nth:
                raise Crash
            return right(*words, **named)

        with monkeypatch.context() as patch:
            patch.setattr(where, step, crash)
            with pytest.raises(Crash):
                await place.obtains()
        if nth == 1:
            assert (place.shelf.read_certificate() if before else None) == before
        async with place.host() as (started, _):
            assert await shown(started, place) in place.ca.issued
        await place.obtains()
        assert len(place.ca.accounts) == 1
        assert len(place.ca.issued) <= issued + 2
        assert sorted(p.name for p in place.shelf.folder.iterdir()) == ["account.pem", "certificate.pem"]

    played(tmp_path, play)


def test_a_certificate_that_was_issued_is_not_ordered_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(place: Place) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise OSError(28, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(Shelf, "put_certificate", full)
            assert "cannot keep what the CA gives: [Errno 28]" in str(await place.fails())
        await place.obtains()
        assert place.kept() == place.ca.issued[0]
        assert len(place.ca.orders) == len(place.ca.issued) == 1

    played(tmp_path, play)


@pytest.mark.parametrize("name", ["account.pem", "certificate.pem"])
def test_keys_that_others_may_read(tmp_path: Path, name: str) -> None:
    async def play(place: Place) -> None:
        await place.obtains()
        (place.shelf.folder / name).chmod(0o640)
        if name == "account.pem":
            assert "chmod 600" in str(await place.fails())
            return
        asked = place.ca.asked.total()
        with pytest.raises(AcmeFailed, match=r"others may use .*/certificate\.pem. Close it to them: chmod 600"):
            async with place.host():
                pass
        assert place.ca.asked.total() == asked

    played(tmp_path, play)


@pytest.mark.parametrize("content", [b"", b"hello", b"-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n"])
@pytest.mark.parametrize("name", ["account.pem", "certificate.pem", "order.json", "failures.json"])
def test_files_that_are_damaged(tmp_path: Path, name: str, content: bytes) -> None:
    async def play(place: Place) -> None:
        await place.obtains()
        path = place.shelf.folder / name
        path.write_bytes(content)
        path.chmod(0o600)
        if name == "account.pem":
            assert "account.pem does not hold a" in str(await place.fails())
            return
        async with place.host() as (started, _):
            assert await shown(started, place) == place.ca.issued[-1]
        assert len(place.ca.issued) == (2 if name == "certificate.pem" else 1)

    played(tmp_path, play)


def test_an_order_that_came_to_nothing_is_left(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        await place.obtains()
        key = ec.generate_private_key(ec.SECP256R1())
        for uri in (f"{place.ca.url}/orders/0", f"{place.ca.url}/nowhere"):
            place.shelf.note_pending(PendingOrder(NAME, uri, f"{place.ca.url}/finalize/0", key_pem(key)))
            await place.obtains()
            assert place.kept() == place.ca.issued[-1]
        assert len(place.ca.issued) == 3

    played(tmp_path, play)


def test_whatever_goes_wrong_at_first_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(place: Place) -> None:
        monkeypatch.setattr(Shelf, "read_certificate", lambda _: [].pop())
        with pytest.raises(AcmeFailed, match="no certificate: IndexError"):
            async with place.host():
                pass

    played(tmp_path, play)


def test_what_tls_does_not_take_is_not_kept(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        await place.obtains()
        before = place.shelf.certificate.read_bytes()
        chain, _ = place.ca.authority.certify(NAME, label="of another key")
        for bad in (b"", b"hello", chain.read_bytes()):
            with pytest.raises(ssl.SSLError):
                place.shelf.put_certificate(bad, new_key())
        assert place.shelf.certificate.read_bytes() == before
        assert sorted(p.name for p in place.shelf.folder.iterdir()) == ["account.pem", "certificate.pem"]

    played(tmp_path, play)


def test_what_a_crash_left_half_written_goes(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "https://ca.example/directory")
    shelf.prepare()
    (shelf.folder / "certificate.pem.00000000.new").write_bytes(b"half a ")
    shelf.prepare()
    assert not list(shelf.folder.iterdir())


def test_an_order_is_for_one_name(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "https://ca.example/directory")
    shelf.prepare()
    order = PendingOrder(NAME, "https://ca.example/1", "https://ca.example/2", key_pem(new_key()))
    shelf.note_pending(order)
    assert shelf.pending(NAME) == order
    assert "KEY" not in repr(order)
    assert shelf.pending("other.example") is None


def test_failures_survive(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path, "https://ca.example/directory")
    shelf.prepare()
    noted = shelf.failures().with_another("no", at=5 * DAY, heard=True, pause=7.0)
    shelf.note_failures(noted)
    assert shelf.failures() == noted
    assert json.loads((shelf.folder / "failures.json").read_text())["said"] == "no"
    assert [folder.name for folder in (tmp_path / "acme").iterdir()] == ["ca.example%2Fdirectory"]
