"""Groups that claim to follow another and do not (RFC 9420 §11.2, §11.3, §12.4.1.4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from aparte.mls import (
    CallerError,
    CommitOptions,
    Committed,
    Extension,
    Extensions,
    Group,
    PreSharedKey,
    PreSharedKeyId,
    PskSource,
    ReInit,
    ResumptionPskId,
    ResumptionUsage,
    branch,
    commit,
    create_group,
    reinitialize,
)
from tests.mls_scenes import Person, agree, all_hear, people, person, stage
from tests.unit.mls.forge import lenient, refused
from tests.unit.mls.forge_welcome import joining

BRANCH, REINIT = ResumptionUsage.BRANCH, ResumptionUsage.REINIT


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


@pytest.fixture
def over(trio: list[Person]) -> list[Person]:
    """The three, whose group was reinitialised."""
    alice, bob, carol = trio
    plan = ReInit(b"next", 1, 0x0001, Extensions())
    all_hear(alice.commits(plan).message, [bob, carol])
    return trio


def linked(old: Group, who: Person, members: list[Any], usage: ResumptionUsage, **wrong: Any) -> Committed:
    """A new group's first commit, linked to `old`; `wrong` is what differs from what it should be."""
    key = ResumptionPskId(usage, old.group_id, wrong.pop("epoch", old.epoch))
    psk = PreSharedKey(PreSharedKeyId(key, bytes(32)))
    fields = {"group_id": b"next", **wrong}
    group = fields.pop("group", None) or create_group(who.suite, who.config, who.identity(), **fields)
    options = CommitOptions(psks=old.known_psks(PskSource()), psk_usage=usage)
    with lenient("11.2.5", "11.3.6"):
        return commit(group, [psk, *members], options)


def second_epoch(who: Person, group_id: bytes) -> Group:
    """A new group that has already moved on by itself."""
    group = create_group(who.suite, who.config, who.identity(), group_id=group_id)
    return commit(group).staged.merge()


# -- reinitialisation (§11.2) -------------------------------------------------------------------------------------
def test_a_successor_that_was_not_planned_so(over: list[Person]) -> None:
    alice, bob, carol = over
    for wrong in ({"group_id": b"other"}, {"extensions": Extensions((Extension(0x000A, b""),))}):
        made = linked(alice.group, alice, [bob.package(), carol.package()], REINIT, **wrong)
        refused("11.2.1", joining(bob, made.welcomes[0], predecessor=bob.group), bob)


def test_a_successor_of_another_suite(over: list[Person]) -> None:
    alice, bob, _ = over
    bob.seat = replace(bob.group, state=replace(bob.group.state, reinit=ReInit(b"next", 1, 0x0003, Extensions())))
    made = linked(alice.group, alice, [bob.package()], REINIT)
    refused("11.2.1", joining(bob, made.welcomes[0], predecessor=bob.group), bob)


def test_a_successor_that_is_older(over: list[Person]) -> None:
    alice, bob, carol = over
    group = second_epoch(alice, b"next")
    made = linked(alice.group, alice, [bob.package(), carol.package()], REINIT, group=group)
    refused("11.2.2", joining(bob, made.welcomes[0], predecessor=bob.group), bob)


def test_a_successor_linked_to_another_epoch(over: list[Person]) -> None:
    alice, bob, carol = over
    epoch = alice.group.epoch - 1
    made = linked(alice.group, alice, [bob.package(), carol.package()], REINIT, epoch=epoch)
    refused("11.2.3", joining(bob, made.welcomes[0], predecessor=bob.group), bob)


def test_a_successor_of_a_group_that_goes_on(trio: list[Person]) -> None:
    alice, bob, carol = trio
    made = linked(alice.group, alice, [bob.package(), carol.package()], REINIT)
    refused("11.2.3", joining(bob, made.welcomes[0], predecessor=bob.group), bob, gate=False)


def test_a_successor_that_is_not_linked(over: list[Person]) -> None:
    alice, bob, carol = over
    group = create_group(alice.suite, alice.config, alice.identity(), group_id=b"next")
    made = commit(group, [bob.package(), carol.package()])
    refused("11.2.3", joining(bob, made.welcomes[0], predecessor=bob.group), bob)


def test_a_successor_without_a_member(over: list[Person], monkeypatch: pytest.MonkeyPatch) -> None:
    alice, bob, _ = over
    monkeypatch.setattr("aparte.mls.follow._check_complete", lambda *_: None)
    made = reinitialize(alice.group, alice.suite, alice.identity(), [bob.package()])
    refused("12.4.1.4", joining(bob, made.welcomes[0], predecessor=bob.group), bob)


def test_a_successor_is_not_made_without_a_member(over: list[Person]) -> None:
    alice, bob, _ = over
    with pytest.raises(CallerError, match="leaf 2 has no key package"):
        reinitialize(alice.group, alice.suite, alice.identity(), [bob.package()])


def test_a_branch_of_an_epoch_that_is_not_at_hand(trio: list[Person]) -> None:
    """Whose members were others, perhaps: the caller has to give the group as it was then."""
    alice, bob, carol = trio
    made = branch(alice.group, alice.identity(), [bob.package()])
    all_hear(alice.commits().message, [bob, carol])
    with pytest.raises(CallerError, match="as it was then"):
        joining(bob, made.welcomes[0], predecessor=bob.group)()


# -- branches (§11.3) ---------------------------------------------------------------------------------------------
def test_a_branch_of_another_suite(trio: list[Person]) -> None:
    alice, bob, _ = trio
    other = person("alice", suite=0x0003)
    newcomer = person("bob", suite=0x0003)
    made = linked(alice.group, other, [newcomer.package()], BRANCH)
    refused("11.3.2", joining(newcomer, made.welcomes[0], predecessor=bob.group), bob)


def test_a_branch_that_is_older(trio: list[Person]) -> None:
    alice, bob, _ = trio
    made = linked(alice.group, alice, [bob.package()], BRANCH, group=second_epoch(alice, b"next"))
    refused("11.3.3", joining(bob, made.welcomes[0], predecessor=bob.group), bob)


def test_a_branch_with_a_stranger(trio: list[Person]) -> None:
    alice, bob, _ = trio
    dave = people("dave")[0]
    made = branch(alice.group, alice.identity(), [bob.package(), dave.package()])
    refused("11.3.4", joining(bob, made.welcomes[0], predecessor=bob.group), bob)


def test_control(trio: list[Person]) -> None:
    alice, bob, carol = trio
    made = branch(alice.group, alice.identity(), [bob.package()])
    assert joining(bob, made.welcomes[0], predecessor=bob.group)()
    all_hear(alice.commits(ReInit(b"next", 1, 0x0001, Extensions())).message, [bob, carol])
    made = reinitialize(alice.group, alice.suite, alice.identity(), [bob.package(), carol.package()])
    bob.joins(made.welcomes[0], predecessor=bob.group)
    carol.joins(made.welcomes[0], predecessor=carol.group)
    alice.seat = made.staged.merge()
    assert agree(alice, bob, carol)
