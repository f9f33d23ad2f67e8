"""Which manifest stands: what follows, what repeats, and one refusal for every rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from aparte.crypto import Signer
from aparte.trust import (
    NO_PREV,
    AcceptedManifest,
    Conflict,
    Device,
    Manifest,
    ManifestContent,
    ManifestRefused,
    ManifestRule,
    first_manifest,
    is_conflict,
    sign_manifest,
)
from aparte.wire.ids import DeviceId
from tests.unit.trust.household import (
    ACCOUNT,
    LAPTOP,
    PHONE,
    ROOT,
    SUITE,
    TABLET,
    THIEF,
    account_of,
    change,
    following,
    grown,
    id_of,
    judge,
    listed,
    new_generation,
    next_manifest,
    signer,
    start,
)

FIRST = start().content
GROWN = grown()


# -- what stands --------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("by", [PHONE, ROOT])
def test_the_first_manifest_is_signed_by_the_first_device_or_root(by: Signer) -> None:
    first = sign_manifest(FIRST, by, account=ACCOUNT)
    assert judge(None, first) == first


@pytest.mark.parametrize("by", [PHONE, LAPTOP, ROOT])
def test_a_listed_device_or_root_links_and_revokes(by: Signer) -> None:
    linked = judge(GROWN, next_manifest(GROWN, by, add=(signer(40),)))
    assert id_of(signer(40)) in linked.content.by_id()
    revoked = judge(linked, next_manifest(linked, by, revoke=(signer(40),)))
    assert id_of(signer(40)) in revoked.content.revoked


def test_a_device_may_revoke_itself() -> None:
    after = judge(GROWN, next_manifest(GROWN, LAPTOP, revoke=(LAPTOP,)))
    with pytest.raises(ManifestRefused) as refused:
        judge(after, next_manifest(after, LAPTOP))
    assert refused.value.rule is ManifestRule.SIGNER_REVOKED


def test_a_device_changes_its_own_inbox_key() -> None:
    devices = (listed(PHONE), Device(LAPTOP.public_key, b"fresh"))
    assert judge(GROWN, change(following(GROWN), LAPTOP, devices=devices)).content.devices == devices


def test_the_order_of_a_list_means_nothing() -> None:
    turned = change(following(GROWN), PHONE, devices=GROWN.content.devices[::-1])
    assert judge(GROWN, turned) == turned


def test_a_repeat_is_the_manifest_that_stands() -> None:
    assert judge(GROWN, Manifest.decode(GROWN.encode())) is GROWN


def test_root_starts_a_generation_over_any_branch() -> None:
    fresh = judge(GROWN, new_generation(GROWN, TABLET))
    assert fresh.content.place == (1, 0)
    assert judge(fresh, next_manifest(fresh, TABLET, add=(PHONE,))).content.place == (1, 1)


def test_root_may_skip_generations_whatever_went_before() -> None:
    content = ManifestContent(7, 0, NO_PREV, (listed(PHONE),))
    assert judge(GROWN, sign_manifest(content, ROOT, account=ACCOUNT)).content.root_gen == 7


# -- one refusal for every rule -----------------------------------------------------------------------------------
def first(by: Signer = PHONE, **fields: Any) -> Callable[[], tuple[None, Manifest]]:
    return lambda: (None, change(FIRST, by, **fields))


def after(by: Signer = PHONE, **fields: Any) -> Callable[[], tuple[AcceptedManifest, Manifest]]:
    return lambda: (GROWN, change(following(GROWN), by, **fields))


def raised(by: Signer = ROOT, **fields: Any) -> Callable[[], tuple[AcceptedManifest, Manifest]]:
    return lambda: (GROWN, change(new_generation(GROWN, PHONE).content, by, **fields))


def of_another_account() -> tuple[AcceptedManifest, Manifest]:
    return GROWN, sign_manifest(following(GROWN), PHONE, account=account_of(50))


def with_a_forged_signature() -> tuple[AcceptedManifest, Manifest]:
    honest = next_manifest(GROWN, PHONE)
    return GROWN, replace(honest, signature=LAPTOP.sign(honest.signed_content()))


def swapped_inbox_key(by: Signer) -> Callable[[], tuple[AcceptedManifest, Manifest]]:
    return after(by, devices=(Device(PHONE.public_key, b"swapped"), listed(LAPTOP)))


STRANGER = DeviceId(bytes(16))
R = ManifestRule

BROKEN: list[tuple[ManifestRule, Callable[[], tuple[AcceptedManifest | None, Manifest]]]] = [
    (R.ACCOUNT, of_another_account),
    (R.NO_DEVICE, first(devices=())),
    (R.NO_DEVICE, after(devices=(), revoked=(id_of(TABLET), id_of(PHONE), id_of(LAPTOP)))),
    (R.NO_DEVICE, raised(devices=())),
    (R.DEVICE_TWICE, after(devices=(*GROWN.content.devices, listed(PHONE)))),
    (R.DEVICE_TWICE, after(devices=(*GROWN.content.devices, Device(PHONE.public_key, b"another")))),
    (R.DEVICE_TWICE, raised(devices=(listed(PHONE), listed(PHONE)))),
    (R.ROOT_AS_DEVICE, after(devices=(*GROWN.content.devices, listed(ROOT)))),
    (R.REVOKED_TWICE, after(revoked=(id_of(TABLET), id_of(TABLET)))),
    (R.REVOKED_LISTED, after(devices=(*GROWN.content.devices, listed(TABLET)))),
    (R.REVOKED_LISTED, raised(revoked=(id_of(PHONE),))),
    (R.FIRST_PLACE, first(n=1)),
    (R.FIRST_PLACE, first(ROOT, root_gen=1)),
    (R.FIRST_PLACE, first(prev=b"\x01" * 32)),
    (R.FIRST_DEVICE, first(devices=(listed(PHONE), listed(LAPTOP)))),
    (R.FIRST_DEVICE, first(ROOT, devices=(listed(LAPTOP),))),
    (R.FIRST_DEVICE, first(revoked=(id_of(LAPTOP),))),
    (R.OLDER, lambda: (GROWN, start())),
    (R.OLDER, after(n=GROWN.content.n - 1)),
    (R.CONFLICT, after(n=GROWN.content.n)),
    (R.CONFLICT, after(ROOT, n=GROWN.content.n)),
    (R.GENERATION_BY_DEVICE, raised(PHONE)),
    (R.GENERATION_START, raised(n=1)),
    (R.GAP, after(n=GROWN.content.n + 2)),
    (R.GAP, after(ROOT, n=GROWN.content.n + 2)),
    (R.PREV, after(prev=start().hash())),
    (R.PREV, after(ROOT, prev=NO_PREV)),
    (R.REVOKED_SHRANK, after(revoked=())),
    (R.REVOKED_SHRANK, after(ROOT, revoked=())),
    (R.DEVICE_VANISHED, after(devices=(listed(PHONE),))),
    (R.DEVICE_VANISHED, after(devices=(listed(PHONE), listed(signer(41))))),
    (R.REVOKED_STRANGER, after(revoked=(id_of(TABLET), STRANGER))),
    (R.INBOX_KEY, swapped_inbox_key(LAPTOP)),
    (R.INBOX_KEY, swapped_inbox_key(ROOT)),
    (R.SIGNER_REVOKED, after(TABLET)),
    (R.SIGNER_UNKNOWN, first(LAPTOP)),
    (R.SIGNER_UNKNOWN, after(THIEF)),
    (R.SIGNER_UNKNOWN, after(THIEF, devices=(*GROWN.content.devices, listed(THIEF)))),
    (R.SIGNATURE, with_a_forged_signature),
]


@pytest.mark.parametrize(("rule", "broken"), BROKEN)
def test_a_manifest_is_refused(
    rule: ManifestRule, broken: Callable[[], tuple[AcceptedManifest | None, Manifest]]
) -> None:
    current, candidate = broken()
    with pytest.raises(ManifestRefused, match=rf"\[rule {rule.number}\]") as refused:
        judge(current, candidate)
    assert refused.value.rule is rule
    assert isinstance(refused.value, Conflict) == (rule is ManifestRule.CONFLICT)


def test_every_rule_has_its_refusal() -> None:
    assert {rule for rule, _ in BROKEN} == set(ManifestRule)


def test_numbers_are_given_once() -> None:
    assert [rule.number for rule in ManifestRule] == [f"manifest.{i}" for i in range(1, len(ManifestRule) + 1)]


def test_a_signature_is_over_this_manifest_alone() -> None:
    honest, other = new_generation(GROWN, PHONE), new_generation(GROWN, LAPTOP)
    with pytest.raises(ManifestRefused) as refused:
        judge(GROWN, replace(honest, signature=other.signature))
    assert refused.value.rule is ManifestRule.SIGNATURE


# -- conflicts ----------------------------------------------------------------------------------------------------
def conflict(one: Manifest, other: Manifest) -> bool:
    return is_conflict(one, other, before=GROWN, account=ACCOUNT, suite=SUITE)


def test_two_signed_successors_prove_a_conflict() -> None:
    one, other = next_manifest(GROWN, PHONE, add=(THIEF,)), next_manifest(GROWN, LAPTOP, revoke=(PHONE,))
    assert conflict(one, other)
    with pytest.raises(Conflict):
        judge(judge(GROWN, one), other)


def test_two_generations_with_one_number_prove_a_conflict() -> None:
    assert conflict(new_generation(GROWN, PHONE), new_generation(GROWN, LAPTOP))


def test_what_proves_no_conflict() -> None:
    one = next_manifest(GROWN, PHONE, add=(TABLET,)), next_manifest(GROWN, PHONE)
    honest = next_manifest(GROWN, LAPTOP, revoke=(PHONE,))
    assert not conflict(honest, honest)
    assert not conflict(honest, new_generation(GROWN, PHONE))
    assert not conflict(honest, one[0]), "one of them lists a revoked device"
    assert not conflict(honest, replace(one[1], signature=bytes(64)))
    assert not conflict(GROWN, change(GROWN.content, PHONE)), "neither follows"


def test_first_manifests_conflict_too() -> None:
    rival = first_manifest(PHONE, account=ACCOUNT, inbox_key=b"another")
    assert is_conflict(start(), rival, before=None, account=ACCOUNT, suite=SUITE)
