"""Inboxes: what others drop for a device, each by the lane that is open to them, and what the device has taken."""

from __future__ import annotations

from hashlib import sha256

from aparte.server.accounts.judging import JudgedDrop
from aparte.server.accounts.paces import JournaledPaces
from aparte.server.accounts.presence import Presence
from aparte.server.accounts.settings import DROPS, LANE_LIMITS
from aparte.server.accounts.turn import MOST, Turn
from aparte.server.journal import Journal
from aparte.server.room import Room, Shortage
from aparte.server.step import Notice, Refusal, Send, done
from aparte.server.store.accounts import AccountRow, DeviceRef
from aparte.wire import ErrorCode, encode_frame
from aparte.wire.account_frames import AckInbox, Drop, InboxArrived, SetCapabilities
from aparte.wire.ids import InboxSeq, Lane

__all__ = ["InboxDelivery"]


class InboxDelivery:
    """Puts items into inboxes, and takes them out."""

    def __init__(self, presence: Presence, *, room: Room, journal: Journal) -> None:
        self._room = room
        self._presence = presence
        self._paces = {lane: JournaledPaces[DeviceRef](pace, journal) for lane, pace in DROPS.items()}

    def drop(self, turn: Turn, judged: JudgedDrop) -> list[Send]:
        """Put in an item, or find it put in. Raises `Refusal`."""
        frame = judged.frame
        account = turn.store.directory.find(frame.account_id)
        if account is None or account.is_suspended:
            raise Refusal(ErrorCode.NOT_FOUND, "no such account")
        device = turn.store.devices.find(account.ref, frame.device_id)
        if device is None:
            raise Refusal(ErrorCode.NOT_FOUND, "no such device")
        if turn.store.inboxes.knows(device.ref, frame.item_id):
            return [done(turn.link, frame.request)]
        self._admit(turn, account, device=device.ref, frame=frame)
        if judged.ticket is not None:
            judged.ticket.spend(turn.transaction)
        self._paces[frame.lane].take(device.ref, turn.now)
        seq = turn.store.inboxes.add(device.ref, frame.lane, item_id=frame.item_id, item=frame.item, day=turn.day)
        sends: list[Send] = [done(turn.link, frame.request)]
        links = self._presence.links(device.ref)
        if links:
            sends.append(Notice(links, encode_frame(InboxArrived(seq))))
        return sends

    def acknowledge(self, turn: Turn, frame: AckInbox) -> list[Send]:
        """Forget what is on the device's disk. Items that come later are not meant, whatever number is named."""
        up_to = InboxSeq(min(frame.up_to, MOST))
        if up_to:
            turn.store.inboxes.acknowledge(turn.standing().device, up_to, day=turn.day)
        else:
            turn.standing()
        return [done(turn.link, frame.request)]

    def set_capabilities(self, turn: Turn, frame: SetCapabilities) -> list[Send]:
        """Replace what opens a lane. Raises `Refusal`."""
        standing = turn.standing()
        if frame.lane is Lane.REQUEST:
            raise Refusal(ErrorCode.REFUSED, "tickets open the lane for requests, not capabilities")
        hashes = [item.hash for item in frame.hashes]
        turn.store.inboxes.set_capabilities(standing.account, frame.lane, hashes=hashes)
        return [done(turn.link, frame.request)]

    def _admit(self, turn: Turn, account: AccountRow, *, device: DeviceRef, frame: Drop) -> None:
        """Look-up by hash: how long it takes says nothing of the capability."""
        inboxes = turn.store.inboxes
        if frame.lane is not Lane.REQUEST:
            hashed = sha256(frame.proof).digest()
            if not inboxes.is_capability(account.ref, frame.lane, hashed=hashed):
                raise Refusal(ErrorCode.REFUSED, "the capability does not open this lane")
        if inboxes.waiting(device, frame.lane) >= LANE_LIMITS[frame.lane]:
            raise Refusal(ErrorCode.INBOX_FULL)
        self._room.require(Shortage.POSTS)
        if wait := self._paces[frame.lane].wait(device, turn.now):
            raise Refusal(ErrorCode.RATE_LIMITED, "too many items", wait=wait)
