"""Whose a link is: proofs, thieves, and devices that are gone."""

from __future__ import annotations

from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.link_frames import Done
from tests.hosting import code
from tests.hosting_accounts import Gadget, Town, signer


def test_a_device_proves_itself_on_any_number_of_links(town: Town, alice: Gadget) -> None:
    first = alice.line
    for _ in range(3):
        assert alice.proves().name == "alice"
    assert first.asks(a.ReleaseName(9)) == Done(9)
    assert alice.proves().name == ""
    assert len(town.accounts.presence) == 5


def test_a_link_that_has_proved_nothing_may_do_nothing(town: Town, alice: Gadget) -> None:
    alice.calls()
    for frame in (
        a.PutManifest(9, alice.owner.next(by=alice.key).encode()),
        a.PutKeyPackages(9, ()),
        a.FetchInbox(9, 0),
        a.AckInbox(9, 0),
        a.SetCapabilities(9, 1, ()),
        a.GetTickets(9, "host.example", 1, 1),
        a.TakeName(9, "alicia"),
        a.ReleaseName(9),
        a.DeleteAccount(9, b""),
        a.CancelDeletion(9),
    ):
        assert code(alice.asks(frame)) == ErrorCode.WRONG_STATE, frame
    assert town.stranger().looks_up("alice").name == "alice"


def test_a_proof_is_good_on_its_link_only(alice: Gadget) -> None:
    alice.calls()
    proof = alice.proving()
    alice.calls()
    assert code(alice.asks(proof)) == ErrorCode.REFUSED
    assert alice.asks(alice.proving()).name == "alice"


def test_a_proof_is_good_at_its_host_only(alice: Gadget) -> None:
    alice.calls()
    frame = a.Prove(9, alice.account_id, alice.key.public_key, alice.proof(host="mallory.example"))
    assert code(alice.asks(frame)) == ErrorCode.REFUSED


def test_a_thief_with_another_key(town: Town, alice: Gadget) -> None:
    thief = Gadget(alice.owner, signer("thief"))
    assert code(thief.proves()) == ErrorCode.REFUSED
    # The key of the device, and a signature of somebody else's.
    forged = a.Prove(9, alice.account_id, alice.key.public_key, thief.proof())
    assert code(thief.asks(forged)) == ErrorCode.REFUSED
    assert code(thief.inbox()) == ErrorCode.WRONG_STATE
    assert len(town.accounts.presence) == 1


def test_a_device_of_another_account(alice: Gadget, bob: Gadget) -> None:
    impostor = Gadget(alice.owner, bob.key)
    assert code(impostor.proves()) == ErrorCode.REFUSED


def test_an_account_that_is_not_there(town: Town) -> None:
    assert code(town.person("nobody").phone.proves()) == ErrorCode.NOT_FOUND


def test_a_link_is_one_devices_for_good(alice: Gadget, bob: Gadget) -> None:
    line = alice.line
    bob.line = line
    assert code(bob.asks(bob.proving())) == ErrorCode.WRONG_STATE
    assert alice.asks(alice.proving()).name == "alice"
    assert line.link.standing is not None
    assert line.link.standing.account_id == alice.account_id


def test_two_devices_of_one_account(alice: Gadget) -> None:
    laptop = alice.owner.gadget("laptop")
    assert code(laptop.proves()) == ErrorCode.REFUSED
    assert alice.lists(laptop) == Done(9)
    assert laptop.proves().manifest == alice.owner.manifest.encode()
    assert laptop.asks(a.TakeName(9, "alicia")) == Done(9)
    assert alice.proves().name == "alicia"


def test_a_revoked_device_loses_its_links_at_once(town: Town, alice: Gadget) -> None:
    laptop = alice.owner.gadget("laptop")
    alice.lists(laptop)
    lines = []
    for _ in range(2):
        laptop.proves()
        lines.append(laptop.line)
    assert alice.revokes(laptop) == Done(9)
    for line in lines:
        assert code(line.asks(a.FetchInbox(9, 0))) == ErrorCode.WRONG_STATE
        assert code(line.asks(a.TakeName(9, "thief"))) == ErrorCode.WRONG_STATE
    assert code(laptop.proves()) == ErrorCode.REFUSED
    assert alice.inbox().items == ()
    assert len(town.accounts.presence) == 1


def test_what_a_revoked_device_asks_in_the_same_batch(town: Town, alice: Gadget) -> None:
    laptop = alice.owner.gadget("laptop")
    alice.lists(laptop)
    laptop.proves()
    manifest = alice.owner.next(by=alice.key, revoke=(laptop,))
    town.accept(
        laptop.line.hands(a.TakeName(9, "before")),
        alice.line.hands(a.PutManifest(9, manifest.encode())),
        laptop.line.hands(a.TakeName(9, "after")),
    )
    assert code(laptop.line.answer()) == ErrorCode.WRONG_STATE
    assert alice.proves().name == "before"


def test_a_device_may_revoke_itself(alice: Gadget) -> None:
    laptop = alice.owner.gadget("laptop")
    alice.lists(laptop)
    assert alice.revokes(alice) == Done(9)
    assert code(alice.inbox()) == ErrorCode.WRONG_STATE
    assert laptop.proves().name == "alice"


def test_a_link_that_goes_down_is_forgotten(town: Town, alice: Gadget) -> None:
    alice.proves()
    assert len(town.accounts.presence) == 2
    alice.line.leaves()
    alice.line.leaves()
    assert len(town.accounts.presence) == 1


def test_one_bad_frame_in_a_batch_spoils_nothing(town: Town, alice: Gadget, bob: Gadget) -> None:
    town.accept(
        alice.line.hands(a.TakeName(9, "alicia")),
        bob.line.hands(a.TakeName(9, "alicia")),
        bob.line.hands(a.TakeName(9, "bobby")),
    )
    assert [type(answer).__name__ for answer in bob.line.answers[-2:]] == ["Problem", "Done"]
    assert [town.stranger().looks_up(name).name for name in ("alicia", "bobby")] == ["alicia", "bobby"]
