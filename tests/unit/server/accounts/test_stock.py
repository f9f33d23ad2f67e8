"""Key packages: oldest first, each once, and the last resort only when there is no other."""

from __future__ import annotations

import pytest

from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.ids import TicketKind
from tests.hosting import code
from tests.hosting_accounts import DAY, Gadget, Town

HOUR = 3_600_000


def fetched(town: Town, gadget: Gadget) -> list[tuple[bytes, bool]]:
    """What a stranger gets of an account: (package, is it of last resort) of each device."""
    answer = town.stranger().fetches_packages(gadget.account_id)
    assert isinstance(answer, a.KeyPackages), answer
    return [(package.key_package, package.last_resort) for package in answer.packages]


def test_oldest_first_each_once_then_the_last_resort(town: Town, alice: Gadget) -> None:
    assert alice.stocks(b"one", b"two") == a.Stock(9, 2, False)
    assert alice.stocks(b"last", last_resort=True) == a.Stock(9, 2, True)
    assert alice.stocks(b"three") == a.Stock(9, 3, True)
    found = [fetched(town, alice) for _ in range(5)]
    assert found == [[(b"one", False)], [(b"two", False)], [(b"three", False)], *[[(b"last", True)]] * 2]
    assert alice.proves().key_packages == 0
    assert alice.proves().has_last_resort


def test_one_of_each_device(town: Town, alice: Gadget) -> None:
    laptop, tablet = alice.owner.gadget("laptop"), alice.owner.gadget("tablet")
    alice.lists(laptop, tablet)
    for gadget in (laptop, alice):
        gadget.proves()
        gadget.stocks(b"of " + gadget.device_id)
    found = town.stranger().fetches_packages(alice.account_id)
    assert {package.device_id for package in found.packages} == {alice.device_id, laptop.device_id}
    assert all(package.key_package == b"of " + package.device_id for package in found.packages)
    assert town.stranger().fetches_packages(alice.account_id).packages == ()


def test_a_repeat_adds_nothing_even_after_it_was_given_out(town: Town, alice: Gadget) -> None:
    assert alice.stocks(b"one", b"one") == a.Stock(9, 1, False)
    assert alice.stocks(b"one") == a.Stock(9, 1, False)
    assert fetched(town, alice) == [(b"one", False)]
    assert alice.stocks(b"one", b"two") == a.Stock(9, 1, False)
    assert fetched(town, alice) == [(b"two", False)]


def test_a_new_last_resort_replaces_the_old(town: Town, alice: Gadget) -> None:
    alice.stocks(b"old", last_resort=True)
    alice.stocks(b"new", last_resort=True)
    assert fetched(town, alice) == [(b"new", True)]
    assert alice.stocks(b"old", last_resort=True) == a.Stock(9, 0, True)
    assert fetched(town, alice) == [(b"new", True)], "a late repeat does not bring the old one back"


@pytest.mark.parametrize("last_resort", [False, True])
def test_none_is_given_out_that_has_expired(town: Town, alice: Gadget, *, last_resort: bool) -> None:
    alice.stocks(b"short", days=2, last_resort=last_resort)
    town.passes(DAY)
    assert alice.proves().key_packages + alice.proves().has_last_resort == 1
    town.passes(DAY)  # it would be good for some hours yet: only whole days count
    assert fetched(town, alice) == []
    assert alice.proves().key_packages + alice.proves().has_last_resort == 0


@pytest.mark.parametrize(("days", "refused"), [(-1, True), (0, True), (1, False), (180, False), (181, True)])
def test_how_long_one_may_be_good(alice: Gadget, days: int, *, refused: bool) -> None:
    town = alice.owner.town
    town.passes(DAY - town.now % DAY)
    answer = alice.stocks(b"package", days=days)
    assert (code(answer) == ErrorCode.REFUSED) if refused else answer == a.Stock(9, 1, False)


