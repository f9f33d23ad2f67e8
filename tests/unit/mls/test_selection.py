"""What a committer takes up of what it heard: whatever members propose, a plain commit goes through."""

from __future__ import annotations

import pytest

from aparte.mls import (
    MLS10,
    Add,
    Change,
    Extension,
    Extensions,
    GroupContextExtensions,
    GroupStatus,
    LeafIndex,
    PeerError,
    ReInit,
    Remove,
    SelfRemove,
    Update,
    external_psk,
)
from aparte.mls.extensions import ExtensionType, RequiredCapabilities
from tests.mls_scenes import Person, agree, all_hear, stage

BASIC = RequiredCapabilities(credential_types=(1,)).encode()
EXTENSIONS = GroupContextExtensions(Extensions((Extension(ExtensionType.REQUIRED_CAPABILITIES, BASIC),)))
NONE = GroupContextExtensions(Extensions())


@pytest.fixture
def four() -> list[Person]:
    return stage("alice", "bob", "carol", "dave")


def ask(who: Person, change: Change, crowd: list[Person]) -> None:
    all_hear(who.proposes(change), [other for other in crowd if other is not who])


def kinds(made: object) -> list[type]:
    return [type(item.proposal) for item in made.staged.proposals]  # type: ignore[attr-defined]


def settle(alice: Person, crowd: list[Person], *changes: Change) -> list[type]:
    made = alice.commits(*changes)
    stayed = [who for who in crowd if who is not alice]
    all_hear(made.message, stayed)
    active = [who for who in (alice, *stayed) if who.group.status is GroupStatus.ACTIVE]
    assert not active or agree(*active)
    return kinds(made)


def test_of_two_removals_one(four: list[Person]) -> None:
    alice, bob, carol, _ = four
    ask(bob, Remove(LeafIndex(3)), four)
    ask(carol, Remove(LeafIndex(3)), four)
    assert settle(alice, four) == [Remove]


def test_leaving_before_removal_before_update(four: list[Person]) -> None:
    alice, bob, _, dave = four
    all_hear(dave.proposes_update(), four[:3])
    ask(bob, Remove(LeafIndex(3)), four)
    ask(dave, SelfRemove(), four)
    assert settle(alice, four) == [SelfRemove]


def test_of_two_updates_the_latest(four: list[Person]) -> None:
    alice, bob, *_ = four
    first = bob.proposes_update()
    all_hear(first, [who for who in four if who is not bob])
    second = bob.proposes_update()
    all_hear(second, [who for who in four if who is not bob])
    made = alice.commits()
    (update,) = (item.proposal for item in made.staged.proposals)
    assert isinstance(update, Update)
    all_hear(made.message, four[1:])
    assert agree(*four)
    assert bob.group.own_leaf == update.leaf_node


def test_ones_own_update_and_ones_own_removal_are_left_to_others(four: list[Person]) -> None:
    alice, bob, carol, dave = four
    all_hear(alice.proposes_update(), four[1:])
    ask(bob, Remove(LeafIndex(0)), four)
    made = alice.commits()
    assert kinds(made) == []
    all_hear(made.message, [bob, carol, dave])
    assert agree(*four)


def test_extensions_and_keys_once_and_what_the_committer_says_first(four: list[Person]) -> None:
    alice, bob, carol, _ = four
    psk = external_psk(alice.suite, b"a key")
    ask(bob, NONE, four)
    ask(carol, EXTENSIONS, four)
    assert settle(alice, four) == [GroupContextExtensions]
    assert alice.group.extensions == EXTENSIONS.extensions
    ask(bob, NONE, four)
    assert settle(alice, four, EXTENSIONS) == [GroupContextExtensions]
    assert alice.group.extensions == EXTENSIONS.extensions
    assert psk.psk.nonce


def test_one_client_once(four: list[Person]) -> None:
    alice, bob, carol, _ = four
    erin = stage("erin")[0]
    package = erin.package()
    ask(bob, package, four)
    ask(carol, package, four)
    assert settle(alice, four) == [Add]


def test_a_reinit_waits_until_it_stands_alone(four: list[Person]) -> None:
    alice, bob, *_ = four
    plan = ReInit(b"next", MLS10, 0x0001, Extensions())
    ask(bob, plan, four)
    all_hear(bob.proposes_update(), [who for who in four if who is not bob])
    assert settle(alice, four) == [Update]
    ask(bob, plan, four)
    assert settle(alice, four) == [ReInit]


def test_a_committer_may_choose(four: list[Person]) -> None:
    alice, bob, *_ = four
    ask(bob, Remove(LeafIndex(3)), four)
    ask(bob, EXTENSIONS, four)
    wanted = [heard.reference for heard in alice.group.proposals if isinstance(heard.proposal, Remove)]
    made = alice.commits(references=wanted)
    assert kinds(made) == [Remove]


def test_an_update_may_not_take_anothers_keys(four: list[Person]) -> None:
    """Refused on hearing: it could never be committed."""
    alice, bob, *_ = four
    message = bob.proposes_update(signer=alice.group.state.signer)
    with pytest.raises(PeerError) as caught:
        alice.hears(message)
    assert caught.value.rule == "7.3/unique-signature-key"
