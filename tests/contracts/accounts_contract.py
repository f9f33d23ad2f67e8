"""The accounts' part of the store contract: what `aparte.server.store.accounts` promises of accounts, names, devices.

A test module of a store defines the fixtures `open_store` (opens the same data each time) and `store`, and imports
the contracts.
"""

from __future__ import annotations

import pytest

from aparte.server.store import Store, StoreRefused
from aparte.server.store.accounts import NEVER, Device, FoundAccount, Invite, NameRow, StockCount
from aparte.wire.ids import InboxSeq, TicketKind
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
    settle,
    settled,
)
from tests.contracts.store_writing import OpenStore, change_all, take_back


class TestDirectory:
    def test_an_account_is_there_as_it_was_made(self, store: Store) -> None:
        ((ref, _),) = settled(store, "a")
        with store.transaction() as transaction:
            directory = transaction.accounts().directory
            found = directory.find(account_id("a"))
            assert found == (ref, account_id("a"), b"genesis a", "a", False, False, NEVER)
            assert directory.find(account_id("b")) is None
            assert not directory.has_operator()
            settle(transaction.accounts(), "boss", is_operator=True)
            assert directory.has_operator()

    def test_it_outlives_the_store(self, open_store: OpenStore) -> None:
        first = open_store()
        settled(first, "a")
        first.close()
        with open_store().transaction() as transaction:
            found = transaction.accounts().directory.find(account_id("a"))
            assert found is not None
            assert transaction.accounts().devices.listed(found.ref).keys() == {device_id("a")}

    def test_nothing_is_left_of_what_failed(self, store: Store) -> None:
        take_back(store, lambda transaction: settle(transaction.accounts(), "a"))
        with store.transaction() as transaction:
            assert transaction.accounts().directory.find(account_id("a")) is None
            assert transaction.accounts().directory.name("a") is None
        assert store.reader().accounts().by_name("a") is None

    def test_no_two_of_one_id(self, store: Store) -> None:
        settled(store, "a")
        with pytest.raises(StoreRefused), store.transaction() as transaction:
            transaction.accounts().directory.add(account_id("a"), b"", is_operator=False, day=TODAY)

    def test_suspension_and_deletion(self, store: Store) -> None:
        (a, _), (b, _) = settled(store, "a", "b")
        with store.transaction() as transaction:
            directory = transaction.accounts().directory
            directory.suspend(a, is_suspended=True)
            directory.set_deletion(a, TODAY + 9)
            directory.set_deletion(b, TODAY + 8)
            found = directory.find(account_id("a"))
            assert found is not None
            assert (found.is_suspended, found.deletion_day) == (True, TODAY + 9)
            assert directory.due(TODAY + 7, limit=9) == []
            assert directory.due(TODAY + 8, limit=9) == [account_id("b")]
            assert directory.due(TODAY + 9, limit=1) == [account_id("b")]
            assert directory.due(TODAY + 9, limit=9) == [account_id("b"), account_id("a")]
            directory.set_deletion(b, NEVER)
            assert directory.due(TODAY + 9, limit=9) == [account_id("a")]

    def test_an_erased_account_leaves_names_that_rest_and_a_hash(self, store: Store) -> None:
        (a, device), (b, _) = settled(store, "a", "b")
        with store.transaction() as transaction:
            accounts = transaction.accounts()
            drop(accounts, device, "item")
            accounts.packages.add(device, b"package", expires_day=TODAY, is_last_resort=False)
            accounts.inboxes.set_capabilities(a, CONTACT, hashes=[b"h" * 32])
            accounts.directory.issue(a, KNOCK, day=TODAY, count=1)
            accounts.directory.free_name("a", TODAY - 1)
            accounts.directory.give_name("a2", a)
            accounts.directory.erase(a, TODAY)
            assert accounts.directory.find(account_id("a")) is None
            assert accounts.directory.name("a") == NameRow(None, TODAY - 1)
            assert accounts.directory.name("a2") == NameRow(None, TODAY)
            assert accounts.directory.name("b") == NameRow(b, NEVER)
            assert accounts.directory.was_deleted(account_id("a"))
            assert not accounts.directory.was_deleted(account_id("b"))

    def test_invites(self, store: Store) -> None:
        with store.transaction() as transaction:
            directory = transaction.accounts().directory
            directory.add_invite(b"h" * 32, Invite(2, TODAY, is_operator=False))
            directory.add_invite(b"o" * 32, Invite(1, TODAY, is_operator=True))
            directory.use_invite(b"h" * 32)
            assert directory.invite(b"h" * 32) == Invite(1, TODAY, is_operator=False)
            directory.use_invite(b"h" * 32)
            assert directory.invite(b"h" * 32) is None
            assert directory.invite(b"o" * 32) == Invite(1, TODAY, is_operator=True)
            directory.forget_operator_invites()
            assert directory.invite(b"o" * 32) is None

    def test_allowances_are_of_an_account_a_kind_and_a_day(self, store: Store) -> None:
        (a, _), (b, _) = settled(store, "a", "b")
        with store.transaction() as transaction:
            directory = transaction.accounts().directory
            directory.issue(a, KNOCK, day=TODAY, count=3)
            directory.issue(a, KNOCK, day=TODAY, count=4)
            assert directory.issued(a, KNOCK, day=TODAY) == 7
            assert directory.issued(a, TicketKind.CREATE_LOG, day=TODAY) == 0
            assert directory.issued(b, KNOCK, day=TODAY) == 0
            assert directory.issued(a, KNOCK, day=TODAY + 1) == 0
            directory.issue(a, KNOCK, day=TODAY + 1, count=1)
            assert directory.issued(a, KNOCK, day=TODAY + 1) == 1


