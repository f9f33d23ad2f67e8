"""Reading: what changes nothing, and so needs no place in the writer's queue."""

from __future__ import annotations

import hmac
from typing import Final

from aparte.server.entries import receipt_of, sent_entry
from aparte.server.opening import is_good_pass
from aparte.server.policy import HostKeys
from aparte.server.step import Refusal
from aparte.server.store import LogKey, NodeState, Reader
from aparte.wire import ErrorCode, encode
from aparte.wire.entries import EntryHead, Pass, make_receipt
from aparte.wire.ids import LogId, Millis, Node, Seq
from aparte.wire.limits import MAX_COMMIT, MAX_ENTRIES_PAGE
from aparte.wire.log_frames import CheckReceipt, Entries, Fetched, FetchEntry, Read, ReceiptChecked

__all__ = ["LogReads"]

#: What an answer has besides its entries.
_ENVELOPE: Final = 64


class LogReads:
    """Answers questions about logs from what is durable."""

    def __init__(self, keys: HostKeys) -> None:
        self._keys = keys

    def read(self, reader: Reader, frame: Read, *, now: Millis) -> Entries:
        """The entries that the node's key can read. Raises `Refusal`."""
        log, node = self._node(reader, frame.log_id, node=frame.node, shown=frame.pass_, now=now)
        # Entries before the node are sealed under other keys; the commit that ends it is its last.
        after = Seq(min(max(frame.after_seq, frame.node), node.last_seq))
        most = min(frame.max_bytes, MAX_ENTRIES_PAGE) - _ENVELOPE
        rows = reader.entries(log, after=after, until=node.last_seq, max_bytes=most)
        key = self._keys.receipt_key
        entries = tuple(sent_entry(row, receipt_of(key, frame.log_id, row=row)) for row in rows)
        more = bool(rows) and rows[-1].seq < node.last_seq
        return Entries(frame.request, frame.log_id, more, entries)

    def fetch(self, reader: Reader, frame: FetchEntry, *, now: Millis) -> Fetched:
        """One entry whole, if the node's key can read it. Raises `Refusal`."""
        log, node = self._node(reader, frame.log_id, node=frame.node, shown=frame.pass_, now=now)
        row = reader.entry(log, frame.seq) if frame.node < frame.seq <= node.last_seq else None
        if row is None:
            raise Refusal(ErrorCode.NOT_FOUND, "the node has no such entry")
        receipt = receipt_of(self._keys.receipt_key, frame.log_id, row=row)
        return Fetched(frame.request, sent_entry(row, receipt, longest=MAX_COMMIT))

    def check_receipt(self, frame: CheckReceipt) -> ReceiptChecked:
        """Whether this host gave that receipt."""
        head = encode(EntryHead(frame.seq, frame.at, frame.node, frame.kind, frame.idem, frame.next_epoch_key))
        made = make_receipt(self._keys.receipt_key, frame.log_id, head=head, body=frame.body_hash)
        return ReceiptChecked(frame.request, hmac.compare_digest(made, frame.receipt))

    def _node(self, reader: Reader, log_id: LogId, *, node: Node, shown: Pass, now: Millis) -> tuple[LogKey, NodeState]:
        if not is_good_pass(self._keys.pass_key, shown, log_id=log_id, node=node, now=now):
            raise Refusal(ErrorCode.REFUSED, "not a pass for this node, or out of date")
        log = reader.find_log(log_id)
        found = None if log is None else reader.node(log, node)
        if log is None or found is None:
            raise Refusal(ErrorCode.NOT_FOUND, "no such node")
        return log, found
