"""The hash chain, receipts and passes: known values, and that each depends on all that it should.

The expected values are computed here from the text of docs/protocol/log.md, with `hashlib`, `hmac` and `struct`.
"""

from __future__ import annotations

import hmac
import struct
from dataclasses import fields, replace
from hashlib import sha256
from typing import Any

import pytest

from aparte.wire import encode, layout_of
from aparte.wire.entries import (
    NO_KEY,
    Entry,
    EntryHead,
    Pass,
    body_hash,
    first_chain,
    make_pass,
    make_receipt,
    next_chain,
)
from aparte.wire.ids import Chain, EntryKind, Idem, LogId, Millis, Node, Seq
from tools.frame_examples import example

LOG = LogId(bytes(range(16)))
KEY = bytes(range(0x20, 0x40))
BODY = bytes(range(0x40, 0x60))
HOST_KEY = bytes(range(0x60, 0x80))
HEAD = EntryHead(
    seq=Seq(1),
    at=Millis(1_767_225_600_000),
    node=Node(0),
    kind=EntryKind.COMMIT,
    idem=Idem(bytes(range(0x80, 0x90))),
    next_epoch_key=bytes(range(0xA0, 0xC0)),
)
#: Another value for each field of the head.
OTHERS: dict[str, Any] = {
    "seq": Seq(2),
    "at": Millis(1_767_225_600_001),
    "node": Node(1),
    "kind": EntryKind.APP,
    "idem": Idem(bytes(16)),
    "next_epoch_key": NO_KEY,
}


def written(head: EntryHead) -> bytes:
    """EntryHead by hand: uint64 seq, at, node; uint8 kind; opaque idem[16]; opaque next_epoch_key[32]."""
    return struct.pack(">QQQB", head.seq, head.at, head.node, head.kind) + head.idem + head.next_epoch_key


def labelled(label: bytes) -> bytes:
    """A label as a vector: its length in one byte, then itself."""
    return bytes([len(label)]) + label


def chain_after(head: EntryHead) -> Chain:
    return next_chain(Chain(bytes(32)), LOG, head=encode(head), body=BODY)


# -- known values -----------------------------------------------------------------------------------------------------
def test_head() -> None:
    assert encode(HEAD) == written(HEAD)
    assert encode(HEAD).hex() == (
        "0000000000000001"
        "0000019b76daa800"
        "0000000000000000"
        "02"
        "808182838485868788898a8b8c8d8e8f"
        "a0a1a2a3a4a5a6a7a8a9aaabacadaeafb0b1b2b3b4b5b6b7b8b9babbbcbdbebf"
    )  # fmt: skip


def test_first_chain() -> None:
    assert first_chain(LOG, KEY) == sha256(labelled(b"aparte/1 log") + LOG + KEY).digest()
    assert first_chain(LOG, KEY).hex() == "0e0c404db85dd1be8f347cd2069b4718cd2be1f7897da18a225d1b8e728c79d6"


def test_next_chain() -> None:
    before = first_chain(LOG, KEY)
    expected = sha256(labelled(b"aparte/1 chain") + before + LOG + written(HEAD) + BODY).digest()
    assert next_chain(before, LOG, head=encode(HEAD), body=BODY) == expected
    assert expected.hex() == "d396efeebf837ba82781e2535fbe9978dfd0a57cbe1ac52257d44e4967fdf554"


def test_receipt() -> None:
    message = labelled(b"aparte/1 receipt") + LOG + written(HEAD) + BODY
    expected = hmac.new(HOST_KEY, message, sha256).digest()
    assert make_receipt(HOST_KEY, LOG, head=encode(HEAD), body=BODY) == expected
    assert expected.hex() == "5c48cd683b0009bed44243012d98df891ef3c6969c7fc06bd3007e1a1cfa4fe2"


def test_pass() -> None:
    message = labelled(b"aparte/1 pass") + LOG + struct.pack(">QI", 3, 20_461)
    expected = hmac.new(HOST_KEY, message, sha256).digest()[:16]
    assert make_pass(HOST_KEY, LOG, node=Node(3), day=20_461) == Pass(20_461, expected)
    assert expected.hex() == "4187a4ba2b090e19af178bffcba78bbe"


def test_body_hash() -> None:
    assert body_hash(b"") == bytes.fromhex("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    assert body_hash(b"abc") == bytes.fromhex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")


# -- everything counts ------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", [field.name for field in fields(EntryHead)])
def test_each_field_of_the_head_counts(name: str) -> None:
    other = replace(HEAD, **{name: OTHERS[name]})
    assert chain_after(other) != chain_after(HEAD)
    receipts = {make_receipt(HOST_KEY, LOG, head=encode(head), body=BODY) for head in (HEAD, other)}
    assert len(receipts) == 2


def test_all_else_counts_in_the_chain() -> None:
    head, zero, other_log = encode(HEAD), Chain(bytes(32)), LogId(bytes(16))
    chains = {
        next_chain(zero, LOG, head=head, body=BODY),
        next_chain(Chain(b"\x01" + bytes(31)), LOG, head=head, body=BODY),
        next_chain(zero, other_log, head=head, body=BODY),
        next_chain(zero, LOG, head=head, body=bytes(32)),
        first_chain(LOG, KEY),
        first_chain(other_log, KEY),
        first_chain(LOG, bytes(32)),
    }
    assert len(chains) == 7


def test_all_else_counts_in_a_receipt() -> None:
    head = encode(HEAD)
    receipts = {
        make_receipt(HOST_KEY, LOG, head=head, body=BODY),
        make_receipt(bytes(32), LOG, head=head, body=BODY),
        make_receipt(HOST_KEY, LogId(bytes(16)), head=head, body=BODY),
        make_receipt(HOST_KEY, LOG, head=head, body=bytes(32)),
    }
    assert len(receipts) == 4


def test_a_pass_is_for_one_node_and_day() -> None:
    macs = [
        make_pass(HOST_KEY, LOG, node=Node(3), day=4).mac,
        make_pass(bytes(32), LOG, node=Node(3), day=4).mac,
        make_pass(HOST_KEY, LogId(bytes(16)), node=Node(3), day=4).mac,
        make_pass(HOST_KEY, LOG, node=Node(4), day=4).mac,
        make_pass(HOST_KEY, LOG, node=Node(3), day=5).mac,
    ]
    assert len(set(macs)) == 5
    assert make_pass(HOST_KEY, LOG, node=Node(3), day=4).mac == macs[0]


# -- entries and their heads ------------------------------------------------------------------------------------------
def test_an_entry_begins_with_its_head() -> None:
    """Field for field: nobody who holds an entry has to take it apart to go on with the chain."""
    head = layout_of(EntryHead).fields
    assert layout_of(Entry).fields[: len(head)] == head


def test_the_head_of_an_entry() -> None:
    values = {field.name: getattr(HEAD, field.name) for field in fields(EntryHead)}
    entry = example(Entry, **values)
    assert entry.head == written(HEAD)
    assert encode(entry).startswith(entry.head)
