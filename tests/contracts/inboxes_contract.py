"""The accounts' part of the store contract: key packages, inboxes, and what is forgotten in time."""

from __future__ import annotations

import pytest

from aparte.server.store import Store, StoreRefused
from aparte.server.store.accounts import Device, GivenPackage, Invite, ReadItem, StockCount
from aparte.wire.ids import InboxSeq, Lane
from tests.contracts.accounts_writing import (
    CONTACT,
    KNOCK,
    TODAY,
    account_id,
    device_id,
    drop,
    horizon,
    item_id,
    items,
    settled,
)
from tests.contracts.store_writing import change_all


class TestKeyPackages:
    def test_oldest_first_each_once(self, store: Store) -> None:
        (_, device), (_, other) = settled(store, "a", "b")
        with store.transaction() as transaction:
            packages = transaction.accounts().packages
            for name in (b"one", b"two"):
                packages.add(device, name, expires_day=TODAY, is_last_resort=False)
            packages.add(other, b"one", expires_day=TODAY, is_last_resort=False)
            assert packages.stock(device, TODAY) == StockCount(2, has_last_resort=False)
            given = [packages.take(device, TODAY) for _ in range(3)]
            assert given == [GivenPackage(b"one", False), GivenPackage(b"two", False), None]
            assert packages.last_resort(device, TODAY) is None
            assert packages.knows(device, b"one")
            assert packages.stock(other, TODAY) == StockCount(1, has_last_resort=False)

    def test_none_twice(self, store: Store) -> None:
        ((_, device),) = settled(store, "a")
        add = {"expires_day": TODAY, "is_last_resort": False}
        change_all(store, lambda transaction: transaction.accounts().packages.add(device, b"one", **add))
        with pytest.raises(StoreRefused), store.transaction() as transaction:
            transaction.accounts().packages.add(device, b"one", **add)

    def test_the_last_resort_stays_until_it_is_replaced(self, store: Store) -> None:
        ((_, device),) = settled(store, "a")
        with store.transaction() as transaction:
            packages = transaction.accounts().packages
            packages.add(device, b"old", expires_day=TODAY, is_last_resort=True)
            assert packages.take(device, TODAY) is None
            for _ in range(2):
                assert packages.last_resort(device, TODAY) == GivenPackage(b"old", True)
            packages.add(device, b"new", expires_day=TODAY, is_last_resort=True)
            assert packages.last_resort(device, TODAY) == GivenPackage(b"new", True)
            assert packages.knows(device, b"old")
            assert packages.stock(device, TODAY) == StockCount(0, has_last_resort=True)

    def test_what_has_expired_is_not_given(self, store: Store) -> None:
        ((_, device),) = settled(store, "a")
        with store.transaction() as transaction:
            packages = transaction.accounts().packages
            packages.add(device, b"short", expires_day=TODAY, is_last_resort=False)
            packages.add(device, b"long", expires_day=TODAY + 1, is_last_resort=False)
            packages.add(device, b"last", expires_day=TODAY, is_last_resort=True)
            tomorrow = TODAY + 1
            assert packages.stock(device, tomorrow) == StockCount(1, has_last_resort=False)
            assert packages.take(device, tomorrow) == GivenPackage(b"long", False)
            assert packages.take(device, tomorrow) is None
            assert packages.last_resort(device, tomorrow) is None


