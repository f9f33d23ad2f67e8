"""Which manifest stands: one pure function of the one before, the candidate and the account.

Manifests are ordered by (root_gen, n). A *successor* has the same root_gen and the next n; a device listed in the
current manifest signs it, or root, under the same rules. A *new generation* has a higher root_gen, starts again at
n = 0, is signed by root, and replaces whatever stands below, a thief's branch included: it answers for nothing that
it abandons. It may skip numbers, so that root wins also where a generation was lost or withheld. `prev` is then
not judged.

A device may change its own inbox key and nobody else's. Devices leave by being revoked, and only what was listed can
be: so nobody fills the list of the revoked with strangers, and none disappears without a trace.
"""

from __future__ import annotations

from typing import NewType

from aparte.crypto import CryptoError, Suite
from aparte.trust.errors import Conflict, ManifestRefused
from aparte.trust.genesis import Account
from aparte.trust.manifest import NO_PREV, Manifest, ManifestContent
from aparte.trust.rules import ManifestRule
from aparte.wire.ids import DeviceId

__all__ = ["AcceptedManifest", "is_conflict", "judge_beginning", "judge_successor"]

#: A manifest that this module has let through; whoever keeps only such may wrap what it reads back.
AcceptedManifest = NewType("AcceptedManifest", Manifest)


def judge_successor(
    current: AcceptedManifest | None, candidate: Manifest, *, account: Account, suite: Suite
) -> AcceptedManifest:
    """The manifest that stands now: the candidate, equal to `current` if it repeats it. None: the account is new.

    Raises `ManifestRefused`, and `Conflict` of it if another manifest stands at the candidate's place.
    """
    content = candidate.content
    _require(candidate.account_id == account.account_id, ManifestRule.ACCOUNT)
    if current is not None and candidate == current:
        return current
    _judge_lists(content, account)
    if current is None:
        _judge_first(content, account)
        keys = {account.first_device_id: account.first_device_key}
    else:
        _judge_place(content, current)
        keys = {device_id: device.device_key for device_id, device in current.content.by_id().items()}
        if content.root_gen == current.content.root_gen:
            _judge_changes(candidate, current)
        else:
            _judge_generation(candidate)
    _judge_signature(candidate, account.root_key, keys=keys, suite=suite)
    return AcceptedManifest(candidate)


def judge_beginning(candidate: Manifest, *, account: Account, suite: Suite) -> AcceptedManifest:
    """The manifest with which somebody begins who knows none of an account that has been there for long.

    Its first; or the first of a later generation, for which root's signature is all that it takes: hosts forget what
    was before. Raises `ManifestRefused`.
    """
    content = candidate.content
    if content.root_gen == 0:
        return judge_successor(None, candidate, account=account, suite=suite)
    _require(candidate.account_id == account.account_id, ManifestRule.ACCOUNT)
    _judge_lists(content, account)
    _judge_generation(candidate)
    _judge_signature(candidate, account.root_key, keys={}, suite=suite)
    return AcceptedManifest(candidate)


def is_conflict(
    one: Manifest, other: Manifest, *, before: AcceptedManifest | None, account: Account, suite: Suite
) -> bool:
    """Whether both might stand after `before`, at one place: proof that the account speaks with two tongues.

    `before` is None if nothing is known that comes before them. Without such proof anybody could make peers freeze an
    account by showing them a manifest that nobody signed.
    """
    if one == other or one.content.place != other.content.place:
        return False
    try:
        for manifest in (one, other):
            if before is None:
                judge_beginning(manifest, account=account, suite=suite)
            else:
                judge_successor(before, manifest, account=account, suite=suite)
    except ManifestRefused:
        return False
    return True


def _require(condition: bool, rule: ManifestRule) -> None:
    if not condition:
        raise ManifestRefused(rule)


def _judge_lists(content: ManifestContent, account: Account) -> None:
    """What holds wherever a manifest stands."""
    listed, revoked = content.by_id().keys(), set(content.revoked)
    _require(bool(listed), ManifestRule.NO_DEVICE)
    _require(len(listed) == len(content.devices), ManifestRule.DEVICE_TWICE)
    _require(all(d.device_key != account.root_key for d in content.devices), ManifestRule.ROOT_AS_DEVICE)
    _require(len(revoked) == len(content.revoked), ManifestRule.REVOKED_TWICE)
    _require(revoked.isdisjoint(listed), ManifestRule.REVOKED_LISTED)


def _judge_first(content: ManifestContent, account: Account) -> None:
    _require(content.place == (0, 0) and content.prev == NO_PREV, ManifestRule.FIRST_PLACE)
    alone = [device.device_key for device in content.devices] == [account.first_device_key]
    _require(alone and not content.revoked, ManifestRule.FIRST_DEVICE)


def _judge_place(content: ManifestContent, current: AcceptedManifest) -> None:
    stands = current.content
    _require(content.place >= stands.place, ManifestRule.OLDER)
    if content.place == stands.place:
        raise Conflict(ManifestRule.CONFLICT)
    if content.root_gen == stands.root_gen:
        _require(content.n == stands.n + 1, ManifestRule.GAP)
        _require(content.prev == current.hash(), ManifestRule.PREV)


def _judge_generation(candidate: Manifest) -> None:
    """What begins a new generation."""
    _require(candidate.content.n == 0, ManifestRule.GENERATION_START)
    _require(candidate.signer is None, ManifestRule.GENERATION_BY_DEVICE)


def _judge_changes(candidate: Manifest, current: AcceptedManifest) -> None:
    """What may change within a generation, and by whom."""
    signer, before, after = candidate.signer, current.content.by_id(), candidate.content.by_id()
    revoked_before, revoked = set(current.content.revoked), set(candidate.content.revoked)
    _require(signer not in revoked_before, ManifestRule.SIGNER_REVOKED)
    _require(revoked >= revoked_before, ManifestRule.REVOKED_SHRANK)
    _require(revoked - revoked_before <= before.keys(), ManifestRule.REVOKED_STRANGER)
    _require(before.keys() <= after.keys() | revoked, ManifestRule.DEVICE_VANISHED)
    for device_id in before.keys() & after.keys():
        changed = before[device_id].inbox_key != after[device_id].inbox_key
        _require(not changed or device_id == signer, ManifestRule.INBOX_KEY)


def _judge_signature(candidate: Manifest, root_key: bytes, *, keys: dict[DeviceId, bytes], suite: Suite) -> None:
    """`keys` are those of the devices that may sign. Only root is always among the signers."""
    signer = candidate.signer
    key = root_key if signer is None else keys.get(signer)
    if key is None:
        raise ManifestRefused(ManifestRule.SIGNER_UNKNOWN)
    try:
        suite.verify(key, candidate.signed_content(), candidate.signature)
    except CryptoError:
        raise ManifestRefused(ManifestRule.SIGNATURE) from None
