"""More scenes: who comes in, by which door, and which groups follow which."""

from __future__ import annotations

import pytest

from aparte.mls import (
    MLS10,
    CallerError,
    Capabilities,
    Credential,
    Extension,
    Extensions,
    ExtensionType,
    ExternalSender,
    GroupContextExtensions,
    GroupInfo,
    GroupStatus,
    LeafIndex,
    PeerError,
    ReceivedCommit,
    ReceivedProposal,
    ReInit,
    Remove,
    SelfRemove,
    Sender,
    SenderType,
    branch,
    decode_message,
    propose_as_external_sender,
    propose_own_addition,
    reinitialize,
)
from aparte.mls.grease import GREASE_VALUES
from tests.mls_scenes import PUBLIC, Person, agree, all_hear, gather, knowing, people, person, stage


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


# -- Welcomes -----------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("path", [True, False])
def test_one_welcome_for_all(path: bool) -> None:
    alice, bob, carol = people("alice", "bob", "carol")
    alice.founds()
    (welcome,) = alice.commits(bob.package(), carol.package(), path=path).welcomes
    bob.joins(welcome)
    carol.joins(welcome)
    assert agree(alice, bob, carol)


@pytest.mark.parametrize("path", [True, False])
def test_one_welcome_each(path: bool) -> None:
    alice, bob, carol = people("alice", "bob", "carol")
    alice.founds()
    for_bob, for_carol = alice.commits(bob.package(), carol.package(), welcome_each=True, path=path).welcomes
    with pytest.raises(Exception, match="none of the given"):
        carol.joins(for_bob)
    bob.joins(for_bob)
    carol.joins(for_carol)
    assert agree(alice, bob, carol)


def test_a_tree_beside_the_welcome() -> None:
    alice, bob = people("alice", "bob")
    alice.founds()
    (welcome,) = alice.commits(bob.package(), tree_in_welcome=False).welcomes
    with pytest.raises(Exception, match="neither in the message nor given"):
        bob.joins(welcome)
    bob.joins(welcome, ratchet_tree=alice.group.tree.encode())
    assert agree(alice, bob)


def test_a_group_that_one_is_in_already(trio: list[Person]) -> None:
    alice, *_ = trio
    (dave,) = people("dave")
    (welcome,) = alice.commits(dave.package()).welcomes
    with pytest.raises(PeerError) as caught:
        dave.joins(welcome, known_groups=[alice.group.group_id])
    assert caught.value.rule == "12.4.3.3"


def test_a_last_resort_serves_twice() -> None:
    alice, carol, bob = people("alice", "carol", "bob")
    package = bob.package(last_resort=True)
    assert package.key_package.is_last_resort
    bob_elsewhere = Person("bob", bob.suite, bob.config, bob.provider, bob.packages)
    for host, guest in ((alice, bob), (carol, bob_elsewhere)):
        host.founds()
        guest.joins(host.commits(package).welcomes[0])
        assert agree(host, guest)
        assert host.hears(guest.says("here, too")).data == b"here, too"
    assert bob.group.epoch_authenticator != bob_elsewhere.group.epoch_authenticator


# -- from outside -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("with_tree", [True, False])
def test_dave_joins_by_himself(trio: list[Person], with_tree: bool) -> None:
    (dave,) = people("dave")
    tree = None if with_tree else trio[0].group.tree.encode()
    message = dave.enters(trio[1].invites(with_tree=with_tree), ratchet_tree=tree)
    for event in all_hear(message, trio):
        assert isinstance(event, ReceivedCommit)
        assert event.staged.committer is None
        assert [leaf for leaf, _ in event.staged.changes.added] == [3]
    assert agree(dave, *trio)


def test_an_invitation_may_be_without_a_door(trio: list[Person]) -> None:
    (dave,) = people("dave")
    with pytest.raises(Exception, match="external_pub"):
        dave.enters(trio[0].invites(external_join=False))


def test_carol_comes_back_after_a_loss(trio: list[Person]) -> None:
    alice, bob, carol = trio
    message = carol.enters(alice.invites(), resync=LeafIndex(2))
    for event in all_hear(message, [alice, bob]):
        changes = event.staged.changes
        assert [leaf for leaf, _ in changes.removed] == [2]
        assert [(leaf, node.credential.identity) for leaf, node in changes.added] == [(2, b"carol")]
    assert agree(*trio)


