"""Accounts that end: by root at once, by a device after seven days; and those that the operator suspends."""

from __future__ import annotations

from hashlib import sha256
from typing import Any

import pytest

from aparte.server.accounts import make_operator_invite
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.ids import Lane, TicketKind
from aparte.wire.link_frames import Done
from tests.hosting import code
from tests.hosting_accounts import DAY, Gadget, Town

TABLES = ("account", "name", "manifest", "device", "key_package", "capability", "inbox_item", "allowance", "invite")


def rows(town: Town) -> dict[str, list[Any]]:
    """All that the database holds of accounts."""
    connection = town.store._connection  # type: ignore[attr-defined]
    return {table: connection.execute(f"SELECT * FROM {table}").fetchall() for table in (*TABLES, "deleted_account")}


def lives(town: Town, gadget: Gadget) -> None:
    """Leave something in every table."""
    gadget.opens_lane(Lane.CONTACT, b"card")
    gadget.stocks(b"package", b"another")
    gadget.stocks(b"last", last_resort=True)
    town.stranger().fetches_packages(gadget.account_id)
    town.stranger().drops(gadget, b"hello")
    gadget.gets_tickets(TicketKind.KNOCK, 1)


class TestAtOnce:
    def test_root_signs_and_nothing_is_left_but_what_rests(self, town: Town, alice: Gadget) -> None:
        lives(town, alice)
        assert alice.asks(alice.deletion(root=alice.owner.root)) == a.DeletionAt(9, town.now)
        left = {table: found for table, found in rows(town).items() if found}
        today = town.now // DAY
        assert left == {
            "name": [("alice", None, today)],
            "deleted_account": [(sha256(alice.account_id).digest(), today)],
        }
        assert code(alice.inbox()) == ErrorCode.WRONG_STATE
        assert len(town.accounts.presence) == 0
        assert code(alice.proves()) == ErrorCode.NOT_FOUND
        assert code(town.stranger().looks_up("alice")) == ErrorCode.NOT_FOUND

    def test_all_devices_are_out(self, alice: Gadget) -> None:
        laptop = alice.owner.gadget("laptop")
        alice.lists(laptop)
        laptop.proves()
        alice.asks(alice.deletion(root=alice.owner.root))
        assert code(laptop.inbox()) == ErrorCode.WRONG_STATE

    def test_another_signature_does_not_do(self, town: Town, alice: Gadget, bob: Gadget) -> None:
        for key in (alice.key, bob.owner.root):
            assert code(alice.asks(alice.deletion(root=key))) == ErrorCode.REFUSED
        before = alice.deletion(root=alice.owner.root)
        alice.proves()
        assert code(alice.asks(before)) == ErrorCode.REFUSED, "signed for another link"
        assert town.stranger().looks_up("alice").name == "alice"

    def test_trying_is_limited(self, alice: Gadget) -> None:
        codes = [code(alice.asks(alice.deletion(root=alice.key))) for _ in range(6)]
        assert codes == [ErrorCode.REFUSED] * 5 + [ErrorCode.RATE_LIMITED]

    def test_it_does_not_come_back_for_180_days(self, town: Town, alice: Gadget, bob: Gadget) -> None:
        alice.asks(alice.deletion(root=alice.owner.root))
        alice.calls()
        assert code(alice.signs_up("alicia")) == ErrorCode.ACCOUNT_EXISTS
        assert code(bob.asks(a.TakeName(9, "alice"))) == ErrorCode.NAME_TAKEN
        town.passes(181 * DAY)
        town.sweeps()
        assert rows(town)["deleted_account"] == []
        alice.calls()
        assert alice.signs_up("alice").name == "alice"


