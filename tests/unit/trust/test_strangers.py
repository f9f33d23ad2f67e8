"""Where somebody begins who has never seen the account: with its first manifest, or with root's word alone."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aparte.trust import (
    AcceptedManifest,
    Manifest,
    ManifestRefused,
    ManifestRule,
    first_manifest,
    is_conflict,
    judge_beginning,
    sign_manifest,
)
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
    grown,
    judge,
    listed,
    new_generation,
    next_manifest,
    signer,
    start,
)

GROWN = grown()
LATER = new_generation(GROWN, LAPTOP, TABLET, revoked=(PHONE,))
R = ManifestRule


def begins(candidate: Manifest) -> AcceptedManifest:
    return judge_beginning(candidate, account=ACCOUNT, suite=SUITE)


def later(by: object = ROOT, **fields: object) -> Manifest:
    return change(LATER.content, by, **fields)  # type: ignore[arg-type]


def test_with_the_first_manifest() -> None:
    assert begins(start()) == start()
    assert begins(sign_manifest(start().content, ROOT, account=ACCOUNT)).signer is None


@pytest.mark.parametrize("root_gen", [1, 2, 7, (1 << 32) - 1])
def test_with_the_first_of_any_later_generation(root_gen: int) -> None:
    """What was before it nobody has to show: `prev` is not judged."""
    candidate = later(root_gen=root_gen, prev=bytes(32))
    assert begins(candidate) == candidate


def test_and_goes_on_as_everybody_does() -> None:
    begun = begins(LATER)
    followed = judge(begun, next_manifest(begun, LAPTOP, add=(signer(40),)))
    assert judge(judge(GROWN, LATER), followed) == followed, "those who were there before come to the same"
    assert judge(followed, new_generation(followed, PHONE)).content.place == (2, 0)


OTHERS = account_of(9)
BROKEN = [
    (R.ACCOUNT, replace(LATER, account_id=OTHERS.account_id)),
    (R.NO_DEVICE, later(devices=())),
    (R.DEVICE_TWICE, later(devices=(listed(PHONE), listed(PHONE)), revoked=())),
    (R.ROOT_AS_DEVICE, later(devices=(listed(ROOT),))),
    (R.REVOKED_TWICE, later(revoked=LATER.content.revoked * 2)),
    (R.REVOKED_LISTED, later(devices=(listed(PHONE),))),
    (R.FIRST_PLACE, GROWN),
    (R.FIRST_PLACE, change(start().content, ROOT, n=1)),
    (R.FIRST_DEVICE, change(start().content, ROOT, devices=(listed(LAPTOP),))),
    (R.GENERATION_BY_DEVICE, later(LAPTOP)),
    (R.GENERATION_BY_DEVICE, later(THIEF)),
    (R.GENERATION_START, later(n=1)),
    (R.GENERATION_START, later(n=GROWN.content.n + 1)),
    (R.SIGNER_UNKNOWN, sign_manifest(start().content, THIEF, account=ACCOUNT)),
    (R.SIGNATURE, replace(LATER, signature=bytes(64))),
    (R.SIGNATURE, replace(later(root_gen=5), signature=LATER.signature)),
    (R.SIGNATURE, replace(later(THIEF), signer=None)),
    (R.SIGNATURE, replace(start(), signature=bytes(64))),
]


@pytest.mark.parametrize(("rule", "broken"), BROKEN)
def test_what_nobody_begins_with(rule: ManifestRule, broken: Manifest) -> None:
    with pytest.raises(ManifestRefused, match=rf"\[rule {rule.number}\]") as refused:
        begins(broken)
    assert refused.value.rule is rule


def test_every_rule_that_holds_without_a_manifest_before() -> None:
    follow = {R.OLDER, R.CONFLICT, R.GAP, R.PREV, R.SIGNER_REVOKED, R.INBOX_KEY}
    follow |= {R.REVOKED_SHRANK, R.REVOKED_STRANGER, R.DEVICE_VANISHED}
    assert {rule for rule, _ in BROKEN} == set(R) - follow


def test_who_makes_an_account_begins_with_its_first_manifest_and_no_later_one() -> None:
    """Or an account could come to a host with a history that the host has never seen."""
    with pytest.raises(ManifestRefused) as refused:
        judge(None, LATER)
    assert refused.value.rule is R.FIRST_PLACE


def test_two_beginnings_of_one_generation_prove_a_conflict_to_a_stranger() -> None:
    rival = new_generation(GROWN, PHONE)
    assert is_conflict(LATER, rival, before=None, account=ACCOUNT, suite=SUITE)
    assert not is_conflict(LATER, later(root_gen=2), before=None, account=ACCOUNT, suite=SUITE)
    assert not is_conflict(LATER, replace(rival, signature=bytes(64)), before=None, account=ACCOUNT, suite=SUITE)
    one = first_manifest(PHONE, account=ACCOUNT, inbox_key=b"another")
    assert is_conflict(start(), one, before=None, account=ACCOUNT, suite=SUITE)
