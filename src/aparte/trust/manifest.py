"""Manifest: an account's devices now, and those it has revoked. `judge` says which manifest stands.

    struct {
        opaque device_key[32];
        opaque inbox_key<V>;                /* an X-Wing public key; 1 to 2048 bytes */
    } Device;

    struct {
        uint8 version = 1;
        opaque account_id[32];
        uint32 root_gen;
        uint32 n;
        opaque prev[32];                    /* manifest_hash of the one before; zeros in the first */
        Device devices<V>;                  /* at most 32 */
        DeviceId revoked<V>;                /* opaque[16] each, at most 256 */
        optional<DeviceId> signer;          /* absent: root */
        opaque signature[64];
    } Manifest;                                                                    at most 64 KiB in all

Signed is label<V> || all fields but the signature, with the label "aparte/1 manifest".

    manifest_hash = SHA-256(opaque label<V> = "aparte/1 manifest hash" || Manifest)

A device's id is not written down, for it follows from its key (see `genesis`). A manifest carries no certificates:
a signature by an unrevoked device is all the authority that it needs, and credentials bring their own path.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from aparte.codec import DecodeError, EncodeError, Reader, encode_vector
from aparte.crypto import Signer
from aparte.trust.fields import digest, encode_signer, encode_version, label, number, opaque, read_signer, read_version
from aparte.trust.genesis import Account, device_id_of
from aparte.wire.ids import DEVICE_ID_LENGTH, HASH_LENGTH, KEY_LENGTH, SIGNATURE_LENGTH, AccountId, DeviceId
from aparte.wire.limits import MAX_MANIFEST

__all__ = [
    "MAX_DEVICES",
    "MAX_INBOX_KEY",
    "MAX_REVOKED",
    "NO_PREV",
    "Device",
    "Manifest",
    "ManifestContent",
    "first_manifest",
    "sign_manifest",
]

MAX_DEVICES: Final = 32
#: When it is reached, root starts a new generation, whose list may be shorter.
MAX_REVOKED: Final = 256
#: X-Wing's have 1216 bytes; what comes after it may take more.
MAX_INBOX_KEY: Final = 2048
#: What the first manifest has for a predecessor.
NO_PREV: Final = bytes(HASH_LENGTH)

_SIGNED: Final = label(b"manifest")
_HASH: Final = label(b"manifest hash")


@dataclass(frozen=True, slots=True)
class Device:
    """A device that an account says is its own."""

    device_key: bytes
    inbox_key: bytes

    @classmethod
    def read(cls, reader: Reader) -> Device:
        device_key, start = reader.take(KEY_LENGTH), reader.position
        inbox_key = reader.vector(MAX_INBOX_KEY)
        if not inbox_key:
            raise DecodeError("empty inbox key", start)
        return cls(device_key, inbox_key)

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        if not 0 < len(self.inbox_key) <= MAX_INBOX_KEY:
            raise EncodeError(f"an inbox key of {len(self.inbox_key)} bytes")
        return opaque(self.device_key, KEY_LENGTH) + encode_vector(self.inbox_key)

    @property
    def device_id(self) -> DeviceId:
        return device_id_of(self.device_key)


@dataclass(frozen=True, slots=True)
class ManifestContent:
    """What a manifest says, whoever signs it."""

    root_gen: int
    n: int
    prev: bytes
    devices: tuple[Device, ...]
    revoked: tuple[DeviceId, ...] = ()

    @classmethod
    def read(cls, reader: Reader) -> ManifestContent:
        root_gen, n, prev = reader.u32(), reader.u32(), reader.take(HASH_LENGTH)
        return cls(root_gen, n, prev, tuple(_read_devices(reader)), tuple(_read_revoked(reader)))

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        if len(self.devices) > MAX_DEVICES or len(self.revoked) > MAX_REVOKED:
            raise EncodeError(f"more than {MAX_DEVICES} devices, or {MAX_REVOKED} revoked ones")
        place = number(self.root_gen, bits=32) + number(self.n, bits=32) + opaque(self.prev, HASH_LENGTH)
        devices = b"".join([device.encode() for device in self.devices])
        revoked = b"".join([opaque(device_id, DEVICE_ID_LENGTH) for device_id in self.revoked])
        return place + encode_vector(devices) + encode_vector(revoked)

    @property
    def place(self) -> tuple[int, int]:
        """By which manifests of one account are ordered."""
        return self.root_gen, self.n

    def by_id(self) -> dict[DeviceId, Device]:
        """The listed devices; of two with one key, the last."""
        return {device.device_id: device for device in self.devices}


def _read_devices(reader: Reader) -> Iterator[Device]:
    start, inside = reader.position, reader.nested(MAX_MANIFEST)
    for _ in range(MAX_DEVICES):
        if not inside:
            return
        yield Device.read(inside)
    if inside:
        raise DecodeError(f"more than {MAX_DEVICES} devices", start)


def _read_revoked(reader: Reader) -> Iterator[DeviceId]:
    inside = reader.nested(MAX_REVOKED * DEVICE_ID_LENGTH)
    while inside:
        yield DeviceId(inside.take(DEVICE_ID_LENGTH))


@dataclass(frozen=True, slots=True)
class Manifest:
    """A decoded manifest. Nothing of it has been verified. `signer` is None for root."""

    account_id: AccountId
    content: ManifestContent
    signer: DeviceId | None
    signature: bytes

    @classmethod
    def decode(cls, data: bytes) -> Manifest:
        """Raises `DecodeError`."""
        if len(data) > MAX_MANIFEST:
            raise DecodeError(f"a manifest of {len(data)} bytes where {MAX_MANIFEST} are allowed")
        reader = Reader(data)
        read_version(reader, "Manifest")
        account_id, content = AccountId(reader.take(HASH_LENGTH)), ManifestContent.read(reader)
        manifest = cls(account_id, content, read_signer(reader), reader.take(SIGNATURE_LENGTH))
        reader.finish()
        return manifest

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        encoded = self._body() + opaque(self.signature, SIGNATURE_LENGTH)
        if len(encoded) > MAX_MANIFEST:
            raise EncodeError(f"a manifest of {len(encoded)} bytes where {MAX_MANIFEST} are allowed")
        return encoded

    def hash(self) -> bytes:
        """`manifest_hash`: what its successor and pins name it by; the signature is covered."""
        return digest(_HASH + self.encode())

    def signed_content(self) -> bytes:
        """What the signer signs."""
        return _SIGNED + self._body()

    def _body(self) -> bytes:
        head = encode_version() + opaque(self.account_id, HASH_LENGTH)
        return head + self.content.encode() + encode_signer(self.signer)


def sign_manifest(content: ManifestContent, signer: Signer, *, account: Account) -> Manifest:
    """Sign as root if `signer` is the root key, else as the device with that key. `judge` is not asked."""
    draft = Manifest(account.account_id, content, account.signer_id(signer.public_key), b"")
    return replace(draft, signature=signer.sign(draft.signed_content()))


def first_manifest(first_device: Signer, *, account: Account, inbox_key: bytes) -> Manifest:
    """The manifest that an account starts with."""
    content = ManifestContent(0, 0, NO_PREV, (Device(account.first_device_key, inbox_key),))
    return sign_manifest(content, first_device, account=account)
