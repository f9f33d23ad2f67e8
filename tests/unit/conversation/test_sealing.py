"""Bodies of entries: opened by whoever has the key, in their place alone; and the example of the protocol's page."""

from __future__ import annotations

import random
import re
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.conversation import BodyRefused, Place, Sealed, TooLong, idem_of, open_body, require_idem, seal_body
from aparte.crypto import DEFAULT_CIPHER_SUITE
from aparte.crypto.native import NativeProvider
from aparte.wire.ids import EntryKind, Idem, LogId, Node
from aparte.wire.limits import MAX_BODY

SUITE = NativeProvider().suite(DEFAULT_CIPHER_SUITE)
WRAP = bytes(range(32))
SALT = b"s" * 32
PLACE = Place(LogId(b"l" * 16), Node(7), EntryKind.APP, Idem(b"i" * 16))
COMMIT = PLACE._replace(kind=EntryKind.COMMIT, next_epoch_key=b"k" * 32)
PAGE = Path(__file__).resolve().parents[3] / "docs/protocol/sealing.md"


@given(message=st.binary(max_size=4_000))
def test_what_was_sealed_is_opened(message: bytes) -> None:
    for place, sealed in ((PLACE, Sealed(message, SALT)), (COMMIT, Sealed(message))):
        body = seal_body(SUITE, WRAP, sealed=sealed, place=place)
        assert open_body(SUITE, WRAP, body=body, place=place) == sealed


@pytest.mark.parametrize(
    "changes",
    [
        {"log_id": b"m" * 16},
        {"node": 8},
        {"kind": EntryKind.EPHEMERAL},
        {"idem": b"j" * 16},
        {"next_epoch_key": b"k" * 32},
    ],
)
def test_elsewhere_it_does_not_open(changes: dict[str, Any]) -> None:
    """A host cannot show it as another entry, nor a commit with a key of its own."""
    body = seal_body(SUITE, WRAP, sealed=Sealed(b"hello", SALT), place=PLACE)
    with pytest.raises(BodyRefused, match="nobody who knows"):
        open_body(SUITE, WRAP, body=body, place=PLACE._replace(**changes))


@given(st.integers(0, 255), st.integers(0, 255))
def test_no_byte_may_change(at: int, change: int) -> None:
    body = bytearray(seal_body(SUITE, WRAP, sealed=Sealed(b"hello", SALT), place=PLACE))
    body[at] ^= change
    if change:
        with pytest.raises(BodyRefused):
            open_body(SUITE, WRAP, body=bytes(body), place=PLACE)


@pytest.mark.parametrize("length", [0, 5, 11, 12, 27, 28, 100])
def test_what_is_too_short(length: int) -> None:
    with pytest.raises(BodyRefused):
        open_body(SUITE, WRAP, body=bytes(length), place=PLACE)


def sealed_raw(plain: bytes, place: Place = PLACE) -> bytes:
    """A body with anything inside."""
    key = SUITE.expand(WRAP, b"\x0daparte/1 body" + place.idem, 32)
    return bytes(12) + SUITE.seal(key, bytes(12), place.bound(), plain)


GOOD = b"\x01" + b"\x20" + SALT + b"\x05hello"


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        (b"\x02" + GOOD[1:], "newer version"),
        (b"", "damaged"),
        (GOOD[:20], "damaged"),
        (GOOD + b"\x00\x01", "padding"),
        (b"\x01\x00\x05hello", "another kind"),
        (b"\x01\x1f" + SALT[1:] + b"\x05hello", "another kind"),
        (b"\x01\x21" + SALT + b"s\x05hello", "damaged"),
    ],
)
def test_what_is_sealed_wrongly(plain: bytes, why: str) -> None:
    assert open_body(SUITE, WRAP, body=sealed_raw(GOOD), place=PLACE).message == b"hello"
    with pytest.raises(BodyRefused, match=why):
        open_body(SUITE, WRAP, body=sealed_raw(plain), place=PLACE)


def test_a_commit_with_a_salt() -> None:
    with pytest.raises(BodyRefused, match="another kind"):
        open_body(SUITE, WRAP, body=sealed_raw(GOOD, COMMIT), place=COMMIT)


def test_sizes_tell_little() -> None:
    sizes = {
        len(seal_body(SUITE, WRAP, sealed=Sealed(bytes(length), SALT), place=PLACE)) for length in range(0, 3_000, 7)
    }
    assert min(sizes) == 256
    assert len(sizes) < 70


def test_what_is_too_long() -> None:
    seal_body(SUITE, WRAP, sealed=Sealed(bytes(62_000), SALT), place=PLACE)
    with pytest.raises(TooLong, match=f"{MAX_BODY} are the most"):
        seal_body(SUITE, WRAP, sealed=Sealed(bytes(66_000), SALT), place=PLACE)
    seal_body(SUITE, WRAP, sealed=Sealed(bytes(66_000)), place=COMMIT)


def test_the_idem_is_that_of_what_is_said() -> None:
    place = PLACE._replace(idem=idem_of(SALT, b"hello"))
    require_idem(place, Sealed(b"", SALT), data=b"hello")
    for sealed, data in ((Sealed(b"", SALT), b"Hello"), (Sealed(b"", b"t" * 32), b"hello")):
        with pytest.raises(BodyRefused, match="another message"):
            require_idem(place, sealed, data=data)


def test_the_example_of_the_page() -> None:
    """Made by this code from what the page says; the page's body is opened, too."""
    said = dict(re.findall(r"^(\w+) = ([0-9a-f]+)$", PAGE.read_text(), re.MULTILINE))
    rows = re.search(r"```text\n((?:[0-9a-f]{2,64}\n)+)```", PAGE.read_text())
    assert rows is not None
    body = bytes.fromhex(rows[1].replace("\n", ""))
    salt, data = bytes.fromhex(said["salt"]), bytes.fromhex(said["application_data"])
    idem = sha256(b"\x0daparte/1 idem" + salt + sha256(data).digest()).digest()[:16]
    assert said["idem"] == idem.hex() == idem_of(salt, data).hex()
    place = Place(LogId(bytes.fromhex(said["log_id"])), Node(7), EntryKind.APP, Idem(idem))
    rng = random.Random(1)
    suite = NativeProvider(rng.randbytes).suite(DEFAULT_CIPHER_SUITE)
    sealed = Sealed(bytes.fromhex(said["mls_message"]), salt)
    wrap = bytes.fromhex(said["wrap"])
    made = seal_body(suite, wrap, sealed=sealed, place=place)
    assert made.hex() == body.hex()
    assert open_body(SUITE, wrap, body=body, place=place) == replace(sealed)
