"""An entry of a log, the hash chain over a log, and the host's receipts and passes."""

from __future__ import annotations

import hmac
from enum import IntEnum
from hashlib import sha256
from typing import Annotated, Final

from aparte.codec import encode_u32, encode_u64, encode_vector
from aparte.wire import fields as f
from aparte.wire.ids import Chain, LogId, Node, Receipt
from aparte.wire.layout import U32, Choice, Opaque, Vector, layout_of, structure
from aparte.wire.limits import MAX_COMMIT

__all__ = [
    "NO_KEY",
    "Entry",
    "EntryForm",
    "EntryHead",
    "Pass",
    "body_hash",
    "first_chain",
    "make_pass",
    "make_receipt",
    "next_chain",
]

#: Stands where a message has no next epoch key.
NO_KEY: Final = bytes(32)

_LOG = encode_vector(b"aparte/1 log")
_CHAIN = encode_vector(b"aparte/1 chain")
_RECEIPT = encode_vector(b"aparte/1 receipt")
_PASS = encode_vector(b"aparte/1 pass")


class EntryForm(IntEnum):
    """How much of an entry is sent."""

    #: With its body.
    WHOLE = 1
    #: The body is too long for a link: fetch it by `FetchEntry`.
    LARGE = 2
    #: The body's retention is over.
    PRUNED = 3


@structure
class EntryHead:
    """What the chain covers of an entry, in this order, besides the log and the body's hash.

    `next_epoch_key` is the posting key of the node that a commit makes, and 32 zero bytes in a message.
    """

    seq: f.Seq
    at: f.Millis
    node: f.Node
    kind: f.EntryKind
    idem: f.Idem
    next_epoch_key: f.PublicKey


@structure
class Entry:
    """One entry as it is read or delivered. `body` is empty unless `form` is WHOLE; its length and hash always stand.

    `receipt` is the host's MAC over log, head and body hash; the host checks it on request (`CheckReceipt`).
    """

    seq: f.Seq
    at: f.Millis
    node: f.Node
    kind: f.EntryKind
    idem: f.Idem
    next_epoch_key: f.PublicKey
    form: Annotated[EntryForm, Choice(EntryForm)]
    body_length: f.Length
    body_hash: f.Hash
    receipt: f.Receipt
    body: Annotated[bytes, Vector(MAX_COMMIT)]

    @property
    def head(self) -> bytes:
        """The encoded `EntryHead`."""
        return _HEAD.encode(EntryHead(self.seq, self.at, self.node, self.kind, self.idem, self.next_epoch_key))


@structure
class Pass:
    """Opens its node again, until the end of `day` (days since 1970-01-01, UTC). The host's MAC over both.

    All passes of one node and day are the same bytes, so that they tell nothing about who shows them.
    """

    day: Annotated[int, U32]
    mac: Annotated[bytes, Opaque(16)]


_HEAD = layout_of(EntryHead)


def body_hash(body: bytes) -> bytes:
    """`H(body)`."""
    return sha256(body).digest()


def first_chain(log_id: LogId, epoch_key: bytes) -> Chain:
    """`chain_0 = H("aparte/1 log" || log_id || epoch key of node 0)`."""
    return Chain(sha256(_LOG + log_id + epoch_key).digest())


def next_chain(chain: Chain, log_id: LogId, *, head: bytes, body: bytes) -> Chain:
    """`chain_n = H("aparte/1 chain" || chain_{n-1} || log_id || EntryHead || H(body))`; `body` is the hash."""
    return Chain(sha256(_CHAIN + chain + log_id + head + body).digest())


def make_receipt(key: bytes, log_id: LogId, *, head: bytes, body: bytes) -> Receipt:
    """`HMAC(host key, "aparte/1 receipt" || log_id || EntryHead || H(body))`; `body` is the hash."""
    return Receipt(hmac.digest(key, _RECEIPT + log_id + head + body, "sha256"))


def make_pass(key: bytes, log_id: LogId, *, node: Node, day: int) -> Pass:
    """The pass of a node until the end of `day`."""
    mac = hmac.digest(key, _PASS + log_id + encode_u64(node) + encode_u32(day), "sha256")
    return Pass(day, mac[:16])
