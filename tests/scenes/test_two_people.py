"""Alice writes, Bob reads."""

from __future__ import annotations

from aparte.client.commands import AcceptRequest, MarkRead, SendText, SignUp, StartChat
from aparte.client.store.rows import MessageState
from aparte.client.views import Stage
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
