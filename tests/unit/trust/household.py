"""One owner with a recovery phrase and some devices; keys are fixed, so that every run signs the same bytes."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from aparte.crypto import DEFAULT_CIPHER_SUITE, Signer
from aparte.crypto.native import NativeProvider
from aparte.trust import (
    AcceptedManifest,
    Account,
    Credential,
    Device,
    DeviceCert,
    Manifest,
    ManifestContent,
    create_genesis,
    device_id_of,
    first_manifest,
    issue_device_cert,
    issue_leaf_cert,
    judge_successor,
    sign_manifest,
)
from aparte.wire.ids import DeviceId, Millis

SUITE: Final = NativeProvider().suite(DEFAULT_CIPHER_SUITE)


def signer(seed: int) -> Signer:
    return SUITE.load_signer(bytes([seed]) * 32)


ROOT, PHONE, LAPTOP, TABLET, THIEF = map(signer, range(1, 6))
LEAF: Final = signer(6)
ACCOUNT: Final = create_genesis(ROOT, PHONE, nonce=bytes([7]) * 32)


def id_of(device: Signer) -> DeviceId:
    return device_id_of(device.public_key)


def listed(device: Signer) -> Device:
    """The device as a manifest lists it. Its inbox key is made up: nobody looks at it here."""
    return Device(device.public_key, b"inbox key of " + device.public_key)


def account_of(seed: int) -> Account:
    """Somebody else's account."""
    return create_genesis(signer(seed), signer(seed + 1), nonce=bytes(32))


# -- certificates -------------------------------------------------------------------------------------------------
def cert(issuer: Signer, device: Signer) -> DeviceCert:
    return issue_device_cert(issuer, account=ACCOUNT, device_key=device.public_key, issued_at=Millis(1_700_000_000_000))


def credential(device: Signer, *path: DeviceCert) -> Credential:
    leaf = issue_leaf_cert(device, account=ACCOUNT, leaf_signature_key=LEAF.public_key)
    return Credential(ACCOUNT.genesis, path, leaf)


# -- manifests ----------------------------------------------------------------------------------------------------
def judge(current: AcceptedManifest | None, candidate: Manifest) -> AcceptedManifest:
    return judge_successor(current, candidate, account=ACCOUNT, suite=SUITE)


def start() -> AcceptedManifest:
    return judge(None, first_manifest(PHONE, account=ACCOUNT, inbox_key=listed(PHONE).inbox_key))


def change(content: ManifestContent, by: Signer, **fields: Any) -> Manifest:
    """The content with some fields replaced, signed."""
    return sign_manifest(replace(content, **fields), by, account=ACCOUNT)


def following(
    current: AcceptedManifest, *, add: tuple[Signer, ...] = (), revoke: tuple[Signer, ...] = ()
) -> ManifestContent:
    """What an honest device writes next."""
    before = current.content
    gone = tuple(map(id_of, revoke))
    kept = tuple(device for device in before.devices if device.device_id not in gone)
    devices = kept + tuple(map(listed, add))
    return ManifestContent(before.root_gen, before.n + 1, current.hash(), devices, before.revoked + gone)


def next_manifest(current: AcceptedManifest, by: Signer, **changes: tuple[Signer, ...]) -> Manifest:
    return sign_manifest(following(current, **changes), by, account=ACCOUNT)


def new_generation(current: AcceptedManifest, *devices: Signer, revoked: tuple[Signer, ...] = ()) -> Manifest:
    content = ManifestContent(
        current.content.root_gen + 1, 0, current.hash(), tuple(map(listed, devices)), tuple(map(id_of, revoked))
    )
    return sign_manifest(content, ROOT, account=ACCOUNT)


def grown() -> AcceptedManifest:
    """The third manifest: phone and laptop listed, the tablet linked and revoked."""
    second = judge(start(), next_manifest(start(), PHONE, add=(LAPTOP, TABLET)))
    return judge(second, next_manifest(second, LAPTOP, revoke=(TABLET,)))
