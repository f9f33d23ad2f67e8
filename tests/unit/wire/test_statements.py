"""What keys sign: known values, and that no signature for one purpose serves another."""

from __future__ import annotations

import struct
from itertools import combinations

from hypothesis import given
from hypothesis import strategies as st

from aparte.wire import encode, layout_of
from aparte.wire.ids import AccountId, DeviceId, LinkNonce, LogId, Node, TicketKind
from aparte.wire.limits import MAX_HOST_NAME, MAX_TICKET
from aparte.wire.statements import deletion_statement, identity_statement, open_statement
from aparte.wire.tickets import TICKET_VERSION, Ticket, TicketBody, ticket_statement

HOST = "chat.example"
NONCE = LinkNonce(bytes(range(32)))
LOG = LogId(bytes(range(0x30, 0x40)))
ACCOUNT = AccountId(bytes(range(0x40, 0x60)))
DEVICE = DeviceId(bytes(range(0x60, 0x70)))
BODY = TicketBody(TICKET_VERSION, "a.example", "b.example:8443", TicketKind.KNOCK, 20_454, bytes(range(16)))


def test_open_statement() -> None:
    expected = b"\x0daparte/1 open" + b"\x0cchat.example" + NONCE + LOG + struct.pack(">Q", 3)
    assert open_statement(HOST, NONCE, log_id=LOG, node=Node(3)) == expected
    assert expected.hex() == (
        "0d6170617274652f31206f70656e"
        "0c636861742e6578616d706c65"
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "303132333435363738393a3b3c3d3e3f"
        "0000000000000003"
    )  # fmt: skip


def test_identity_statement() -> None:
    expected = b"\x11aparte/1 identity" + b"\x0cchat.example" + NONCE + ACCOUNT + DEVICE
    assert identity_statement(HOST, NONCE, account_id=ACCOUNT, device_id=DEVICE) == expected
    assert expected.hex() == (
        "116170617274652f31206964656e74697479"
        "0c636861742e6578616d706c65"
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
        "606162636465666768696a6b6c6d6e6f"
    )  # fmt: skip


def test_deletion_statement() -> None:
    expected = b"\x11aparte/1 deletion" + b"\x0cchat.example" + NONCE + ACCOUNT
    assert deletion_statement(HOST, NONCE, account_id=ACCOUNT) == expected
    assert expected.hex() == (
        "116170617274652f312064656c6574696f6e"
        "0c636861742e6578616d706c65"
        "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
        "404142434445464748494a4b4c4d4e4f505152535455565758595a5b5c5d5e5f"
    )  # fmt: skip


def test_a_long_host_name_has_a_longer_header() -> None:
    host = "a" * 64
    assert deletion_statement(host, NONCE, account_id=ACCOUNT)[18:20] == b"\x40\x40"


def test_ticket_statement() -> None:
    expected = (
        b"\x0faparte/1 ticket" + b"\x01" + b"\x09a.example" + b"\x0eb.example:8443" + b"\x03"
        + struct.pack(">I", 20_454) + bytes(range(16))
    )  # fmt: skip
    assert ticket_statement(BODY) == expected
    assert expected.hex() == (
        "0f6170617274652f31207469636b6574"
        "01"
        "09612e6578616d706c65"
        "0e622e6578616d706c653a38343433"
        "03"
        "00004fe6"
        "000102030405060708090a0b0c0d0e0f"
    )  # fmt: skip


def test_each_part_of_a_statement_counts() -> None:
    zero_nonce, zero_id = LinkNonce(bytes(32)), bytes(32)
    opened = {
        open_statement(HOST, NONCE, log_id=LOG, node=Node(3)),
        open_statement("chat.exampl", NONCE, log_id=LOG, node=Node(3)),
        open_statement(HOST, zero_nonce, log_id=LOG, node=Node(3)),
        open_statement(HOST, NONCE, log_id=LogId(bytes(16)), node=Node(3)),
        open_statement(HOST, NONCE, log_id=LOG, node=Node(4)),
    }
    proved = {
        identity_statement(HOST, NONCE, account_id=ACCOUNT, device_id=DEVICE),
        identity_statement("", NONCE, account_id=ACCOUNT, device_id=DEVICE),
        identity_statement(HOST, zero_nonce, account_id=ACCOUNT, device_id=DEVICE),
        identity_statement(HOST, NONCE, account_id=AccountId(zero_id), device_id=DEVICE),
        identity_statement(HOST, NONCE, account_id=ACCOUNT, device_id=DeviceId(bytes(16))),
    }
    deleted = {
        deletion_statement(HOST, NONCE, account_id=ACCOUNT),
        deletion_statement("", NONCE, account_id=ACCOUNT),
        deletion_statement(HOST, zero_nonce, account_id=ACCOUNT),
        deletion_statement(HOST, NONCE, account_id=AccountId(zero_id)),
    }
    assert (len(opened), len(proved), len(deleted)) == (5, 5, 4)


def fixed(length: int) -> st.SearchStrategy[bytes]:
    return st.binary(min_size=length, max_size=length)


@given(st.text(max_size=100), fixed(32), fixed(32), st.data())
def test_purposes_never_collide(host: str, nonce: bytes, account: bytes, data: st.DataObject) -> None:
    """The labels differ and none begins another, so whatever follows, no statement is, or begins, another's."""
    link, owner = LinkNonce(nonce), AccountId(account)
    made = [
        open_statement(host, link, log_id=LogId(data.draw(fixed(16))), node=Node(data.draw(st.integers(0, 2**64 - 1)))),
        identity_statement(host, link, account_id=owner, device_id=DeviceId(data.draw(fixed(16)))),
        deletion_statement(host, link, account_id=owner),
        ticket_statement(BODY),
    ]
    for one, other in combinations(made, 2):
        assert not one.startswith(other)
        assert not other.startswith(one)


# -- tickets ----------------------------------------------------------------------------------------------------------
def test_a_ticket_is_its_body_and_a_signature() -> None:
    signature = bytes(range(64))
    ticket = Ticket(BODY.version, BODY.issuer, BODY.acceptor, BODY.kind, BODY.day, BODY.nonce, signature)
    assert encode(ticket) == encode(BODY) + signature
    assert ticket.body == BODY
    assert layout_of(Ticket).decode(encode(BODY) + signature) == ticket
    assert layout_of(Ticket).fields[:-1] == layout_of(TicketBody).fields


def test_the_longest_ticket_fits_where_tickets_go() -> None:
    longest = "a" * MAX_HOST_NAME
    ticket = Ticket(1, longest, longest, TicketKind.KNOCK, 2**32 - 1, bytes(16), bytes(64))
    assert len(encode(ticket)) <= MAX_TICKET
