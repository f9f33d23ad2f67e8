"""Credential: all that it takes to see that an MLS leaf belongs to an account, without any look-up.

    struct {
        uint8 version = 1;
        Genesis genesis;
        DeviceCert path<V>;                 /* at most 8 */
        LeafCert leaf;
    } Credential;                                                     the identity of an MLS *basic* credential

The path is a chain. Its first certificate is issued by root or by the first device, each further one by the device
before it. The leaf is certified by the path's last device, by the first device if the path is empty. So root's
certificates stand at the start alone, and no certificate is there without need.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from aparte.codec import DecodeError, EncodeError, Reader, encode_vector
from aparte.crypto import InvalidSignature, Suite
from aparte.trust.certificates import DeviceCert, LeafCert
from aparte.trust.errors import CredentialRefused
from aparte.trust.fields import encode_version, read_version
from aparte.trust.genesis import Account, Genesis, device_id_of, verify_genesis
from aparte.trust.rules import CredentialRule
from aparte.wire.ids import AccountId, DeviceId

__all__ = ["MAX_PATH", "Credential", "Identity", "verify_credential"]

#: A longer chain of devices, each linked by the one before, needs a certificate by an older one, or by root.
MAX_PATH: Final = 8


class Identity(NamedTuple):
    """Whose a leaf is. The device's id stands for its key and no other."""

    account_id: AccountId
    device_id: DeviceId


@dataclass(frozen=True, slots=True)
class Credential:
    """A decoded credential. Nothing of it has been verified."""

    genesis: Genesis
    path: tuple[DeviceCert, ...]
    leaf: LeafCert

    @classmethod
    def decode(cls, data: bytes) -> Credential:
        """Raises `DecodeError`."""
        reader = Reader(data)
        read_version(reader, "Credential")
        credential = cls(Genesis.read(reader), tuple(_read_path(reader)), LeafCert.read(reader))
        reader.finish()
        return credential

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        if len(self.path) > MAX_PATH:
            raise EncodeError(f"{len(self.path)} certificates where {MAX_PATH} are allowed")
        path = encode_vector(b"".join([cert.encode() for cert in self.path]))
        return encode_version() + self.genesis.encode() + path + self.leaf.encode()


def _read_path(reader: Reader) -> Iterator[DeviceCert]:
    start, inside = reader.position, reader.nested()
    for _ in range(MAX_PATH):
        if not inside:
            return
        yield DeviceCert.read(inside)
    if inside:
        raise DecodeError(f"more than {MAX_PATH} certificates", start)


def verify_credential(data: bytes, leaf_signature_key: bytes, *, suite: Suite) -> Identity:
    """Whose leaf this is. Raises `DecodeError`, `GenesisRefused` or `CredentialRefused`.

    Whether the device was revoked is not asked here: manifests say that, and pins (docs/design.md §4.5).
    """
    credential = Credential.decode(data)
    account = verify_genesis(credential.genesis, suite)
    signed, device_key = _follow(account, credential.path)
    leaf = credential.leaf
    _require(leaf.account_id == account.account_id, CredentialRule.ACCOUNT)
    _require(leaf.device_id == device_id_of(device_key), CredentialRule.DEVICE)
    _require(leaf.leaf_signature_key == leaf_signature_key, CredentialRule.LEAF_KEY)
    signed.append((device_key, leaf.signed_content(), leaf.signature))
    try:
        suite.verify_many(signed)
    except InvalidSignature:
        raise CredentialRefused(CredentialRule.SIGNATURE) from None
    return Identity(account.account_id, leaf.device_id)


def _follow(account: Account, path: tuple[DeviceCert, ...]) -> tuple[list[tuple[bytes, bytes, bytes]], bytes]:
    """(the signatures still to verify, the last device's key)."""
    signed: list[tuple[bytes, bytes, bytes]] = []
    issuer_key = account.first_device_key
    seen = {issuer_key}
    for cert in path:
        if cert.issuer is None and not signed:
            issuer_key = account.root_key
        else:
            _require(cert.issuer == device_id_of(issuer_key), CredentialRule.ISSUER)
        _require(cert.account_id == account.account_id, CredentialRule.ACCOUNT)
        _require(cert.device_key != account.root_key, CredentialRule.ROOT_AS_DEVICE)
        _require(cert.device_key not in seen, CredentialRule.DEVICE_TWICE)
        signed.append((issuer_key, cert.signed_content(), cert.signature))
        issuer_key = cert.device_key
        seen.add(issuer_key)
    return signed, issuer_key


def _require(condition: bool, rule: CredentialRule) -> None:
    if not condition:
        raise CredentialRefused(rule)
