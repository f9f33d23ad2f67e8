"""Starting a group that follows another (RFC 9420 §11.2, §11.3): create, and commit the members and the link."""

from __future__ import annotations

from collections.abc import Sequence

from aparte.crypto import Suite
from aparte.mls.capabilities import MLS10
from aparte.mls.committing import CommitOptions, Committed, commit
from aparte.mls.create import create_group
from aparte.mls.errors import CallerError
from aparte.mls.extensions import Extensions
from aparte.mls.group import Group, GroupStatus
from aparte.mls.key_package import KeyPackageSecrets
from aparte.mls.leaf_validation import VerifiedKeyPackage
from aparte.mls.proposals import ReInit
from aparte.mls.psk import PskSource, ResumptionUsage
from aparte.mls.subgroup import linking_psk

__all__ = ["branch", "reinitialize"]


def branch(
    predecessor: Group,
    own: KeyPackageSecrets,
    members: Sequence[VerifiedKeyPackage],
    *,
    group_id: bytes | None = None,
    extensions: Extensions = Extensions(),
) -> Committed:
    """A subgroup of some members (§11.3), with the same suite. `members` are fresh key packages of theirs."""
    predecessor.require_active()
    suite = predecessor.suite
    group = create_group(suite, predecessor.state.config, own, group_id=group_id, extensions=extensions)
    return _link(group, predecessor, members, ResumptionUsage.BRANCH)


def reinitialize(
    predecessor: Group, suite: Suite, own: KeyPackageSecrets, members: Sequence[VerifiedKeyPackage]
) -> Committed:
    """The group that a merged ReInit calls for (§11.2), with all of the old group's members.

    `suite` must be the one that the ReInit names; key packages are of that suite.
    """
    planned = _planned(predecessor)
    if suite.parameters.number != planned.cipher_suite:
        raise CallerError(f"the reinit calls for cipher suite {planned.cipher_suite:#06x}")
    if planned.version != MLS10:
        raise CallerError(f"the reinit calls for protocol version {planned.version}")
    config = predecessor.state.config
    _check_complete(predecessor, own, members)
    group = create_group(suite, config, own, group_id=planned.group_id, extensions=planned.extensions)
    return _link(group, predecessor, members, ResumptionUsage.REINIT)


def _planned(predecessor: Group) -> ReInit:
    planned = predecessor.state.reinit
    if predecessor.status is not GroupStatus.REINITIALIZED or planned is None:
        raise CallerError("the group was not reinitialised")
    return planned


def _check_complete(predecessor: Group, own: KeyPackageSecrets, members: Sequence[VerifiedKeyPackage]) -> None:
    """All members come along (rule 12.4.1.4), by the application's rule of succession."""
    succeeds = predecessor.state.config.succeeds
    coming = {own.key_package.leaf_node.credential, *(m.key_package.leaf_node.credential for m in members)}
    for index, leaf in predecessor.members():
        old = leaf.credential
        if old not in coming and not any(succeeds(old, new) for new in coming):
            raise CallerError(f"the member at leaf {index} has no key package for the successor")


def _link(group: Group, predecessor: Group, members: Sequence[VerifiedKeyPackage], usage: ResumptionUsage) -> Committed:
    """The first commit. Nobody else is in the group yet, so the caller may merge it at once."""
    nonce = group.suite.random(group.suite.parameters.hash_length)
    options = CommitOptions(psks=predecessor.known_psks(PskSource()), psk_usage=usage)
    return commit(group, [linking_psk(predecessor, usage, nonce), *members], options)
