"""Clocks that step: back an hour, on by a year, and right again, with people at work all the while.

Promised is: a log's order and its time, whatever the clock does; no wait longer than the pace's own; and that nothing
is forgotten sooner than the clock was set back by, unless it stayed wrong, and went on evenly, for a whole day.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Callable, Iterator
from itertools import chain, repeat
from pathlib import Path
from random import Random
from typing import Any

import pytest

from aparte.server import posting
from aparte.server.forgetting import ForgettingClock
from aparte.server.pace import SteadyTime
from aparte.server.shell import background
from aparte.server.shell.writer import Writer
from aparte.server.store import LogKey
from aparte.wire.entries import EntryForm
from aparte.wire.ids import LogId, Millis
from aparte.wire.log_frames import Accepted, Created, OpenStatus
from tests.hosting import START, scene
from tests.hosting_accounts import Town, town
from tests.reliability.ledger import Ledger, Talk
from tests.reliability.lines import lines
from tests.reliability.processes import HostProcess
from tests.reliability.wandering import BRISK, HOUR, YEAR, Keepers, Talkers

TALKS = range(25)
FEWER = range(5)


def talks(folder: Path, seed: int) -> list[str]:
    (folder / f"{seed}").mkdir()
    with scene(folder / f"{seed}", policy=BRISK) as made:
        talkers = Talkers(made, Random(f"talk {seed}"))
        wrong = talkers.talk(60) + [f"a fault: {fault}" for fault in made.faults]
        made.faults.clear()
        assert len(talkers.accepted) > 30 or wrong
        return wrong


def keeps(folder: Path, seed: int) -> tuple[list[str], int]:
    (folder / f"{seed}").mkdir()
    with town(folder / f"{seed}") as made:
        keepers = Keepers(made, Random(f"keep {seed}"))
        return keepers.live(31), keepers.forgotten


def test_order_and_paces(tmp_path: Path) -> None:
    for seed in TALKS:
        assert talks(tmp_path, seed) == [], seed


def test_paces_by_the_raw_clock_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SteadyTime, "at", lambda _, now: now)
    assert any("a wait of" in fault for seed in FEWER for fault in talks(tmp_path, seed))


def test_entries_by_the_raw_clock_are_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(posting, "max", lambda _, now, *__: now, raising=False)
    assert any("time went back" in fault for seed in FEWER for fault in talks(tmp_path, seed))


def test_nothing_is_forgotten_early_or_late(tmp_path: Path) -> None:
    for seed in range(3):
        wrong, forgotten = keeps(tmp_path, seed)
        assert wrong == [], seed
        assert forgotten > 50


def test_who_forgets_by_any_clock_is_noticed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ForgettingClock, "may_forget", lambda *_, **__: True)
    wrong, _ = keeps(tmp_path, 0)
    for loss in "gone early", "an item is gone", "a ticket was taken twice":
        assert any(loss in fault for fault in wrong), loss


class Shelf:
    """Blobs as a sweep knows them."""

    def __init__(self) -> None:
        self.swept: asyncio.Future[int] = asyncio.get_running_loop().create_future()

    async def sweep(self, now: int) -> None:
        self.swept.set_result(now)


def test_a_clock_that_leaps_while_a_sweep_is_at_work(tmp_path: Path) -> None:
    """A sweep goes by the time that was believed when it began."""

    async def play(place: Town, clock: Callable[[], Millis]) -> int:
        shelf: Any = Shelf()
        writer = Writer(place.core, clock=clock, release=lambda _: None)
        writer.start()
        sweeping = asyncio.create_task(background.sweep(writer, place.store, core=place.core, blobs=shelf, clock=clock))
        try:
            async with asyncio.timeout(60):
                return int(await shelf.swept)
        finally:
            sweeping.cancel()
            await asyncio.get_running_loop().run_in_executor(None, writer.stop)

    with town(tmp_path) as place:
        phone, member = place.resident("alice"), place.client()
        place.stranger().drops(phone, b"for a month")
        log = member.creates()
        assert isinstance(member.posts(log, b"for a month"), Accepted)
        place.store.note_sweep(place.now)
        times = chain([place.now + HOUR], repeat(place.now + YEAR))
        assert asyncio.run(play(place, lambda: Millis(next(times)))) == START + HOUR
        assert [entry.form for entry in member.reads(log, node=0)] == [EntryForm.WHOLE]
        assert phone.items() == [b"for a month"]


@pytest.mark.parametrize("heeds", [True, False])
def test_a_machine_that_starts_before_its_clock_is_set(tmp_path: Path, *, heeds: bool) -> None:
    """What people write meanwhile is not forgotten once the clock is right; the mutant forgets it."""
    with town(tmp_path) as place:
        older = place.client()
        known = older.creates()
        place.store.note_sweep(place.now)
    with town(tmp_path) as place:
        if not heeds:
            place.core.room.earliest = Millis(0)
        place.now = Millis(START - YEAR)
        member = place.client()
        log = member.creates(log_id=b"another log here")
        assert isinstance(member.posts(log, b"hello?"), Accepted)
        member.opens(known)
        assert isinstance(member.posts(known, b"anybody there?"), Accepted)
        place.now = Millis(START + HOUR)
        place.store.prune(place.now, after=LogKey(-1), limit=100)
        forms = [entry.form for each in (log, known) for entry in member.reads(each, node=0)]
        assert (forms == [EntryForm.WHOLE, EntryForm.WHOLE]) is heeds, forms


def test_a_clock_that_was_ahead_at_the_first_start_dates_nothing_later(tmp_path: Path) -> None:
    """What no sweep went by, nobody believes after a restart either."""
    with town(tmp_path) as place:
        assert not background._begin_sweep(place.store, ForgettingClock(), now=Millis(START + 3 * YEAR))
    with town(tmp_path) as place:
        member = place.client()
        log = member.creates()
        accepted = member.posts(log, b"today")
        assert isinstance(accepted, Accepted)
        assert accepted.at < START + HOUR


def test_a_clock_that_was_years_ahead_at_the_first_start_does_not_end_all_forgetting() -> None:
    """Once the clock is right, and was for a day, the host forgets again."""
    clock, swept = ForgettingClock(), Millis(START + 50 * YEAR)
    hours = [clock.may_forget(Millis(START + hour * HOUR), swept=swept, steady=hour * HOUR) for hour in range(26)]
    assert hours == [False] * 24 + [True] * 2


@pytest.fixture
def host(tmp_path: Path) -> Iterator[HostProcess]:
    """A host whose clock can be set, and that sweeps all the time."""
    yield from stepping(tmp_path)


def stepping(folder: Path, *, believes_all: bool = False) -> Iterator[HostProcess]:
    program = [sys.executable, str(Path(__file__).with_name("stepping_host.py"))]
    made = HostProcess(folder, config="", program=[*program, "--believes-all"] if believes_all else program)
    try:
        yield made
    finally:
        assert made.stop() == 0
    assert "the core failed" not in (folder / "stderr").read_text()


def sets_clock(host: HostProcess, off: int) -> None:
    (host.folder / "off.new").write_text(str(off))
    (host.folder / "off.new").rename(host.folder / "off")


async def through_the_years(host: HostProcess) -> list[str]:
    """A link that lives through all steps, and a new one at each; what is wrong in the end."""
    talk, ledger, rng = Talk(LogId(Random(5).randbytes(16)), 1), Ledger(), Random(6)
    ledger.talks[talk.log_id] = talk
    wrong: list[str] = []
    async with lines(host.url, 1) as (old,):
        assert isinstance(await old.creates(talk, host.keys), Created)
        shown = (await old.opens(talk)).pass_
        for off in (0, -HOUR, YEAR, 0, YEAR, -HOUR, 0):
            sets_clock(host, off)
            async with lines(host.url, 1) as (new,):
                ahead = new.greeting.now - time.time() * 1000 - off
                assert abs(ahead) < 60_000
                right = OpenStatus.REFUSED if off == YEAR else OpenStatus.LIVE
                assert (await new.opens(talk, shown=shown)).status is right
                assert (await new.opens(talk)).status is OpenStatus.LIVE
                for line in (old, new) * 2:
                    post = ledger.sends(talk.post(rng.randbytes(16), b"for a day", request=0))
                    answer = await line.ask(post)
                    if isinstance(answer, Accepted):
                        ledger.hears(post.idem, answer)
                    else:
                        wrong.append(f"{answer}")
            await asyncio.sleep(0.3)  # it sweeps meanwhile
        reading = await old.reads(talk)
    assert reading is not None
    return wrong + ledger.audit(talk.log_id, reading, receipt_key=host.keys.receipt_key)


def test_a_host_whose_clock_steps(host: HostProcess) -> None:
    assert asyncio.run(through_the_years(host)) == []
    assert "the clock has leapt" in (host.folder / "stderr").read_text()


def test_a_host_that_believes_its_clock_is_noticed(tmp_path: Path) -> None:
    for host in stepping(tmp_path, believes_all=True):
        wrong = asyncio.run(through_the_years(host))
    assert any("is gone early" in fault for fault in wrong)