def test_nobody_comes_back_in_anothers_name(trio: list[Person]) -> None:
    alice, *_ = trio
    (mallory,) = people("mallory")
    with pytest.raises(PeerError) as caught:
        mallory.enters(alice.invites(), resync=LeafIndex(2))
    assert caught.value.rule == "5.3.1.2"


def test_bob_leaves_by_himself(trio: list[Person]) -> None:
    alice, bob, carol = trio
    message = bob.proposes(SelfRemove())
    assert all(isinstance(event, ReceivedProposal) for event in all_hear(message, [alice, carol]))
    draft = carol.commits()
    assert bob.hears(draft.message).staged.removes_me
    alice.hears(draft.message)
    assert agree(alice, carol)


def test_a_joiner_carries_out_who_wished_to_leave(trio: list[Person]) -> None:
    alice, bob, carol = trio
    (dave,) = people("dave")
    leaving = bob.proposes(SelfRemove())
    all_hear(leaving, [alice, carol])
    message = dave.enters(alice.invites(), self_removes=[leaving])
    all_hear(message, [alice, carol])
    assert bob.hears(message).staged.removes_me
    assert agree(alice, carol, dave)
    assert dave.leaf == 1


def test_leaving_does_not_hand_ones_place_to_a_stranger(trio: list[Person]) -> None:
    """Bob wished to leave; a stranger's external commit that removes Bob's leaf *by value* is still a replacement.

    Otherwise those who heard Bob's wish would accept what those who did not hear it refuse.
    """
    alice, bob, carol = trio
    (mallory,) = people("mallory")
    alice.hears(bob.proposes(SelfRemove()))
    trusting_mallory = person("mallory", succeeds=lambda _old, _new: True)
    message = trusting_mallory.enters(carol.invites(), resync=LeafIndex(bob.leaf))
    for who in (alice, carol):
        with pytest.raises(PeerError) as caught:
            who.hears(message)
        assert caught.value.rule == "5.3.1.2"
    assert mallory.seat is None


# -- proposals from outside ---------------------------------------------------------------------------------------
def outsiders(*who: Person) -> tuple[Extensions, list[ExternalSender]]:
    senders = [ExternalSender(w.packages[0].signer.public_key, Credential.basic(w.name.encode())) for w in who]
    return Extensions((Extension(ExtensionType.EXTERNAL_SENDERS, ExternalSender.encode_list(senders)),)), senders


def test_the_host_proposes_a_removal() -> None:
    alice, bob, carol, janitor = people("alice", "bob", "carol", "janitor")
    janitor.package()
    gather(alice, bob, carol, extensions=outsiders(janitor)[0])
    signer = janitor.packages[0].signer
    message = propose_as_external_sender(alice.group.context, signer, Remove(LeafIndex(carol.leaf)))
    for event in all_hear(message, [alice, bob, carol]):
        assert isinstance(event, ReceivedProposal)
        assert event.sender == Sender(SenderType.EXTERNAL, 0)
    draft = bob.commits()
    assert carol.hears(draft.message).staged.removes_me
    alice.hears(draft.message)
    assert agree(alice, bob)
    with pytest.raises(Exception, match="none of the group's external senders"):
        propose_as_external_sender(alice.group.context, alice.suite.generate_signer(), Remove(LeafIndex(1)))


def test_dave_asks_to_be_added(trio: list[Person]) -> None:
    alice, bob, carol = trio
    (dave,) = people("dave")
    dave.package()
    message = propose_own_addition(dave.packages[0], group_id=alice.group.group_id, epoch=alice.group.epoch)
    for event in all_hear(message, trio):
        assert event.sender == Sender(SenderType.NEW_MEMBER_PROPOSAL)
    draft = bob.commits()
    all_hear(draft.message, [alice, carol])
    dave.joins(draft.welcomes[0])
    assert agree(dave, *trio)