class TestNames:
    def test_a_name_changes_hands(self, store: Store) -> None:
        (a, _), (b, _) = settled(store, "a", "b")
        with store.transaction() as transaction:
            directory = transaction.accounts().directory
            assert directory.name("nobody's") is None
            directory.free_name("a", TODAY)
            assert directory.name("a") == NameRow(a, TODAY)
            assert (directory.resting(a), directory.resting(b)) == (1, 0)
            found = directory.find(account_id("a"))
            assert found is not None
            assert found.name == ""
            directory.free_name("b", TODAY)
            directory.give_name("a", b)
            assert directory.name("a") == NameRow(b, NEVER)
            assert (directory.resting(a), directory.resting(b)) == (0, 1)

    def test_only_one_that_rests_is_forgotten(self, store: Store) -> None:
        (a, _), _ = settled(store, "a", "b")
        with store.transaction() as transaction:
            directory = transaction.accounts().directory
            directory.free_name("a", TODAY)
            assert directory.forget_name("a")
            assert not directory.forget_name("a")
            assert not directory.forget_name("b")
            assert directory.name("a") is None
            assert directory.resting(a) == 0


class TestDevices:
    def test_manifests(self, store: Store) -> None:
        (a, _), (b, _) = settled(store, "a", "b")
        with store.transaction() as transaction:
            devices = transaction.accounts().devices
            devices.add_manifest(a, b"one", n=1)
            assert (devices.manifest(a), devices.first_manifest(a)) == (b"one", b"manifest 0")
            assert devices.manifest_sizes(a) == (2, len(b"manifest 0one"))
            devices.begin_generation(a, b"new")
            assert (devices.manifest(a), devices.first_manifest(a)) == (b"new", b"new")
            assert devices.manifest_sizes(a) == (1, 3)
            assert devices.manifest(b) == b"manifest 0"

    def test_no_two_at_one_place(self, store: Store) -> None:
        ((a, _),) = settled(store, "a")
        with pytest.raises(StoreRefused), store.transaction() as transaction:
            transaction.accounts().devices.add_manifest(a, b"other", n=0)

    def test_devices(self, store: Store) -> None:
        (a, first), (b, _) = settled(store, "a", "b")
        with store.transaction() as transaction:
            devices = transaction.accounts().devices
            second = devices.add(a, device_id("second"))
            expected = {device_id("a"): Device(first, InboxSeq(0)), device_id("second"): Device(second, InboxSeq(0))}
            assert list(devices.listed(a).items()) == sorted(expected.items())
            assert devices.find(a, device_id("second")) == Device(second, InboxSeq(0))
            assert devices.find(b, device_id("second")) is None
            devices.remove(first)
            assert devices.listed(a).keys() == {device_id("second")}

    def test_a_device_goes_with_all_that_it_has(self, store: Store) -> None:
        ((a, device),) = settled(store, "a")
        with store.transaction() as transaction:
            accounts = transaction.accounts()
            drop(accounts, device, "item")
            accounts.packages.add(device, b"package", expires_day=TODAY, is_last_resort=False)
            accounts.devices.remove(device)
            again = accounts.devices.add(a, device_id("a"))
            assert not accounts.inboxes.knows(again, item_id("item"))
            assert accounts.packages.stock(again, TODAY) == StockCount(0, has_last_resort=False)

    def test_a_full_inbox_goes_in_steps_and_nobody_finds_it_meanwhile(self, store: Store) -> None:
        ((a, device),) = settled(store, "a")
        with store.transaction() as transaction:
            accounts = transaction.accounts()
            drop(accounts, device, *map(str, range(500)))
            accounts.devices.remove(device)
            assert accounts.devices.listed(a) == {}
            again = accounts.devices.add(a, device_id("a"))
            assert again != device
            drop(accounts, again, "new")
        steps = []
        while not steps or steps[-1]:
            with store.transaction() as transaction:
                steps.append(transaction.accounts().directory.forget(horizon(TODAY), limit=100))
        assert sum(steps) <= 501
        assert max(steps) <= 100
        assert [item.item for item in items(store, "a")] == [b"new"]


