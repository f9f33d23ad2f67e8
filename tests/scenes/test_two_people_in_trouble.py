"""Alice writes, Bob reads, whatever happens on the way: everything arrives once, in order."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Any

import pytest

from aparte.client.commands import SendText, SignUp, StartChat
from aparte.client.store import StoreError
from aparte.client.store.rows import MessageState
from aparte.client.views import Stage
from tests.hosting import HOST
from tests.scenes.world import Actor, Cut, World

WORDS = ["one", "two", "three"]


def people(place: World) -> tuple[Actor, Actor]:
    alice, bob = place.actor("alice"), place.actor("bob")
    for each in (alice, bob):
        each.does(SignUp(each.name, HOST))
    return alice, bob


def talks(alice: Actor) -> None:
    """Alice begins a conversation and says three things; what was not kept she says again."""
    while not alice.chats():
        alice.does(StartChat(f"bob@{HOST}"))
    for word in WORDS:
        while word not in alice.reads("bob"):
            alice.does(SendText(alice.chat("bob").conversation_id, word))


def is_well(place: World, alice: Actor, bob: Actor) -> None:
    """After some time all is as it would have been; and it goes on both ways."""
    place.passes(900)
    assert alice.chat("bob").stage is Stage.LIVE
    assert bob.reads("alice") == WORDS
    assert [(each.text, each.state) for each in alice.timeline(alice.chat("bob"))] == [
        (word, MessageState.SENT) for word in WORDS
    ]
    while "four" not in bob.reads("alice"):
        bob.says("alice", "four")
    place.passes(5)
    assert alice.reads("bob") == bob.reads("alice") == [*WORDS, "four"]


@pytest.mark.parametrize("nth", range(1, 40))
def test_what_is_asked_is_lost(place: World, nth: int) -> None:
    """A request of hers, and the link on which it went."""
    alice, bob = people(place)
    left = nth

    def way(who: Actor, frame: Any) -> Any:
        nonlocal left
        left -= who is alice
        if left or who is not alice:
            return frame
        place.under_way.append((alice, Cut()))
        return None

    place.on_the_way = way
    talks(alice)
    place.passes(10)
    is_well(place, alice, bob)


@pytest.mark.parametrize("nth", range(1, 40))
def test_what_is_answered_is_lost(place: World, nth: int) -> None:
    """The host has done what she asked, and she does not hear of it."""
    alice, bob = people(place)
    place.loses_answer(alice, nth)
    talks(alice)
    place.passes(10)
    is_well(place, alice, bob)


@pytest.mark.parametrize("nth", range(1, 60, 2))
@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_disk_that_fails_once(place: World, monkeypatch: pytest.MonkeyPatch, who: str, nth: int) -> None:
    """At any step of either."""
    alice, bob = people(place)
    fails_at(alice if who == "alice" else bob, nth, monkeypatch)
    talks(alice)
    place.passes(10)
    is_well(place, alice, bob)


def fails_at(who: Actor, nth: int, monkeypatch: pytest.MonkeyPatch) -> None:
    store: Any = who.engine._store
    transaction, left = store.transaction, [nth]

    @contextmanager
    def failing() -> Any:
        with transaction() as inner:
            yield inner
            left[0] -= not who.is_looking
            if left[0] == 0 and not who.is_looking:
                raise StoreError("the disk is gone")

    monkeypatch.setattr(store, "transaction", failing)


@pytest.mark.parametrize("nth", range(1, 60, 2))
@pytest.mark.parametrize("who", ["alice", "bob"])
def test_a_process_that_ends(place: World, who: str, nth: int) -> None:
    """After any step of either, before what it says was carried out."""
    alice, bob = people(place)
    ends = alice if who == "alice" else bob
    place.dies_after(ends, nth)
    talks(alice)
    place.passes(10)
    is_well(place, alice, bob)
