"""Tickets for uploads, from the thread of the blobs' index: what an upload is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aparte.server.blobs import Refusal, Refused
from aparte.server.shell.blob_hosting import TicketOffice
from aparte.server.step import Refusal as HostRefusal
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
