"""What others send that they should not: nothing of it is kept, nothing stops, and what is said after it arrives."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aparte.client import joining
from aparte.client.commands import SignUp, StartChat
from aparte.client.views import ConversationView, PeerView, Stage
from aparte.conversation import Invitation
from aparte.wire import account_frames as a
from aparte.wire.ids import InboxSeq, Lane, Millis, Node, Request
from tests.hosting import HOST
from tests.scenes.actor import Actor
from tests.scenes.world import World


def people(place: World) -> tuple[Actor, Actor]:
    alice, bob = place.actor("alice"), place.actor("bob")
    for each in (alice, bob):
        each.does(SignUp(each.name, HOST))
    return alice, bob


@pytest.mark.parametrize(
    "changes",
    [
        {"node": Node(1 << 63)},
        {"at": Millis((1 << 64) - 1)},
        {"host": ""},
        {"host": "not a host"},
        {"host": "HOST.example"},
        {"host": "host.example/path"},
        {"host": "localhost:631"},
        {"host": "127.0.0.1"},
        {"host": "[::1]:22"},
        {"inviter": "alice@localhost:631"},
        {"inviter": "nobody"},
        {"inviter": "a@b@c"},
        {"manifest": b"manifest"},
        {"welcome": b""},
        {"welcome": b"\x00\x01\x00\x03junk"},
        {"ratchet_tree": b""},
        {"ratchet_tree": b"\xff" * 100},
    ],
)
def test_invitations_that_lie(place: World, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]) -> None:
    alice, bob = people(place)
    seal = joining.seal_item

    def bent(invitation: Invitation, inbox_key: bytes, **words: Any) -> bytes:
        return seal(replace(invitation, **changes), inbox_key, **words)

    monkeypatch.setattr(joining, "seal_item", bent)
    alice.does(StartChat(f"bob@{HOST}"))
    place.passes(5)
    assert bob.chats() == []
    monkeypatch.setattr(joining, "seal_item", seal)
    carol = place.actor("carol")
    carol.does(SignUp("carol", HOST))
    carol.does(StartChat(f"bob@{HOST}"))
    carol.says("bob", "hello")
    place.passes(5)
    assert bob.reads("carol") == ["hello"]


def test_a_name_that_is_not_ones_own(place: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Mallory says that she is Alice: the host is asked, and says no."""
    _, bob = people(place)
    mallory = place.actor("mallory")
    mallory.does(SignUp("mallory", HOST))
    seal = joining.seal_item

    def bent(invitation: Invitation, inbox_key: bytes, **words: Any) -> bytes:
        return seal(replace(invitation, inviter=f"alice@{HOST}"), inbox_key, **words)

    monkeypatch.setattr(joining, "seal_item", bent)
    mallory.does(StartChat(f"bob@{HOST}"))
    place.passes(5)
    (chat,) = bob.chats()
    assert (chat.address, chat.title) == ("", "")
    shown = [
        (view.address, step)
        for step in bob.steps
        for change in step.changes
        if (view := change.view) and isinstance(view, PeerView | ConversationView)
    ]
    assert all("alice" not in address for address, _ in shown), "not for a moment"


def test_a_host_that_answers_for_somebody_else(place: World, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, _ = people(place)
    answer = place._answer

    def other(there: Any, frame: Any) -> Any:
        found = answer(there, frame)
        return replace(found, name="alice") if isinstance(found, a.Found) else found

    monkeypatch.setattr(place, "_answer", other)
    alice.does(StartChat(f"bob@{HOST}"))
    place.passes(5)
    (chat,) = alice.chats()
    assert chat.stage is Stage.ENDED
    assert "another name" in chat.trouble


def test_junk_in_an_inbox(place: World) -> None:
    """It is acknowledged, and gone."""
    _, bob = people(place)
    junk: list[Callable[[int], bytes]] = [bytes, lambda n: b"\xff" * n, lambda n: b"\x40" + bytes(n)]
    items = tuple(
        a.InboxItem(InboxSeq(at + 1), Lane.REQUEST, Millis(0), make(1 + 37 * at)) for at, make in enumerate(junk * 5)
    )
    (line,) = (each for each in bob.lines if each.kind.value == "identity")
    place.says(bob, line, frame=a.InboxArrived(InboxSeq(15)))
    place.under_way.clear()
    place.says(bob, line, frame=a.InboxItems(Request(_last(bob)), False, items))
    place.runs()
    assert bob.chats() == []
    assert bob.engine.is_settled()


def _last(actor: Actor) -> int:
    """The number of the request that waits on its identity link."""
    (state,) = (state for line, state in actor.engine._session.lines.items() if line.kind.value == "identity")
    return max(state.waiting)
