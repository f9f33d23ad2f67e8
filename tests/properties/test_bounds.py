"""What a peer can make this member do is bounded: in calls of the KDF, in memory, and (generously) in time."""

from __future__ import annotations

import tracemalloc
from contextlib import suppress
from dataclasses import replace

import pytest

from aparte.codec import MAX_VECTOR, encode_length, encode_u32, encode_vector
from aparte.crypto import Suite
from aparte.mls import (
    Capabilities,
    DecodeError,
    Extension,
    Extensions,
    ExtensionType,
    GenerationGone,
    GenerationTooFar,
    GroupContextExtensions,
    KeyPackage,
    PeerError,
    RatchetBounds,
    RequiredCapabilities,
    Undecryptable,
    decode_message,
    encode_group,
    encode_message,
    process,
    verify_key_package,
)
from aparte.mls.private_message import PrivateMessage
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.tree_validation import check_unmerged_leaves
from tests.mls_scenes import NOW, Person, people, stage
from tests.properties import hostile
from tests.properties.counted import CHEAP, DERIVATIONS, PUBLIC_KEY_OPERATIONS
from tests.properties.limits import MEGABYTE, at_most, counting
from tests.properties.structures import STRUCTURES

MILLION = 1_000_000


@pytest.fixture
def pair() -> list[Person]:
    return stage("alice", "bob")


# -- generations --------------------------------------------------------------------------------------------------
def far_ahead(alice: Person, generation: int) -> bytes:
    """A message that says to be of a generation that lies ahead, under whatever content key."""
    letter = decode_message(alice.says("x"))
    assert isinstance(letter, PrivateMessage)
    key, nonce = alice.group.state.frame.sender_data_keys(letter.ciphertext)
    data = encode_u32(alice.leaf) + encode_u32(generation) + bytes(4)
    sealed = alice.suite.seal(key, nonce, letter.head, data)
    return encode_message(letter._replace(encrypted_sender_data=sealed))


@pytest.mark.parametrize("generation", [1_001, 65_536, 2**31, 2**32 - 1])
def test_a_generation_far_ahead_costs_nothing(pair: list[Person], generation: int) -> None:
    alice, bob = pair
    message = far_ahead(alice, generation)
    counted = counting(bob).counted
    before = encode_group(bob.group)
    with pytest.raises(GenerationTooFar), at_most(0.5, megabytes=1):
        process(bob.group, message)
    assert counted.derivations < 20
    assert counted.public_key_operations == 0
    assert encode_group(bob.group) == before


def test_a_generation_within_the_bound_costs_its_steps(pair: list[Person]) -> None:
    """Also when the content then does not open: the group that is kept has not moved."""
    alice, bob = pair
    message = far_ahead(alice, 1_000)
    counted = counting(bob).counted
    with pytest.raises(Undecryptable), at_most(2, megabytes=2):
        process(bob.group, message)
    assert 3_000 < counted.derivations < 3_100
    assert not bob.group.secret_tree.ratchets


def test_kept_keys_are_bounded_over_many_leaps() -> None:
    alice, bob = stage("alice", "bob", bounds=RatchetBounds(forward=20, kept=30))
    for _ in range(20):
        for _ in range(20):
            alice.says("lost")
        bob.hears(alice.says("heard"))
        assert all(len(ratchet.skipped) <= 30 for ratchet in bob.group.secret_tree.ratchets.values())


def test_a_replay_costs_no_signature(pair: list[Person]) -> None:
    alice, bob = pair
    letter = alice.says("once")
    bob.hears(letter)
    counted = counting(bob).counted
    with pytest.raises(GenerationGone):
        process(bob.group, letter)
    assert counted.public_key_operations == 0
    assert counted.derivations < 10


# -- lengths ------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", set(STRUCTURES) - {"Proposal"})  # one of an unknown type may hold anything
@pytest.mark.parametrize("place", range(4))
def test_the_longest_claim_reserves_nothing(name: str, place: int) -> None:
    claim = encode_length(MAX_VECTOR)
    for head in (b"\x00\x01" * place, b"\x00" * place, b"\x01" * place):
        with pytest.raises((DecodeError, PeerError)), at_most(0.5, megabytes=0.1):
            STRUCTURES[name].decode(head + claim + bytes(100))


