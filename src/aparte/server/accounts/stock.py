"""Key packages: each device's stock, given out once each, and the one of last resort when the stock is empty."""

from __future__ import annotations

from aparte.server.accounts.judging import JudgedFetch
from aparte.server.accounts.paces import JournaledPaces
from aparte.server.accounts.settings import DAY, FETCHES, MAX_LIFETIME, MAX_STOCK, PUTS
from aparte.server.accounts.turn import Turn
from aparte.server.journal import Journal
from aparte.server.room import Room, Shortage
from aparte.server.step import Refusal, Send, answer
from aparte.server.store.accounts import AccountRef, Device, DeviceRef, GivenPackage
from aparte.wire import ErrorCode
from aparte.wire.account_frames import DeviceKeyPackage, KeyPackages, OwnKeyPackage, PutKeyPackages, Stock

__all__ = ["Stocking"]


class Stocking:
    """Takes key packages in and gives them out. To the host they are bytes."""

    def __init__(self, room: Room, journal: Journal) -> None:
        self._room = room
        self._puts = JournaledPaces[DeviceRef](PUTS, journal)
        # Without it somebody with many tickets could empty a stock, and make everybody use the last resort.
        self._fetches = JournaledPaces[AccountRef](FETCHES, journal)

    def put(self, turn: Turn, frame: PutKeyPackages) -> list[Send]:
        """Add those that are not known yet. Raises `Refusal`."""
        device, packages = turn.standing().device, turn.store.packages
        given = {package.key_package: package for package in frame.packages}  # of two that are equal, the last
        fresh = [package for package in given.values() if not packages.knows(device, package.key_package)]
        for package in fresh:
            _require_lifetime(turn, package)
        added = sum(not package.last_resort for package in fresh)
        if added and packages.stock(device, turn.day).key_packages + added > MAX_STOCK:
            raise Refusal(ErrorCode.QUOTA_EXCEEDED, f"more than {MAX_STOCK} key packages")
        if fresh:
            self._room.require(Shortage.POSTS)
            if wait := self._puts.wait(device, turn.now):
                raise Refusal(ErrorCode.RATE_LIMITED, "too many key packages", wait=wait)
            self._puts.take(device, turn.now, count=len(fresh))
        for package in fresh:
            day = _last_day(package)
            packages.add(device, package.key_package, expires_day=day, is_last_resort=package.last_resort)
        return [answer(turn.link, Stock(frame.request, *packages.stock(device, turn.day)))]

    def fetch(self, turn: Turn, judged: JudgedFetch) -> list[Send]:
        """One of each device of the account. Raises `Refusal`."""
        frame = judged.frame
        account = turn.store.directory.find(frame.account_id)
        if account is None or account.is_suspended:
            raise Refusal(ErrorCode.NOT_FOUND, "no such account")
        judged.ticket.spend(turn.transaction)
        given = []
        for device_id, device in turn.store.devices.listed(account.ref).items():
            package = self._give(turn, account.ref, device=device)
            if package is not None:
                given.append(DeviceKeyPackage(device_id, package.is_last_resort, package.key_package))
        return [answer(turn.link, KeyPackages(frame.request, tuple(given)))]

    def _give(self, turn: Turn, account: AccountRef, *, device: Device) -> GivenPackage | None:
        if not self._fetches.wait(account, turn.now):
            package = turn.store.packages.take(device.ref, turn.day)
            if package is not None:
                self._fetches.take(account, turn.now)
                return package
        return turn.store.packages.last_resort(device.ref, turn.day)


def _last_day(package: OwnKeyPackage) -> int:
    """The last day on the whole of which it is good."""
    return package.expires // DAY - 1


def _require_lifetime(turn: Turn, package: OwnKeyPackage) -> None:
    if not package.key_package:
        raise Refusal(ErrorCode.REFUSED, "an empty key package")
    if _last_day(package) < turn.day:
        raise Refusal(ErrorCode.REFUSED, "a key package that expires today, or has expired")
    if package.expires > turn.now + MAX_LIFETIME * DAY:
        raise Refusal(ErrorCode.REFUSED, f"a key package that expires in more than {MAX_LIFETIME} days")
