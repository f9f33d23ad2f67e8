"""What a batch took of an account's paces is given back with it: nobody pays for a batch that failed."""

from __future__ import annotations

from aparte.server.accounts.paces import JournaledPaces
from aparte.server.journal import Journal
from aparte.server.pace import Pace
from aparte.server.store import StoreError
from aparte.wire.ids import Lane, Millis
from tests.hosting_accounts import Town
from tests.unit.server.brittle_store import BrittleStore

NOW = Millis(10_000_000)


def test_taken_back_and_kept() -> None:
    journal = Journal()
    paces = JournaledPaces[str](Pace(interval=1000, burst=3), journal)
    paces.take("a", NOW, count=2)
    journal.keep()
    paces.take("a", NOW)
    assert paces.wait("a", NOW)
    journal.take_back()
    assert not paces.admit("a", NOW)
    journal.keep()
    journal.take_back()
    assert paces.wait("a", NOW) == 1000


def test_every_pace_of_accounts_is_given_back(shaky: Town, disk: BrittleStore) -> None:
    phone = shaky.resident("alice")
    phone.opens_lane(Lane.CONTACT, b"card")
    accounts = shaky.accounts
    kept = (
        *accounts._delivery._paces.values(),
        accounts._publishing._paces,
        accounts._publishing._root_paces,
        accounts._stocking._puts,
        accounts._stocking._fetches,
        accounts._ending._root_proofs,
    )
    assert all(isinstance(paces, JournaledPaces) for paces in kept)
    before = [dict(paces._owed_until) for paces in kept]
    laptop = phone.owner.gadget("laptop")
    stranger = shaky.stranger()
    disk.fails("leave", StoreError("the disk is gone"), times=100)
    stranger.asks(stranger.drop(phone, b"one", lane=Lane.CONTACT, proof=b"card"))
    phone.asks(phone.deletion(root=phone.owner.root))
    phone.revokes(laptop)
    disk.heals()
    for paces, owed in zip(kept, before, strict=True):
        assert all(until <= max(owed.get(who, 0), shaky.now) for who, until in paces._owed_until.items())
