"""The fields that several frames share: each a type from `ids` with the way it is written."""

from __future__ import annotations

from typing import Annotated

from aparte.wire import ids
from aparte.wire.layout import U8, U16, U32, U64, Choice, Maybe, Opaque

__all__ = [
    "AccountId",
    "Chain",
    "Count",
    "Days",
    "DeviceId",
    "EntryKind",
    "Flag",
    "Hash",
    "HostNonce",
    "Idem",
    "InboxSeq",
    "Incarnation",
    "Lane",
    "Length",
    "LogId",
    "MaybeKey",
    "Millis",
    "Node",
    "PublicKey",
    "Receipt",
    "Request",
    "Seq",
    "Signature",
    "TicketKind",
    "Wait",
]

Request = Annotated[ids.Request, U32]
LogId = Annotated[ids.LogId, Opaque(ids.ID_LENGTH)]
Seq = Annotated[ids.Seq, U64]
Node = Annotated[ids.Node, U64]
Idem = Annotated[ids.Idem, Opaque(ids.ID_LENGTH)]
Millis = Annotated[ids.Millis, U64]
Chain = Annotated[ids.Chain, Opaque(ids.HASH_LENGTH)]
Receipt = Annotated[ids.Receipt, Opaque(ids.HASH_LENGTH)]
Hash = Annotated[bytes, Opaque(ids.HASH_LENGTH)]
PublicKey = Annotated[bytes, Opaque(ids.KEY_LENGTH)]
MaybeKey = Annotated[bytes | None, Maybe(Opaque(ids.KEY_LENGTH))]
Signature = Annotated[bytes, Opaque(ids.SIGNATURE_LENGTH)]
HostNonce = Annotated[ids.LinkNonce, Opaque(32)]
Incarnation = Annotated[ids.Incarnation, Opaque(ids.ID_LENGTH)]
AccountId = Annotated[ids.AccountId, Opaque(ids.HASH_LENGTH)]
DeviceId = Annotated[ids.DeviceId, Opaque(ids.DEVICE_ID_LENGTH)]
InboxSeq = Annotated[ids.InboxSeq, U64]
EntryKind = Annotated[ids.EntryKind, Choice(ids.EntryKind)]
Lane = Annotated[ids.Lane, Choice(ids.Lane)]
TicketKind = Annotated[ids.TicketKind, Choice(ids.TicketKind)]
Flag = Annotated[bool, Choice(bool)]
Days = Annotated[int, U8]
Count = Annotated[int, U16]
#: Bytes.
Length = Annotated[int, U32]
#: Milliseconds from now, so that clocks need not agree.
Wait = Annotated[int, U32]