class TestInboxes:
    def test_items_have_numbers_that_are_never_used_again(self, store: Store) -> None:
        (a, device), (_, other) = settled(store, "a", "b")
        with store.transaction() as transaction:
            accounts = transaction.accounts()
            drop(accounts, device, "one", "two")
            accounts.inboxes.acknowledge(device, InboxSeq(99), day=TODAY)
            assert accounts.inboxes.waiting(device, CONTACT) == 0
            accounts.directory.forget(horizon(TODAY + 100), limit=100)
            assert not accounts.inboxes.knows(device, item_id("one"))
            drop(accounts, device, "three")
            drop(accounts, other, "one")
            assert accounts.devices.find(a, device_id("a")) == Device(device, InboxSeq(3))
        assert items(store, "a") == [ReadItem(InboxSeq(3), CONTACT, TODAY, b"three")]
        assert [item.seq for item in items(store, "b")] == [1]

    def test_an_id_is_known_after_it_was_acknowledged(self, store: Store) -> None:
        ((_, device),) = settled(store, "a")
        with store.transaction() as transaction:
            accounts = transaction.accounts()
            drop(accounts, device, "one", "two")
            accounts.inboxes.acknowledge(device, InboxSeq(1), day=TODAY)
            assert [accounts.inboxes.knows(device, item_id(name)) for name in ("one", "two", "x")] == [
                True,
                True,
                False,
            ]
            assert accounts.inboxes.waiting(device, CONTACT) == 1
        assert [item.item for item in items(store, "a")] == [b"two"]

    def test_lanes_are_counted_apart(self, store: Store) -> None:
        ((_, device),) = settled(store, "a")
        with store.transaction() as transaction:
            accounts = transaction.accounts()
            drop(accounts, device, "one", "two")
            drop(accounts, device, "three", lane=Lane.REQUEST)
            assert [accounts.inboxes.waiting(device, lane) for lane in Lane] == [2, 0, 1]

    def test_capabilities(self, store: Store) -> None:
        (a, _), (b, _) = settled(store, "a", "b")
        with store.transaction() as transaction:
            inboxes = transaction.accounts().inboxes
            inboxes.set_capabilities(a, CONTACT, hashes=[b"1" * 32, b"2" * 32, b"2" * 32])
            inboxes.set_capabilities(a, Lane.INVITE, hashes=[b"3" * 32])
            assert inboxes.is_capability(a, CONTACT, hashed=b"2" * 32)
            assert not inboxes.is_capability(a, CONTACT, hashed=b"3" * 32)
            assert not inboxes.is_capability(b, CONTACT, hashed=b"2" * 32)
            inboxes.set_capabilities(a, CONTACT, hashes=[])
            assert not inboxes.is_capability(a, CONTACT, hashed=b"2" * 32)
            assert inboxes.is_capability(a, Lane.INVITE, hashed=b"3" * 32)


class TestForgetting:
    def forget(self, store: Store, day: int, limit: int = 100) -> int:
        with store.transaction() as transaction:
            return transaction.accounts().directory.forget(horizon(day), limit=limit)

    def test_items_and_ids(self, store: Store) -> None:
        ((_, device),) = settled(store, "a")
        with store.transaction() as transaction:
            accounts = transaction.accounts()
            drop(accounts, device, "fetched", "waiting")
            accounts.inboxes.acknowledge(device, InboxSeq(1), day=TODAY)
        assert [self.forget(store, TODAY + days) for days in range(5)] == [0, 0, 0, 1, 1]
        assert items(store, "a") == []

    def test_names_and_ids_of_accounts(self, store: Store) -> None:
        (a, _), _ = settled(store, "a", "b")
        change_all(store, lambda transaction: transaction.accounts().directory.erase(a, TODAY))
        assert [self.forget(store, TODAY + days) for days in (0, 4, 5, 6)] == [0, 0, 2, 0]
        with store.transaction() as transaction:
            directory = transaction.accounts().directory
            assert directory.name("a") is None
            assert directory.name("b") is not None
            assert not directory.was_deleted(account_id("a"))

    def test_packages_invites_allowances(self, store: Store) -> None:
        ((a, device),) = settled(store, "a")
        with store.transaction() as transaction:
            accounts = transaction.accounts()
            accounts.packages.add(device, b"stock", expires_day=TODAY, is_last_resort=False)
            accounts.packages.add(device, b"given", expires_day=TODAY, is_last_resort=False)
            accounts.packages.take(device, TODAY)
            accounts.directory.add_invite(b"h" * 32, Invite(1, TODAY, is_operator=False))
            accounts.directory.issue(a, KNOCK, day=TODAY, count=1)
        assert [self.forget(store, TODAY + days) for days in (0, 1, 2)] == [0, 4, 0]
        with store.transaction() as transaction:
            assert not transaction.accounts().packages.knows(device, b"given")

    def test_no_more_than_asked_for(self, store: Store) -> None:
        ((_, device),) = settled(store, "a")
        with store.transaction() as transaction:
            drop(transaction.accounts(), device, *map(str, range(10)))
            for number in range(5):
                transaction.accounts().packages.add(device, b"%d" % number, expires_day=TODAY, is_last_resort=False)
        assert [self.forget(store, TODAY + 9, limit=6) for _ in range(4)] == [6, 6, 3, 0]
