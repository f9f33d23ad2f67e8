"""Tickets for uploads, from the thread of the blobs' index: what an upload is told."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from aparte.server.blobs import Refusal, Refused
from aparte.server.shell import blob_hosting
from aparte.server.shell.blob_hosting import TicketOffice
from aparte.server.step import Refusal as HostRefusal
from aparte.server.store import StoreError, StoreFull
from aparte.server.store.sqlite import SqliteStore
from aparte.server.tickets import JudgedTicket
from aparte.wire import ErrorCode


class Judging:
    """A judge of one mind, who notes whom it was to have asked."""

    def __init__(self, verdict: JudgedTicket | HostRefusal) -> None:
        self.verdict = verdict
        self.introduced: list[bytes] = []

    def introduce(self, data: bytes) -> None:
        self.introduced.append(data)

    def ticket(self, *_: Any, **__: Any) -> JudgedTicket:
        if isinstance(self.verdict, HostRefusal):
            raise self.verdict
        return self.verdict


class AtOnce:
    """A writer that does what it is asked where it is asked."""

    def between(self, work: Callable[[], None]) -> None:
        work()


def office(folder: Path, verdict: JudgedTicket | HostRefusal) -> tuple[TicketOffice, Judging, SqliteStore]:
    judge, store = Judging(verdict), SqliteStore(folder / "host.db")
    writer: Any = AtOnce()
    return TicketOffice(judge, writer, store=store), judge, store  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "wait", "told", "retry_after"),
    [
        (ErrorCode.TICKET_REFUSED, 0, Refusal.TICKET_REFUSED, None),
        (ErrorCode.TICKET_SPENT, 0, Refusal.TICKET_SPENT, None),
        (ErrorCode.UNAVAILABLE, 2_000, Refusal.OVERLOADED, 2),
        (ErrorCode.UNAVAILABLE, 299_001, Refusal.OVERLOADED, 300),
        (ErrorCode.RATE_LIMITED, 1, Refusal.OVERLOADED, 1),
    ],
)
def test_what_an_upload_is_told(
    tmp_path: Path, code: ErrorCode, wait: int, told: Refusal, retry_after: int | None
) -> None:
    here, judge, store = office(tmp_path, HostRefusal(code, "why", wait=wait))
    with pytest.raises(Refused) as raised:
        here.spend(b"ticket", 1, 1)
    assert (raised.value.code, raised.value.retry_after) == (told, retry_after)
    assert judge.introduced == [b"ticket"]
    store.close()


def test_a_good_one_is_spent_once(tmp_path: Path) -> None:
    here, _, store = office(tmp_path, JudgedTicket(b"n" * 16, 20_000))
    assert here.spend(b"ticket", 1, 1).keep_days > 0
    with pytest.raises(Refused) as raised:
        here.spend(b"ticket", 1, 1)
    assert raised.value.code == Refusal.TICKET_SPENT
    store.close()


@pytest.mark.parametrize(
    ("error", "told"),
    [(StoreFull("full"), Refusal.DISK_FULL), (StoreError("the disk is gone"), Refusal.OVERLOADED)],
)
def test_a_store_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, told: Refusal) -> None:
    here, _, store = office(tmp_path, JudgedTicket(b"n" * 16, 20_000))
    with monkeypatch.context() as patch:
        patch.setattr(store, "transaction", Mock(side_effect=error))
        with pytest.raises(Refused) as raised:
            here.spend(b"ticket", 1, 1)
    assert raised.value.code == told
    assert raised.value.retry_after
    assert here.spend(b"ticket", 1, 1).keep_days > 0
    store.close()


def test_a_fault_is_the_upload_s_and_not_the_writer_s(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _, store = office(tmp_path, JudgedTicket(b"n" * 16, 20_000))
    monkeypatch.setattr(store, "transaction", Mock(side_effect=RuntimeError("a bug")))
    done: Future[None] = Future()
    here._carry_out(JudgedTicket(b"n" * 16, 20_000), done)
    assert isinstance(done.exception(), RuntimeError)
    store.close()


def test_who_has_waited_too_long_spends_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    here, _, store = office(tmp_path, JudgedTicket(b"n" * 16, 20_000))
    waiting: list[Callable[[], None]] = []
    monkeypatch.setattr(blob_hosting, "_WAIT_FOR_WRITER", 0.0)
    monkeypatch.setattr(here._writer, "between", waiting.append)
    with pytest.raises(Refused) as raised:
        here.spend(b"ticket", 1, 1)
    assert raised.value.code == Refusal.OVERLOADED
    waiting[0]()
    with store.transaction() as transaction:
        assert transaction.spend(b"n" * 16, 20_000)
    store.close()
