"""What is packed by hand is what the layouts write, and comes back as a frame."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given

from aparte.wire import decode_frame, encode, encode_frame
from aparte.wire.entries import Entry, EntryForm, EntryHead, body_hash
from aparte.wire.hot import pack_accepted, pack_delivered, pack_entry_head
from aparte.wire.limits import MAX_BODY
from aparte.wire.log_frames import Accepted, Delivered
from tests.unit.wire.any_frame import AT_THE_EDGES, any_value
from tools.frame_examples import example


@given(any_value(EntryHead))
def test_entry_head(head: Any) -> None:
    packed = pack_entry_head(head.seq, head.at, head.node, head.kind, head.idem, head.next_epoch_key)
    assert packed == encode(head)


@given(any_value(Accepted))
def test_accepted(frame: Any) -> None:
    hashes = {"chain": frame.chain, "body_hash": frame.body_hash, "receipt": frame.receipt}
    assert pack_accepted(frame.request, frame.seq, frame.at, frame.node, **hashes) == encode_frame(frame)


def delivered(log_id: bytes, entry: Any) -> bytes:
    return pack_delivered(log_id, entry.head, body=entry.body, body_hash=entry.body_hash, receipt=entry.receipt)


@given(any_value(Delivered))
def test_delivered(frame: Any) -> None:
    """All but form and length, which are those of a whole entry here."""
    e = frame.entry
    head = (e.seq, e.at, e.node, e.kind, e.idem, e.next_epoch_key)
    whole = Entry(*head, EntryForm.WHOLE, len(e.body), e.body_hash, e.receipt, e.body)
    assert delivered(frame.log_id, whole) == encode_frame(Delivered(frame.log_id, whole))


@pytest.mark.parametrize("length", [*AT_THE_EDGES, MAX_BODY])
def test_delivered_at_every_length(length: int) -> None:
    body = b"\x5a" * length
    entry = example(Entry, body=body, body_length=length, body_hash=body_hash(body))
    frame = example(Delivered, entry=entry)
    assert delivered(frame.log_id, entry) == encode_frame(frame)
    assert decode_frame(delivered(frame.log_id, entry)) == frame
