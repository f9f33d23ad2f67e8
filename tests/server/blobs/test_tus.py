"""What headers mean, without a server."""

from __future__ import annotations

from base64 import b64encode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.server.blobs import Limits, Refusal, Refused, tus
from aparte.server.blobs.errors import STATUS
from aparte.server.blobs.expiry import DAY, HOUR, blob_expiry, http_date, start_of, today, upload_expiry
from aparte.server.blobs.tokens import decode_token, encode_token

LIMITS = Limits(blob_bytes=1000)
CREATION = {"Upload-Length": "10", "Aparte-Ticket": "dA"}
APPEND = {"Content-Type": "application/offset+octet-stream", "Upload-Offset": "3", "Content-Length": "7"}


def refusal(call: object, *args: object, **kwargs: object) -> Refusal:
    with pytest.raises(Refused) as caught:
        call(*args, **kwargs)  # type: ignore[operator]
    return caught.value.code


def test_creation() -> None:
    assert tus.parse_creation(CREATION, LIMITS) == tus.Creation(10, 30, b"t")
    assert tus.parse_creation(CREATION | {"Aparte-Keep-Days": "180"}, LIMITS).keep_days == 180
    assert tus.parse_creation(CREATION | {"Upload-Length": "1000"}, LIMITS).size == 1000


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Upload-Length": "0"}, Refusal.BAD_REQUEST),
        ({"Upload-Length": "-1"}, Refusal.BAD_REQUEST),
        ({"Upload-Length": "+1"}, Refusal.BAD_REQUEST),
        ({"Upload-Length": "1_0"}, Refusal.BAD_REQUEST),
        ({"Upload-Length": "٣"}, Refusal.BAD_REQUEST),
        ({"Upload-Length": "9" * 5000}, Refusal.BAD_REQUEST),
        ({"Upload-Length": "1001"}, Refusal.TOO_LARGE),
        ({"Aparte-Keep-Days": "0"}, Refusal.BAD_REQUEST),
        ({"Aparte-Keep-Days": "181"}, Refusal.BAD_REQUEST),
        ({"Aparte-Keep-Days": ""}, Refusal.BAD_REQUEST),
        ({"Aparte-Ticket": ""}, Refusal.TICKET_REFUSED),
        ({"Aparte-Ticket": "A" * 1400}, Refusal.TICKET_REFUSED),
        ({"Aparte-Ticket": "dA=="}, Refusal.BAD_REQUEST),
        ({"Aparte-Ticket": "d+"}, Refusal.BAD_REQUEST),
    ],
)
def test_bad_creations(change: dict[str, str], code: Refusal) -> None:
    assert refusal(tus.parse_creation, CREATION | change, LIMITS) is code


@pytest.mark.parametrize("missing", ["Upload-Length", "Aparte-Ticket"])
def test_creations_that_lack_something(missing: str) -> None:
    headers = {name: value for name, value in CREATION.items() if name != missing}
    expected = {"Upload-Length": Refusal.BAD_REQUEST, "Aparte-Ticket": Refusal.TICKET_MISSING}
    assert refusal(tus.parse_creation, headers, LIMITS) is expected[missing]
    # Upload-Defer-Length is not supported, and so no substitute.
    assert refusal(tus.parse_creation, headers | {"Upload-Defer-Length": "1"}, LIMITS) is expected[missing]


def test_append() -> None:
    assert tus.parse_append(APPEND) == tus.Append(3, 7, None)
    assert tus.parse_append(APPEND, offset=0).offset == 0
    chunked = {k: v for k, v in APPEND.items() if k != "Content-Length"} | {"Transfer-Encoding": "chunked"}
    assert tus.parse_append(chunked).length is None
    summed = tus.parse_append(APPEND | {"Upload-Checksum": f"sha1 {b64encode(bytes(20)).decode()}"})
    assert summed.checksum == tus.Checksum("sha1", bytes(20))


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"Content-Type": "application/octet-stream"}, Refusal.CONTENT_TYPE),
        ({"Content-Type": ""}, Refusal.CONTENT_TYPE),
        ({"Content-Encoding": "gzip"}, Refusal.CONTENT_TYPE),
        ({"Upload-Offset": "-1"}, Refusal.BAD_REQUEST),
        ({"Upload-Offset": ""}, Refusal.BAD_REQUEST),
        ({"Upload-Checksum": "md5 AAAA"}, Refusal.BAD_REQUEST),
        ({"Upload-Checksum": "sha1"}, Refusal.BAD_REQUEST),
        ({"Upload-Checksum": "sha1 AAAA"}, Refusal.BAD_REQUEST),
        ({"Upload-Checksum": "sha1 !!!!"}, Refusal.BAD_REQUEST),
        ({"Upload-Checksum": "sha256 ä"}, Refusal.BAD_REQUEST),
    ],
)
def test_bad_appends(change: dict[str, str], code: Refusal) -> None:
    assert refusal(tus.parse_append, APPEND | change) is code


@pytest.mark.parametrize("text", ["", "A", "A" * 21, "A" * 23, "A" * 21 + "=", "A" * 21 + "B", "../../etc/passwd"])
def test_names_that_name_nothing(text: str) -> None:
    assert refusal(tus.parse_id, text) is Refusal.NOT_FOUND


@given(st.binary(max_size=64))
def test_tokens_have_one_spelling(token: bytes) -> None:
    assert decode_token(encode_token(token)) == token


@given(st.text(max_size=30))
def test_what_is_read_as_a_token_is_written_so(text: str) -> None:
    try:
        token = decode_token(text)
    except ValueError:
        return
    assert encode_token(token) == text


def test_every_refusal_has_a_status() -> None:
    assert STATUS.keys() == set(Refusal)


# -- when things end ------------------------------------------------------------------------------------------------
@given(st.integers(0, 1 << 42), st.integers(1, 180))
def test_a_blob_outlives_its_message(now: int, keep_days: int) -> None:
    ends = start_of(blob_expiry(now, keep_days))
    # A day may pass between the end of the upload and the message, which then stays keep_days × 24 h.
    assert now + DAY + keep_days * DAY < ends <= now + (keep_days + 2) * DAY
    assert blob_expiry(start_of(today(now)), keep_days) == blob_expiry(now, keep_days)


@given(st.integers(0, 1 << 42))
def test_an_upload_has_its_hours(now: int) -> None:
    ends = upload_expiry(now, LIMITS)
    assert ends % HOUR == 0
    assert now + 24 * HOUR <= ends < now + 25 * HOUR


def test_dates_are_written_as_http_has_them() -> None:
    assert http_date(784111777000) == "Sun, 06 Nov 1994 08:49:37 GMT"