def test_a_frame_with_one_bad_package_adds_none(alice: Gadget) -> None:
    good = a.OwnKeyPackage(alice.owner.town.now + 9 * DAY, False, b"good")
    for bad in (a.OwnKeyPackage(0, False, b"expired"), a.OwnKeyPackage(alice.owner.town.now + 9 * DAY, False, b"")):
        assert code(alice.asks(a.PutKeyPackages(9, (good, bad)))) == ErrorCode.REFUSED
    assert alice.proves().key_packages == 0


def test_a_hundred_in_stock(alice: Gadget) -> None:
    for start in (0, 40):
        alice.stocks(*(b"%d" % number for number in range(start, start + 40)))
    assert code(alice.stocks(*(b"%d" % number for number in range(80, 101)))) == ErrorCode.QUOTA_EXCEEDED
    assert alice.stocks(*(b"%d" % number for number in range(60, 100))) == a.Stock(9, 100, False)
    assert alice.stocks(b"last", last_resort=True) == a.Stock(9, 100, True)
    assert code(alice.stocks(b"one more")) == ErrorCode.QUOTA_EXCEEDED


def test_nobody_drains_a_stock(town: Town, alice: Gadget) -> None:
    """200 an hour for the whole account; beyond that, what is left waits and the last resort is given."""
    laptop = alice.owner.gadget("laptop")
    alice.lists(laptop)
    laptop.proves()
    alice.stocks(b"last of alice", last_resort=True)
    given: list[tuple[bytes, bool]] = []
    count = 0
    for _ in range(3):
        for _ in range(2):
            for gadget in (alice, laptop):
                gadget.stocks(*(b"%d" % number for number in range(count, count + 20)))
                count += 20
        for _ in range(40):
            given += fetched(town, alice)
    stock = [package for package, is_last in given if not is_last]
    assert len(stock) == len(set(stock)) == 200
    assert fetched(town, alice) == [(b"last of alice", True)]
    assert alice.proves().key_packages > 0
    town.passes(HOUR // 200)
    assert fetched(town, alice)[0][1] is False
    assert fetched(town, alice) == [(b"last of alice", True)]


def test_a_device_cannot_put_without_end(town: Town, alice: Gadget) -> None:
    codes = set()
    for number in range(400):
        answer = alice.stocks(b"%d" % number)
        if not isinstance(answer, a.Stock):
            codes.add(code(answer))
            continue
        town.accounts._stocking._fetches._owed_until.clear()
        fetched(town, alice)
    assert codes == {ErrorCode.RATE_LIMITED}


def test_a_ticket_is_needed_and_spent(town: Town, alice: Gadget) -> None:
    alice.stocks(b"one", b"two")
    stranger = town.stranger()
    ticket = stranger.ticket(TicketKind.FETCH_KEY_PACKAGES)
    assert len(stranger.fetches_packages(alice.account_id, ticket).packages) == 1
    assert code(stranger.fetches_packages(alice.account_id, ticket)) == ErrorCode.TICKET_SPENT
    assert code(stranger.fetches_packages(alice.account_id, b"none")) == ErrorCode.TICKET_REFUSED
    knock = stranger.ticket(TicketKind.KNOCK)
    assert code(stranger.fetches_packages(alice.account_id, knock)) == ErrorCode.TICKET_REFUSED
    assert alice.proves().key_packages == 1


def test_a_ticket_is_not_spent_on_nobody(town: Town, alice: Gadget) -> None:
    stranger = town.stranger()
    ticket = stranger.ticket(TicketKind.FETCH_KEY_PACKAGES)
    assert code(stranger.fetches_packages(bytes(32), ticket)) == ErrorCode.NOT_FOUND
    assert stranger.fetches_packages(alice.account_id, ticket).packages == ()


def test_those_of_a_revoked_device_are_gone(town: Town, alice: Gadget) -> None:
    laptop = alice.owner.gadget("laptop")
    alice.lists(laptop)
    laptop.proves()
    laptop.stocks(b"laptop's")
    alice.stocks(b"phone's")
    alice.revokes(laptop)
    assert fetched(town, alice) == [(b"phone's", False)]
