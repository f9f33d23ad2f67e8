"""What the accounts' contracts write: accounts with a device each, and items in its inbox."""

from __future__ import annotations

from hashlib import sha256

from aparte.server.store import Store
from aparte.server.store.accounts import AccountRef, AccountStore, DeviceRef, Horizon, ReadItem
from aparte.wire.ids import AccountId, DeviceId, Idem, InboxSeq, Lane, TicketKind

TODAY = 20_000
KNOCK = TicketKind.KNOCK
CONTACT = Lane.CONTACT


def account_id(name: str) -> AccountId:
    return AccountId(sha256(b"account " + name.encode()).digest())


def device_id(name: str) -> DeviceId:
    return DeviceId(sha256(b"device " + name.encode()).digest()[:16])


def item_id(name: object) -> Idem:
    return Idem(sha256(b"item %r" % (name,)).digest()[:16])


def settle(accounts: AccountStore, name: str, *, is_operator: bool = False) -> tuple[AccountRef, DeviceRef]:
    """A new account with a name, a first manifest and a device."""
    ref = accounts.directory.add(account_id(name), b"genesis " + name.encode(), is_operator=is_operator, day=TODAY)
    accounts.devices.add_manifest(ref, b"manifest 0", n=0)
    accounts.directory.give_name(name, ref)
    return ref, accounts.devices.add(ref, device_id(name))


def settled(store: Store, *names: str) -> list[tuple[AccountRef, DeviceRef]]:
    """New accounts, in a transaction of their own."""
    with store.transaction() as transaction:
        return [settle(transaction.accounts(), name) for name in names]


def drop(accounts: AccountStore, device: DeviceRef, *names: str, lane: Lane = CONTACT, day: int = TODAY) -> None:
    for name in names:
        accounts.inboxes.add(device, lane, item_id=item_id(name), item=name.encode(), day=day)


def horizon(day: int) -> Horizon:
    """Names rest 4 days, items wait 3 and are known 2 days after that."""
    return Horizon(rested=day - 4, waiting=day - 3, fetched=day - 2, today=day)


def items(store: Store, name: str, *, after: int = 0, most: int = 99, max_bytes: int = 1 << 20) -> list[ReadItem]:
    reader = store.reader().accounts()
    return list(reader.items(account_id(name), device_id(name), after=InboxSeq(after), most=most, max_bytes=max_bytes))
