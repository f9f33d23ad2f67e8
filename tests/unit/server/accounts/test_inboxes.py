"""Inboxes: lanes and their limits, each item once, in order, and never under a number that was used before."""

from __future__ import annotations

from pathlib import Path

import pytest

from aparte.server.accounts import settings
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.ids import Idem, Lane, TicketKind
from aparte.wire.link_frames import Done
from tests.hosting import code
from tests.hosting_accounts import DAY, Gadget, Town
from tests.hosting_accounts import town as open_town

CARD = b"a capability of alice's"


@pytest.fixture
def friend(alice: Gadget) -> dict[str, object]:
    """How to drop as a contact of Alice's."""
    assert alice.opens_lane(Lane.CONTACT, CARD, b"another") == Done(9)
    return {"lane": Lane.CONTACT, "proof": CARD}


def arrived(gadget: Gadget) -> list[int]:
    return [frame.head for frame in gadget.line.received if isinstance(frame, a.InboxArrived)]


class TestDropping:
    def test_items_come_in_order_and_stay_until_acknowledged(
        self, town: Town, alice: Gadget, friend: dict[str, object]
    ) -> None:
        for item in (b"one", b"two", b"three"):
            assert town.stranger().drops(alice, item, **friend) == Done(9)
        today = town.now // DAY * DAY
        page = alice.inbox()
        expected = [(1, b"one"), (2, b"two"), (3, b"three")]
        assert page.items == tuple(a.InboxItem(seq, Lane.CONTACT, today, item) for seq, item in expected)
        assert alice.inbox() == page
        assert alice.asks(a.AckInbox(9, 2)) == Done(9)
        assert alice.items() == [b"three"]
        assert alice.asks(a.AckInbox(9, 2)) == Done(9)
        assert [item.seq for item in alice.inbox().items] == [3]

    def test_who_is_there_is_told(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        laptop = alice.owner.gadget("laptop")
        alice.lists(laptop)
        laptop.proves()
        first = alice.line
        alice.proves()
        town.stranger().drops(alice, b"one", **friend)
        assert arrived(alice) == [1]
        assert [frame.head for frame in first.received if isinstance(frame, a.InboxArrived)] == [1]
        assert arrived(laptop) == []
        assert laptop.items() == []

    def test_each_device_has_its_own(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        laptop = alice.owner.gadget("laptop")
        alice.lists(laptop)
        laptop.proves()
        town.stranger().drops(laptop, b"for the laptop", **friend)
        town.stranger().drops(alice, b"for the phone", **friend)
        assert alice.items() == [b"for the phone"]
        assert laptop.items() == [b"for the laptop"]
        assert [laptop.inbox().items[0].seq, alice.inbox().items[0].seq] == [1, 1]

    def test_nobody_reads_anothers(self, town: Town, alice: Gadget, bob: Gadget, friend: dict[str, object]) -> None:
        town.stranger().drops(alice, b"for alice", **friend)
        assert bob.items() == []
        bob.asks(a.AckInbox(9, 99))
        assert alice.items() == [b"for alice"]

    def test_nobody_is_there(self, town: Town, alice: Gadget, bob: Gadget) -> None:
        stranger = town.stranger()
        for changes in ({"account_id": bytes(32)}, {"device_id": bytes(16)}, {"account_id": bob.account_id}):
            assert code(stranger.drops(alice, b"item", **changes)) == ErrorCode.NOT_FOUND

    def test_a_large_inbox_comes_in_pages(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        small = [b"%d" % number for number in range(70)]
        large = [bytes([number]) * 16_000 for number in range(8)]
        for item in (*small, *large):
            town.stranger().drops(alice, item, **friend)
        page = alice.inbox()
        assert (len(page.items), page.more) == (64, True)
        page = alice.inbox(70)
        assert (len(page.items), page.more) == (6, True)
        assert (len(alice.inbox(76).items), alice.inbox(76).more) == (2, False)
        assert alice.items() == small + large

    def test_numbers_beyond_every_item(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        town.stranger().drops(alice, b"one", **friend)
        most = (1 << 64) - 1
        assert alice.inbox(most).items == ()
        assert alice.asks(a.AckInbox(9, most)) == Done(9)
        assert alice.items() == []
        town.stranger().drops(alice, b"two", **friend)
        assert [(item.seq, item.item) for item in alice.inbox().items] == [(2, b"two")], "not acknowledged in advance"

    def test_acknowledging_nothing_tells_whether_the_link_lives(self, alice: Gadget) -> None:
        assert alice.asks(a.AckInbox(9, 0)) == Done(9)
        alice.calls()
        assert code(alice.asks(a.AckInbox(9, 0))) == ErrorCode.WRONG_STATE


class TestOnce:
    def test_a_repeat_is_answered_and_adds_nothing(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        drop = town.stranger().drop(alice, b"one", **friend)
        for _ in range(3):
            assert town.stranger().asks(drop) == Done(9)
        assert alice.items() == [b"one"]
        assert arrived(alice) == [1]

    def test_also_after_it_was_acknowledged_for_seven_days(
        self, town: Town, alice: Gadget, friend: dict[str, object]
    ) -> None:
        drop = town.stranger().drop(alice, b"one", **friend)
        town.stranger().asks(drop)
        town.passes(3 * DAY)
        alice.asks(a.AckInbox(9, 1))
        town.passes(7 * DAY)
        town.sweeps()
        assert town.stranger().asks(drop) == Done(9)
        assert alice.items() == []
        town.passes(DAY)
        town.sweeps()
        assert town.stranger().asks(drop) == Done(9)
        assert [item.seq for item in alice.inbox().items] == [2]

    def test_a_repeat_of_a_request_costs_no_second_ticket(self, town: Town, alice: Gadget) -> None:
        stranger = town.stranger()
        drop = stranger.drop(alice, b"hello")
        assert stranger.asks(drop) == stranger.asks(drop) == Done(9)
        assert alice.items() == [b"hello"]

    def test_one_id_in_two_inboxes(self, town: Town, alice: Gadget, bob: Gadget) -> None:
        same = {"item_id": Idem(b"i" * 16)}
        assert town.stranger().drops(alice, b"to alice", **same) == Done(9)
        assert town.stranger().drops(bob, b"to bob", **same) == Done(9)
        assert (alice.items(), bob.items()) == ([b"to alice"], [b"to bob"])

    def test_twice_in_one_batch(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        stranger = town.stranger()
        drop = stranger.drop(alice, b"one", **friend)
        town.accept(stranger.hands(drop), stranger.hands(drop))
        assert stranger.answers == [Done(9)] * 2
        assert alice.items() == [b"one"]


class TestLanes:
    @pytest.mark.usefixtures("friend")
    def test_only_its_capability_opens_a_lane(self, town: Town, alice: Gadget) -> None:
        stranger = town.stranger()
        for lane, proof in ((Lane.CONTACT, b"wrong"), (Lane.INVITE, CARD), (Lane.CONTACT, b"")):
            drop = stranger.drop(alice, b"item")
            frame = a.Drop(drop.request, drop.account_id, drop.device_id, lane, drop.item_id, proof, b"item")
            assert code(stranger.asks(frame)) == ErrorCode.REFUSED
        assert alice.items() == []
        assert stranger.drops(alice, b"item", lane=Lane.CONTACT, proof=b"another") == Done(9)

    def test_another_accounts_capability(self, town: Town, bob: Gadget, friend: dict[str, object]) -> None:
        assert code(town.stranger().drops(bob, b"item", **friend)) == ErrorCode.REFUSED

    def test_those_that_were_replaced_open_nothing(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        alice.opens_lane(Lane.INVITE, b"link")
        alice.opens_lane(Lane.CONTACT, b"new", b"new")
        assert code(town.stranger().drops(alice, b"item", **friend)) == ErrorCode.REFUSED
        assert town.stranger().drops(alice, b"item", lane=Lane.CONTACT, proof=b"new") == Done(9)
        assert town.stranger().drops(alice, b"item", lane=Lane.INVITE, proof=b"link") == Done(9)
        alice.opens_lane(Lane.INVITE)
        assert code(town.stranger().drops(alice, b"item", lane=Lane.INVITE, proof=b"link")) == ErrorCode.REFUSED

    def test_one_device_sets_them_for_all(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        laptop = alice.owner.gadget("laptop")
        alice.lists(laptop)
        assert town.stranger().drops(laptop, b"item", **friend) == Done(9)

    def test_no_capability_opens_the_lane_of_requests(self, alice: Gadget) -> None:
        assert code(alice.opens_lane(Lane.REQUEST, CARD)) == ErrorCode.REFUSED

    def test_a_request_costs_a_ticket(self, town: Town, alice: Gadget) -> None:
        stranger = town.stranger()
        ticket = stranger.ticket(TicketKind.KNOCK)
        assert stranger.drops(alice, b"hello", proof=ticket) == Done(9)
        assert code(stranger.drops(alice, b"again", proof=ticket)) == ErrorCode.TICKET_SPENT
        assert code(stranger.drops(alice, b"again", proof=CARD)) == ErrorCode.TICKET_REFUSED
        assert alice.items() == [b"hello"]

    @pytest.mark.parametrize(("lane", "limit"), settings.LANE_LIMITS.items())
    def test_each_has_its_limit_and_does_not_fill_another(
        self, town: Town, alice: Gadget, lane: Lane, limit: int
    ) -> None:
        for name in (Lane.CONTACT, Lane.INVITE):
            alice.opens_lane(name, CARD)
        stranger = town.stranger()
        proof = {} if lane is Lane.REQUEST else {"proof": CARD}
        frames = [stranger.drop(alice, b"item", lane=lane, **proof) for _ in range(limit + 1)]
        town.accept(*map(stranger.hands, frames))
        assert stranger.answers[:-1] == [Done(9)] * limit
        assert code(stranger.answer()) == ErrorCode.INBOX_FULL
        assert stranger.asks(frames[0]) == Done(9), "a repeat needs no room"
        for other in set(Lane) - {lane}:
            proof = {} if other is Lane.REQUEST else {"proof": CARD}
            assert stranger.drops(alice, b"item", lane=other, **proof) == Done(9)
        alice.asks(a.AckInbox(9, 10))
        town.passes(60_000)
        proof = {} if lane is Lane.REQUEST else {"proof": CARD}
        assert stranger.drops(alice, b"item", lane=lane, **proof) == Done(9)

    def test_an_inbox_that_is_emptied_at_once_is_not_filled_without_end(self, town: Town, alice: Gadget) -> None:
        alice.opens_lane(Lane.INVITE, CARD)
        answers = []
        for number in range(300):
            answers.append(town.stranger().drops(alice, b"item", lane=Lane.INVITE, proof=CARD))
            alice.asks(a.AckInbox(9, number + 1))
        assert [answer == Done(9) for answer in answers] == [True] * 200 + [False] * 100
        assert code(answers[-1]) == ErrorCode.RATE_LIMITED
        town.passes(answers[-1].wait)
        assert town.stranger().drops(alice, b"item", lane=Lane.INVITE, proof=CARD) == Done(9)


class TestTime:
    def test_thirty_days(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        town.stranger().drops(alice, b"old", **friend)
        town.passes(30 * DAY)
        town.stranger().drops(alice, b"new", **friend)
        town.sweeps()
        assert alice.items() == [b"old", b"new"]
        town.passes(DAY)
        assert town.sweeps() == 1
        assert alice.items() == [b"new"]

    def test_a_number_is_never_used_twice(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        for number in range(1, 4):
            town.stranger().drops(alice, b"item", **friend)
            assert alice.inbox().items[0].seq == number
            alice.asks(a.AckInbox(9, number))
            town.passes(40 * DAY)
            town.sweeps()
        assert alice.proves().inbox_head == 3

    def test_order_and_numbers_outlive_a_restart(self, tmp_path: Path) -> None:
        for start in range(3):
            with open_town(tmp_path) as town:
                phone = town.person("alice").phone
                assert phone.signs_up("alice").inbox_head == 2 * start
                phone.opens_lane(Lane.CONTACT, CARD)
                friend = {"lane": Lane.CONTACT, "proof": CARD}
                for number in (1, 2):
                    item = b"%d" % (2 * start + number)
                    frame = town.stranger().drop(phone, item, item_id=Idem(item * 16), **friend)
                    assert town.stranger().asks(frame) == Done(9)
                assert phone.items() == [b"%d" % number for number in range(start + 1, 2 * start + 3)]
                phone.asks(a.AckInbox(9, start + 1))

    def test_a_revoked_devices_items_are_gone(self, town: Town, alice: Gadget, friend: dict[str, object]) -> None:
        laptop = alice.owner.gadget("laptop")
        alice.lists(laptop)
        town.stranger().drops(laptop, b"item", **friend)
        alice.revokes(laptop)
        assert code(town.stranger().drops(laptop, b"item", **friend)) == ErrorCode.NOT_FOUND
        alice.puts(alice.owner.generation(alice, laptop))
        laptop.proves()
        assert laptop.items() == []
