"""Beginning, opening and closing logs, decided against the store's transaction."""

from __future__ import annotations

from typing import Final

from aparte.server.journal import Journal
from aparte.server.links import Link
from aparte.server.opening import Claim, JudgedOpen, day_of, new_pass
from aparte.server.policy import HostKeys
from aparte.server.room import Room, Shortage
from aparte.server.step import Refusal, Send, answer, done
from aparte.server.store import LogHead, LogKey, Transaction
from aparte.server.subscriptions import Subscriptions
from aparte.server.tickets import JudgedTicket
from aparte.wire import ErrorCode
from aparte.wire.entries import Pass, first_chain
from aparte.wire.ids import Chain, Millis, Node, Seq
from aparte.wire.limits import PASS_DAYS
from aparte.wire.log_frames import Close, Create, Created, Opened, OpenedItem, OpenStatus

__all__ = ["Logs"]

_NO_CHAIN: Final = Chain(bytes(32))
_NO_PASS: Final = Pass(0, bytes(16))
#: A pass that ends so soon is worth an answer although there is no news.
_RENEW_DAYS: Final = 3


class Logs:
    """What is decided about logs, posts apart."""

    def __init__(self, keys: HostKeys, *, subscriptions: Subscriptions, journal: Journal, room: Room) -> None:
        self._keys = keys
        self._subscriptions = subscriptions
        self._journal = journal
        self._room = room

    def create(
        self, transaction: Transaction, link: Link, *, frame: Create, ticket: JudgedTicket, now: Millis
    ) -> list[Send]:
        """Begin a log, or say again that it was begun. Raises `Refusal`."""
        head = transaction.head(frame.log_id)
        if head is None:
            self._room.require(Shortage.NEWCOMERS)
            ticket.spend(transaction)
            at, days = max(now, self._room.earliest), frame.retention_days
            transaction.add_log(frame.log_id, epoch_key=frame.epoch_key, retention_days=days, now=at)
        else:
            root = transaction.node(head.key, Node(0))
            if root is None or root.epoch_key != frame.epoch_key:
                raise Refusal(ErrorCode.LOG_EXISTS)
        return [answer(link, Created(frame.request, first_chain(frame.log_id, frame.epoch_key)))]

    def open(self, transaction: Transaction, link: Link, *, judged: JudgedOpen, now: Millis) -> list[Send]:
        """Open what may be opened, and say how each item went."""
        items = []
        for claim in judged.claims:
            opened = self._open_one(transaction, link, claim=claim, now=now)
            if not judged.frame.only_news or _is_news(claim, opened, now=now):
                items.append(opened)
        return [answer(link, Opened(judged.frame.request, tuple(items)))]

    def close(self, transaction: Transaction, link: Link, *, frame: Close) -> list[Send]:
        """Deliver nothing more of a log to this link."""
        head = transaction.head(frame.log_id)
        node = None if head is None else link.held(head.key)
        if head is not None and node is not None:
            self._note(head.key, link, node=node, subscribed=self._subscriptions.remove(head.key, link.number))
            link.release(head.key)
        return [done(link, frame.request)]

    def closed(self, link: Link) -> None:
        """The link is gone."""
        for log in link.logs():
            self._subscriptions.remove(log, link.number)
            link.release(log)

    def _open_one(self, transaction: Transaction, link: Link, *, claim: Claim, now: Millis) -> OpenedItem:
        item = claim.item
        if not claim.is_good:
            return _not_opened(claim, OpenStatus.REFUSED)
        head = transaction.head(item.log_id)
        if head is None or item.node > head.node:
            return _not_opened(claim, OpenStatus.NOT_FOUND)
        if item.node == head.node:
            if claim.epoch_key not in (None, head.epoch_key):
                return _not_opened(claim, OpenStatus.NOT_FOUND)
            if not self._follow(head, link):
                return _not_opened(claim, OpenStatus.TOO_MANY)
            return self._opened(claim, (head.seq, Node(0), head.chain), now=now)
        node = transaction.node(head.key, item.node)
        # Who has not the node's key must not learn whether the node is there: a removed member could count commits.
        if node is None or claim.epoch_key not in (None, node.epoch_key):
            return _not_opened(claim, OpenStatus.NOT_FOUND)
        return self._opened(claim, (node.last_seq, node.child, node.last_chain), now=now)

    def _opened(self, claim: Claim, last: tuple[Seq, Node, Chain], *, now: Millis) -> OpenedItem:
        item = claim.item
        status = OpenStatus.ENDED if last[1] else OpenStatus.LIVE
        # All passes of a node and day are the same bytes: who has one of today's needs no other.
        pass_ = item.pass_
        if pass_ is None or pass_.day != day_of(now) + PASS_DAYS:
            pass_ = new_pass(self._keys.pass_key, item.log_id, node=item.node, now=now)
        return OpenedItem(item.log_id, item.node, status, *last, pass_)

    def _follow(self, head: LogHead, link: Link) -> bool:
        """Subscribe the link to the log's last node; False if it has too many."""
        before = link.held(head.key)
        if not link.hold(head.key, head.node):
            return False
        added = self._subscriptions.add(head.key, link.number)
        if added or before != head.node:
            self._note(head.key, link, node=before, subscribed=not added)
        return True

    def _note(self, log: LogKey, link: Link, *, node: Node | None, subscribed: bool) -> None:
        """How a link stood to a log before it was changed."""

        def undo() -> None:
            if node is None:
                link.release(log)
            else:
                link.hold(log, node)
            if subscribed:
                self._subscriptions.add(log, link.number)
            else:
                self._subscriptions.remove(log, link.number)

        self._journal.note(undo)


def _not_opened(claim: Claim, status: OpenStatus) -> OpenedItem:
    nothing = (Seq(0), Node(0), _NO_CHAIN, _NO_PASS)
    return OpenedItem(claim.item.log_id, claim.item.node, status, *nothing)


def _is_news(claim: Claim, opened: OpenedItem, *, now: Millis) -> bool:
    if opened.status is not OpenStatus.LIVE or opened.head_seq != claim.item.after_seq:
        return True
    shown = claim.item.pass_
    return shown is None or shown.day <= day_of(now) + _RENEW_DAYS
