"""A post's way into its log. The order of the checks is the protocol's (docs/protocol/log.md)."""

from __future__ import annotations

from typing import Final

from aparte.server.entries import receipt_of, sent_entry
from aparte.server.journal import Journal
from aparte.server.links import Link, LinkNumber
from aparte.server.log_pace import LogPace
from aparte.server.opening import is_good_pass
from aparte.server.policy import HostKeys, LogPolicy
from aparte.server.room import Room, Shortage
from aparte.server.step import Answer, Delivery, Refusal, Send, answer, done
from aparte.server.store import EntryRow, LogHead, LogKey, Transaction
from aparte.server.subscriptions import Subscriptions
from aparte.wire import ErrorCode, encode_frame
from aparte.wire.entries import body_hash, make_receipt, next_chain
from aparte.wire.hot import pack_accepted, pack_delivered, pack_entry_head
from aparte.wire.ids import EntryKind, Millis, Receipt, Seq
from aparte.wire.limits import MAX_BODY, MAX_COMMIT, MAX_EPHEMERAL
from aparte.wire.log_frames import Busy, Delivered, Passed, Post, Stale

__all__ = ["Posting"]


_COMMIT: Final = EntryKind.COMMIT
_EPHEMERAL: Final = EntryKind.EPHEMERAL
_LONGEST: Final = {
    EntryKind.APP: MAX_BODY,
    EntryKind.COMMIT: MAX_COMMIT,
    EntryKind.EPHEMERAL: MAX_EPHEMERAL,
}


class Posting:
    """Takes posts, one at a time, in the order in which they shall stand."""

    def __init__(
        self, keys: HostKeys, policy: LogPolicy, *, subscriptions: Subscriptions, journal: Journal, room: Room
    ) -> None:
        self._keys = keys
        self._room = room
        self._pace = LogPace(policy, journal=journal)
        self._subscriptions = subscriptions
        self._journal = journal

    def post(self, transaction: Transaction, link: Link, *, frame: Post, now: Millis) -> list[Send]:
        """The answers to a post. Raises `Refusal`."""
        kind, size = frame.kind, len(frame.body)
        if size > _LONGEST[kind]:
            raise Refusal(ErrorCode.TOO_LARGE, f"a body of {size} bytes")
        head = transaction.head(frame.log_id)
        if head is None or not self._may_post(link, head.key, frame=frame, now=now):
            raise Refusal(ErrorCode.NOT_OPEN)
        is_kept = kind is not _EPHEMERAL
        known = transaction.posted(head.key, frame.idem) if is_kept else None
        if known is not None:
            receipt = receipt_of(self._keys.receipt_key, frame.log_id, row=known)
            return [_accepted(link, frame, row=known, receipt=receipt)]
        if frame.node != head.node:
            return [self._stale(transaction, link, head=head, frame=frame)]
        if is_kept and self._room.shortage:
            self._room.require(Shortage.POSTS)
        wait = self._pace.admit(head, kind, size=size, now=now)
        if wait:
            return [answer(link, Busy(frame.request, wait))]
        if not is_kept:
            return self._pass_on(link, head, frame=frame)
        return self._append(transaction, link, head=head, frame=frame, now=now)

    def _may_post(self, link: Link, log: LogKey, *, frame: Post, now: Millis) -> bool:
        if frame.pass_ is None:
            return link.held(log) == frame.node
        key = self._keys.pass_key
        return is_good_pass(key, frame.pass_, log_id=frame.log_id, node=frame.node, now=now)

    def _stale(self, transaction: Transaction, link: Link, *, head: LogHead, frame: Post) -> Send:
        node = transaction.node(head.key, frame.node)
        if node is None or not node.child:
            raise Refusal(ErrorCode.NOT_FOUND, "no such node")
        return answer(link, Stale(frame.request, node.child))

    def _pass_on(self, link: Link, head: LogHead, *, frame: Post) -> list[Send]:
        payload = encode_frame(Passed(frame.log_id, frame.node, frame.body))
        sends: list[Send] = [done(link, frame.request)]
        links = self._subscriptions.links(head.key)
        if links:
            sends.append(Delivery(links, link.number, head.key, head.log_id, Seq(0), payload))
        return sends

    def _append(self, transaction: Transaction, link: Link, *, head: LogHead, frame: Post, now: Millis) -> list[Send]:
        log_id, node, kind, idem, body = frame.log_id, frame.node, frame.kind, frame.idem, frame.body
        seq = Seq(head.seq + 1)
        at = max(head.at, now, self._room.earliest)  # a clock that was set back does not turn the order of a log
        digest = body_hash(body)
        packed = pack_entry_head(seq, at, node, kind, idem, frame.next_epoch_key)
        chain = next_chain(head.chain, log_id, head=packed, body=digest)
        receipt = make_receipt(self._keys.receipt_key, log_id, head=packed, body=digest)
        row = EntryRow(seq, at, node, kind, idem, frame.next_epoch_key, chain, digest, len(body), body)
        transaction.append(head, row)
        sends = [_accepted(link, frame, row=row, receipt=receipt)]
        links = self._subscriptions.links(head.key)
        if links:
            if len(body) <= MAX_BODY:
                payload = pack_delivered(log_id, packed, body=body, body_hash=digest, receipt=receipt)
            else:
                payload = encode_frame(Delivered(log_id, sent_entry(row, receipt)))
            sends.append(Delivery(links, link.number, head.key, log_id, seq, payload))
        if kind is _COMMIT:
            self._end(head.key)
        return sends

    def _end(self, log: LogKey) -> None:
        """A commit ends its node, and with it the node's subscriptions."""
        ended = self._subscriptions.drop(log)

        def undo() -> None:
            for number in ended:
                self._subscriptions.add(log, LinkNumber(number))

        self._journal.note(undo)


def _accepted(link: Link, frame: Post, *, row: EntryRow, receipt: Receipt) -> Send:
    place = (row.seq, row.at, row.node)
    payload = pack_accepted(frame.request, *place, chain=row.chain, body_hash=row.body_hash, receipt=receipt)
    return Answer(link.number, payload)
