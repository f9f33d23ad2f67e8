"""Scenes: what a thief, a former device or a host may try, and who has the last word."""

from __future__ import annotations

import pytest

from aparte.trust import (
    MAX_REVOKED,
    AcceptedManifest,
    Conflict,
    CredentialRefused,
    CredentialRule,
    Device,
    Manifest,
    ManifestRefused,
    ManifestRule,
    device_id_of,
    verify_credential,
)
from tests.unit.trust.household import (
    LAPTOP,
    LEAF,
    PHONE,
    ROOT,
    SUITE,
    TABLET,
    THIEF,
    cert,
    change,
    credential,
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


def refused(current: AcceptedManifest, candidate: Manifest) -> ManifestRule:
    with pytest.raises(ManifestRefused) as caught:
        judge(current, candidate)
    return caught.value.rule


def test_a_thief_with_one_device_does_not_win() -> None:
    """The laptop is stolen; its thief throws the owner out, and holds only until root speaks."""
    current = grown()
    taken = judge(current, next_manifest(current, LAPTOP, revoke=(PHONE,), add=(THIEF,)))
    assert refused(taken, next_manifest(taken, PHONE, revoke=(LAPTOP,))) is ManifestRule.SIGNER_REVOKED
    saved = judge(taken, new_generation(taken, PHONE, revoked=(LAPTOP, THIEF)))
    for device in (LAPTOP, THIEF):
        assert refused(saved, next_manifest(saved, device)) is ManifestRule.SIGNER_REVOKED
    assert refused(saved, next_manifest(taken, THIEF)) is ManifestRule.OLDER
    assert refused(saved, change(following(saved), LAPTOP, root_gen=2, n=0)) is ManifestRule.GENERATION_BY_DEVICE


def test_the_owner_who_is_first_locks_the_thief_out() -> None:
    current = grown()
    safe = judge(current, next_manifest(current, PHONE, revoke=(LAPTOP,)))
    with pytest.raises(Conflict):
        judge(safe, next_manifest(current, LAPTOP, revoke=(PHONE,)))
    assert refused(safe, next_manifest(safe, LAPTOP)) is ManifestRule.SIGNER_REVOKED


def test_root_wins_though_the_thief_s_branch_is_longer() -> None:
    current = grown()
    decided = new_generation(current, PHONE)
    for i in range(5):
        current = judge(current, next_manifest(current, LAPTOP, add=(signer(60 + i),)))
    assert judge(current, decided).content.by_id().keys() == {id_of(PHONE)}


def test_root_wins_though_a_generation_was_withheld() -> None:
    seen = grown()
    withheld = judge(seen, new_generation(seen, PHONE, LAPTOP))
    assert judge(seen, new_generation(withheld, PHONE)).content.root_gen == 2


def test_a_replay_brings_nothing_back() -> None:
    """A host, or a thief with old bytes, shows again what root has replaced, and what root said before."""
    oldest, old = start(), grown()
    one = judge(old, new_generation(old, PHONE, LAPTOP))
    two = judge(one, new_generation(one, PHONE))
    for replayed in (oldest, old, one):
        assert refused(two, replayed) is ManifestRule.OLDER


def test_a_revoked_device_does_not_come_back() -> None:
    current = grown()
    again = change(following(current, add=(TABLET,)), PHONE, revoked=())
    assert refused(current, again) is ManifestRule.REVOKED_SHRANK
    assert refused(current, next_manifest(current, PHONE, add=(TABLET,))) is ManifestRule.REVOKED_LISTED
    assert refused(current, next_manifest(current, TABLET, add=(TABLET,))) is ManifestRule.REVOKED_LISTED


def test_a_device_cannot_keep_its_id_and_change_its_key() -> None:
    """The id follows from the key: another key is another device, and the first one has vanished."""
    current = grown()
    assert device_id_of(THIEF.public_key) != id_of(PHONE)
    swapped = change(following(current), LAPTOP, devices=(Device(THIEF.public_key, b"x"), listed(LAPTOP)))
    assert refused(current, swapped) is ManifestRule.DEVICE_VANISHED


def test_a_thief_cannot_certify_itself_under_another_device_s_id() -> None:
    """Else its leaf would pass for the phone's wherever a manifest lists the phone, the laptop revoked or not."""
    honest = credential(THIEF, cert(PHONE, LAPTOP), cert(LAPTOP, THIEF))
    identity = verify_credential(honest.encode(), LEAF.public_key, suite=SUITE)
    assert identity.device_id == id_of(THIEF)
    posing = credential(PHONE, cert(PHONE, LAPTOP), cert(LAPTOP, THIEF))
    with pytest.raises(CredentialRefused) as caught:
        verify_credential(posing.encode(), LEAF.public_key, suite=SUITE)
    assert caught.value.rule is CredentialRule.DEVICE


def test_a_thief_does_not_read_the_inboxes_of_others() -> None:
    current = grown()
    swapped = (Device(PHONE.public_key, b"the thief's inbox key"), listed(LAPTOP))
    assert refused(current, change(following(current), LAPTOP, devices=swapped)) is ManifestRule.INBOX_KEY


def test_a_thief_does_not_fill_the_list_of_the_revoked() -> None:
    """Strangers in the list would leave no room in which to revoke the thief."""
    current = grown()
    strangers = tuple(device_id_of(bytes([i]) * 32) for i in range(MAX_REVOKED - len(current.content.revoked)))
    full = change(following(current), LAPTOP, revoked=current.content.revoked + strangers)
    assert refused(current, full) is ManifestRule.REVOKED_STRANGER


def test_a_host_cannot_write_a_manifest() -> None:
    current, forged = grown(), signer(70)
    assert refused(current, next_manifest(current, forged, add=(forged,))) is ManifestRule.SIGNER_UNKNOWN
    assert refused(current, change(following(current), forged, root_gen=9, n=0)) is ManifestRule.GENERATION_BY_DEVICE


def test_the_first_device_is_no_root() -> None:
    current = grown()
    without = judge(current, next_manifest(current, LAPTOP, revoke=(PHONE,)))
    assert refused(without, next_manifest(without, PHONE)) is ManifestRule.SIGNER_REVOKED
    assert refused(without, change(following(without), PHONE, root_gen=1, n=0)) is ManifestRule.GENERATION_BY_DEVICE
    assert judge(without, change(following(without), ROOT, root_gen=1, n=0)).content.root_gen == 1