# -- groups that follow -------------------------------------------------------------------------------------------
def test_alice_and_bob_branch_off(trio: list[Person]) -> None:
    alice, bob, carol = trio
    old = bob.group
    started = branch(alice.group, alice.identity(), [bob.package()])
    assert started.staged.merge().group_id != old.group_id
    with pytest.raises(Exception, match="predecessor"):
        bob.joins(started.welcomes[0])
    bob.joins(started.welcomes[0], predecessor=old)
    alice.seat = started.staged.merge()
    assert agree(alice, bob)
    assert bob.hears(alice.says("without carol")).data == b"without carol"
    with pytest.raises(Exception, match="another group"):
        carol.hears(alice.says("secret"))


def test_nobody_new_is_in_a_branch(trio: list[Person]) -> None:
    alice, bob, _ = trio
    (dave,) = people("dave")
    started = branch(alice.group, alice.identity(), [bob.package(), dave.package()])
    with pytest.raises(PeerError) as caught:
        bob.joins(started.welcomes[0], predecessor=bob.group)
    assert caught.value.rule == "11.3.4"


@pytest.mark.parametrize("suite", [0x0001, 0x0003, 0xF0A2])
def test_the_group_starts_over(trio: list[Person], suite: int) -> None:
    """With the same suite or another one."""
    alice, bob, carol = trio
    plan = ReInit(b"the next one", MLS10, suite, alice.group.extensions)
    all_hear(alice.commits(plan).message, [bob, carol])
    assert all(who.group.status is GroupStatus.REINITIALIZED for who in trio)
    with pytest.raises(Exception, match="reinitialised"):
        bob.says("too late")
    olds = [who.group for who in trio]
    for who in trio:
        who.suite, who.packages = who.provider.suite(suite), []
    started = reinitialize(bob.group, bob.suite, bob.identity(), [alice.package(), carol.package()])
    for who, old in ((alice, olds[0]), (carol, olds[2])):
        with pytest.raises(Exception, match="predecessor"):
            who.joins(started.welcomes[0])
        who.joins(started.welcomes[0], predecessor=old)
    bob.seat = started.staged.merge()
    assert agree(*trio)
    assert alice.group.group_id == b"the next one"
    assert alice.group.context.cipher_suite == suite


def test_nobody_is_left_behind_when_the_group_starts_over(trio: list[Person]) -> None:
    alice, bob, carol = trio
    plan = ReInit(b"the next one", MLS10, 0x0001, alice.group.extensions)
    all_hear(alice.commits(plan).message, [bob, carol])
    with pytest.raises(CallerError, match="leaf 2 has no key package"):
        reinitialize(alice.group, alice.suite, alice.identity(), [bob.package()])


# -- what nobody knows --------------------------------------------------------------------------------------------
def test_grease_is_sent_and_ignored(trio: list[Person]) -> None:
    alice, bob, carol = trio
    for who in trio:
        can = who.group.own_leaf.capabilities
        for values in (can.cipher_suites, can.extensions, can.proposals, can.credentials):
            assert set(values) & set(GREASE_VALUES)
    info = decode_message(alice.invites())
    assert isinstance(info, GroupInfo)
    assert info.extensions.types() & set(GREASE_VALUES)
    all_hear(alice.commits(wire_format=PUBLIC).message, [bob, carol])
    assert agree(*trio)


def test_grease_can_be_left_out() -> None:
    (alice,) = people("alice", grease=False)
    alice.founds(grease=False)
    assert alice.group.own_leaf.capabilities == Capabilities.for_suites((0x0001,))
    info = decode_message(alice.invites())
    assert isinstance(info, GroupInfo)
    assert not info.extensions.types() & set(GREASE_VALUES)


def test_unknown_extensions_need_everybodys_support() -> None:
    alice, bob, carol = people("alice", "bob", "carol")
    unknown = Extensions((Extension(0xF00D, b"for those who know"),))
    alice.founds(capabilities=knowing(0xF00D))
    bob.joins(alice.commits(bob.package(capabilities=knowing(0xF00D))).welcomes[0])
    bob.hears(alice.commits(GroupContextExtensions(unknown)).message)
    assert bob.group.extensions == unknown
    with pytest.raises(PeerError) as caught:
        alice.drafts(carol.package())
    assert caught.value.rule == "13.4.7"
