"""What a CA can do to a host that asks it: say no, nonsense, too much, nothing. The old certificate stays."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from aiohttp import web
from cryptography.hazmat.primitives.asymmetric import ec

from aparte.server.shell.acme import AcmeFailed, network, ordering
from aparte.server.shell.acme.pace import Failures
from tests.server.acme_ca import Ca, Refused
from tests.server.acme_scenes import Place, played, shown, until
from tests.server.admin.authority import Authority
from tests.server.living import NAME


async def fails_and_keeps(place: Place, break_it: Callable[[Ca], object], *, said: str) -> AcmeFailed:
    """A certificate is there; the next one is not to be had; the first stays; and it can be had again later."""
    await place.obtains()
    before = place.shelf.certificate.read_bytes()
    break_it(place.ca)
    error = await place.fails()
    assert said in str(error), error
    assert len(str(error)) < 700
    assert str(error).isprintable()
    assert place.shelf.certificate.read_bytes() == before
    assert not place.shelf.pending(NAME)
    return error


NO: dict[str, tuple[Callable[[Ca], object], str]] = {
    "no account": (lambda ca: ca.refusals.update(account=Refused("unauthorized", "go away")), "the CA: go away"),
    "no order": (lambda ca: ca.refusals.update(order=Refused("rejectedIdentifier", "not him")), "the CA: not him"),
    "caa": (lambda ca: ca.refusals.update(finalize=Refused("caa", "forbidden by CAA")), "forbidden by CAA"),
    "long words": (lambda ca: ca.refusals.update(order=Refused("malformed", "\x1b[31m\nno " * 9999)), "no [31m no"),
    "nobody at port 80": (lambda ca: setattr(ca, "http_port", 1), f"http://{NAME}/ and did not find it: found some"),
    "another name to prove": (lambda ca: setattr(ca, "looks_for", "b.example"), "authority over another name"),
    "another name": (lambda ca: setattr(ca, "issues_for", ("b.example",)), "a certificate for another name"),
    "another key": (
        lambda ca: setattr(ca, "issues_key", ec.generate_private_key(ec.SECP256R1()).public_key()),
        "a certificate for another key",
    ),
    "over already": (lambda ca: ca.validity.__setitem__(0, (-9, -1)), "not valid now. Is the clock right?"),
    "of tomorrow": (lambda ca: ca.validity.__setitem__(0, (1, 9)), "not valid now. Is the clock right?"),
    "no certificate": (lambda ca: setattr(ca, "chain", b"hello"), "no certificate for a host"),
    "not even text": (lambda ca: setattr(ca, "chain", b"\xff\xfe\x00"), "the CA"),
    "no words": (lambda ca: ca.instead.update(order=lambda: web.Response(status=502, text="<h1>no</h1>")), "the CA"),
    "a list": (lambda ca: ca.instead.update(directory=lambda: web.json_response([1])), "cannot be read"),
    "null": (lambda ca: ca.instead.update(directory=lambda: web.json_response(None)), "the CA"),
    "a directory of nothing": (lambda ca: ca.instead.update(directory=lambda: web.json_response({})), "the CA"),
    "an order of nothing": (
        lambda ca: ca.instead.update(order=lambda: web.json_response({}, headers=ca._headers())),
        "the CA",
    ),
    "http": (
        lambda ca: ca.instead.update(
            directory=lambda: web.json_response(
                {k: ca.url.replace("https", "http") + "/nonce" for k in ("newNonce", "newAccount", "newOrder")}
            )
        ),
        "No connection adapters were found for 'http://",
    ),
    "http by redirect": (
        lambda ca: ca.instead.update(
            directory=lambda: web.Response(status=302, headers={"Location": "http://localhost/directory"})
        ),
        "No connection adapters were found for 'http://",
    ),
    "in circles": (
        lambda ca: ca.instead.update(directory=lambda: web.Response(status=302, headers={"Location": "/directory"})),
        "Exceeded 3 redirects",
    ),
    "too much": (
        lambda ca: ca.instead.update(directory=lambda: web.json_response({"newNonce": "x" * (1 << 19)})),
        "larger than 262144 bytes",
    ),
    "other accounts only": (
        lambda ca: ca.instead.update(
            directory=lambda: web.json_response({"meta": {"externalAccountRequired": True}, "newNonce": ca.url})
        ),
        "to accounts that it knows otherwise",
    ),
}


@pytest.mark.parametrize("name", NO)
def test_no_certificate(tmp_path: Path, name: str) -> None:
    break_it, said = NO[name]

    async def play(place: Place) -> None:
        await fails_and_keeps(place, break_it, said=said)

    played(tmp_path, play)


def test_too_much_when_unpacked(tmp_path: Path) -> None:
    def packed() -> web.StreamResponse:
        response = web.json_response({"newNonce": "x" * (1 << 24)})
        response.enable_compression(web.ContentCoding.gzip)
        return response

    async def play(place: Place) -> None:
        place.ca.instead["directory"] = packed
        assert "larger than 262144 bytes" in str(await place.fails())

    played(tmp_path, play)


def test_answers_may_be_packed(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        def packed() -> web.StreamResponse:
            response = web.json_response(place.ca.places())
            response.enable_compression(web.ContentCoding.gzip)
            return response

        place.ca.instead["directory"] = packed
        await place.obtains()

    played(tmp_path, play)


def test_authorizations_without_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(network, "_MOST_ANSWERS", 20)

    async def play(place: Place) -> None:
        many = {"status": "pending", "identifiers": [], "finalize": "https://localhost/"}
        many["authorizations"] = [f"{place.ca.url}/authorization/0"] * 1_000
        place.ca.instead["order"] = lambda: web.json_response(many, status=201, headers=place.ca._headers())
        one = {"status": "pending", "identifier": {"type": "dns", "value": NAME}, "challenges": []}
        place.ca.instead["authorization"] = lambda: web.json_response(one, headers=place.ca._headers())
        assert "asked without end" in str(await place.fails())
        assert place.ca.asked.total() <= 21

    played(tmp_path, play)


def test_a_ca_that_takes_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(place: Place) -> None:
        right = place.ca._look

        async def nothing(*_: object) -> None:
            """It does not look."""

        place.ca._look = nothing  # type: ignore[method-assign]
        with monkeypatch.context() as patch:
            patch.setattr(ordering, "_PATIENCE", timedelta(seconds=2))
            assert "did not come to an end in time" in str(await place.fails())
        place.ca._look = right  # type: ignore[method-assign]
        await place.obtains()

    played(tmp_path, play)


def test_nobody_there(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        place.settings = type(place.settings)("https://localhost:1/directory", None, place.settings.http)
        error = await place.fails()
        assert "the CA cannot be asked" in str(error)
        assert not error.heard

    played(tmp_path, play)


def test_somebody_in_the_cas_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def play(place: Place) -> None:
        other = Authority(tmp_path, "another")
        monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(other.file))
        assert "CERTIFICATE_VERIFY_FAILED" in str(await place.fails())
        assert not place.ca.asked

    played(tmp_path, play)


def test_the_pause_that_a_ca_asks_for(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        headers = {"Retry-After": "3600"}
        busy = Refused("rateLimited", "too many certificates", status=429, headers=headers)
        error = await fails_and_keeps(place, lambda ca: ca.refusals.update(order=busy), said="too many certificates")
        assert (error.heard, error.pause) == (True, 3600.0)

    played(tmp_path, play)


def test_a_pause_is_kept_by_the_next_start(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        busy = Refused("rateLimited", "too many", status=429, headers={"Retry-After": "7200"})
        place.ca.refusals["order"] = busy
        for said in ("the CA: too many", "not asked again before"):
            with pytest.raises(AcmeFailed, match=said):
                async with place.host():
                    pass
        assert place.ca.asked["order"] == 1
        assert 7100 < place.shelf.failures().silent_until - time.time() <= 7200
        place.ca.refusals.clear()
        await place.obtains()
        assert place.shelf.failures() == Failures(), "a certificate ends the story"

    played(tmp_path, play)


def test_a_nonce_that_is_not_taken(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        place.ca.bad_nonces = 1
        await place.obtains()
        assert place.ca.bad_nonces == 0

    played(tmp_path, play)


def test_an_account_that_is_known(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        await place.obtains()
        await place.obtains()
        assert len(place.ca.accounts) == 1
        place.ca.accounts.clear()  # the CA has lost it
        await place.obtains()
        assert len(place.ca.issued) == 3

    played(tmp_path, play)


def test_what_a_ca_suggests(tmp_path: Path) -> None:
    async def play(place: Place) -> None:
        at = datetime.now(UTC) - timedelta(hours=1)
        place.ca.suggests = ((at - timedelta(hours=1)).isoformat(), at.isoformat())
        await place.obtains()
        async with place.host():
            await asyncio.sleep(1.5)
            assert len(place.ca.issued) == 1, "so soon after the last it is not even asked"
            assert not place.ca.asked["renewal"]
        place.ages(3)
        async with place.host() as (started, _):

            async def renewed() -> bool:
                return await shown(started, place) == place.ca.issued[-1] != place.ca.issued[0]

            await until(renewed)

    played(tmp_path, play)


@pytest.mark.parametrize("window", [("no", "time"), ("", ""), ("2099-01-01T00:00:00Z", "2099-01-02T00:00:00Z")])
def test_suggestions_that_are_none(tmp_path: Path, window: tuple[str, str], capfd: pytest.CaptureFixture[str]) -> None:
    async def play(place: Place) -> None:
        place.ca.suggests = window
        await place.obtains()
        place.ages(3)
        async with place.host():

            async def asked() -> bool:
                return place.ca.asked["renewal"] > 0

            await until(asked)
            await asyncio.sleep(0.5)
        assert len(place.ca.issued) == 1

    played(tmp_path, play)
    assert "could not" not in capfd.readouterr().out, "nothing is wrong"
