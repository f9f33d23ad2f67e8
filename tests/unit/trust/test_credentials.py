"""Who a leaf belongs to: the paths that show it, and one refusal for every rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import pytest

from aparte.codec import DecodeError
from aparte.crypto import Signer
from aparte.trust import (
    MAX_PATH,
    CallerError,
    Credential,
    CredentialRefused,
    CredentialRule,
    DeviceCert,
    Genesis,
    GenesisRefused,
    GenesisRule,
    Identity,
    LeafCert,
    create_genesis,
    issue_device_cert,
    issue_leaf_cert,
    verify_credential,
    verify_genesis,
)
from aparte.wire.ids import AccountId, DeviceId, Millis
from tests.unit.trust.household import (
    ACCOUNT,
    LAPTOP,
    LEAF,
    PHONE,
    ROOT,
    SUITE,
    TABLET,
    THIEF,
    account_of,
    cert,
    credential,
    id_of,
    signer,
)


def verify(shown: Credential) -> Identity:
    return verify_credential(shown.encode(), LEAF.public_key, suite=SUITE)


# -- what is believed ---------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("device", "path"),
    [
        (PHONE, ()),
        (LAPTOP, (cert(PHONE, LAPTOP),)),
        (LAPTOP, (cert(ROOT, LAPTOP),)),
        (TABLET, (cert(PHONE, LAPTOP), cert(LAPTOP, TABLET))),
        (TABLET, (cert(ROOT, LAPTOP), cert(LAPTOP, TABLET))),
    ],
)
def test_a_chain_from_root_or_the_first_device_is_believed(device: Signer, path: tuple[DeviceCert, ...]) -> None:
    assert verify(credential(device, *path)) == (ACCOUNT.account_id, id_of(device))


def test_a_chain_has_up_to_eight_links() -> None:
    chain = [PHONE, *(signer(20 + i) for i in range(MAX_PATH))]
    path = [cert(a, b) for a, b in pairwise(chain)]
    assert verify(credential(chain[-1], *path)).device_id == id_of(chain[-1])


# -- genesis ------------------------------------------------------------------------------------------------------
def with_keys(root: Signer, device: Signer) -> Genesis:
    draft = replace(ACCOUNT.genesis, root_key=root.public_key, first_device_key=device.public_key)
    content = draft.signed_content()
    return replace(draft, root_signature=root.sign(content), device_signature=device.sign(content))


GENESES = {
    GenesisRule.KEYS: with_keys(ROOT, ROOT),
    GenesisRule.ROOT_SIGNATURE: replace(ACCOUNT.genesis, root_signature=ACCOUNT.genesis.device_signature),
    GenesisRule.DEVICE_SIGNATURE: replace(ACCOUNT.genesis, device_signature=ACCOUNT.genesis.root_signature),
}


@pytest.mark.parametrize("rule", GenesisRule)
def test_a_genesis_is_refused(rule: GenesisRule) -> None:
    with pytest.raises(GenesisRefused) as refused:
        verify_genesis(GENESES[rule], SUITE)
    assert refused.value.rule is rule
    with pytest.raises(GenesisRefused):
        verify(replace(credential(PHONE), genesis=GENESES[rule]))


def test_a_verified_genesis_gives_its_account() -> None:
    assert verify_genesis(Genesis.decode(ACCOUNT.genesis.encode()), SUITE) == ACCOUNT


@pytest.mark.parametrize("field", ["root_key", "first_device_key", "nonce"])
def test_every_field_of_a_genesis_is_signed_and_named_by_the_account_id(field: str) -> None:
    other = replace(ACCOUNT.genesis, **{field: bytes(32)})
    with pytest.raises(GenesisRefused):
        verify_genesis(other, SUITE)
    assert type(ACCOUNT).verified_before(other).account_id != ACCOUNT.account_id


@pytest.mark.parametrize("small_order", [bytes(32), b"\x01" + bytes(31)])
def test_a_key_under_which_anybody_can_sign_makes_no_account(small_order: bytes) -> None:
    forged = replace(ACCOUNT.genesis, root_key=small_order, root_signature=b"\x01" + bytes(63))
    with pytest.raises(GenesisRefused) as refused:
        verify_genesis(forged, SUITE)
    assert refused.value.rule is GenesisRule.ROOT_SIGNATURE


def test_one_key_cannot_be_root_and_first_device() -> None:
    with pytest.raises(CallerError):
        create_genesis(ROOT, ROOT, nonce=bytes(32))
    with pytest.raises(CallerError):
        cert(PHONE, ROOT)


# -- one refusal for every rule -----------------------------------------------------------------------------------
def signed(draft: DeviceCert, by: Signer) -> DeviceCert:
    return replace(draft, signature=by.sign(draft.signed_content()))


def cert_of_another_account() -> Credential:
    other = issue_device_cert(PHONE, account=account_of(30), device_key=LAPTOP.public_key, issued_at=Millis(0))
    return credential(LAPTOP, other)


def leaf_of_another_account() -> Credential:
    leaf = issue_leaf_cert(PHONE, account=account_of(30), leaf_signature_key=LEAF.public_key)
    return replace(credential(PHONE), leaf=leaf)


def leaf_for(key: bytes) -> Credential:
    return replace(credential(PHONE), leaf=issue_leaf_cert(PHONE, account=ACCOUNT, leaf_signature_key=key))


def forged_leaf() -> Credential:
    whole = credential(PHONE)
    return replace(whole, leaf=replace(whole.leaf, signature=THIEF.sign(whole.leaf.signed_content())))


def root_as_device() -> Credential:
    return credential(ROOT, signed(replace(cert(PHONE, LAPTOP), device_key=ROOT.public_key), PHONE))


BROKEN: list[tuple[CredentialRule, Callable[[], Credential]]] = [
    (CredentialRule.ACCOUNT, cert_of_another_account),
    (CredentialRule.ACCOUNT, leaf_of_another_account),
    (CredentialRule.ISSUER, lambda: credential(TABLET, cert(LAPTOP, TABLET))),
    (CredentialRule.ISSUER, lambda: credential(TABLET, cert(PHONE, LAPTOP), cert(PHONE, TABLET))),
    (CredentialRule.ISSUER, lambda: credential(TABLET, cert(PHONE, LAPTOP), cert(ROOT, TABLET))),
    (CredentialRule.DEVICE_TWICE, lambda: credential(PHONE, cert(PHONE, PHONE))),
    (CredentialRule.DEVICE_TWICE, lambda: credential(LAPTOP, cert(PHONE, LAPTOP), cert(LAPTOP, LAPTOP))),
    (CredentialRule.ROOT_AS_DEVICE, root_as_device),
    (CredentialRule.DEVICE, lambda: credential(TABLET, cert(PHONE, LAPTOP))),
    (CredentialRule.DEVICE, lambda: credential(LAPTOP)),
    (CredentialRule.LEAF_KEY, lambda: leaf_for(PHONE.public_key)),
    (CredentialRule.SIGNATURE, lambda: credential(LAPTOP, signed(cert(PHONE, LAPTOP), THIEF))),
    (CredentialRule.SIGNATURE, lambda: credential(LAPTOP, signed(cert(ROOT, LAPTOP), PHONE))),
    (CredentialRule.SIGNATURE, forged_leaf),
]


@pytest.mark.parametrize(("rule", "broken"), BROKEN)
def test_a_credential_is_refused(rule: CredentialRule, broken: Callable[[], Credential]) -> None:
    with pytest.raises(CredentialRefused, match=rf"\[rule {rule.number}\]") as refused:
        verify(broken())
    assert refused.value.rule is rule


def test_every_rule_has_its_refusal() -> None:
    assert {rule for rule, _ in BROKEN} == set(CredentialRule)
    assert GENESES.keys() == set(GenesisRule)


def test_bytes_that_are_no_credential_are_no_accusation() -> None:
    with pytest.raises(DecodeError):
        verify_credential(b"\x01", LEAF.public_key, suite=SUITE)


# -- every field is signed ----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "fields",
    [
        {"account_id": AccountId(bytes(32))},
        {"device_key": THIEF.public_key},
        {"issued_at": Millis(1)},
        {"issuer": None},
    ],
)
def test_every_field_of_a_device_certificate_is_signed(fields: dict[str, object]) -> None:
    whole = credential(LAPTOP, cert(PHONE, LAPTOP))
    with pytest.raises(CredentialRefused):
        verify(replace(whole, path=(replace(whole.path[0], **fields),)))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "fields",
    [
        {"account_id": AccountId(bytes(32))},
        {"device_id": DeviceId(bytes(16))},
        {"leaf_signature_key": THIEF.public_key},
    ],
)
def test_every_field_of_a_leaf_certificate_is_signed(fields: dict[str, object]) -> None:
    leaf: LeafCert = replace(credential(PHONE).leaf, **fields)  # type: ignore[arg-type]
    with pytest.raises(CredentialRefused):
        verify_credential(replace(credential(PHONE), leaf=leaf).encode(), leaf.leaf_signature_key, suite=SUITE)
