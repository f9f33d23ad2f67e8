"""A frame that breaks a rule of the store, or that the host's own code fails on, touches no other of its batch."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from aparte.server.store import StoreRefused
from aparte.wire import ErrorCode
from aparte.wire.ids import EntryKind, Idem, LogId, Request
from aparte.wire.link_frames import Done, Problem
from aparte.wire.log_frames import Accepted, Close
from tests.hosting import Log, code
from tests.unit.server.village import Village


def injected(village: Village, bad: Callable[[Any], bool], monkeypatch: pytest.MonkeyPatch) -> None:
    """Our own code fails on some posts, after all else was done for them."""
    posting = village.town.core._posting
    post = posting.post

    def fails(transaction: Any, link: Any, *, frame: Any, now: Any) -> Any:
        sends = post(transaction, link, frame=frame, now=now)
        if bad(frame):
            raise ZeroDivisionError(frame.body)
        return sends

    monkeypatch.setattr(posting, "post", fails, raising=False)


class TestBadFrames:
    """One that breaks a rule of the store, or that the code fails on, touches no other."""

    @pytest.mark.parametrize("size", [1, 2, 7, 60])
    @pytest.mark.parametrize("at", [0, -1])
    def test_refused_by_the_store(self, village: Village, size: int, at: int) -> None:
        bad = range(size)[at]
        village.posts_poison({bad}, size, StoreRefused("poison"))
        answers = village.alice.answers[-size:]
        assert [type(answer) for answer in answers] == [Accepted] * bad + [Problem] + [Accepted] * (size - bad - 1)
        assert code(answers[bad]) == ErrorCode.INTERNAL
        assert [str(fault) for fault in village.town.faults] == ["poison"]
        good = [b"%d" % number for number in range(size) if number != bad]
        assert [entry.body for entry in village.bob.delivered] == good
        assert [entry.body for entry in village.bob.reads(village.log, node=0)] == good

    def test_several_of_sixty(self, village: Village) -> None:
        """Nor does it use up the pace of the log: the good ones are taken, each once."""
        poison = {0, 1, 17, 31, 32, 59}
        village.posts_poison(poison, 60, StoreRefused("poison"))
        answers = village.alice.answers[-60:]
        assert {n for n, answer in enumerate(answers) if isinstance(answer, Problem)} == poison
        assert len(village.town.faults) == len(poison)
        assert len(village.carol.delivered) == 54

    def test_refused_on_leaving(self, village: Village) -> None:
        village.disk.fails("leave", StoreRefused("who?"))
        village.town.accept(*[c.brings(c.message(village.log, b"x")) for c in (village.alice, village.bob)])
        assert isinstance(village.alice.answer(), Accepted)
        assert isinstance(village.bob.answer(), Accepted)

    @pytest.mark.parametrize("bad", [{0}, {255}, {3, 4, 100, 254}, set(range(0, 256, 2)), set(range(256))])
    def test_our_own_fault_among_256(self, village: Village, bad: set[int], monkeypatch: pytest.MonkeyPatch) -> None:
        logs = [village.alice.creates() for _ in range(8)]
        names = {Idem(b"%016d" % number) for number in bad}
        injected(village, lambda frame: frame.idem in names, monkeypatch)
        posts = [village.alice.message(logs[n % 8], b"%d" % n, idem=b"%016d" % n, request=n) for n in range(256)]
        village.town.accept(*map(village.alice.brings, posts))
        answers = {answer.request: answer for answer in village.alice.answers[-256:]}
        assert len(answers) == 256
        assert {n for n, answer in answers.items() if isinstance(answer, Problem)} == bad
        assert {code(answers[n]) for n in bad} <= {ErrorCode.INTERNAL}
        assert [type(fault) for fault in village.town.faults] == [ZeroDivisionError] * len(bad)
        found = [entry.body for log in logs for entry in village.alice.reads(log, node=0)]
        assert sorted(found) == sorted(b"%d" % n for n in range(256) if n not in bad)

    @pytest.mark.parametrize("bad", [{0}, {255}, {3, 4, 100, 254}, set(range(0, 256, 2)), set(range(256))])
    def test_what_faults_cost_is_bounded(
        self, village: Village, bad: set[int], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Not as the square of the batch: each fault may end a transaction, and makes few others begin."""
        logs, disk = [village.alice.creates() for _ in range(8)], village.disk
        decided, fetched = [0], [0]

        def is_bad(frame: Any) -> bool:
            decided[0] += 1
            return frame.request in bad

        def note(name: str, arguments: tuple[Any, ...]) -> None:
            fetched[0] += len(arguments[0]) if name == "prefetch" else 0

        injected(village, is_bad, monkeypatch)
        posts = [village.alice.message(logs[n % 8], b"%d" % n, request=n) for n in range(256)]
        disk.breaks, before = note, disk.calls["enter"]
        village.town.accept(*map(village.alice.brings, posts))
        assert [code(a) if isinstance(a, Problem) else None for a in village.alice.answers[-256:]] == [
            ErrorCode.INTERNAL if n in bad else None for n in range(256)
        ]
        assert disk.calls["enter"] - before <= 1 + 3 * len(bad)
        assert decided[0] <= 256 * 3
        assert fetched[0] <= 256 * 11

    def test_both_kinds_at_once(self, village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
        injected(village, lambda frame: frame.body in (b"5", b"40"), monkeypatch)
        village.posts_poison({4, 30}, 60, StoreRefused("poison"))
        assert [entry.body for entry in village.bob.delivered] == [
            b"%d" % n for n in range(60) if n not in {4, 5, 30, 40}
        ]
        assert len(village.town.faults) == 4

    def test_a_close_behind_a_bad_frame(self, village: Village) -> None:
        """The batch is tried again, from before the link closed its log."""
        village.disk.breaks = lambda name, args: (
            StoreRefused("?") if name == "append" and args[1].body == b"!" else None
        )
        village.town.accept(
            village.bob.brings(village.bob.message(village.log, b"before")),
            village.bob.brings(Close(Request(9), village.log.log_id)),
            village.alice.brings(village.alice.message(village.log, b"!")),
        )
        assert [type(answer) for answer in village.bob.answers[-2:]] == [Accepted, Done]

    def test_a_commit_that_fails_last(self, village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
        """All of it is taken back: node, subscriptions, pace."""
        injected(village, lambda frame: frame.kind is EntryKind.COMMIT, monkeypatch)
        assert code(village.alice.commits(village.log, seq=1)) == ErrorCode.INTERNAL
        village.is_as_before()

    def test_an_answer_for_each(self, village: Village, monkeypatch: pytest.MonkeyPatch) -> None:
        """Whatever kind of request it is."""
        for name in ("open", "create", "close"):
            monkeypatch.setattr(village.town.core._logs, name, lambda *_args, **_named: 1 // 0, raising=False)
        alice, log = village.alice, Log(LogId(b"z" * 16))
        for frame in (alice.creation(log), alice.opening([alice.item(log)]), Close(Request(9), log.log_id)):
            answer = alice.sends(frame)
            assert code(answer) == ErrorCode.INTERNAL
        assert [type(fault) for fault in village.town.faults] == [ZeroDivisionError] * 3
