"""Ids of messages and their URIs, mentions, and reports as cursors."""

from __future__ import annotations

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.codec import EncodeError
from aparte.content import (
    ConversationId,
    MessageId,
    MessageStatus,
    Origin,
    PerMessageStatus,
    StatusReport,
    Text,
    account_of,
    account_uri,
    conversation_of,
    conversation_uri,
    mention,
    mentioned,
    message_id,
    read_message,
    write_message,
)
from aparte.wire.ids import AccountId
from tests.unit.content.contents import ALICE, CONVERSATION, FIRST, ORIGIN, SALT, SECOND

BOB = AccountId(bytes([0xBB] * 32))
A = "aparte:a/" + "00" * 32


# -- ids --------------------------------------------------------------------------------------------------------------
def test_a_message_id_is_what_the_draft_says() -> None:
    message = write_message(Text("x"), ORIGIN, salt=SALT)
    sender, room = account_uri(ALICE).encode(), conversation_uri(CONVERSATION).encode()
    assert (len(sender), len(room)) == (73, 41)
    hashed = sha256(b"\x00\x49" + sender + b"\x00\x29" + room + message.data + SALT).digest()
    assert message.message_id == b"\x01" + hashed[:31]


def test_whatever_differs_gives_another_id() -> None:
    origins = [ORIGIN, Origin(BOB, CONVERSATION), Origin(ALICE, ConversationId(bytes(16)))]
    ids = {write_message(Text("x"), origin, salt=SALT).message_id for origin in origins}
    ids |= {write_message(Text("y"), ORIGIN, salt=SALT).message_id}
    ids |= {write_message(Text("x"), ORIGIN, salt=bytes(16)).message_id}
    assert len(ids) == 5


def test_a_replay_has_the_same_id() -> None:
    message = write_message(Text("x"), ORIGIN, salt=SALT)
    assert read_message(message.data, ORIGIN).message_id == message.message_id


def test_the_border_between_the_uris_counts() -> None:
    ids = {message_id(b"", salt=b"", sender_uri=s, room_uri=r) for s, r in (("a", "bc"), ("ab", "c"), ("abc", ""))}
    assert len(ids) == 3


def test_uris() -> None:
    assert account_uri(ALICE) == "aparte:a/" + ALICE.hex()
    assert account_of(account_uri(ALICE)) == ALICE
    assert conversation_of(conversation_uri(CONVERSATION)) == CONVERSATION


@pytest.mark.parametrize(
    "uri",
    ["", A[:-1], A + "0", A + "\n", A.upper(), A[:-1] + "A", A.replace("a/", "c/"), " " + A, "aparte:a/", "x" + A],
)
def test_what_is_no_uri_of_an_account_or_conversation(uri: str) -> None:
    assert account_of(uri) is None
    assert conversation_of(uri) is None


def test_ids_of_another_length_have_no_uri() -> None:
    with pytest.raises(EncodeError):
        account_uri(AccountId(bytes(31)))
    with pytest.raises(EncodeError):
        conversation_uri(ConversationId(bytes(32)))
    with pytest.raises(EncodeError):
        message_id(b"", salt=b"", sender_uri="x" * 2049, room_uri="")


# -- mentions ---------------------------------------------------------------------------------------------------------
@given(st.text(), st.text(), st.text())
def test_a_mention_is_found_whatever_it_shows(shown: str, before: str, after: str) -> None:
    assert ALICE in mentioned(before + " " + mention(ALICE, shown) + after)


def test_mentions() -> None:
    text = f"{mention(BOB, 'Bob]')} and <{account_uri(ALICE)}>, {mention(BOB, 'again')}, [x](aparte:a/00), {A}, <{A}0>"
    assert mentioned(text) == (BOB, ALICE)
    assert mention(BOB, "a]_\n b(") == rf"[@a\]\_ b\(]({account_uri(BOB)})"


# -- statuses ---------------------------------------------------------------------------------------------------------
def test_a_report_is_the_drafts() -> None:
    report = StatusReport.up_to(delivered=SECOND, read=FIRST)
    assert report.encode() == b"\x82\x82\x58\x20" + SECOND + b"\x01\x82\x58\x20" + FIRST + b"\x02"


def test_cursors() -> None:
    third = MessageId(b"\x01" + b"3" * 31)
    report = StatusReport(
        (
            PerMessageStatus(FIRST, MessageStatus.READ),
            PerMessageStatus(SECOND, MessageStatus.DELIVERED),
            PerMessageStatus(third, MessageStatus.EXPIRED),
            PerMessageStatus(third, 200),
        )
    )
    assert report.read == (FIRST,)
    assert report.delivered == (FIRST, SECOND), "what was read was delivered"
    assert report.others == report.statuses[2:]
    assert StatusReport.decode(report.encode()) == report


def test_one_cursor() -> None:
    assert StatusReport.up_to(read=FIRST).statuses == (PerMessageStatus(FIRST, MessageStatus.READ),)
    assert StatusReport.up_to(delivered=FIRST).read == ()
    with pytest.raises(EncodeError):
        StatusReport.up_to().encode()
