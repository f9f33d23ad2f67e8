"""Invitations: for one device, padded, and refused unless whole."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.codec import EncodeError, encode_vector
from aparte.content import ConversationId
from aparte.conversation import Invitation, ItemRefused, open_item, seal_item
from aparte.conversation.inbox_items import _LABEL
from aparte.crypto import DEFAULT_CIPHER_SUITE
from aparte.crypto.native import NativeProvider
from aparte.wire.ids import AccountId, Chain, DeviceId, LogId, Millis, Node
from aparte.wire.limits import MAX_INBOX_ITEM
from tests.properties.mutations import bent

SUITE = NativeProvider().suite(DEFAULT_CIPHER_SUITE)
KEY = SUITE.derive_kem_key(b"k" * 32)
TO = (AccountId(b"a" * 32), DeviceId(b"d" * 16))
INVITATION = Invitation(
    host="host.example",
    log_id=LogId(b"l" * 16),
    node=Node(1),
    at=Millis(5),
    chain=Chain(b"c" * 32),
    conversation_id=ConversationId(b"v" * 16),
    welcome=b"welcome",
    ratchet_tree=b"tree",
    document=b"document",
    inviter="alice@host.example",
    manifest=b"manifest",
)


def sealed(plain: bytes) -> bytes:
    """An item with anything inside."""
    kem_output, ciphertext = SUITE.hpke_seal(KEY.public_key, _LABEL, b"".join(TO), plain)
    return encode_vector(kem_output) + encode_vector(ciphertext)


def test_there_and_back() -> None:
    item = seal_item(INVITATION, KEY.public_key, to=TO, suite=SUITE)
    assert open_item(item, KEY, to=TO, suite=SUITE) == INVITATION


@given(st.integers(0, 9_000))
def test_sizes_tell_little(length: int) -> None:
    item = seal_item(replace(INVITATION, ratchet_tree=bytes(length)), KEY.public_key, to=TO, suite=SUITE)
    assert 8 * 1024 < len(item) <= MAX_INBOX_ITEM
    if length < 7_500:
        assert len(item) == len(seal_item(INVITATION, KEY.public_key, to=TO, suite=SUITE))


def test_as_long_as_an_inbox_takes() -> None:
    least = len(INVITATION.encode())
    fits = replace(INVITATION, ratchet_tree=bytes(MAX_INBOX_ITEM - 1_200 - least))
    assert len(seal_item(fits, KEY.public_key, to=TO, suite=SUITE)) <= MAX_INBOX_ITEM
    with pytest.raises(EncodeError, match="are the most"):
        seal_item(replace(INVITATION, ratchet_tree=bytes(15_500)), KEY.public_key, to=TO, suite=SUITE)


def test_it_is_for_one_device() -> None:
    item = seal_item(INVITATION, KEY.public_key, to=TO, suite=SUITE)
    other = SUITE.derive_kem_key(b"o" * 32)
    for key, to in ((other, TO), (KEY, (TO[0], DeviceId(b"e" * 16))), (KEY, (AccountId(b"b" * 32), TO[1]))):
        with pytest.raises(ItemRefused, match="not sealed for this device"):
            open_item(item, key, to=to, suite=SUITE)


@pytest.mark.parametrize(
    ("plain", "why"),
    [
        (b"\x02\x01" + INVITATION.encode()[2:], "newer"),
        (b"\x01\x02" + INVITATION.encode()[2:], "newer"),
        (b"", "damaged"),
        (INVITATION.encode()[:-1], "damaged"),
        (INVITATION.encode() + b"\x00\x01", "damaged"),
        (INVITATION.encode().replace(b"alice@", b"\xff\xfe\xfd\xfc\xfb@"), "damaged"),
    ],
)
def test_what_is_sealed_wrongly(plain: bytes, why: str) -> None:
    assert open_item(sealed(INVITATION.encode()), KEY, to=TO, suite=SUITE) == INVITATION
    with pytest.raises(ItemRefused, match=why):
        open_item(sealed(plain), KEY, to=TO, suite=SUITE)


@given(bent([seal_item(INVITATION, KEY.public_key, to=TO, suite=SUITE)], [bytes(40)]))
def test_anything_may_come(item: bytes) -> None:
    """And what is whole is the invitation."""
    with suppress(ItemRefused):
        assert open_item(item, KEY, to=TO, suite=SUITE) == INVITATION
