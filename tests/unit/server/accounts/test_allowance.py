"""Tickets: so many a day, good until the end of tomorrow, and no forgery is taken."""

from __future__ import annotations

import pytest
from nacl.signing import SigningKey

from aparte.server.links import LinkKind
from aparte.server.tickets import read_ticket
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.ids import TicketKind
from aparte.wire.link_frames import Done
from aparte.wire.tickets import ticket_statement
from tests import hosting_accounts
from tests.hosting import HOST, code, verify
from tests.hosting_accounts import DAY, TICKET_KEY, Gadget, Town

KNOCK, FETCH = TicketKind.KNOCK, TicketKind.FETCH_KEY_PACKAGES


def test_tickets_are_signed_each_its_own_and_good_until_tomorrow(town: Town, alice: Gadget) -> None:
    answer = alice.gets_tickets(FETCH, 64, "other.example:8443")
    assert (len(answer.tickets), answer.left) == (64, 136)
    tickets = [read_ticket(item.ticket) for item in answer.tickets]
    assert len({ticket.nonce for ticket in tickets}) == 64
    for ticket in tickets:
        assert (ticket.issuer, ticket.acceptor, ticket.kind) == (HOST, "other.example:8443", FETCH)
        assert ticket.day == town.now // DAY + 1
        assert verify(bytes(TICKET_KEY.verify_key), ticket_statement(ticket.body), ticket.signature)


def test_what_was_issued_is_accepted(town: Town, alice: Gadget, bob: Gadget) -> None:
    today, tomorrow, too_late = (item.ticket for item in alice.gets_tickets(KNOCK, 3).tickets)
    assert town.stranger().drops(bob, b"one", proof=today) == Done(9)
    town.passes(DAY)
    assert town.stranger().drops(bob, b"two", proof=tomorrow) == Done(9)
    town.passes(DAY)
    assert code(town.stranger().drops(bob, b"three", proof=too_late)) == ErrorCode.TICKET_REFUSED


def test_so_many_a_day_of_each_kind(town: Town, alice: Gadget, bob: Gadget) -> None:
    assert [alice.gets_tickets(KNOCK, 30).left, alice.gets_tickets(KNOCK, 0).left] == [20, 20]
    last = alice.gets_tickets(KNOCK, 30)
    assert (len(last.tickets), last.left) == (20, 0)
    assert code(alice.gets_tickets(KNOCK, 1)) == ErrorCode.QUOTA_EXCEEDED
    assert alice.gets_tickets(KNOCK, 0) == a.Tickets(9, 0, ())
    assert alice.gets_tickets(TicketKind.CREATE_LOG, 1).left == 49
    assert bob.gets_tickets(KNOCK, 1).left == 49
    town.passes(DAY)
    assert alice.gets_tickets(KNOCK, 1).left == 49


def test_two_who_ask_in_one_batch_share_what_is_left(town: Town, alice: Gadget) -> None:
    laptop = alice.owner.gadget("laptop")
    alice.lists(laptop)
    laptop.proves()
    town.accept(*[gadget.line.hands(a.GetTickets(9, HOST, KNOCK, 30)) for gadget in (alice, laptop)])
    first, second = alice.line.answer(), laptop.line.answer()
    assert [(len(answer.tickets), answer.left) for answer in (first, second)] == [(30, 20), (20, 0)]
    assert len({*first.tickets, *second.tickets}) == 50


def test_who_has_proved_nothing_makes_nobody_sign(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hosting_accounts, "TICKET_KEY", None)
    line = town.line(LinkKind.IDENTITY)
    assert code(line.asks(a.GetTickets(9, HOST, KNOCK, 64))) == ErrorCode.WRONG_STATE


def test_for_all_devices_of_an_account_together(alice: Gadget) -> None:
    laptop = alice.owner.gadget("laptop")
    alice.lists(laptop)
    laptop.proves()
    alice.gets_tickets(KNOCK, 50)
    assert code(laptop.gets_tickets(KNOCK, 1)) == ErrorCode.QUOTA_EXCEEDED


def test_an_acceptor_that_is_no_host(alice: Gadget) -> None:
    for acceptor in ("", "Host.example", "a b", "host.example/", "-x", "host:123456"):
        assert code(alice.gets_tickets(KNOCK, 1, acceptor)) == ErrorCode.REFUSED
    assert alice.gets_tickets(KNOCK, 0).left == 50


def test_forgeries(town: Town, alice: Gadget) -> None:
    stranger = town.stranger()
    forged = (
        stranger.ticket(KNOCK, key=SigningKey(b"m" * 32)),
        stranger.ticket(FETCH),
        stranger.ticket(KNOCK, acceptor="other.example"),
        stranger.ticket(KNOCK, day=-1),
        stranger.ticket(KNOCK)[:-1],
        stranger.ticket(KNOCK, version=2),
        b"x",
    )
    for ticket in forged:
        assert code(stranger.drops(alice, b"item", proof=ticket)) == ErrorCode.TICKET_REFUSED
    changed = bytearray(stranger.ticket(KNOCK))
    changed[-70] ^= 1
    assert code(stranger.drops(alice, b"item", proof=bytes(changed))) == ErrorCode.TICKET_REFUSED
    assert alice.items() == []
    assert stranger.drops(alice, b"item", proof=stranger.ticket(KNOCK)) == Done(9)