class TestAccountsReader:
    def test_it_finds_what_is_durable(self, store: Store) -> None:
        ((a, _),) = settled(store, "a")
        found = FoundAccount("a", b"genesis a", b"manifest 0")
        reader = store.reader().accounts()
        assert reader.by_name("a") == reader.by_id(account_id("a")) == found
        assert reader.by_name("b") is reader.by_id(account_id("b")) is None
        with store.transaction() as transaction:
            transaction.accounts().devices.add_manifest(a, b"manifest 1", n=1)
            assert reader.by_name("a") == found
        assert reader.by_name("a") == FoundAccount("a", b"genesis a", b"manifest 1")

    def test_a_name_that_rests_is_nobodys(self, store: Store) -> None:
        settled(store, "a")
        change_all(store, lambda transaction: transaction.accounts().directory.free_name("a", TODAY))
        reader = store.reader().accounts()
        assert reader.by_name("a") is None
        assert reader.by_id(account_id("a")) == FoundAccount("", b"genesis a", b"manifest 0")

    def test_who_is_suspended_is_not_there(self, store: Store) -> None:
        ((a, _),) = settled(store, "a")
        change_all(store, lambda transaction: transaction.accounts().directory.suspend(a, is_suspended=True))
        reader = store.reader().accounts()
        assert reader.by_name("a") is reader.by_id(account_id("a")) is None
        assert list(reader.manifests(account_id("a"), from_n=0, max_bytes=99)) == []

    def test_manifests_in_pages(self, store: Store) -> None:
        ((a, _),) = settled(store, "a")
        with store.transaction() as transaction:
            for n in range(1, 5):
                transaction.accounts().devices.add_manifest(a, b"%d" % n * 10, n=n)

        def read(from_n: int, max_bytes: int) -> list[int]:
            return [
                n for n, _ in store.reader().accounts().manifests(account_id("a"), from_n=from_n, max_bytes=max_bytes)
            ]

        assert read(0, 99) == [0, 1, 2, 3, 4]
        assert read(2, 20) == [2, 3]
        assert read(2, 0) == [2]
        assert read(5, 99) == []

    def test_items_in_pages(self, store: Store) -> None:
        ((_, device),) = settled(store, "a")
        with store.transaction() as transaction:
            drop(transaction.accounts(), device, *(f"item {number}" for number in range(1, 6)))
        assert [item.item for item in items(store, "a")] == [b"item %d" % number for number in range(1, 6)]
        assert [item.seq for item in items(store, "a", after=2)] == [3, 4, 5]
        assert [item.seq for item in items(store, "a", most=2)] == [1, 2]
        assert [item.seq for item in items(store, "a", max_bytes=3 * (64 + 6))] == [1, 2, 3]
        assert [item.seq for item in items(store, "a", max_bytes=0)] == [1]
        assert items(store, "b") == []
