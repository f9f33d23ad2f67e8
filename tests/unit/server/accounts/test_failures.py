"""When the store fails, nothing was done: no account, no standing, no device's end; and then it can be done again."""

from __future__ import annotations

import pytest
from nacl.signing import SignedMessage

from aparte.server.store import StoreError, StoreFull
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.ids import Lane, TicketKind
from aparte.wire.link_frames import Done
from tests import hosting_accounts
from tests.hosting import code
from tests.hosting_accounts import TICKET_KEY, Gadget, Town
from tests.unit.server.brittle_store import BrittleStore


def breaks(disk: BrittleStore, error: Exception | None = None) -> None:
    disk.fails("leave", error or StoreError("the disk is gone"))


def test_signing_up(shaky: Town, disk: BrittleStore) -> None:
    phone = shaky.person("alice").phone
    breaks(disk, StoreFull("full"))
    assert code(phone.signs_up("alice")) == ErrorCode.DISK_FULL
    assert phone.line.link.standing is None
    assert len(shaky.accounts.presence) == 0
    assert code(shaky.stranger().looks_up("alice")) == ErrorCode.NOT_FOUND
    assert phone.signs_up("alice").name == "alice"


def test_proving(shaky: Town, disk: BrittleStore) -> None:
    phone = shaky.resident("alice")
    breaks(disk)
    assert code(phone.proves()) == ErrorCode.UNAVAILABLE
    assert code(phone.inbox()) == ErrorCode.WRONG_STATE
    assert len(shaky.accounts.presence) == 1
    assert phone.proves().name == "alice"


def test_a_revocation(shaky: Town, disk: BrittleStore) -> None:
    phone = shaky.resident("alice")
    laptop = phone.owner.gadget("laptop")
    phone.lists(laptop)
    laptop.proves()
    breaks(disk)
    assert code(phone.revokes(laptop)) == ErrorCode.UNAVAILABLE
    assert laptop.asks(a.AckInbox(9, 0)) == Done(9)
    shaky.stranger().drops(laptop, b"item")
    assert [type(frame).__name__ for frame in laptop.line.received][-1] == "InboxArrived"
    assert phone.revokes(laptop) == Done(9)
    assert code(laptop.asks(a.AckInbox(9, 0))) == ErrorCode.WRONG_STATE


def test_a_batch_in_which_a_device_comes_and_is_revoked(shaky: Town, disk: BrittleStore) -> None:
    phone = shaky.resident("alice")
    laptop = phone.owner.gadget("laptop")
    phone.lists(laptop)
    manifest = phone.owner.next(by=phone.key, revoke=(laptop,))
    batch = [laptop.line.hands(laptop.proving()), phone.line.hands(a.PutManifest(9, manifest.encode()))]
    breaks(disk)
    shaky.accept(*batch)
    assert [code(gadget.line.answer()) for gadget in (laptop, phone)] == [ErrorCode.UNAVAILABLE] * 2
    assert laptop.line.link.standing is None
    assert phone.line.link.standing is not None
    assert len(shaky.accounts.presence) == 1
    shaky.accept(*batch)
    assert laptop.line.answer().name == "alice"
    assert laptop.line.link.standing is None
    assert len(shaky.accounts.presence) == 1


@pytest.mark.parametrize("ending", ["deletion", "suspension"])
def test_an_end(shaky: Town, disk: BrittleStore, ending: str) -> None:
    phone = shaky.resident("alice")
    breaks(disk)
    if ending == "deletion":
        assert code(phone.asks(phone.deletion(root=phone.owner.root))) == ErrorCode.UNAVAILABLE
    else:
        with pytest.raises(StoreError):
            shaky.suspends(phone.owner)
    assert phone.asks(a.AckInbox(9, 0)) == Done(9)
    assert len(shaky.accounts.presence) == 1


def test_a_drop(shaky: Town, disk: BrittleStore) -> None:
    phone = shaky.resident("alice")
    phone.opens_lane(Lane.CONTACT, b"card")
    stranger = shaky.stranger()
    drop = stranger.drop(phone, b"one", lane=Lane.CONTACT, proof=b"card")
    breaks(disk)
    assert code(stranger.asks(drop)) == ErrorCode.UNAVAILABLE
    assert phone.items() == []
    assert not [frame for frame in phone.line.received if isinstance(frame, a.InboxArrived)]
    assert stranger.asks(drop) == Done(9)
    assert [item.seq for item in phone.inbox().items] == [1]


def test_a_fault_of_our_own_spoils_its_frame_only(shaky: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob = shaky.resident("alice"), shaky.resident("bob")

    def fail(*_: object) -> None:
        raise RuntimeError("a bug")

    monkeypatch.setattr(shaky.accounts._issuing, "get", fail)
    fresh = Gadget(bob.owner, bob.key)
    shaky.accept(
        fresh.line.hands(fresh.proving()),
        alice.line.hands(a.GetTickets(9, "host.example", 1, 1)),
        fresh.line.hands(a.TakeName(9, "bobby")),
    )
    assert code(alice.line.answer()) == ErrorCode.INTERNAL
    assert [type(answer).__name__ for answer in fresh.line.answers] == ["Proven", "Done"]
    assert len(shaky.accounts.presence) == 3
    assert [str(fault) for fault in shaky.faults] == ["a bug"]


def test_a_host_without_accounts_says_so(alice: Gadget) -> None:
    town = alice.owner.town
    town.core.accounts = None
    assert code(alice.asks(a.ReleaseName(9))) == ErrorCode.UNEXPECTED
    alice.line.leaves()


class Pen:
    """The host's ticket key, and whether the store was held up while it signed."""

    def __init__(self, disk: BrittleStore) -> None:
        self.disk = disk
        self.held_up: list[bool] = []

    def sign(self, message: bytes) -> SignedMessage:
        self.held_up.append(self.disk.calls["enter"] > self.disk.calls["leave"])
        return TICKET_KEY.sign(message)


def test_tickets_are_signed_while_nobody_waits_for_the_store(
    shaky: Town, disk: BrittleStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice, pen = shaky.resident("alice"), Pen(disk)
    monkeypatch.setattr(hosting_accounts, "TICKET_KEY", pen)
    assert len(alice.gets_tickets(TicketKind.KNOCK, 50).tickets) == 50
    assert pen.held_up == [False] * 50


def test_tickets_that_were_signed_for_nothing_are_not_counted(shaky: Town, disk: BrittleStore) -> None:
    alice = shaky.resident("alice")
    asked = alice.line.hands(a.GetTickets(9, "host.example", TicketKind.KNOCK, 30))
    breaks(disk)
    shaky.accept(asked)
    assert code(alice.line.answer()) == ErrorCode.UNAVAILABLE
    assert alice.gets_tickets(TicketKind.KNOCK, 0).left == 50
    shaky.accept(asked)
    assert (len(alice.line.answer().tickets), alice.gets_tickets(TicketKind.KNOCK, 0).left) == (30, 20)
