"""A disk that is nearly full, level by level: what is refused, what goes on, and that nothing is left of a refusal."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from aparte.server.room import Shortage
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.ids import EntryKind, InboxSeq, Lane, LogId, TicketKind
from aparte.wire.link_frames import Problem
from aparte.wire.log_frames import Accepted, Created, Stale
from tests.hosting import Client, Log
from tests.hosting_accounts import Gadget, R, Town
from tests.hosting_accounts import town as open_town


@dataclass
class Place:
    """A host with two people and a log with an entry, on a disk as full as a test says."""

    town: Town
    alice: Gadget
    bob: Gadget
    client: Client
    log: Log
    first: Any

    def is_short(self, shortage: Shortage) -> None:
        self.town.core.room.shortage = shortage

    def creates(self) -> Any:
        return self.client.sends(self.client.creation(Log(LogId(b"another log here"))))


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    with open_town(tmp_path) as town:
        alice, bob, client = town.resident("alice"), town.resident("bob"), town.client()
        log = client.creates()
        first = client.message(log, b"first")
        assert isinstance(client.sends(first), Accepted)
        yield Place(town, alice, bob, client, log, first)


def commits(place: Place) -> Any:
    return place.client.sends(place.client.commit(place.log, seq=2))


def drops(place: Place) -> Any:
    return place.town.stranger().drops(place.bob, b"a welcome")


def ephemeral(place: Place) -> Any:
    return place.client.posts(place.log, b"typing", kind=EntryKind.EPHEMERAL)


Deed = Callable[[Place], Any]
#: What somebody does, and from which shortage on it is refused.
REFUSED: dict[str, tuple[Shortage, Deed]] = {
    "a new log": (Shortage.NEWCOMERS, Place.creates),
    "a new account": (Shortage.NEWCOMERS, lambda p: p.town.person("carol").phone.signs_up("carol")),
    "a message": (Shortage.POSTS, lambda p: p.client.posts(p.log, b"second")),
    "a commit": (Shortage.POSTS, commits),
    "an inbox item": (Shortage.POSTS, drops),
    "key packages": (Shortage.POSTS, lambda p: p.alice.stocks(b"one", b"two")),
}
#: What goes on, however full the disk is.
TAKEN: dict[str, Deed] = {
    "a message again": lambda p: p.client.sends(p.first),
    "an ephemeral": ephemeral,
    "opening": lambda p: p.client.opens(p.log),
    "closing": lambda p: p.client.closes(p.log),
    "proving": lambda p: p.alice.proves(),
    "looking up": lambda p: p.town.stranger().looks_up("alice"),
    "revoking": lambda p: p.alice.lists(p.alice.owner.gadget("laptop")),
    "tickets": lambda p: p.alice.gets_tickets(TicketKind.KNOCK, 1),
    "emptying an inbox": lambda p: p.alice.asks(a.AckInbox(R, InboxSeq(1))),
    "releasing a name": lambda p: p.alice.asks(a.ReleaseName(R)),
    "deleting": lambda p: p.alice.asks(p.alice.deletion(root=p.alice.owner.root)),
}


def is_full(answer: Any) -> bool:
    if not isinstance(answer, Problem):
        return False
    assert answer.code == ErrorCode.DISK_FULL, answer
    assert answer.wait > 0, "a client is told when to come back"
    return True


@pytest.mark.parametrize("shortage", Shortage)
@pytest.mark.parametrize("deed", REFUSED)
def test_what_is_refused_at_which_level_and_taken_afterwards(place: Place, deed: str, shortage: Shortage) -> None:
    at, does = REFUSED[deed]
    place.is_short(shortage)
    assert is_full(does(place)) == (shortage >= at)
    if shortage >= at:
        place.is_short(Shortage.NOTHING)
        assert not is_full(does(place))


@pytest.mark.parametrize("deed", TAKEN)
def test_what_goes_on_on_a_full_disk(place: Place, deed: str) -> None:
    place.is_short(Shortage.POSTS)
    assert not is_full(TAKEN[deed](place))


def test_reading_goes_on(place: Place) -> None:
    place.is_short(Shortage.POSTS)
    assert [entry.body for entry in place.client.reads(place.log, node=0)] == [b"first"]


def test_what_is_there_already_is_found_again(place: Place) -> None:
    """A log and an account that were made before the answer was lost, and an item that came twice."""
    created = place.creates()
    carol = place.town.person("carol").phone
    carol.signs_up("carol")
    item = place.town.stranger().drop(place.bob, b"once")
    place.town.stranger().asks(item)
    place.alice.stocks(b"one")
    place.is_short(Shortage.POSTS)
    assert place.creates() == created
    assert not is_full(carol.signs_up("carol"))
    assert not is_full(place.town.stranger().asks(item))
    assert not is_full(place.alice.stocks(b"one"))


def test_a_post_under_a_node_that_ended_is_stale_all_the_same(place: Place) -> None:
    late = place.client.message(place.log, b"late")
    place.client.commits(place.log, seq=2)
    place.is_short(Shortage.POSTS)
    assert isinstance(place.client.sends(late), Stale)


def test_a_refusal_costs_neither_a_ticket_nor_pace(place: Place) -> None:
    stranger = place.town.stranger()
    ticket = stranger.ticket(TicketKind.KNOCK)
    place.is_short(Shortage.POSTS)
    for _ in range(200):
        assert is_full(place.client.posts(place.log, b"second"))
    assert is_full(stranger.drops(place.bob, b"item", proof=ticket))
    creation = place.client.creation(Log(LogId(bytes(16))))
    assert is_full(place.client.sends(creation))
    place.is_short(Shortage.NOTHING)
    assert isinstance(place.client.sends(creation), Created)
    assert isinstance(place.client.posts(place.log, b"second"), Accepted)
    assert not is_full(stranger.drops(place.bob, b"item", proof=ticket))


def test_an_inbox_lane_that_is_full_is_told_before_the_disk(place: Place) -> None:
    place.is_short(Shortage.POSTS)
    refused = place.town.stranger().drops(place.bob, b"item", lane=Lane.CONTACT, proof=b"no capability")
    assert refused.code == ErrorCode.REFUSED
