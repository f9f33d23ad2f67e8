"""Secrets that are gone are not handed out as if they were there, and commits are not lost by accident."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aparte.mls import (
    CallerError,
    CannotFollow,
    Extension,
    Extensions,
    GroupContextExtensions,
    LeafIndex,
    MissingPsk,
    PathUndecryptable,
    PskSource,
    ReceivedCommit,
    ReInit,
    Remove,
    ResumptionPskId,
    ResumptionUsage,
    external_join,
    process,
    resumption_psk,
)
from aparte.mls.key_schedule import NO_SECRETS
from tests.mls_scenes import Person, agree, all_hear, knowing, people, stage


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


def test_a_removed_member_has_no_secret_to_give(trio: list[Person]) -> None:
    alice, _, carol = trio
    carol.hears(alice.commits(Remove(LeafIndex(2))).message)
    gone = carol.group
    for ask in (gone.resumption_psk, lambda: gone.epoch_authenticator):
        with pytest.raises(CallerError, match="holds no secret"):
            ask()
    key = ResumptionPskId(ResumptionUsage.BRANCH, gone.group_id, gone.epoch)
    with pytest.raises(MissingPsk):
        gone.known_psks(PskSource()).secret(key)


def test_who_joins_from_outside_brings_the_resumption_psk(trio: list[Person]) -> None:
    alice, bob, carol = trio
    dave = people("dave")[0]
    psk = resumption_psk(alice.suite, alice.group.group_id, alice.group.epoch)
    arguments = (dave.suite, dave.config, alice.invites(), dave.identity())
    with pytest.raises(MissingPsk):
        external_join(*arguments, psks=[psk])
    known = PskSource(resumption={(alice.group.group_id, alice.group.epoch): alice.group.resumption_psk()})
    entered = external_join(*arguments, psks=[psk], psk_source=known)
    all_hear(entered.message, trio)
    dave.seat = entered.group
    assert agree(alice, bob, carol, dave)


def test_a_pending_commit_is_not_replaced_by_accident(trio: list[Person]) -> None:
    alice, bob, carol = trio
    first = alice.drafts()
    with pytest.raises(CallerError, match="pending"):
        alice.drafts()
    all_hear(first.message, [bob, carol])
    alice.hears(first.message)
    assert agree(*trio)


def test_a_member_may_upgrade_itself_and_the_group_in_one_commit() -> None:
    """What counts is the leaf that one will have, not the one that is being replaced."""
    alice, bob, carol = people("alice", "bob", "carol")
    alice.founds(capabilities=knowing(0xF00D))
    made = alice.commits(bob.package(), carol.package(capabilities=knowing(0xF00D)))
    bob.joins(made.welcomes[0])
    carol.joins(made.welcomes[0])
    upgraded = replace(bob.group.own_leaf.content, capabilities=knowing(0xF00D))
    all_hear(bob.proposes_update(content=upgraded), [alice, carol])
    made = alice.commits(GroupContextExtensions(Extensions((Extension(0xF00D, b"x"),))))
    all_hear(made.message, [bob, carol])
    assert agree(alice, bob, carol)


def test_a_reinitialised_group_keeps_its_link_alone(trio: list[Person]) -> None:
    alice, bob, carol = trio
    made = alice.commits(ReInit(b"next", 1, 0x0001, Extensions()))
    all_hear(made.message, [bob, carol])
    for who in trio:
        state = who.group.state
        kept = replace(NO_SECRETS, resumption=state.secrets.resumption, authenticator=state.secrets.authenticator)
        assert state.secrets == kept
        assert (dict(state.path_keys), dict(who.group.secret_tree.nodes)) == ({}, {})
        assert who.group.resumption_psk() == alice.group.resumption_psk() != b""


def test_what_only_i_lack_is_told_apart(trio: list[Person]) -> None:
    """Nobody is to be accused of what others may well be able to follow."""
    alice, bob, carol = trio
    assert issubclass(PathUndecryptable, CannotFollow)
    carol.hears(bob.proposes_update())
    alice.hears(bob.proposes_update())
    made = alice.commits()
    with pytest.raises(CannotFollow):
        process(carol.group, made.message)
    assert isinstance(process(bob.group, made.message), ReceivedCommit)
