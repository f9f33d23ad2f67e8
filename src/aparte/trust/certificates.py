"""Certificates: from root or a device to a device, and from a device to a leaf of one conversation.

    struct {
        uint8 version = 1;
        opaque account_id[32];
        opaque device_key[32];
        uint64 issued_at;                   /* milliseconds since 1970; shown to people, never judged by */
        optional<DeviceId> issuer;          /* absent: root; else opaque[16] */
        opaque signature[64];
    } DeviceCert;                                                                    138 or 154 bytes

    struct {
        uint8 version = 1;
        opaque account_id[32];
        opaque device_id[16];
        opaque leaf_signature_key[32];
        opaque signature[64];
    } LeafCert;                                                                             145 bytes

Signed is label<V> || all fields but the signature; the labels are "aparte/1 device" and "aparte/1 leaf". A
DeviceCert is signed by its issuer, a LeafCert by the device that it names.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from aparte.codec import Reader
from aparte.crypto import Signer
from aparte.trust.errors import CallerError
from aparte.trust.fields import encode_signer, encode_version, label, number, opaque, read_signer, read_version
from aparte.trust.genesis import Account, device_id_of
from aparte.wire.ids import (
    DEVICE_ID_LENGTH,
    HASH_LENGTH,
    KEY_LENGTH,
    SIGNATURE_LENGTH,
    AccountId,
    DeviceId,
    Millis,
)

__all__ = ["DeviceCert", "LeafCert", "issue_device_cert", "issue_leaf_cert"]

_DEVICE: Final = label(b"device")
_LEAF: Final = label(b"leaf")


@dataclass(frozen=True, slots=True)
class DeviceCert:
    """A decoded certificate for a device. Nothing of it has been verified."""

    account_id: AccountId
    device_key: bytes
    issued_at: Millis
    issuer: DeviceId | None
    signature: bytes

    @classmethod
    def read(cls, reader: Reader) -> DeviceCert:
        read_version(reader, "DeviceCert")
        account_id, device_key = AccountId(reader.take(HASH_LENGTH)), reader.take(KEY_LENGTH)
        issued_at, issuer = Millis(reader.u64()), read_signer(reader)
        return cls(account_id, device_key, issued_at, issuer, reader.take(SIGNATURE_LENGTH))

    @classmethod
    def decode(cls, data: bytes) -> DeviceCert:
        """Raises `DecodeError`."""
        reader = Reader(data)
        cert = cls.read(reader)
        reader.finish()
        return cert

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        return self._body() + opaque(self.signature, SIGNATURE_LENGTH)

    @property
    def device_id(self) -> DeviceId:
        return device_id_of(self.device_key)

    def signed_content(self) -> bytes:
        """What the issuer signs."""
        return _DEVICE + self._body()

    def _body(self) -> bytes:
        whose = opaque(self.account_id, HASH_LENGTH) + opaque(self.device_key, KEY_LENGTH)
        return encode_version() + whose + number(self.issued_at, bits=64) + encode_signer(self.issuer)


@dataclass(frozen=True, slots=True)
class LeafCert:
    """A decoded certificate for a leaf's signature key. Nothing of it has been verified."""

    account_id: AccountId
    device_id: DeviceId
    leaf_signature_key: bytes
    signature: bytes

    @classmethod
    def read(cls, reader: Reader) -> LeafCert:
        read_version(reader, "LeafCert")
        account_id, device_id = AccountId(reader.take(HASH_LENGTH)), DeviceId(reader.take(DEVICE_ID_LENGTH))
        return cls(account_id, device_id, reader.take(KEY_LENGTH), reader.take(SIGNATURE_LENGTH))

    @classmethod
    def decode(cls, data: bytes) -> LeafCert:
        """Raises `DecodeError`."""
        reader = Reader(data)
        cert = cls.read(reader)
        reader.finish()
        return cert

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        return self._body() + opaque(self.signature, SIGNATURE_LENGTH)

    def signed_content(self) -> bytes:
        """What the device signs."""
        return _LEAF + self._body()

    def _body(self) -> bytes:
        device = opaque(self.account_id, HASH_LENGTH) + opaque(self.device_id, DEVICE_ID_LENGTH)
        return encode_version() + device + opaque(self.leaf_signature_key, KEY_LENGTH)


def issue_device_cert(signer: Signer, *, account: Account, device_key: bytes, issued_at: Millis) -> DeviceCert:
    """Certify a device of the account, as root if `signer` is the root key. Raises `CallerError` for the root key."""
    if device_key == account.root_key:
        raise CallerError("the root key is no device's")
    issuer = account.signer_id(signer.public_key)
    draft = DeviceCert(account.account_id, device_key, issued_at, issuer, b"")
    return replace(draft, signature=signer.sign(draft.signed_content()))


def issue_leaf_cert(device: Signer, *, account: Account, leaf_signature_key: bytes) -> LeafCert:
    """Certify a leaf of this device."""
    draft = LeafCert(account.account_id, device_id_of(device.public_key), leaf_signature_key, b"")
    return replace(draft, signature=device.sign(draft.signed_content()))
