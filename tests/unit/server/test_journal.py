"""Taking back."""

from __future__ import annotations

from aparte.server.journal import Journal


def test_takes_back_the_latest_first() -> None:
    journal, undone = Journal(), list[int]()
    for number in range(3):
        journal.note(lambda number=number: undone.append(number))
    journal.take_back()
    assert undone == [2, 1, 0]
    journal.take_back()
    assert undone == [2, 1, 0]


def test_what_is_durable_is_not_taken_back() -> None:
    journal, undone = Journal(), list[int]()
    journal.note(lambda: undone.append(1))
    journal.keep()
    journal.note(lambda: undone.append(2))
    journal.take_back()
    assert undone == [2]
