"""Every kind of state comes back from its bytes and goes on; anything else is a `StateError`."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from aparte.codec import encode_optional, encode_u16, encode_u32, encode_vector
from aparte.crypto import UnsupportedSuite
from aparte.mls import (
    MLS10,
    CallerError,
    Group,
    GroupStatus,
    LeafIndex,
    ReceivedCommit,
    ReInit,
    Remove,
    StateError,
    decode_group,
    decode_key_package_secrets,
    encode_group,
    encode_key_package_secrets,
)
from tests.mls_scenes import Person, agree, all_hear, people, stage

VERSION = encode_u16(1)


def restored(who: Person) -> Group:
    return decode_group(encode_group(who.group), who.provider, who.config)


def same_after_restart(who: Person) -> None:
    before = encode_group(who.group)
    who.restarts()
    assert encode_group(who.group) == before


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


# -- every kind ---------------------------------------------------------------------------------------------------
def test_a_fresh_group(trio: list[Person]) -> None:
    for who in trio:
        same_after_restart(who)
    alice, bob, carol = trio
    assert agree(*trio)
    assert [event.data for event in all_hear(alice.says("still here"), [bob, carol])] == [b"still here"] * 2


@pytest.mark.parametrize("suite", [0x0001, 0x0002, 0x0003, 0x0005, 0x0007, 0xF0A2])
def test_every_suite(suite: int) -> None:
    alice, bob = stage("alice", "bob", suite=suite)
    same_after_restart(alice)
    same_after_restart(bob)
    assert bob.hears(alice.says("x")).data == b"x"
    all_hear(alice.commits().message, [bob])
    assert agree(alice, bob)


def test_skipped_messages_can_still_be_read(trio: list[Person]) -> None:
    alice, bob, _ = trio
    first, second, third = (alice.says(word) for word in ("one", "two", "three"))
    bob.hears(third)
    same_after_restart(bob)
    assert [bob.hears(letter).data for letter in (first, second)] == [b"one", b"two"]
    same_after_restart(bob)


def test_keys_that_were_used_are_not_in_the_bytes(trio: list[Person]) -> None:
    alice, bob, _ = trio
    _, (key, nonce), _ = alice.group.secret_tree.next_key(alice.suite, LeafIndex(alice.leaf), application=True)
    encryption = alice.group.secret_tree.nodes
    letter = alice.says("used")
    bob.hears(letter)
    for who in (alice, bob):
        saved = encode_group(who.group)
        assert key not in saved
        assert nonce not in saved
        assert all(secret not in saved for node, secret in encryption.items() if node == alice.group.tree.root())


def test_a_pending_commit(trio: list[Person]) -> None:
    alice, bob, carol = trio
    draft = alice.drafts(Remove(LeafIndex(2)))
    same_after_restart(alice)
    event = alice.hears(draft.message)
    assert isinstance(event, ReceivedCommit)
    assert event.own
    assert event.staged.changes == draft.staged.changes
    assert event.staged.proposals == draft.staged.proposals
    bob.hears(draft.message)
    assert agree(alice, bob)
    assert carol.hears(draft.message).staged.removes_me


def test_a_pending_commit_that_changes_everything(trio: list[Person]) -> None:
    alice, bob, carol = trio
    dave, *_ = people("dave")
    update = carol.proposes_update()
    all_hear(update, [alice, bob])
    draft = alice.drafts(dave.package())
    same_after_restart(alice)
    staged = alice.considers(draft.message)
    assert (staged.proposals, staged.changes) == (draft.staged.proposals, draft.staged.changes)
    alice.hears(draft.message)
    all_hear(draft.message, [bob, carol])
    dave.joins(draft.welcomes[0])
    assert agree(alice, bob, carol, dave)


def test_own_updates(trio: list[Person]) -> None:
    alice, bob, carol = trio
    update = bob.proposes_update(signer=bob.suite.generate_signer())
    all_hear(update, [alice, carol])
    for who in trio:
        same_after_restart(who)
    all_hear(alice.commits().message, [bob, carol])
    assert agree(*trio)
    assert alice.hears(bob.says("by the new key")).data == b"by the new key"


def test_heard_proposals(trio: list[Person]) -> None:
    alice, bob, carol = trio
    all_hear(alice.proposes(Remove(LeafIndex(2))), [bob, carol])
    same_after_restart(bob)
    all_hear(bob.commits().message, [alice, carol])
    assert agree(alice, bob)
    assert carol.group.status is GroupStatus.REMOVED


def test_a_removed_member(trio: list[Person]) -> None:
    alice, _, carol = trio
    carol.hears(alice.commits(Remove(LeafIndex(2))).message)
    same_after_restart(carol)
    assert carol.group.status is GroupStatus.REMOVED
    with pytest.raises(CallerError, match="removed"):
        carol.says("hello?")


def test_a_reinitialised_group(trio: list[Person]) -> None:
    alice, bob, carol = trio
    plan = ReInit(b"next", MLS10, 0x0003, alice.group.extensions)
    all_hear(alice.commits(plan).message, [bob, carol])
    for who in trio:
        same_after_restart(who)
        assert who.group.status is GroupStatus.REINITIALIZED
        assert who.group.state.reinit == plan


def test_resumption_psks_and_an_erased_exporter(trio: list[Person]) -> None:
    alice, bob, carol = trio
    all_hear(alice.commits().message, [bob, carol])
    bob.seat = bob.group.without_exporter()
    kept = dict(bob.group.state.resumption)
    same_after_restart(bob)
    assert dict(bob.group.state.resumption) == kept
    with pytest.raises(CallerError, match="erased"):
        bob.group.export_secret(b"a", b"b", 32)


def test_key_package_secrets() -> None:
    alice, bob = people("alice", "bob")
    alice.founds()
    package = bob.package(last_resort=True)
    saved = encode_key_package_secrets(bob.packages[0])
    bob.packages = [decode_key_package_secrets(saved, bob.provider)]
    assert encode_key_package_secrets(bob.packages[0]) == saved
    bob.joins(alice.commits(package).welcomes[0])
    assert agree(alice, bob)


# -- anything else ------------------------------------------------------------------------------------------------
DAMAGES: dict[str, Callable[[bytes], bytes]] = {
    "nothing": lambda _data: b"",
    "half a version": lambda data: data[:1],
    "only the version": lambda data: data[:2],
    "another version": lambda data: b"\x00\x02" + data[2:],
    "cut": lambda data: data[:-1],
    "cut in half": lambda data: data[: len(data) // 2],
    "longer": lambda data: data + b"\x00",
    "zeros": lambda data: VERSION + bytes(len(data)),
    "text": lambda _data: b"{'version': 1}",
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_damaged_states_are_refused(trio: list[Person], damage: str) -> None:
    who = trio[0]
    with pytest.raises(StateError):
        decode_group(DAMAGES[damage](encode_group(who.group)), who.provider, who.config)
    who.package()
    with pytest.raises(StateError):
        decode_key_package_secrets(DAMAGES[damage](encode_key_package_secrets(who.packages[0])), who.provider)


def test_a_tree_of_another_group_is_refused(trio: list[Person]) -> None:
    alice, *_ = trio
    saved = encode_group(alice.group)
    alice.commits()
    other = alice.group.tree.encode()
    alice_tree = restored_tree(saved, alice)
    with pytest.raises(StateError):
        decode_group(saved.replace(alice_tree, other), alice.provider, alice.config)


def restored_tree(saved: bytes, who: Person) -> bytes:
    tree = decode_group(saved, who.provider, who.config).tree.encode()
    assert tree in saved
    return tree


def test_a_member_outside_the_tree_is_refused(trio: list[Person]) -> None:
    """A leaf index beyond the tree would never meet the root on its way up."""
    alice, *_ = trio
    saved = encode_group(alice.group)
    place = encode_vector(alice.group.state.confirmation_tag) + encode_u32(0)
    assert saved.count(place) == 1
    for leaf in (3, 4, 2**31, 2**32 - 1):
        moved = saved.replace(place, place[:-4] + encode_u32(leaf))
        with pytest.raises(StateError, match="member"):
            decode_group(moved, alice.provider, alice.config)


def test_commits_within_commits_are_refused() -> None:
    """A staged group has nothing pending; bytes that say so would nest without end."""
    (alice,) = stage("alice")
    draft = alice.drafts()
    saved = encode_group(alice.group)
    staged_group = encode_group(draft.staged.merge())[2:]
    assert saved.endswith(staged_group)
    head, body = saved[2 : -len(staged_group)], staged_group
    assert body.endswith(encode_optional(None))
    for _ in range(2_000):
        body = head + body
    with pytest.raises(StateError, match="pending"):
        decode_group(VERSION + body, alice.provider, alice.config)


def test_a_suite_that_nobody_has_is_named() -> None:
    alice, *_ = stage("alice")
    saved = encode_group(alice.group)
    context = alice.group.context.encode()
    other = context[:2] + b"\xfa\xfa" + context[4:]
    assert saved.count(context) == 1
    with pytest.raises(UnsupportedSuite):
        decode_group(saved.replace(context, other), alice.provider, alice.config)
