"""What is unknown is ignored, and what a client lists is what it can do (RFC 9420 §7.2, §10, §13.4, §13.5)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from aparte.codec import encode_u16, encode_vector
from aparte.mls import (
    CallerError,
    Capabilities,
    Credential,
    CredentialType,
    DecodeError,
    Extension,
    Extensions,
    ExtensionType,
    GroupContextExtensions,
    ProposalType,
    ReInit,
    RequiredCapabilities,
    Welcome,
    commit,
    create_group,
    create_key_package,
    decode_message,
    process,
    verify_key_package,
)
from aparte.mls.extensions import DEFAULT_EXTENSION_TYPES, DEFAULT_PROPOSAL_TYPES
from aparte.mls.grease import GREASE_VALUES, grease_capabilities, without_grease
from aparte.mls.group_info import GroupInfo
from aparte.mls.key_package import KeyPackage
from aparte.mls.leaf_node import LeafNode
from aparte.mls.leaf_validation import check_leaf, check_own_support
from aparte.mls.proposals import decode_proposal
from aparte.mls.ratchet_tree import RatchetTree
from tests.mls_scenes import LIFETIME, NOW, Person, agree, knowing, people, stage
from tests.unit.mls.forge import ForgedPackage, drafted, lenient, refused, unchecked
from tests.unit.mls.forge_welcome import OpenWelcome, joining

ODD = Extension(0xF00D, b"any data")
TWICE = encode_vector(2 * (encode_u16(0xF00D) + b"\x00"))


def lists(can: Capabilities) -> tuple[tuple[int, ...], ...]:
    return can.cipher_suites, can.extensions, can.proposals, can.credentials


# -- capabilities (§7.2) ------------------------------------------------------------------------------------------
def test_capabilities_list_all_and_nothing_by_default() -> None:
    can = Capabilities.for_suites((0x0001, 0xF0A2))
    assert can.cipher_suites == (0x0001, 0xF0A2)
    for types, defaults, known in (
        (can.extensions, DEFAULT_EXTENSION_TYPES, ExtensionType),
        (can.proposals, DEFAULT_PROPOSAL_TYPES, ProposalType),
    ):
        numbers = {value for name, value in vars(known).items() if name.isupper()}
        assert set(types) == numbers - defaults
    assert set(can.credentials) == {value for name, value in vars(CredentialType).items() if name.isupper()}


@pytest.mark.parametrize("field", ["extensions", "proposals"])
def test_default_types_cannot_be_listed(field: str) -> None:
    who = people("alice")[0]
    for number in sorted(DEFAULT_EXTENSION_TYPES if field == "extensions" else DEFAULT_PROPOSAL_TYPES):
        can = replace(Capabilities.for_suites((1,)), **{field: (number,)})
        with pytest.raises(CallerError, match="default"):
            who.identity(capabilities=can)


def test_what_is_listed_is_supported() -> None:
    """Every type that capabilities may name has its code: proposals can be read, suites made, credentials read."""
    who = people("alice")[0]
    can = who.identity(grease=False).key_package.leaf_node.capabilities
    for number in sorted(DEFAULT_PROPOSAL_TYPES | set(can.proposals)):
        with pytest.raises(DecodeError) if number != ProposalType.SELF_REMOVE else lenient():
            assert decode_proposal(encode_u16(number)).proposal_type == number
    for number in can.cipher_suites:
        assert who.provider.suite(number).parameters.number == number


def test_a_key_package_may_say_what_nobody_knows() -> None:
    alice, bob = stage("alice", "bob")
    strange = Capabilities(
        versions=(0x0A0A, 1, 77), cipher_suites=(0xF111, 1), extensions=(0xF00D, 0xF00E), proposals=(0xF00F,),
        credentials=(1, 0xF010),
    )  # fmt: skip
    package = ForgedPackage(
        suite=alice.suite, capabilities=strange, leaf_extensions=Extensions((ODD,)), extensions=Extensions((ODD,))
    ).build()
    verify_key_package(bob.suite, package, config=bob.config, now=NOW)
    bob.hears(alice.commits(unchecked(package)).message)
    assert agree(alice, bob)
    assert bob.group.tree.leaf(2) == package.leaf_node


def test_a_group_info_may_say_what_nobody_knows() -> None:
    alice, bob, dave = people("alice", "bob", "dave")
    alice.founds()
    made = alice.commits(bob.package(), group_info_extensions=Extensions((ODD,)))
    bob.joins(made.welcomes[0])
    bob.hears(message := dave.enters(alice.invites(extensions=Extensions((ODD,)))))
    alice.hears(message)
    assert agree(alice, bob, dave)


def test_a_group_extension_must_be_supported_by_who_joins() -> None:
    alice, bob = people("alice", "bob")
    alice.founds(capabilities=knowing(0xF00D), extensions=Extensions((ODD,)))
    with lenient("13.4.7"):
        made = alice.commits(unchecked(bob.package().key_package))
    refused("13.4.7", joining(bob, made.welcomes[0]))
    with lenient("13.4.7"):
        refused("13.4.8", joining(bob, made.welcomes[0]))


# -- once each (§13.4) --------------------------------------------------------------------------------------------
DOUBLED: dict[str, Callable[[bytes], object]] = {
    "extensions": lambda _: Extensions.decode(TWICE),
    "built": lambda _: Extensions((ODD, ODD)),
    "reinit": lambda _: decode_proposal(b"\x00\x05" + b"\x00" + b"\x00\x01\x00\x01" + TWICE),
    "group context extensions": lambda _: decode_proposal(b"\x00\x07" + TWICE),
    "leaf": lambda data: LeafNode.decode(doubled(data, KeyPackage.decode(data).leaf_node)),
    "key package": lambda data: KeyPackage.decode(data[: KeyPackage.decode(data).tbs_length - 1] + TWICE + b"\x00"),
}


def doubled(_package: bytes, leaf: LeafNode) -> bytes:
    return leaf.raw[: leaf.tbs_length - 1] + TWICE + encode_vector(leaf.signature)


@pytest.mark.parametrize("where", DOUBLED)
def test_a_doubled_extension(where: str) -> None:
    package = ForgedPackage(suite=people("alice")[0].suite).build()
    refused("13.4.5", lambda: DOUBLED[where](package.raw))


def test_a_doubled_extension_in_messages() -> None:
    alice, bob = stage("alice", "bob")
    dave = people("dave")[0]
    with lenient("13.4.5"):
        twice = Extensions((ODD, ODD))
        commits = [
            drafted(alice, ReInit(b"next", 1, 1, twice)).message,
            drafted(
                alice,
                unchecked(ForgedPackage(suite=alice.suite, capabilities=knowing(0xF00D), extensions=twice).build()),
            ).message,
        ]
        made = drafted(alice, dave.package(), group_info_extensions=twice)
    for message in commits:
        refused("13.4.5", lambda message=message: process(bob.group, message), bob)
    refused("13.4.5", joining(dave, made.welcomes[0]))


# -- GREASE (§13.5) -----------------------------------------------------------------------------------------------
def test_grease_goes_where_it_is_ignored() -> None:
    alice, bob = people("alice", "bob")
    alice.founds()
    leaf = alice.group.own_leaf
    for values in lists(leaf.capabilities):
        assert len(set(values) & set(GREASE_VALUES)) == 1
    info = decode_message(alice.invites())
    assert isinstance(info, GroupInfo)
    assert len(info.extensions.types() & set(GREASE_VALUES)) == 1
    opened = OpenWelcome.of(alice.commits(bob.package()).welcomes[0], bob, alice)
    assert len(opened.extensions.types() & set(GREASE_VALUES)) == 1


@pytest.mark.parametrize("value", GREASE_VALUES)
def test_grease_goes_nowhere_else(value: int) -> None:
    alice, _ = stage("alice", "bob")
    greased = Extensions((Extension(value, b""),))
    required = RequiredCapabilities(extension_types=(value,)).encode()
    requiring = Extensions((Extension(ExtensionType.REQUIRED_CAPABILITIES, required),))
    with lenient("13.4.7", "7.3.1"):
        for extensions in (greased, requiring):
            refused("13.4.8", lambda these=extensions: commit(alice.group, [GroupContextExtensions(these)]), alice)
            own = alice.identity()
            refused(
                "13.4.8",
                lambda these=extensions, own=own: create_group(alice.suite, alice.config, own, extensions=these),
            )
    with pytest.raises(CallerError, match="GREASE"):
        create_key_package(alice.suite, Credential(value, b""), lifetime=LIFETIME)


@pytest.mark.parametrize("value", [*GREASE_VALUES, 0, 8, 0xF00D])
def test_an_unknown_proposal_cannot_be_read(value: int) -> None:
    alice, _ = stage("alice", "bob")
    with pytest.raises(DecodeError, match="not supported"):
        process(alice.group, proposal_message(alice, value))


def own_grease(who: Person) -> int:
    return next(value for value in who.group.own_leaf.capabilities.extensions if value in GREASE_VALUES)


def proposal_message(who: Person, proposal_type: int) -> bytes:
    """A PublicMessage with a proposal of any type, none of it verified yet."""
    head = encode_vector(who.group.group_id) + who.group.epoch.to_bytes(8) + b"\x01" + bytes(4)
    return b"\x00\x01\x00\x01" + head + b"\x00\x02" + encode_u16(proposal_type)


def test_grease_is_treated_like_any_unknown_value() -> None:
    """Whoever else lists it supports it, as far as one can know: no rule looks for these numbers."""
    alice, bob = stage("alice", "bob")
    for value in (GREASE_VALUES[0], 0xF00D):
        greased = Extensions((Extension(value, b""),))
        package = ForgedPackage(suite=alice.suite, capabilities=knowing(value), leaf_extensions=greased).build()
        check_leaf(bob.suite, package.leaf_node, extensions=greased, config=bob.config)
        plain = ForgedPackage(suite=alice.suite).build()
        refused(
            "13.4.7",
            lambda leaf=plain.leaf_node, greased=greased: check_leaf(
                bob.suite, leaf, extensions=greased, config=bob.config
            ),
        )


def test_ones_own_capabilities_are_without_grease() -> None:
    alice, bob = people("alice", "bob")
    own = Capabilities.for_suites((1,))
    assert without_grease(grease_capabilities(alice.suite, own)) == own
    leaf = alice.identity().key_package.leaf_node
    greased = next(value for value in leaf.capabilities.extensions if value in GREASE_VALUES)
    refused("13.4.8", lambda: check_own_support(leaf, Extensions((Extension(greased, b""),))))
    check_own_support(bob.identity(capabilities=knowing(0xF00D)).key_package.leaf_node, Extensions((ODD,)))


def test_nobody_accepts_grease_for_an_extension_of_the_group() -> None:
    alice, bob = people("alice", "bob")
    alice.founds()
    bob.joins(alice.commits(bob.package(capabilities=knowing(*GREASE_VALUES))).welcomes[0])
    value = own_grease(alice)
    with lenient("13.4.8"):
        made = drafted(alice, GroupContextExtensions(Extensions((Extension(value, b""),))))
    refused("13.4.8", lambda: process(bob.group, made.message), bob)


def test_a_tree_is_read_whatever_its_leaves_list() -> None:
    alice, bob = people("alice", "bob")
    alice.founds()
    made = alice.commits(bob.package(capabilities=knowing(*range(0xF000, 0xF100))))
    assert isinstance(decode_message(made.welcomes[0]), Welcome)
    bob.joins(made.welcomes[0])
    assert RatchetTree.decode(bob.suite, bob.group.tree.encode()).tree_hash() == alice.group.tree.tree_hash()