@pytest.mark.parametrize(
    ("name", "item"),
    [
        ("Extensions", b"\x00\x01\x00"),
        ("Capabilities", b"\x00\x01"),
        ("RequiredCapabilities", b"\x00\x01"),
        ("ExternalSender", b"\x00\x00\x01\x00"),
        ("Credential", b"\x00"),
    ],
)
def test_a_million_elements(name: str, item: bytes) -> None:
    """Read in linear time, into no more than a few hundred bytes for each element."""

    def read(count: int) -> None:
        vector = encode_vector(item * count)
        forms = {"Capabilities": vector * 5, "RequiredCapabilities": vector * 3, "Credential": b"\x00\x02" + vector}
        with suppress(DecodeError, PeerError):
            STRUCTURES[name].decode(forms.get(name, vector))

    with at_most(30):
        read(MILLION)
    with at_most(30, megabytes=20):
        read(MILLION // 20)


def test_a_million_unmerged_leaves(pair: list[Person]) -> None:
    leaf = hostile.leaf_node(pair[0].group.own_leaf)
    rising = b"".join(encode_u32(number) for number in range(MILLION))
    for unmerged in (rising, bytes(4 * MILLION)):
        tree = hostile.encoded_tree([leaf, hostile.parent_node(b"k" * 32, b"", unmerged), leaf])
        with pytest.raises(PeerError), at_most(20):
            check_unmerged_leaves(RatchetTree.decode(pair[0].suite, tree))


def test_long_capabilities_do_not_stay_in_memory() -> None:
    """Parsed capability lists are shared; a stranger's long ones must not fill that cache."""
    lists = Capabilities(extensions=tuple(range(0x1000, 0xF000))).encode()
    decode = STRUCTURES["Capabilities"].decode
    tracemalloc.start()
    for number in range(8):
        decode(Capabilities(versions=(number,)).encode()[:3] + lists[3:])
    kept = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert kept < 2 * MEGABYTE


# -- lists that are compared with lists ---------------------------------------------------------------------------
def many_kinds(who: Person, count: int) -> tuple[Capabilities, Extensions]:
    kinds = tuple(range(0x1000, 0x1000 + count))
    usual = Capabilities.for_suites((who.suite.parameters.number,))
    items = Extensions.of(Extension(kind, b"") for kind in reversed(kinds))
    return replace(usual, extensions=kinds), items


def test_a_key_package_with_sixty_thousand_extensions() -> None:
    alice, bob = people("alice", "bob")
    can, items = many_kinds(bob, 60_000)
    own = bob.identity(capabilities=can, leaf_extensions=items, grease=False)
    with at_most(3):
        package = KeyPackage.decode(own.key_package.encode())
        verify_key_package(alice.suite, package, config=alice.config, now=NOW)


def test_required_capabilities_are_not_read_for_each_member(monkeypatch: pytest.MonkeyPatch) -> None:
    """100,000 repetitions that everybody fulfils, over sixty-four members."""
    alice, bob, *_ = stage(*(f"member {number}" for number in range(64)))
    readings = []
    decode = RequiredCapabilities.decode
    monkeypatch.setattr(RequiredCapabilities, "decode", lambda data: readings.append(1) or decode(data))
    required = RequiredCapabilities(extension_types=(ExtensionType.APPLICATION_ID,) * 100_000)
    wanted = Extensions((Extension(ExtensionType.REQUIRED_CAPABILITIES, required.encode()),))
    with at_most(3):
        draft = alice.drafts(GroupContextExtensions(wanted))
        bob.hears(draft.message)
    assert 0 < len(readings) < 5


def test_control_every_method_of_a_suite_is_counted() -> None:
    methods = {name for name in vars(Suite) if not name.startswith("_")} - {"parameters"}
    assert methods == DERIVATIONS | PUBLIC_KEY_OPERATIONS | CHEAP


def test_control_the_limits_are_noticed() -> None:
    with pytest.raises(AssertionError), at_most(0.01):
        sum(range(3_000_000))
    with pytest.raises(AssertionError), at_most(60, megabytes=1):
        bytes(2 * MEGABYTE)
