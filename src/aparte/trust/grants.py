"""The end of linking: the old device grants, and the new one sees that it belongs to the account of the offer.

    struct {
        uint8 version = 1;
        opaque transcript[32];
        Genesis genesis;
        DeviceCert path<V>;                 /* from root or the first device to the new one, at most 8 */
        opaque manifest_hash[32];           /* of the manifest that lists the new device */
        opaque bundle<V>;                   /* what devices of an account share; at most 32 KiB */
        opaque signature[64];               /* by the offer's device_key: L("aparte/1 link grant") || all before */
    } Grant;

    struct { opaque kem_output<V>; opaque ciphertext<V>; } SealedGrant;

Sealed by HPKE to the hello's inbox key, info = label<V> "aparte/1 link grant sealed", aad = transcript. The code alone
opens it for nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from aparte.codec import DecodeError, EncodeError, Reader, encode_vector
from aparte.crypto import CryptoError, KemPrivateKey, Signer, Suite
from aparte.trust.certificates import DeviceCert, issue_leaf_cert
from aparte.trust.credential import MAX_PATH, Credential, verify_credential
from aparte.trust.errors import CredentialRefused, GenesisRefused, LinkingRefused
from aparte.trust.fields import encode_version, label, opaque, read_version
from aparte.trust.genesis import Account, Genesis
from aparte.trust.judge import AcceptedManifest
from aparte.trust.linking import Hello, Offer
from aparte.trust.rules import LinkingRule
from aparte.wire.ids import HASH_LENGTH, SIGNATURE_LENGTH

__all__ = ["MAX_BUNDLE", "Grant", "check_grant", "check_listed", "make_grant", "open_grant", "seal_grant"]

MAX_BUNDLE: Final = 32 * 1024
_MAX_KEM_OUTPUT: Final = 2048
_GRANT: Final = label(b"link grant")
_SEALED: Final = label(b"link grant sealed")


@dataclass(frozen=True, slots=True)
class Grant:
    """What a device needs to be one of the account. Decoded; `check_grant` says whether it is true."""

    transcript: bytes
    genesis: Genesis
    path: tuple[DeviceCert, ...]
    manifest_hash: bytes
    bundle: bytes = field(repr=False)
    signature: bytes = b""

    @classmethod
    def decode(cls, data: bytes) -> Grant:
        """Raises `DecodeError`."""
        reader = Reader(data)
        read_version(reader, "Grant")
        transcript, genesis = reader.take(HASH_LENGTH), Genesis.read(reader)
        start, inside, path = reader.position, reader.nested(), list[DeviceCert]()
        while inside:
            if len(path) == MAX_PATH:
                raise DecodeError(f"more than {MAX_PATH} certificates", start)
            path.append(DeviceCert.read(inside))
        manifest_hash, bundle = reader.take(HASH_LENGTH), reader.vector(MAX_BUNDLE)
        grant = cls(transcript, genesis, tuple(path), manifest_hash, bundle, reader.take(SIGNATURE_LENGTH))
        reader.finish()
        return grant

    def encode(self) -> bytes:
        """Raises `EncodeError`."""
        return self._body() + opaque(self.signature, SIGNATURE_LENGTH)

    def signed_content(self) -> bytes:
        """What the old device signs."""
        return _GRANT + self._body()

    def _body(self) -> bytes:
        if len(self.path) > MAX_PATH or len(self.bundle) > MAX_BUNDLE:
            raise EncodeError("more certificates, or a longer bundle, than a grant may have")
        path = encode_vector(b"".join([cert.encode() for cert in self.path]))
        end = opaque(self.manifest_hash, HASH_LENGTH) + encode_vector(self.bundle)
        return encode_version() + opaque(self.transcript, HASH_LENGTH) + self.genesis.encode() + path + end


def make_grant(content: Grant, device: Signer) -> Grant:
    """Signed by the old device, once the digits were typed and the manifest stands. Raises `EncodeError`."""
    return replace(content, signature=device.sign(content.signed_content()))


def seal_grant(grant: Grant, hello: Hello, *, suite: Suite) -> bytes:
    """For the new device alone. Raises `EncodeError`, or `InvalidKey` for an inbox key that was not checked."""
    kem_output, ciphertext = suite.hpke_seal(hello.inbox_key, _SEALED, grant.transcript, grant.encode())
    return encode_vector(kem_output) + encode_vector(ciphertext)


def open_grant(sealed: bytes, inbox_key: KemPrivateKey, *, transcript: bytes, suite: Suite) -> Grant:
    """Raises `DecodeError`, or `LinkingRefused` if it was sealed to another device or in another exchange."""
    reader = Reader(sealed)
    kem_output, ciphertext = reader.vector(_MAX_KEM_OUTPUT), reader.vector()
    reader.finish()
    try:
        data = suite.hpke_open(inbox_key, kem_output, _SEALED, transcript, ciphertext)
    except CryptoError:
        raise LinkingRefused(LinkingRule.GRANT) from None
    return Grant.decode(data)


def check_grant(grant: Grant, device: Signer, *, offer: Offer, transcript: bytes, suite: Suite) -> Account:
    """The account that `device` belongs to now. Raises `LinkingRefused`.

    Which devices the account has now is the manifests' to say: `check_listed`.
    """
    if grant.transcript != transcript:
        raise LinkingRefused(LinkingRule.GRANT)
    try:
        suite.verify(offer.device_key, grant.signed_content(), grant.signature)
    except CryptoError:
        raise LinkingRefused(LinkingRule.GRANT) from None
    account = Account.verified_before(grant.genesis)
    if account.account_id != offer.account_id:
        raise LinkingRefused(LinkingRule.ACCOUNT)
    # A leaf certified by the device itself lets the credential's rules judge the path.
    leaf = issue_leaf_cert(device, account=account, leaf_signature_key=device.public_key)
    try:
        verify_credential(Credential(grant.genesis, grant.path, leaf).encode(), device.public_key, suite=suite)
    except (GenesisRefused, CredentialRefused) as error:
        raise LinkingRefused(LinkingRule.ACCOUNT, error.rule.problem) from None
    return account


def check_listed(followed: Sequence[AcceptedManifest], grant: Grant, *, hello: Hello, offer: Offer) -> None:
    """Raises `LinkingRefused` unless the manifests that the new device has followed make it one of the account.

    They hold the one that the old device signed: a host that shows another branch is noticed. The last lists both.
    """
    listed = {device.device_key: device.inbox_key for device in followed[-1].content.devices} if followed else {}
    is_own = listed.get(hello.device_key) == hello.inbox_key
    is_same = any(manifest.hash() == grant.manifest_hash for manifest in followed)
    if not is_own or not is_same or offer.device_key not in listed:
        raise LinkingRefused(LinkingRule.NOT_LISTED)
