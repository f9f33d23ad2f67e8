"""The frames of every message, written without making objects of them: the same bytes as `encode_frame`'s.

A host does this for each post, so one `struct.Struct` writes all fields of fixed size. Tests hold it to the layouts.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from aparte.codec import encode_length
from aparte.wire.entries import NO_KEY, EntryForm
from aparte.wire.frames import frame_type
from aparte.wire.ids import MAX_NUMBER, EntryKind
from aparte.wire.log_frames import Accepted, Delivered, Post

__all__ = ["pack_accepted", "pack_delivered", "pack_entry_head", "unpack_message"]

_ACCEPTED_TYPE: Final = frame_type(Accepted)
_DELIVERED_TYPE: Final = frame_type(Delivered)
_ACCEPTED: Final = Struct(">BIQQQ32s32s32s")
_DELIVERED: Final = Struct(">B16s73sBI32s32s")

_APP: Final = EntryKind.APP
_POST_TYPE: Final = frame_type(Post)
_POST: Final = Struct(">BI16sQ16sB32sB")

#: `EntryHead`: seq, at, node, kind, idem, next_epoch_key. The caller answers for the lengths of the last two.
pack_entry_head: Final = Struct(">QQQB16s32s").pack


def pack_accepted(request: int, *place: int, chain: bytes, body_hash: bytes, receipt: bytes) -> bytes:
    """An `Accepted` frame; `place` is seq, at, node."""
    return _ACCEPTED.pack(_ACCEPTED_TYPE, request, *place, chain, body_hash, receipt)


def pack_delivered(log_id: bytes, head: bytes, *, body: bytes, body_hash: bytes, receipt: bytes) -> bytes:
    """A `Delivered` frame with a WHOLE entry; `head` is the encoded `EntryHead`."""
    length = len(body)
    fixed = _DELIVERED.pack(_DELIVERED_TYPE, log_id, head, EntryForm.WHOLE, length, body_hash, receipt)
    return b"".join((fixed, encode_length(length), body))


def unpack_message(data: bytes) -> Post | None:
    """The frame, if it is the `Post` of a message without a pass and in good order; None for anything else."""
    if len(data) <= _POST.size:
        return None
    number, request, log_id, node, idem, kind, key, has_pass = _POST.unpack_from(data)
    if number != _POST_TYPE or kind != _APP or key != NO_KEY or has_pass or node > MAX_NUMBER:
        return None
    first = data[_POST.size]
    begin = _POST.size + (1 if first < 0x40 else 2 if first < 0x80 else 4)
    body = data[begin:]
    if encode_length(len(body)) != data[_POST.size : begin]:
        return None
    return Post(request, log_id, node, idem, _APP, NO_KEY, None, body)
