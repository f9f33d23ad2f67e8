"""What things are called on the wire. Each is its own type, so that none is taken for another."""

from __future__ import annotations

from enum import IntEnum
from typing import Final, NewType

__all__ = [
    "DEVICE_ID_LENGTH",
    "HASH_LENGTH",
    "ID_LENGTH",
    "KEY_LENGTH",
    "MAX_NUMBER",
    "SIGNATURE_LENGTH",
    "AccountId",
    "Chain",
    "DeviceId",
    "EntryKind",
    "Idem",
    "InboxSeq",
    "Incarnation",
    "Lane",
    "LinkNonce",
    "LogId",
    "Millis",
    "Node",
    "Receipt",
    "Request",
    "Seq",
    "TicketKind",
]

#: The greatest number that a field of 64 bits may hold: databases have signed integers.
MAX_NUMBER: Final = (1 << 63) - 1
ID_LENGTH: Final = 16
DEVICE_ID_LENGTH: Final = 16
HASH_LENGTH: Final = 32
KEY_LENGTH: Final = 32
SIGNATURE_LENGTH: Final = 64

#: Names one log at one host; 16 random bytes chosen by whoever creates it.
LogId = NewType("LogId", bytes)
#: The place of an entry in its log. The first entry has 1.
Seq = NewType("Seq", int)
#: A node is named by the seq of the commit that made it, 0 for the log's creation.
Node = NewType("Node", int)
#: Names one post for good: a repeat is answered as the first was.
Idem = NewType("Idem", bytes)
#: Milliseconds since 1970-01-01T00:00Z.
Millis = NewType("Millis", int)
#: The running hash over a log's entries.
Chain = NewType("Chain", bytes)
#: The host's MAC over one entry, which it checks on request.
Receipt = NewType("Receipt", bytes)
#: Chosen by the client; an answer repeats it. 0 in what the host sends unasked.
Request = NewType("Request", int)
#: 32 random bytes that a host greets a link with; proofs made on the link sign them.
LinkNonce = NewType("LinkNonce", bytes)
#: Changes when a host was restored from an older state.
Incarnation = NewType("Incarnation", bytes)
#: Hash of an account's genesis.
AccountId = NewType("AccountId", bytes)
DeviceId = NewType("DeviceId", bytes)
#: The place of an item in a device's inbox. The first item has 1.
InboxSeq = NewType("InboxSeq", int)


class EntryKind(IntEnum):
    """What is posted. The host orders the first two and passes on the third."""

    APP = 1
    COMMIT = 2
    EPHEMERAL = 3


class Lane(IntEnum):
    """How an item comes into an inbox: from somebody known, by an invite link, from a stranger."""

    CONTACT = 1
    INVITE = 2
    REQUEST = 3


class TicketKind(IntEnum):
    """What a ticket pays for."""

    CREATE_LOG = 1
    FETCH_KEY_PACKAGES = 2
    KNOCK = 3
    UPLOAD_BLOB = 4
