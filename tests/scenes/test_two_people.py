"""Alice writes, Bob reads."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import pytest

from aparte.client.commands import AcceptRequest, MarkRead, SendText, SignUp, StartChat
from aparte.client.store.rows import MessageState
from aparte.client.views import Stage
from aparte.wire import log_frames as f
from aparte.wire.entries import Entry, EntryForm
from tests.hosting import HOST
from tests.scenes.world import Actor, World


def people(place: World) -> tuple[Actor, Actor]:
    """Alice and Bob, with accounts."""
    alice, bob = place.actor("alice"), place.actor("bob")
    for each in (alice, bob):
        each.does(SignUp(each.name, HOST))
    return alice, bob


def states(who: Actor, other: str) -> list[MessageState]:
    return [each.state for each in who.timeline(who.chat(other)) if each.is_own]


def test_a_first_message(place: World) -> None:
    alice, bob = people(place)
    alice.does(StartChat(f"bob@{HOST}"))
    assert alice.chat("bob").stage is Stage.LIVE
    alice.says("bob", "hello")
    assert states(alice, "bob") == [MessageState.SENT]
    place.passes(5)
    assert bob.reads("alice") == ["hello"]
    assert bob.chat("alice").is_request
    assert bob.chat("alice").unread == 1
    bob.says("alice", "who is there?")
    assert alice.reads("bob") == bob.reads("alice") == ["hello", "who is there?"]
    assert not bob.chat("alice").is_request


def test_nothing_is_asked_twice(place: World) -> None:
    """Each would tell the host more, and cost a ticket more."""
    alice, _ = people(place)
    asked: Counter[str] = Counter()

    def way(who: Actor, frame: Any) -> Any:
        asked[type(frame).__name__] += who is alice
        return frame

    place.on_the_way = way
    alice.does(StartChat(f"bob@{HOST}"))
    place.passes(5)
    once = {"LookUpName", "FetchKeyPackages", "Create", "Post", "Drop"}
    assert {name: asked[name] for name in once} == dict.fromkeys(once, 1)
    assert asked["Open"] == 2


def test_live_both_ways(place: World) -> None:
    alice, bob = people(place)
    alice.does(StartChat(f"bob@{HOST}"))
    place.passes(5)
    words = []
    for number in range(10):
        for one, other in ((alice, bob), (bob, alice)):
            one.says(other.name, f"{one.name} {number}")
            words.append(f"{one.name} {number}")
    assert alice.reads("bob") == bob.reads("alice") == words
    bob.does(MarkRead(bob.chat("alice").conversation_id))
    assert bob.chat("alice").unread == 0


def test_what_is_written_before_the_chat_is_there(place: World) -> None:
    alice, bob = people(place)
    place.is_open = False
    place.cuts(alice)
    alice.does(StartChat(f"bob@{HOST}"))
    for number in range(3):
        alice.does(SendText(alice.chats()[0].conversation_id, f"{number}"))
    assert states(alice, "bob") == [MessageState.QUEUED] * 3
    place.is_open = True
    place.passes(120)
    assert states(alice, "bob") == [MessageState.SENT] * 3
    assert bob.reads("alice") == ["0", "1", "2"]


def test_nobody_is_called_so(place: World) -> None:
    alice, _ = people(place)
    alice.does(StartChat(f"carol@{HOST}"))
    view = alice.chat("carol")
    assert (view.stage, view.trouble) == (Stage.ENDED, f"nobody is called carol at {HOST}")


def test_a_request_is_accepted(place: World) -> None:
    alice, bob = people(place)
    alice.does(StartChat(f"bob@{HOST}"))
    place.passes(5)
    bob.does(AcceptRequest(bob.chat("alice").conversation_id))
    assert not bob.chat("alice").is_request


def test_away_and_back(place: World) -> None:
    alice, bob = people(place)
    alice.does(StartChat(f"bob@{HOST}"))
    place.passes(5)
    place.cuts(bob)
    for number in range(100):
        alice.says("bob", f"{number}")
        place.passes(1)
    assert bob.reads("alice") == [f"{number}" for number in range(100)]
    bob.restarts()
    alice.restarts()
    alice.says("bob", "again")
    bob.says("alice", "yes")
    assert alice.reads("bob")[-2:] == bob.reads("alice")[-2:] == ["again", "yes"]


def talk_of(one: Actor) -> list[str]:
    (chat,) = one.chats()
    return [each.text for each in one.timeline(chat)]


@pytest.mark.parametrize("seed", range(4))
def test_two_who_begin_at_once_have_one(place: World, seed: int) -> None:
    """Whoever has the lower id; and nothing of either is lost."""
    alice, bob = place.actor(f"alice{seed}"), place.actor(f"bob{seed}")
    for each in (alice, bob):
        each.does(SignUp(each.name, HOST))
    for one, other in ((alice, bob), (bob, alice)):
        one.does(StartChat(f"{other.name}@{HOST}"))
        one.says(other.name, f"from {one.name}")
    place.passes(5)
    place.passes(5)
    assert alice.chats()[0].conversation_id == bob.chats()[0].conversation_id
    assert sorted(talk_of(alice)) == sorted(talk_of(bob)) == [f"from {alice.name}", f"from {bob.name}"]
    for one, other in ((alice, bob), (bob, alice)):
        one.says(other.name, f"{one.name} again")
    assert talk_of(alice)[2:] == talk_of(bob)[2:] == [f"{alice.name} again", f"{bob.name} again"]
    assert not any(each.chats()[0].is_request for each in (alice, bob))
    for each in (alice, bob):
        each.restarts()
    assert alice.chats()[0].conversation_id == bob.chats()[0].conversation_id


@pytest.mark.parametrize("seed", range(4))
def test_a_conversation_that_is_under_way_stays(place: World, seed: int) -> None:
    """Somebody who was away begins another one: it is shown in the one in which they have talked."""
    alice, bob = place.actor(f"alice{seed}"), place.actor(f"bob{seed}")
    for each in (alice, bob):
        each.does(SignUp(each.name, HOST))
    alice.does(StartChat(f"{bob.name}@{HOST}"))
    place.passes(5)
    alice.says(bob.name, "one")
    bob.says(alice.name, "two")
    kept = alice.chats()[0].conversation_id
    assert bob.chats()[0].conversation_id == kept
    bob.does(StartChat(f"{alice.name}@{HOST}"))
    place.passes(5)
    assert [chat.conversation_id for chat in bob.chats()] == [kept]


@pytest.mark.parametrize("losing", [0, 1, 3])
def test_bodies_that_are_too_long_for_a_link(place: World, monkeypatch: pytest.MonkeyPatch, losing: int) -> None:
    """Their heads come alone; the rest is fetched, again if need be, and nothing overtakes it."""
    alice, bob = people(place)
    alice.does(StartChat(f"bob@{HOST}"))
    place.passes(5)
    says, left = place.says, losing

    def headless(entry: Entry) -> Entry:
        return replace(entry, form=EntryForm.LARGE, body=b"")

    def with_heads(actor: Actor, line: Any, *, frame: Any) -> None:
        if isinstance(frame, f.Delivered):
            frame = replace(frame, entry=headless(frame.entry))
        elif isinstance(frame, f.Entries):
            frame = replace(frame, entries=tuple(map(headless, frame.entries)))
        says(actor, line, frame=frame)

    def way(_: Actor, frame: Any) -> Any:
        nonlocal left
        if not isinstance(frame, f.FetchEntry) or not left:
            return frame
        left -= 1
        return None

    monkeypatch.setattr(place, "says", with_heads)
    place.on_the_way = way
    words = [f"{number}" for number in range(6)]
    for word in words[:3]:
        alice.says("bob", word)
    place.passes(60)
    place.cuts(bob)
    for word in words[3:]:
        alice.says("bob", word)
    place.passes(60)
    assert bob.reads("alice") == words
    assert left == 0
    bob.says("alice", "back")
    place.passes(60)
    assert alice.reads("bob") == [*words, "back"]
