"""The structures byte by byte: golden encodings of fixed keys, round trips, every decoder's refusals."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from aparte.codec import DecodeError, EncodeError, encode_vector
from aparte.trust import (
    MAX_DEVICES,
    MAX_INBOX_KEY,
    MAX_PATH,
    MAX_REVOKED,
    Credential,
    Device,
    DeviceCert,
    Genesis,
    LeafCert,
    Manifest,
    UnknownVersion,
)
from aparte.wire.ids import DeviceId, Millis
from aparte.wire.limits import MAX_GENESIS, MAX_MANIFEST
from tests.properties.mutations import bent
from tests.unit.trust.golden import ACCOUNT_ID, GOLDEN, MANIFEST_HASH, PHONE_ID
from tests.unit.trust.household import ACCOUNT, LAPTOP, PHONE, ROOT, TABLET, cert, change, credential, grown, signer

Structure = Genesis | DeviceCert | LeafCert | Credential | Manifest

EXAMPLES: dict[str, Structure] = {
    "Genesis": ACCOUNT.genesis,
    "DeviceCert by root": cert(ROOT, LAPTOP),
    "DeviceCert by a device": cert(PHONE, LAPTOP),
    "LeafCert": credential(PHONE).leaf,
    "Credential": credential(TABLET, cert(PHONE, LAPTOP), cert(LAPTOP, TABLET)),
    "Manifest by root": change(grown().content, ROOT),
    "Manifest by a device": grown(),
}
DECODERS: list[Callable[[bytes], Structure]] = [
    Genesis.decode,
    DeviceCert.decode,
    LeafCert.decode,
    Credential.decode,
    Manifest.decode,
]

examples = pytest.mark.parametrize("name", EXAMPLES)


@examples
def test_the_bytes_stay_as_they_are(name: str) -> None:
    assert EXAMPLES[name].encode().hex() == GOLDEN[name]


def test_the_hashes_stay_as_they_are() -> None:
    assert ACCOUNT.account_id.hex() == ACCOUNT_ID
    assert ACCOUNT.first_device_id.hex() == PHONE_ID
    assert grown().hash().hex() == MANIFEST_HASH


def test_hashes_are_what_the_specification_says() -> None:
    genesis = ACCOUNT.genesis.encode()
    assert sha256(b"\x10aparte/1 account" + genesis).digest() == ACCOUNT.account_id
    assert sha256(b"\x12aparte/1 device id" + PHONE.public_key).digest()[:16] == ACCOUNT.first_device_id
    assert sha256(b"\x16aparte/1 manifest hash" + grown().encode()).digest() == grown().hash()


@pytest.mark.parametrize(
    ("name", "label", "signatures"),
    [
        ("Genesis", b"genesis", 2),
        ("DeviceCert by root", b"device", 1),
        ("DeviceCert by a device", b"device", 1),
        ("LeafCert", b"leaf", 1),
        ("Manifest by root", b"manifest", 1),
    ],
)
def test_signed_is_the_label_and_all_before_the_signatures(name: str, label: bytes, signatures: int) -> None:
    structure = EXAMPLES[name]
    assert not isinstance(structure, Credential)
    assert structure.signed_content() == encode_vector(b"aparte/1 " + label) + structure.encode()[: -64 * signatures]


@examples
def test_what_is_decoded_is_what_was_encoded(name: str) -> None:
    structure = EXAMPLES[name]
    assert type(structure).decode(structure.encode()) == structure


@examples
def test_an_unknown_version_is_named(name: str) -> None:
    structure = EXAMPLES[name]
    with pytest.raises(UnknownVersion, match=r"of version 2 is unknown") as refused:
        type(structure).decode(b"\x02" + structure.encode()[1:])
    assert refused.value.version == 2


@examples
def test_nothing_may_be_missing_or_left_over(name: str) -> None:
    structure = EXAMPLES[name]
    encoded = structure.encode()
    for end in range(len(encoded)):
        with pytest.raises(DecodeError):
            type(structure).decode(encoded[:end])
    with pytest.raises(DecodeError, match="trailing"):
        type(structure).decode(encoded + b"\x00")


@pytest.mark.parametrize("decode", DECODERS)
def test_any_bytes_are_refused_or_come_back(decode: Callable[[bytes], Structure]) -> None:
    valid = tuple(structure.encode() for structure in EXAMPLES.values())

    @settings(max_examples=400)
    @given(st.one_of(st.binary(max_size=300), st.binary(max_size=300).map(b"\x01".__add__), bent(valid, valid)))
    def refused_or_same(data: bytes) -> None:
        try:
            structure = decode(data)
        except DecodeError:
            return
        assert structure.encode() == data

    refused_or_same()


# -- bounds -------------------------------------------------------------------------------------------------------
def devices(count: int, *, inbox_key_length: int = 1) -> tuple[Device, ...]:
    return tuple(Device(bytes([i]) * 32, bytes(inbox_key_length)) for i in range(count))


def unsigned(**fields: object) -> Manifest:
    """A manifest with these fields, however wrong, whose signature is made up."""
    content = replace(grown().content, **fields)  # type: ignore[arg-type]
    return replace(grown(), content=content, signature=bytes(64))


def test_a_full_manifest_of_x_wing_keys_fits() -> None:
    revoked = tuple(DeviceId(bytes([i]) * 16) for i in range(MAX_REVOKED))
    full = unsigned(devices=devices(MAX_DEVICES, inbox_key_length=1216), revoked=revoked)
    assert Manifest.decode(full.encode()) == full
    assert len(ACCOUNT.genesis.encode()) <= MAX_GENESIS


@pytest.mark.parametrize(
    "fields",
    [
        {"devices": devices(MAX_DEVICES + 1)},
        {"revoked": (DeviceId(bytes(16)),) * (MAX_REVOKED + 1)},
        {"revoked": (DeviceId(bytes(15)),)},
        {"devices": (Device(bytes(32), b""),)},
        {"devices": (Device(bytes(32), bytes(MAX_INBOX_KEY + 1)),)},
        {"devices": (Device(bytes(31), b"inbox key"),)},
        {"devices": devices(MAX_DEVICES, inbox_key_length=MAX_INBOX_KEY)},
        {"n": 1 << 32},
        {"root_gen": -1},
        {"prev": bytes(31)},
    ],
)
def test_what_does_not_fit_is_not_written(fields: dict[str, object]) -> None:
    with pytest.raises(EncodeError):
        unsigned(**fields).encode()


def test_other_structures_write_nothing_that_does_not_fit() -> None:
    for misfit in (
        replace(ACCOUNT.genesis, nonce=b""),
        replace(ACCOUNT.genesis, root_signature=b""),
        replace(cert(ROOT, LAPTOP), issuer=DeviceId(b"short")),
        replace(cert(ROOT, LAPTOP), issued_at=Millis(1 << 64)),
        replace(credential(PHONE).leaf, signature=b""),
        replace(credential(PHONE), path=(cert(ROOT, LAPTOP),) * (MAX_PATH + 1)),
    ):
        with pytest.raises(EncodeError):
            misfit.encode()


def raw_manifest(devices_part: bytes, revoked_part: bytes) -> bytes:
    head = grown().encode()[: 1 + 32 + 4 + 4 + 32]
    return head + encode_vector(devices_part) + encode_vector(revoked_part) + b"\x00" + bytes(64)


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (raw_manifest(b"".join(d.encode() for d in devices(MAX_DEVICES + 1)), b""), "more than 32 devices"),
        (raw_manifest(bytes(32) + encode_vector(b""), b""), "empty inbox key"),
        (raw_manifest(bytes(32) + encode_vector(bytes(MAX_INBOX_KEY + 1)), b""), "exceeds 2048"),
        (raw_manifest(b"", bytes(16) * (MAX_REVOKED + 1)), "exceeds 4096"),
        (raw_manifest(b"", bytes(15)), "unexpected end"),
        (bytes(MAX_MANIFEST + 1), "are allowed"),
    ],
)
def test_a_manifest_beyond_its_bounds_is_not_read(data: bytes, why: str) -> None:
    with pytest.raises(DecodeError, match=why):
        Manifest.decode(data)


def test_a_path_beyond_its_bound_is_not_read() -> None:
    full = credential(signer(9), *[cert(ROOT, LAPTOP)] * MAX_PATH)
    encoded = full.encode()
    assert Credential.decode(encoded) == full
    one = cert(ROOT, LAPTOP).encode()
    head, tail = 1 + len(ACCOUNT.genesis.encode()), len(full.leaf.encode())
    with pytest.raises(DecodeError, match="more than 8"):
        Credential.decode(encoded[:head] + encode_vector(one * (MAX_PATH + 1)) + encoded[-tail:])


def test_ids_follow_from_keys() -> None:
    assert cert(ROOT, LAPTOP).device_id == Device(LAPTOP.public_key, b"any").device_id != ACCOUNT.first_device_id
    with pytest.raises(EncodeError):
        _ = Device(b"short", b"any").device_id
