"""An account is made, refused, proved again; its key packages are published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from aparte.client.commands import CommandRefused, ConfirmPhrase, SignUp
from aparte.client.store import StoreError
from aparte.client.views import AccountView, Standing
from aparte.server.accounts import SignUpPolicy
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.link_frames import Problem
from tests.hosting import HOST
from tests.scenes.world import Actor, World, world


def account(actor: Actor) -> AccountView:
    return actor.sees(AccountView)


def stock(actor: Actor) -> tuple[int, bool]:
    """Key packages that others get, and whether there is one of last resort."""
    stranger = actor.world.town.stranger()
    packages = [stranger.fetches_packages(account(actor).account_id).packages for _ in range(120)]
    return sum(not found[0].last_resort for found in packages if found), any(found[0].last_resort for found in packages)


def test_an_account_in_one_call(place: World) -> None:
    alice = place.actor("alice")
    alice.does(SignUp("Alice", HOST))
    seen = account(alice)
    assert (seen.name, seen.host, seen.standing) == ("alice", HOST, Standing.READY)
    assert seen.has_phrase
    assert alice.line().is_online
    found = place.town.stranger().looks_up("alice")
    assert found.genesis
    assert alice.engine.views()


def test_key_packages_are_published_and_filled_up(place: World) -> None:
    alice = place.actor("alice")
    alice.does(SignUp("alice", HOST))
    assert stock(alice) == (50, True)


def test_the_phrase_is_kept_until_it_is_written_down(place: World) -> None:
    alice = place.actor("alice")
    alice.does(SignUp("alice", HOST))
    alice.does(ConfirmPhrase())
    assert not account(alice).has_phrase


def test_a_name_that_is_taken(place: World) -> None:
    place.actor("alice").does(SignUp("alice", HOST))
    other = place.actor("other")
    other.does(SignUp("ALICE", HOST))
    seen = account(other)
    assert (seen.standing, seen.refused) == (Standing.REFUSED, ErrorCode.NAME_TAKEN)
    other.does(SignUp("alice2", HOST))
    assert account(other).standing is Standing.READY
    assert account(other).account_id == seen.account_id, "its keys stay the same"


def test_an_invitation(tmp_path: Path) -> None:
    with world(tmp_path, sign_up=SignUpPolicy.INVITE) as place:
        alice = place.actor("alice")
        alice.does(SignUp("alice", HOST, "wrong"))
        assert account(alice).refused == ErrorCode.INVITE_REFUSED
        alice.does(SignUp("alice", HOST, place.town.invite()))
        assert account(alice).standing is Standing.READY


@pytest.mark.parametrize(("name", "host"), [("a", HOST), ("alice", "not a host"), ("root", HOST)])
def test_what_cannot_be(place: World, name: str, host: str) -> None:
    alice = place.actor("alice")
    with pytest.raises(CommandRefused):
        alice.does(SignUp(name, host))
    assert alice.engine.views() == ()


def test_a_second_account(place: World) -> None:
    alice = place.actor("alice")
    alice.does(SignUp("alice", HOST))
    with pytest.raises(CommandRefused, match="already has an account"):
        alice.does(SignUp("alicia", HOST))
    alice.looks()
    assert alice.line().is_online, "and nothing else is lost"


def test_a_host_that_is_down_is_tried_again(place: World) -> None:
    place.is_open = False
    alice = place.actor("alice")
    alice.does(SignUp("alice", HOST))
    assert account(alice).standing is Standing.SIGNING_UP
    assert (alice.line().is_online, alice.line().trouble) == (False, "nobody answers")
    place.passes(600)
    tried = sum(str(step.sends).count("Connect(") for step in alice.steps)
    assert 10 < tried < 40, "twice as long each time, up to a minute"
    place.is_open = True
    place.passes(61)
    assert account(alice).standing is Standing.READY
    assert not alice.line().trouble


def test_a_host_that_calls_itself_something_else(place: World) -> None:
    """It might pass on what is proved to it."""
    place.calls_itself = "other.example"
    sent: list[Any] = []
    place.on_the_way = lambda _, frame: sent.append(frame)
    alice = place.actor("alice")
    alice.does(SignUp("alice", HOST))
    assert "other.example" in alice.line().trouble
    assert not sent


def test_what_a_host_says_about_waiting(place: World) -> None:
    alice = place.actor("alice")
    place.on_the_way = lambda _, __: None
    alice.does(SignUp("alice", HOST))
    (line,) = alice.lines
    place.on_the_way = lambda _, frame: frame
    place.says(alice, line, frame=Problem(1, ErrorCode.RATE_LIMITED, 5_000, "slowly"))  # type: ignore[arg-type]
    place.runs()
    assert account(alice).standing is Standing.SIGNING_UP
    place.passes(4)
    assert account(alice).standing is Standing.SIGNING_UP
    place.passes(2)
    assert account(alice).standing is Standing.READY


@pytest.mark.parametrize("at", range(8))
def test_the_process_ends_at_any_time(place: World, at: int) -> None:
    """Before the answer of the host was heard, or after: it ends up the same."""
    alice = place.actor("alice")
    left = at

    def carried(_: Actor, frame: Any) -> Any:
        nonlocal left
        left -= 1
        return frame if left >= 0 else None

    place.on_the_way = carried
    alice.does(SignUp("alice", HOST))
    place.on_the_way = lambda _, frame: frame
    alice.restarts()
    assert account(alice).standing is Standing.READY
    assert stock(alice) == (50, True)


@pytest.mark.parametrize("at", range(1, 8))
def test_a_disk_that_fails_once(place: World, monkeypatch: pytest.MonkeyPatch, at: int) -> None:
    """At any step. What was not kept was neither sent nor shown."""
    alice = place.actor("alice")
    store: Any = alice.engine._store
    transaction, left = store.transaction, [at]

    @contextmanager
    def failing() -> Iterator[Any]:
        with transaction() as inner:
            yield inner
            left[0] -= not alice.is_looking
            if left[0] == 0 and not alice.is_looking:
                raise StoreError("the disk is gone")

    monkeypatch.setattr(store, "transaction", failing)
    alice.does(SignUp("alice", HOST))
    if not any(isinstance(view, AccountView) for view in alice.screen.values()):
        alice.does(SignUp("alice", HOST))
    place.passes(120)
    assert account(alice).standing is Standing.READY
    assert alice.line().is_online
    assert alice.failures == 1
    assert stock(alice) == (50, True)


def test_links_that_are_cut(place: World) -> None:
    alice = place.actor("alice")
    alice.does(SignUp("alice", HOST))
    place.cuts(alice)
    assert not alice.line().is_online
    place.passes(2)
    assert alice.line().is_online
    proofs = [send for step in alice.steps for send in step.sends]
    assert account(alice).standing is Standing.READY
    assert proofs


@pytest.mark.parametrize("data", [b"", b"\x00", b"\xff" * 40, a.Stock(1, 2, False)])  # type: ignore[arg-type]
def test_a_host_that_says_something_else(place: World, data: Any) -> None:
    """Before its greeting."""
    alice = place.actor("alice")
    place.on_the_way = lambda _, __: None
    alice.does(SignUp("alice", HOST))
    (line,) = alice.lines
    if isinstance(data, bytes):
        from aparte.client.api import FrameArrived

        alice.takes(lambda: alice.engine.receive(FrameArrived(line, data), place.now))
    else:
        place.says(alice, line, frame=replace(data, request=77))
    place.on_the_way = lambda _, frame: frame
    place.runs()
    place.passes(120)
    alice.looks()
