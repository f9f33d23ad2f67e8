"""All frames: their numbers for good, where they travel, and that any of them comes back as it went."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aparte.codec import DecodeError, EncodeError
from aparte.wire import (
    ANONYMOUS_FRAMES,
    FRAMES,
    IDENTITY_FRAMES,
    ErrorCode,
    decode_frame,
    encode_frame,
    frame_type,
    layout_of,
)
from aparte.wire.entries import EntryForm
from aparte.wire.frames import FROM_HOST, frame
from aparte.wire.ids import EntryKind, Lane, Request, TicketKind
from aparte.wire.layout import ListOf, Text, Vector
from aparte.wire.link_frames import Done
from aparte.wire.log_frames import OpenStatus
from tests.conftest import SOAK
from tests.properties.mutations import bent
from tests.unit.wire.any_frame import any_frame, any_value
from tools.frame_examples import example

MANY = settings(max_examples=5_000 if SOAK else 500, suppress_health_check=list(HealthCheck))

#: Every number that was ever given. A number is never given to anything else.
NUMBERS = {
    "Create": 0x01, "Open": 0x02, "Read": 0x03, "Post": 0x04, "Close": 0x05, "FetchEntry": 0x06, "CheckReceipt": 0x07,
    "LookUpName": 0x10, "LookUpAccount": 0x11, "FetchKeyPackages": 0x12, "Drop": 0x13,
    "FetchManifests": 0x14,
    "SignUp": 0x20, "Prove": 0x21, "PutManifest": 0x22, "PutKeyPackages": 0x23, "FetchInbox": 0x24, "AckInbox": 0x25,
    "SetCapabilities": 0x26, "GetTickets": 0x27, "TakeName": 0x28, "ReleaseName": 0x29, "DeleteAccount": 0x2A,
    "CancelDeletion": 0x2B, "PutRootManifest": 0x2C,
    "Greeting": 0x80, "Done": 0x81, "Problem": 0x82,
    "Created": 0x91, "Opened": 0x92, "Entries": 0x93, "Accepted": 0x94, "Stale": 0x95, "Busy": 0x96,
    "Delivered": 0x97, "Passed": 0x98, "Lagged": 0x99, "Fetched": 0x9A, "ReceiptChecked": 0x9B,
    "Found": 0xA0, "KeyPackages": 0xA1, "Manifests": 0xA2,
    "Proven": 0xB0, "Stock": 0xB1, "InboxItems": 0xB2, "InboxArrived": 0xB3, "Tickets": 0xB4, "DeletionAt": 0xB5,
}  # fmt: skip

CODES = {
    "MALFORMED": 1, "UNEXPECTED": 2, "TOO_LARGE": 3, "RATE_LIMITED": 4, "UNAVAILABLE": 5, "DISK_FULL": 6,
    "INTERNAL": 7, "STOPPING": 8,
    "NOT_FOUND": 16, "REFUSED": 17, "NOT_OPEN": 18, "LOG_EXISTS": 19, "TICKET_REFUSED": 20, "TICKET_SPENT": 21,
    "INBOX_FULL": 22, "WRONG_STATE": 23,
    "ACCOUNT_EXISTS": 32, "NAME_TAKEN": 33, "NAME_REFUSED": 34, "MANIFEST_REFUSED": 35, "SIGN_UP_CLOSED": 36,
    "INVITE_REFUSED": 37, "SUSPENDED": 38, "QUOTA_EXCEEDED": 39,
}  # fmt: skip

KINDS: dict[type, dict[str, int]] = {
    EntryKind: {"APP": 1, "COMMIT": 2, "EPHEMERAL": 3},
    EntryForm: {"WHOLE": 1, "LARGE": 2, "PRUNED": 3},
    OpenStatus: {"LIVE": 1, "ENDED": 2, "NOT_FOUND": 3, "REFUSED": 4, "TOO_MANY": 5},
    Lane: {"CONTACT": 1, "INVITE": 2, "REQUEST": 3},
    TicketKind: {"CREATE_LOG": 1, "FETCH_KEY_PACKAGES": 2, "KNOCK": 3, "UPLOAD_BLOB": 4},
}

#: What the host sends without having been asked; everything else has a request's number in front.
UNASKED = {"Greeting", "Delivered", "Passed", "Lagged", "InboxArrived"}


# -- numbers ----------------------------------------------------------------------------------------------------------
def test_no_number_changes() -> None:
    assert {cls.__name__: number for number, cls in FRAMES.items()} == NUMBERS
    assert {code.name: code.value for code in ErrorCode} == CODES
    for kinds, expected in KINDS.items():
        assert {kind.name: kind.value for kind in kinds} == expected  # type: ignore[attr-defined]


def test_a_frame_knows_its_number() -> None:
    for number, cls in FRAMES.items():
        assert frame_type(cls) == number
        assert encode_frame(example(cls))[0] == number


def test_a_number_is_given_once() -> None:
    with pytest.raises(ValueError, match="0x81 is Done's"):
        frame(0x81)(type("Other", (), {"__annotations__": {}}))
    assert FRAMES[0x81] is Done


def test_every_frame_has_one_place() -> None:
    """Exactly one of: taken on the anonymous link, taken on the identity link, sent by the host."""
    for number, cls in FRAMES.items():
        places = (cls in ANONYMOUS_FRAMES, cls in IDENTITY_FRAMES, number >= FROM_HOST)
        assert sum(places) == 1, cls.__name__
    assert set(FRAMES.values()) >= ANONYMOUS_FRAMES | IDENTITY_FRAMES


def test_the_request_comes_first() -> None:
    """So whoever cannot read a frame of a newer client can still answer it."""
    for cls in FRAMES.values():
        first = layout_of(cls).fields[0]
        assert (first[0] == "request") is (cls.__name__ not in UNASKED), cls.__name__
        if first[0] == "request":
            assert first[1].format == "I"


# -- round trips ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("cls", FRAMES.values(), ids=lambda cls: cls.__name__)
def test_any_value_comes_back(cls: type) -> None:
    @settings(max_examples=300 if SOAK else 30, suppress_health_check=list(HealthCheck))
    @given(any_value(cls))
    def comes_back(value: Any) -> None:
        data = encode_frame(value)
        read = decode_frame(data)
        assert read == value
        assert type(read) is cls
        assert encode_frame(read) == data

    comes_back()


def taken_alike(data: bytes) -> None:
    """A frame that is written again as it came, or `DecodeError`, and nothing else."""
    try:
        value = decode_frame(data)
    except DecodeError:
        return
    assert encode_frame(value) == data


@MANY
@given(st.binary(max_size=300), st.sampled_from(sorted(FRAMES)))
def test_any_bytes(data: bytes, number: int) -> None:
    taken_alike(data)
    taken_alike(bytes([number]) + data)


EXAMPLES = [encode_frame(example(cls)) for cls in FRAMES.values()]


@MANY
@given(bent(EXAMPLES, EXAMPLES))
def test_bent_examples(data: bytes) -> None:
    taken_alike(data)


@MANY
@given(any_frame(), st.data())
def test_bent_frames(value: Any, data: st.DataObject) -> None:
    taken_alike(data.draw(bent([encode_frame(value)], EXAMPLES)))


@pytest.mark.parametrize("cls", FRAMES.values(), ids=lambda cls: cls.__name__)
def test_less_and_more_are_refused(cls: type) -> None:
    data = encode_frame(example(cls))
    for stop in range(len(data)):
        with pytest.raises(DecodeError):
            decode_frame(data[:stop])
    with pytest.raises(DecodeError, match="trailing"):
        decode_frame(data + b"\x00")


def test_unknown_numbers() -> None:
    for number in set(range(256)) - FRAMES.keys():
        with pytest.raises(DecodeError, match=f"no frame has type {number:#04x}"):
            decode_frame(bytes([number]) + bytes(100))


def test_a_fault_inside_a_frame_is_an_encode_error() -> None:
    for request in (-1, 2**32):
        with pytest.raises(EncodeError):
            encode_frame(Done(Request(request)))


# -- the strategy itself ----------------------------------------------------------------------------------------------
def test_every_vector_has_a_limit() -> None:
    """What a peer may send is bounded, field by field."""
    for cls in FRAMES.values():
        for name, field in layout_of(cls).fields:
            if isinstance(field, Vector | Text | ListOf):
                assert 0 < field.limit <= 8 * 1024 * 1024, f"{cls.__name__}.{name}"
