"""Genesis: the statement that makes an account, and whose hash is the account's id.

    struct {
        uint8 version = 1;
        opaque root_key[32];
        opaque first_device_key[32];
        opaque nonce[32];
        opaque root_signature[64];
        opaque device_signature[64];
    } Genesis;                                                                              225 bytes

Keys are Ed25519's. Both sign label<V> || version .. nonce, the label being "aparte/1 genesis".

    account_id = SHA-256(opaque label<V> = "aparte/1 account" || Genesis)
    device_id  = SHA-256(opaque label<V> = "aparte/1 device id" || device_key)[0..16]

The account id covers the signatures, so that one id stands for one string of bytes, checked once. A device's id
follows from its key, the first device's like any other's: so no two keys ever share an id, whatever is signed
later and whoever remembers what.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from aparte.codec import Reader
from aparte.crypto import CryptoError, Signer, Suite
from aparte.trust.errors import CallerError, GenesisRefused
from aparte.trust.fields import digest, encode_version, label, opaque, read_version
from aparte.trust.rules import GenesisRule
from aparte.wire.ids import DEVICE_ID_LENGTH, KEY_LENGTH, SIGNATURE_LENGTH, AccountId, DeviceId

__all__ = ["Account", "Genesis", "create_genesis", "device_id_of", "verify_genesis"]

_NONCE_LENGTH: Final = 32
_SIGNED: Final = label(b"genesis")
_ACCOUNT: Final = label(b"account")
_DEVICE_ID: Final = label(b"device id")


def device_id_of(device_key: bytes) -> DeviceId:
    """The only id that a device with this key can have."""
    return DeviceId(digest(_DEVICE_ID + opaque(device_key, KEY_LENGTH))[:DEVICE_ID_LENGTH])


@dataclass(frozen=True, slots=True)
class Genesis:
    """A decoded genesis. Nothing of it has been verified."""

    root_key: bytes
    first_device_key: bytes
    nonce: bytes
    root_signature: bytes
    device_signature: bytes

    @classmethod
    def read(cls, reader: Reader) -> Genesis:
        read_version(reader, "Genesis")
        keys = reader.take(KEY_LENGTH), reader.take(KEY_LENGTH)
        nonce = reader.take(_NONCE_LENGTH)
        return cls(*keys, nonce, reader.take(SIGNATURE_LENGTH), reader.take(SIGNATURE_LENGTH))

    @classmethod
    def decode(cls, data: bytes) -> Genesis:
        """Raises `DecodeError`."""
        reader = Reader(data)
        genesis = cls.read(reader)
        reader.finish()
        return genesis

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        signatures = opaque(self.root_signature, SIGNATURE_LENGTH), opaque(self.device_signature, SIGNATURE_LENGTH)
        return self._body() + b"".join(signatures)

    def signed_content(self) -> bytes:
        """What both keys sign."""
        return _SIGNED + self._body()

    def _body(self) -> bytes:
        keys = opaque(self.root_key, KEY_LENGTH) + opaque(self.first_device_key, KEY_LENGTH)
        return encode_version() + keys + opaque(self.nonce, _NONCE_LENGTH)


@dataclass(frozen=True, slots=True)
class Account:
    """A genesis that was verified, and the id that it gives. `verify_genesis` makes it."""

    genesis: Genesis
    account_id: AccountId

    @classmethod
    def verified_before(cls, genesis: Genesis) -> Account:
        """For whoever keeps only what `verify_genesis` has let through: a genesis read back from one's own store."""
        return cls(genesis, AccountId(digest(_ACCOUNT + genesis.encode())))

    @property
    def root_key(self) -> bytes:
        return self.genesis.root_key

    @property
    def first_device_key(self) -> bytes:
        return self.genesis.first_device_key

    @property
    def first_device_id(self) -> DeviceId:
        return device_id_of(self.first_device_key)

    def signer_id(self, public_key: bytes) -> DeviceId | None:
        """How a statement names the key that signs it: a device's id, None for root."""
        return None if public_key == self.root_key else device_id_of(public_key)


def create_genesis(root: Signer, first_device: Signer, *, nonce: bytes) -> Account:
    """A new account. `nonce` is 32 random bytes. Raises `CallerError` if both keys are one."""
    if root.public_key == first_device.public_key:
        raise CallerError(GenesisRule.KEYS.problem)
    draft = Genesis(root.public_key, first_device.public_key, nonce, b"", b"")
    content = draft.signed_content()
    signed = replace(draft, root_signature=root.sign(content), device_signature=first_device.sign(content))
    return Account.verified_before(signed)


def verify_genesis(genesis: Genesis, suite: Suite) -> Account:
    """The account that it makes. Raises `GenesisRefused`. The suite's signatures must be Ed25519."""
    if genesis.root_key == genesis.first_device_key:
        raise GenesisRefused(GenesisRule.KEYS)
    content = genesis.signed_content()
    for key, signature, rule in (
        (genesis.root_key, genesis.root_signature, GenesisRule.ROOT_SIGNATURE),
        (genesis.first_device_key, genesis.device_signature, GenesisRule.DEVICE_SIGNATURE),
    ):
        try:
            suite.verify(key, content, signature)
        except CryptoError:
            raise GenesisRefused(rule) from None
    return Account.verified_before(genesis)
