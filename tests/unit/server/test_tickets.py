"""Tickets on their way in, one rule at a time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from nacl.signing import SigningKey

from aparte.server import tickets
from aparte.server.pace import Pace
from aparte.server.step import Refusal
from aparte.server.store import StoreError
from aparte.server.store.sqlite import SqliteStore
from aparte.server.tickets import Acquaintance, ForeignBudget, Issuer, JudgedTicket, TicketJudge, read_ticket
from aparte.wire import ErrorCode, encode
from aparte.wire.ids import Millis, TicketKind
from aparte.wire.tickets import Ticket, TicketBody, ticket_statement
from tests.hosting import HOST, refused, verify

DAY = 86_400_000
NOW = Millis(20_000 * DAY + 5)
ISSUER, OTHER = SigningKey(b"i" * 32), SigningKey(b"o" * 32)
BODY = TicketBody(1, HOST, HOST, TicketKind.CREATE_LOG, 20_000, b"n" * 16)


def issued(body: TicketBody = BODY, key: SigningKey = ISSUER) -> Ticket:
    fields = (body.version, body.issuer, body.acceptor, body.kind, body.day, body.nonce)
    return Ticket(*fields, key.sign(ticket_statement(body)).signature)


def judge(ticket: Ticket, kind: TicketKind = TicketKind.CREATE_LOG) -> JudgedTicket:
    return TicketJudge(HOST, verify=verify).judge(ticket, kind, issuer_key=bytes(ISSUER.verify_key), now=NOW)


class TestReading:
    def test_what_was_issued(self) -> None:
        assert read_ticket(encode(issued())) == issued()

    @pytest.mark.parametrize("cut", [0, 1, 20, -1])
    def test_not_a_ticket(self, cut: int) -> None:
        refusal = refused(lambda: read_ticket(encode(issued())[:cut]))
        assert refusal.code == ErrorCode.TICKET_REFUSED

    def test_more_than_a_ticket(self) -> None:
        assert refused(lambda: read_ticket(encode(issued()) + b"\0")).code == ErrorCode.TICKET_REFUSED

    def test_not_text(self) -> None:
        data = encode(issued()).replace(HOST.encode(), b"\xff" * len(HOST))
        assert refused(lambda: read_ticket(data)).code == ErrorCode.TICKET_REFUSED

    def test_another_version(self) -> None:
        refusal = refused(lambda: read_ticket(encode(issued(replace(BODY, version=2)))))
        assert (refusal.code, refusal.detail) == (ErrorCode.TICKET_REFUSED, "a ticket of version 2")

    def test_another_kind_than_there_is(self) -> None:
        data = bytearray(encode(issued()))
        data[1 + 2 * (1 + len(HOST))] = 99
        assert refused(lambda: read_ticket(bytes(data))).code == ErrorCode.TICKET_REFUSED


class TestJudging:
    def test_good(self) -> None:
        judged = judge(issued())
        assert judged.day == 20_000
        assert judge(issued()) == judged

    @pytest.mark.parametrize("day", [20_000, 20_001])
    def test_of_today_or_later(self, day: int) -> None:
        assert judge(issued(replace(BODY, day=day))).day == day

    @pytest.mark.parametrize(
        ("ticket", "why"),
        [
            (issued(replace(BODY, acceptor="other.example")), "a ticket for another host"),
            (issued(replace(BODY, kind=TicketKind.KNOCK)), "a ticket to KNOCK"),
            (issued(replace(BODY, day=19_999)), "a ticket of the past"),
            (issued(key=OTHER), "the issuer did not sign it"),
            (replace(issued(), nonce=b"m" * 16), "the issuer did not sign it"),
            (replace(issued(), day=20_001), "the issuer did not sign it"),
            (replace(issued(), issuer="other.example"), "the issuer did not sign it"),
            (replace(issued(), signature=bytes(64)), "the issuer did not sign it"),
        ],
    )
    def test_refused(self, ticket: Ticket, why: str) -> None:
        refusal = refused(lambda: judge(ticket))
        assert (refusal.code, refusal.detail) == (ErrorCode.TICKET_REFUSED, why)

    def test_each_is_spent_by_itself(self) -> None:
        """By its issuer's name and nonce: no issuer can spend another's."""
        bodies = [
            BODY,
            replace(BODY, nonce=b"m" * 16),
            replace(BODY, issuer="other.example"),
            replace(BODY, issuer="other.example", nonce=b"m" * 16),
        ]
        nonces = {judge(issued(body)).nonce for body in bodies}
        assert len(nonces) == 4
        assert {len(nonce) for nonce in nonces} == {16}

    def test_every_kind_pays_for_itself_alone(self) -> None:
        for kind in TicketKind:
            ticket = issued(replace(BODY, kind=kind))
            assert judge(ticket, kind) == judge(issued())
            for other in set(TicketKind) - {kind}:
                assert refused(lambda t=ticket, o=other: judge(t, o)).code == ErrorCode.TICKET_REFUSED


class TestOfOtherHosts:
    OTHER_HOST = replace(BODY, issuer="other.example")

    def judged(self, budget: ForeignBudget, now: int = NOW, **changes: Any) -> JudgedTicket:
        ticket = issued(replace(self.OTHER_HOST, **changes), OTHER)
        issuer = Issuer(bytes(OTHER.verify_key), budget)
        return TicketJudge(HOST, verify=verify).judge_other(ticket, ticket.kind, issuer=issuer, now=Millis(now))

    def spent(self, store: SqliteStore, ticket: JudgedTicket) -> ErrorCode | None:
        """What becomes of it, in a transaction of its own."""
        with store.transaction() as transaction:
            try:
                ticket.spend(transaction)
            except Refusal as refusal:
                return refusal.code
            return None

    @pytest.fixture
    def store(self, tmp_path: Path) -> Iterator[SqliteStore]:
        opened = SqliteStore(tmp_path / "host.db")
        yield opened
        opened.close()

    def test_signed_by_their_issuer(self) -> None:
        assert self.judged(ForeignBudget()).day == 20_000
        ticket, issuer = issued(self.OTHER_HOST, OTHER), Issuer(bytes(ISSUER.verify_key), ForeignBudget())
        with pytest.raises(Refusal, match="did not sign"):
            TicketJudge(HOST, verify=verify).judge_other(ticket, ticket.kind, issuer=issuer, now=NOW)

    @pytest.mark.parametrize(("days", "taken"), [(-1, False), (0, True), (2, True), (3, False), (1 << 20, False)])
    def test_their_day_is_near(self, days: int, taken: bool) -> None:
        """Or somebody could make the host remember nonces for ever."""
        if taken:
            self.judged(ForeignBudget(), day=20_000 + days)
        else:
            with pytest.raises(Refusal, match=r"good for too long|of the past"):
                self.judged(ForeignBudget(), day=20_000 + days)

    def test_so_many_of_each_host_and_then_they_wait(self, store: SqliteStore) -> None:
        budget = ForeignBudget(Pace(interval=1000, burst=3))
        tickets = [self.judged(budget, nonce=b"%016d" % n) for n in range(5)]
        taken, waits = None, ErrorCode.RATE_LIMITED
        assert [self.spent(store, ticket) for ticket in tickets] == [taken, taken, taken, waits, waits]
        elsewhere = self.judged(budget, issuer="third.example")
        assert self.spent(store, elsewhere) is taken
        later = self.judged(budget, now=NOW + 1000, nonce=b"%016d" % 4)
        assert self.spent(store, later) is taken, "what was refused was not spent"

    def test_a_ticket_shown_again_and_again_uses_up_nothing(self, store: SqliteStore) -> None:
        """Whoever has one good ticket could else shut out everybody of its issuer."""
        budget = ForeignBudget(Pace(interval=1000, burst=2))
        assert self.spent(store, self.judged(budget)) is None
        for _ in range(10):
            assert self.spent(store, self.judged(budget)) == ErrorCode.TICKET_SPENT
        assert self.spent(store, self.judged(budget, nonce=b"m" * 16)) is None

    def test_all_other_hosts_together_have_a_budget(self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
        """Names cost an attacker little."""
        monkeypatch.setattr(tickets, "_ALL_STRANGERS", Pace(interval=1000, burst=3))
        budget = ForeignBudget()
        found = [self.spent(store, self.judged(budget, issuer=f"h{n}.example")) for n in range(4)]
        assert found == [None, None, None, ErrorCode.RATE_LIMITED]

    def test_own_tickets_are_on_no_budget(self, store: SqliteStore) -> None:
        assert judge(issued()).claim is None
        assert self.spent(store, judge(issued())) is None

    def test_ports_and_names_below_one_have_little_more_than_one_host(self) -> None:
        """They cost nothing: with them one name could use up what all strangers have."""
        for name in ("evil.example:{}", "h{}.evil.example", "h{}.evil.co.uk:8443"):
            budget, taken = ForeignBudget(), 0
            for number in range(1, 100):
                try:
                    while taken < 5_000:
                        budget.require(name.format(number), NOW)
                        budget.take(name.format(number), NOW)
                        taken += 1
                except Refusal:
                    pass
            assert taken == (500 if name.startswith("evil") else 2_000)
            budget.require("honest.example", NOW)
            budget.require("honest.co.uk", NOW)

    def test_regulars_and_named_hosts_do_not_count_with_strangers(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tickets, "_ALL_STRANGERS", Pace(interval=1000, burst=1))
        monkeypatch.setattr(tickets, "_ALL_REGULARS", Pace(interval=1000, burst=2))
        budget = ForeignBudget()
        for name in ("one.example", "two.example"):
            budget.take(name, NOW, known=Acquaintance.NAMED)
        for name in ("one.example", "two.example"):
            budget.require(name, NOW, known=Acquaintance.REGULAR)
            budget.take(name, NOW, known=Acquaintance.REGULAR)
        budget.require("three.example", NOW)
        budget.take("three.example", NOW)
        for known in (Acquaintance.STRANGER, Acquaintance.REGULAR):
            assert refused(lambda k=known: budget.require("four.example", NOW, known=k)).wait
        budget.require("four.example", NOW, known=Acquaintance.NAMED)

    def test_one_that_the_store_failed_to_spend_counts_once(self, store: SqliteStore) -> None:
        budget = ForeignBudget(Pace(interval=1000, burst=2))
        ticket = self.judged(budget)
        for _ in range(3):
            with suppress(StoreError), store.transaction() as transaction:
                ticket.spend(transaction)
                raise StoreError("the disk is gone")
        assert self.spent(store, ticket) is None
        assert self.spent(store, self.judged(budget, nonce=b"m" * 16)) is None
        assert self.spent(store, self.judged(budget, nonce=b"o" * 16)) == ErrorCode.RATE_LIMITED

    def test_so_many_are_remembered_as_counted(self, store: SqliteStore, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(tickets, "_COUNTED", 2)
        budget = ForeignBudget()
        for number in range(5):
            assert self.spent(store, self.judged(budget, nonce=b"%016d" % number)) is None
        assert len(budget._counted) == 2
