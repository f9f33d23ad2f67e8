"""An entry's way out: its receipt, and the form that it is sent in."""

from __future__ import annotations

from aparte.server.store import EntryRow
from aparte.wire import encode
from aparte.wire.entries import Entry, EntryForm, EntryHead, make_receipt
from aparte.wire.ids import LogId, Receipt
from aparte.wire.limits import MAX_BODY

__all__ = ["receipt_of", "sent_entry"]


def receipt_of(key: bytes, log_id: LogId, *, row: EntryRow) -> Receipt:
    """The host's receipt for an entry."""
    head = encode(EntryHead(row.seq, row.at, row.node, row.kind, row.idem, row.next_epoch_key))
    return make_receipt(key, log_id, head=head, body=row.body_hash)


def sent_entry(row: EntryRow, receipt: Receipt, *, longest: int = MAX_BODY) -> Entry:
    """The entry as it is sent: without its body if that is pruned, or longer than a link takes."""
    if row.body_length > longest:
        form = EntryForm.LARGE
    elif row.body is None:
        form = EntryForm.PRUNED
    else:
        form = EntryForm.WHOLE
    body = row.body if form is EntryForm.WHOLE and row.body is not None else b""
    head = (row.seq, row.at, row.node, row.kind, row.idem, row.next_epoch_key)
    return Entry(*head, form, row.body_length, row.body_hash, receipt, body)