class TestLater:
    def test_after_seven_whole_days(self, town: Town, alice: Gadget) -> None:
        answer = alice.asks(alice.deletion())
        assert (answer.at % DAY, 7 * DAY < answer.at - town.now <= 8 * DAY) == (0, True)
        assert alice.proves().deletion_at == answer.at
        town.passes(answer.at - town.now - 1)
        assert town.sweeps() == 0
        assert alice.proves().name == "alice"
        town.passes(1)
        assert town.sweeps() == 1
        assert code(alice.inbox()) == ErrorCode.WRONG_STATE
        assert code(alice.proves()) == ErrorCode.NOT_FOUND

    def test_a_repeat_does_not_put_it_off(self, town: Town, alice: Gadget) -> None:
        first = alice.asks(alice.deletion())
        town.passes(3 * DAY)
        assert alice.asks(alice.deletion()) == first

    def test_any_device_cancels(self, town: Town, alice: Gadget) -> None:
        laptop = alice.owner.gadget("laptop")
        alice.lists(laptop)
        at = alice.asks(alice.deletion()).at
        assert laptop.proves().deletion_at == at
        assert laptop.asks(a.CancelDeletion(9)) == Done(9)
        assert laptop.asks(a.CancelDeletion(9)) == Done(9)
        town.passes(9 * DAY)
        assert town.sweeps() == 0
        assert alice.proves().deletion_at == 0

    def test_until_then_it_is_found(self, town: Town, alice: Gadget) -> None:
        alice.asks(alice.deletion())
        assert town.stranger().looks_up("alice").name == "alice"

    def test_many_at_once_in_small_steps(self, town: Town) -> None:
        gadgets = [town.resident(f"person{number}") for number in range(5)]
        for gadget in gadgets:
            lives(town, gadget)
            gadget.asks(gadget.deletion())
        town.passes(9 * DAY)
        assert town.sweeps(limit=2) >= 5
        assert [table for table, found in rows(town).items() if found] == ["name", "deleted_account"]


class TestSuspended:
    def test_it_is_out_and_not_found(self, town: Town, alice: Gadget) -> None:
        lives(town, alice)
        assert town.suspends(alice.owner)
        assert code(alice.inbox()) == ErrorCode.WRONG_STATE
        assert code(alice.proves()) == ErrorCode.SUSPENDED
        alice.calls()
        assert code(alice.signs_up("alice")) == ErrorCode.SUSPENDED
        stranger = town.stranger()
        for answer in (
            stranger.looks_up("alice"),
            stranger.asks(a.LookUpAccount(9, alice.account_id)),
            stranger.asks(a.FetchManifests(9, alice.account_id, 0)),
            stranger.fetches_packages(alice.account_id),
            stranger.drops(alice, b"item"),
        ):
            assert code(answer) == ErrorCode.NOT_FOUND

    def test_a_thief_does_not_learn_that_it_is(self, town: Town, alice: Gadget) -> None:
        town.suspends(alice.owner)
        assert code(alice.owner.gadget("thief").proves()) == ErrorCode.REFUSED

    def test_its_name_stays_its_own(self, town: Town, alice: Gadget, bob: Gadget) -> None:
        town.suspends(alice.owner)
        assert code(bob.asks(a.TakeName(9, "alice"))) == ErrorCode.NAME_TAKEN

    def test_and_back(self, town: Town, alice: Gadget) -> None:
        lives(town, alice)
        town.suspends(alice.owner)
        assert town.suspends(alice.owner, is_suspended=False)
        assert alice.proves().name == "alice"
        assert alice.items() == [b"hello"]

    def test_nobody(self, town: Town) -> None:
        assert not town.suspends(town.person("nobody"))


class TestSweep:
    def test_what_is_out_of_date_goes_in_small_steps(self, town: Town, alice: Gadget) -> None:
        for _ in range(10):
            town.stranger().drops(alice, b"item")
        alice.stocks(*(b"%d" % number for number in range(10)), days=5)
        alice.gets_tickets(TicketKind.KNOCK, 1)
        make_operator_invite(town.store, town.fresh_nonce, now=town.now)
        town.passes(31 * DAY)
        step = town.core.apart(lambda t: town.accounts.sweep(t, town.now, limit=7))
        assert step == 7
        assert town.sweeps(limit=7) == 15
        left = {table for table, found in rows(town).items() if found}
        assert left == {"account", "name", "manifest", "device"}

    @pytest.mark.parametrize("days", [0, 1])
    def test_what_is_in_use_stays(self, town: Town, alice: Gadget, days: int) -> None:
        lives(town, alice)
        before = rows(town)
        town.passes(days * DAY)
        assert town.sweeps() == days, "yesterday's allowance"
        after = rows(town)
        assert {t: after[t] for t in TABLES if t != "allowance"} == {t: before[t] for t in TABLES if t != "allowance"}
