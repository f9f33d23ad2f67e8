"""A post's way into its log. The order of the checks is the protocol's (docs/protocol/log.md)."""

from __future__ import annotations

from aparte.server.entries import receipt_of, sent_entry
from aparte.server.journal import Journal
from aparte.server.links import Link, LinkNumber
from aparte.server.opening import is_good_pass
from aparte.server.pace import Paces
from aparte.server.policy import HostKeys, LogPolicy
from aparte.server.step import Delivery, Refusal, Send, answer, done
from aparte.server.store import EntryRow, LogHead, LogKey, Transaction
from aparte.server.subscriptions import Subscriptions
from aparte.wire import ErrorCode, encode, encode_frame
from aparte.wire.entries import EntryHead, body_hash, make_receipt, next_chain
from aparte.wire.ids import EntryKind, LogId, Millis, Node, Receipt, Seq
from aparte.wire.limits import MAX_BODY, MAX_COMMIT
from aparte.wire.log_frames import Accepted, Busy, Delivered, Passed, Post, Stale

__all__ = ["Posting"]


class Posting:
    """Takes posts, one at a time, in the order in which they shall stand."""

    def __init__(self, keys: HostKeys, policy: LogPolicy, *, subscriptions: Subscriptions, journal: Journal) -> None:
        self._keys = keys
        self._min_node_age = policy.min_node_age
        self._posts = Paces[LogKey](policy.posts)
        self._commits = Paces[LogKey](policy.commits)
        self._subscriptions = subscriptions
        self._journal = journal

    def post(self, transaction: Transaction, link: Link, *, frame: Post, now: Millis) -> list[Send]:
        """The answers to a post. Raises `Refusal`."""
        if len(frame.body) > (MAX_COMMIT if frame.kind is EntryKind.COMMIT else MAX_BODY):
            raise Refusal(ErrorCode.TOO_LARGE, f"a body of {len(frame.body)} bytes")
        head = transaction.head(frame.log_id)
        if head is None or not self._may_post(link, head.key, frame=frame, now=now):
            raise Refusal(ErrorCode.NOT_OPEN)
        known = transaction.posted(head.key, frame.idem)
        if known is not None:
            receipt = receipt_of(self._keys.receipt_key, frame.log_id, known)
            return [answer(link, _accepted(frame, known, receipt))]
        if frame.node != head.node:
            return [self._stale(transaction, link, head=head, frame=frame)]
        wait = self._wait(head, frame, now)
        if wait:
            return [answer(link, Busy(frame.request, wait))]
        if frame.kind is EntryKind.EPHEMERAL:
            return self._pass_on(link, head, frame=frame, now=now)
        return self._append(transaction, link, head=head, frame=frame, now=now)

    def _may_post(self, link: Link, log: LogKey, *, frame: Post, now: Millis) -> bool:
        if frame.pass_ is None:
            return link.holds(log, frame.node)
        key = self._keys.pass_key
        return is_good_pass(key, frame.pass_, log_id=frame.log_id, node=frame.node, now=now)

    def _stale(self, transaction: Transaction, link: Link, *, head: LogHead, frame: Post) -> Send:
        node = transaction.node(head.key, frame.node)
        if node is None or not node.child:
            raise Refusal(ErrorCode.NOT_FOUND, "no such node")
        return answer(link, Stale(frame.request, node.child))

    def _wait(self, head: LogHead, frame: Post, now: Millis) -> int:
        """Milliseconds until the log takes such a post."""
        if frame.kind is not EntryKind.COMMIT:
            return self._posts.wait(head.key, now)
        too_young = self._min_node_age - (now - head.node_at) if head.node and now >= head.node_at else 0
        return max(too_young, self._commits.wait(head.key, now), self._posts.wait(head.key, now))

    def _pass_on(self, link: Link, head: LogHead, *, frame: Post, now: Millis) -> list[Send]:
        self._posts.take(head.key, now)
        payload = encode_frame(Passed(frame.log_id, frame.node, frame.body))
        delivery = self._deliver(link, head.key, log_id=frame.log_id, seq=Seq(0), payload=payload)
        return [done(link, frame.request), *delivery]

    def _append(self, transaction: Transaction, link: Link, *, head: LogHead, frame: Post, now: Millis) -> list[Send]:
        row, receipt = self._next_row(head, frame, now)
        transaction.append(head, row)
        self._posts.take(head.key, now)
        payload = encode_frame(Delivered(frame.log_id, sent_entry(row, receipt)))
        sends: list[Send] = [answer(link, _accepted(frame, row, receipt))]
        sends += self._deliver(link, head.key, log_id=frame.log_id, seq=row.seq, payload=payload)
        if frame.kind is EntryKind.COMMIT:
            self._commits.take(head.key, now)
            self._end(head.key)
        return sends

    def _next_row(self, head: LogHead, frame: Post, now: Millis) -> tuple[EntryRow, Receipt]:
        seq = Seq(head.seq + 1)
        at = max(now, head.at)  # a clock that was set back does not turn the order of a log
        digest = body_hash(frame.body)
        entry_head = encode(EntryHead(seq, at, frame.node, frame.kind, frame.idem, frame.next_epoch_key))
        chain = next_chain(head.chain, frame.log_id, head=entry_head, body=digest)
        receipt = make_receipt(self._keys.receipt_key, frame.log_id, head=entry_head, body=digest)
        given = (frame.node, frame.kind, frame.idem, frame.next_epoch_key)
        return EntryRow(seq, at, *given, chain, digest, len(frame.body), frame.body), receipt

    def _deliver(self, link: Link, log: LogKey, *, log_id: LogId, seq: Seq, payload: bytes) -> list[Send]:
        links = tuple(self._subscriptions.links(log))
        return [Delivery(links, link.number, log, log_id, seq, payload)] if links else []

    def _end(self, log: LogKey) -> None:
        """A commit ends its node, and with it the node's subscriptions."""
        ended = self._subscriptions.drop(log)

        def undo() -> None:
            for number in ended:
                self._subscriptions.add(log, LinkNumber(number))

        self._journal.note(undo)


def _accepted(frame: Post, row: EntryRow, receipt: Receipt) -> Accepted:
    return Accepted(frame.request, row.seq, row.at, Node(row.node), row.chain, row.body_hash, receipt)
