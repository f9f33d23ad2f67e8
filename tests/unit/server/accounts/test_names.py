"""Names: one for each, rest when given up, come back to whoever had them."""

from __future__ import annotations

import pytest

from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.link_frames import Done
from tests.hosting import code
from tests.hosting_accounts import DAY, Gadget, Town


def takes(gadget: Gadget, name: str) -> object:
    return gadget.asks(a.TakeName(9, name))


@pytest.mark.usefixtures("alice")
def test_a_look_up_is_by_the_normal_form(town: Town) -> None:
    for spelled in ("alice", "Alice", "ALICE", "ａｌｉｃｅ"):
        assert town.stranger().looks_up(spelled).name == "alice"
    for other in ("alic", "alices", "al1ce"):
        assert code(town.stranger().looks_up(other)) == ErrorCode.NOT_FOUND
    assert code(town.stranger().looks_up("no name")) == ErrorCode.NAME_REFUSED
    assert code(town.stranger().looks_up("admin")) == ErrorCode.NOT_FOUND


def test_another_name(town: Town, alice: Gadget) -> None:
    assert takes(alice, "Alicia") == Done(9)
    assert takes(alice, "Alicia") == Done(9)
    assert town.stranger().looks_up("alicia").name == "alicia"
    assert code(town.stranger().looks_up("alice")) == ErrorCode.NOT_FOUND
    assert alice.proves().name == "alicia"


def test_a_freed_name_rests_for_others(town: Town, alice: Gadget, bob: Gadget) -> None:
    takes(alice, "alicia")
    assert code(takes(bob, "alice")) == ErrorCode.NAME_TAKEN
    assert code(town.person("c").phone.signs_up("alice")) == ErrorCode.NAME_TAKEN
    town.passes(180 * DAY)
    assert code(takes(bob, "alice")) == ErrorCode.NAME_TAKEN
    town.passes(DAY)
    assert takes(bob, "alice") == Done(9)
    assert town.stranger().looks_up("alice").genesis == bob.owner.account.genesis.encode()


@pytest.mark.parametrize("sweep", [False, True])
def test_whether_swept_or_not(town: Town, alice: Gadget, bob: Gadget, *, sweep: bool) -> None:
    alice.asks(a.ReleaseName(9))
    for days, expected in ((180, ErrorCode.NAME_TAKEN), (1, None)):
        town.passes(days * DAY)
        if sweep:
            town.sweeps()
        answer = takes(bob, "alice")
        assert (code(answer) if hasattr(answer, "code") else None) == expected


def test_its_former_owner_takes_it_back_at_once(town: Town, alice: Gadget, bob: Gadget) -> None:
    assert alice.asks(a.ReleaseName(9)) == Done(9)
    assert alice.asks(a.ReleaseName(9)) == Done(9)
    assert alice.proves().name == ""
    assert takes(alice, "alice") == Done(9)
    assert town.stranger().looks_up("alice").name == "alice"
    assert code(takes(bob, "alice")) == ErrorCode.NAME_TAKEN


def test_nobody_lays_by_a_store_of_names(alice: Gadget) -> None:
    """Each name that rests keeps it from others: three at most, and what was given up last."""
    for name in ("second", "third", "fourth"):
        assert takes(alice, name) == Done(9)
    assert code(takes(alice, "fifth")) == ErrorCode.QUOTA_EXCEEDED
    assert alice.asks(a.ReleaseName(9)) == Done(9)
    assert code(takes(alice, "fifth")) == ErrorCode.QUOTA_EXCEEDED
    assert takes(alice, "alice") == Done(9), "back to one of them"


def test_the_operator_releases_a_name(town: Town, alice: Gadget, bob: Gadget) -> None:
    takes(alice, "alicia")
    assert town.core.apart(lambda t: t.accounts().directory.forget_name("alice"))
    assert takes(bob, "alice") == Done(9)
    assert not town.core.apart(lambda t: t.accounts().directory.forget_name("alice")), "in use"
    assert town.stranger().looks_up("alice").name == "alice"


def test_a_race_for_a_name_in_one_batch(town: Town, alice: Gadget, bob: Gadget) -> None:
    town.accept(bob.line.hands(a.TakeName(9, "zoë")), alice.line.hands(a.TakeName(9, "Zoë")))
    assert bob.line.answer() == Done(9)
    assert code(alice.line.answer()) == ErrorCode.NAME_TAKEN
    assert alice.proves().name == "alice"


def test_one_leaves_and_the_other_takes_in_one_batch(town: Town, alice: Gadget, bob: Gadget) -> None:
    town.accept(alice.line.hands(a.ReleaseName(9)), bob.line.hands(a.TakeName(9, "alice")))
    assert code(bob.line.answer()) == ErrorCode.NAME_TAKEN
