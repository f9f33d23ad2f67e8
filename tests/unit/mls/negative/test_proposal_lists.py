"""Lists of proposals that do not go together (RFC 9420 §12.2), in commits that are perfect otherwise."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aparte.mls import (
    Add,
    CommitOptions,
    ExternalInit,
    ExternalPskId,
    GroupContextExtensions,
    LeafIndex,
    PreSharedKey,
    PreSharedKeyId,
    Proposal,
    PskSource,
    ReInit,
    Remove,
    SelfRemove,
    Update,
    commit,
)
from aparte.mls.commits import Commit, ProposalRef
from tests.mls_scenes import Person, all_hear, stage
from tests.unit.mls.forge import ForgedPackage, drafted, hearing, lenient, refused, sent, unchecked, unsorted

KNOWN = PskSource(external={b"key": bytes(32)})
CAROL = LeafIndex(2)

Lists = dict[str, Callable[[Person], list[Proposal]]]


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


def own_update(who: Person) -> Update:
    content = who.group.own_leaf.content
    fresh = who.suite.generate_kem_key().public_key
    leaf = type(content)(fresh, content.signature_key, content.credential, content.capabilities)
    return Update(leaf.sign_for_update(who.group.state.signer, who.group.group_id, who.group.own_index))


def same_client(who: Person) -> list[Proposal]:
    signer = who.suite.generate_signer()
    return [Add(ForgedPackage(suite=who.suite, signer=signer).build()) for _ in range(2)]


def same_psk(_: Person) -> list[Proposal]:
    return [PreSharedKey(PreSharedKeyId(ExternalPskId(b"key"), bytes(32)))] * 2


def reinit(who: Person) -> ReInit:
    return ReInit(b"next", 1, 1, who.group.extensions)


BAD_LISTS: Lists = {
    "12.2.2/own-update": lambda who: [own_update(who)],
    "12.2.2/external-init": lambda _: [ExternalInit(bytes(32))],
    "12.2.2/reinit-alone": lambda who: [reinit(who), Remove(CAROL)],
    "12.2.2/same-leaf": lambda _: [Remove(CAROL), Remove(CAROL)],
    "12.2.2/same-psk": same_psk,
    "12.2.2/same-client": same_client,
    "12.2.2/one-extensions": lambda who: [GroupContextExtensions(who.group.extensions)] * 2,
}


@pytest.mark.parametrize("rule", BAD_LISTS)
def test_a_bad_list(trio: list[Person], rule: str) -> None:
    alice, bob, _ = trio
    changes = BAD_LISTS[rule](alice)
    # What follows from the one fault may be one more, which the sender has to overlook too.
    with lenient(rule, "7.3/unique-signature-key"):
        draft = drafted(alice, *changes, psks=KNOWN)
    refused(rule, hearing(bob, draft.message, psks=KNOWN), bob)
    # The same list from one who did not even try to make the rest right.
    refused(rule, hearing(bob, sent(alice, Commit(tuple(changes), None)), psks=KNOWN), bob)


def test_a_commit_that_removes_its_committer(trio: list[Person]) -> None:
    alice, bob, _ = trio
    message = sent(alice, Commit((Remove(alice.group.own_index),), None))
    refused("12.2.2/own-remove", hearing(bob, message), bob)


def test_a_commit_of_the_committers_own_self_remove(trio: list[Person]) -> None:
    alice, bob, _ = trio
    bob.hears(alice.proposes(SelfRemove()))
    message = sent(alice, Commit((ProposalRef(alice.group.proposals[0].reference),), None))
    refused("12.2.2/own-remove", hearing(bob, message), bob)


def test_a_self_remove_by_value(trio: list[Person]) -> None:
    """By value it would be the committer's own; only with that rule away the other can be seen."""
    alice, bob, _ = trio
    message = sent(alice, Commit((SelfRemove(),), None))
    with lenient("12.2.2/own-remove"):
        refused("12.2.2/self-remove", hearing(bob, message), bob, gate=False)
    refused("12.2.2/own-remove", hearing(bob, message), bob)


def test_an_update_and_a_removal_of_one_leaf(trio: list[Person]) -> None:
    alice, bob, carol = trio
    all_hear(carol.proposes_update(), [alice, bob])
    with lenient("12.2.2/same-leaf"), unsorted():
        draft = drafted(alice, Remove(CAROL))
    refused("12.2.2/same-leaf", hearing(bob, draft.message), bob)


def test_two_updates_of_one_leaf(trio: list[Person]) -> None:
    alice, bob, carol = trio
    all_hear(carol.proposes_update(), [alice, bob])
    all_hear(carol.proposes_update(), [alice, bob])
    with lenient("12.2.2/same-leaf"), unsorted():
        draft = drafted(alice)
    refused("12.2.2/same-leaf", hearing(bob, draft.message), bob)


def test_the_addition_of_a_member(trio: list[Person]) -> None:
    alice, bob, carol = trio
    package = ForgedPackage(suite=alice.suite, signer=carol.group.state.signer).build()
    with lenient("7.3/unique-signature-key"):
        draft = drafted(alice, unchecked(package))
    refused("7.3/unique-signature-key", hearing(bob, draft.message), bob)
    replacing = drafted(alice, unchecked(package), Remove(CAROL))
    assert [leaf for leaf, _ in bob.considers(replacing.message).changes.added] == [CAROL]


@pytest.mark.parametrize("rule", BAD_LISTS)
def test_a_bad_list_is_refused_by_its_committer(trio: list[Person], rule: str) -> None:
    alice, *_ = trio
    changes = BAD_LISTS[rule](alice)
    refused(rule, lambda: commit(alice.group, changes, CommitOptions(psks=KNOWN)), alice)
