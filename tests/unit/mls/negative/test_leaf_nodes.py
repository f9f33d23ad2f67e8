"""Leaves that may not come into a group (RFC 9420 §5.3.1, §7.2, §7.3, §13.4), each refused by its own rule."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from aparte.mls import (
    Add,
    BadSignature,
    Capabilities,
    Credential,
    CredentialType,
    Extension,
    Extensions,
    GroupContextExtensions,
    KeyPackage,
    LeafIndex,
    LeafNodeContent,
    RequiredCapabilities,
    Update,
)
from aparte.mls.extensions import ExtensionType
from aparte.mls.leaf_validation import own_leaf_of
from aparte.mls.proposal_rules import check_replacement
from tests.mls_scenes import LIFETIME, Person, all_hear, gather, knowing, people, stage
from tests.unit.mls.forge import (
    ForgedPackage,
    deciding,
    drafted,
    hearing,
    knowing_outsider,
    lenient,
    proposed,
    refused,
    respoiled,
    unchecked,
)
from tests.unit.mls.forge_welcome import joining

BASIC, X509 = CredentialType.BASIC, CredentialType.X509
ODD = Extensions((Extension(0xF00D, b""),))
CAN = Capabilities.for_suites((0x0001,))


@pytest.fixture
def trio() -> list[Person]:
    return stage("alice", "bob", "carol")


def spoiled_leaf(content: LeafNodeContent, signer: object) -> object:
    return respoiled(content.sign_for_key_package(signer, LIFETIME))


BAD_LEAVES: dict[str, Callable[[ForgedPackage], ForgedPackage]] = {
    "7.2.3": lambda forged: replace(forged, leaf_extensions=ODD),
    "7.2.4": lambda forged: replace(forged, capabilities=replace(CAN, credentials=(X509,))),
    "7.3/version": lambda forged: replace(forged, capabilities=replace(CAN, versions=(2,))),
    "7.3/cipher-suite": lambda forged: replace(forged, capabilities=replace(CAN, cipher_suites=(3,))),
}


@pytest.mark.parametrize("rule", BAD_LEAVES)
def test_an_addition_with_a_bad_leaf(trio: list[Person], rule: str) -> None:
    alice, bob, _ = trio
    package = BAD_LEAVES[rule](ForgedPackage(suite=alice.suite)).build()
    refused(rule, hearing(bob, proposed(alice, Add(package))), bob)
    refused(rule, hearing(bob, added(alice, package, rule, "7.3/credential-types")), bob)


def added(alice: Person, package: KeyPackage, *rules: str) -> bytes:
    with lenient(*rules):
        return drafted(alice, unchecked(package)).message


# -- what the application says (§5.3.1) ---------------------------------------------------------------------------
def test_a_credential_that_is_not_accepted(trio: list[Person]) -> None:
    alice, bob, _ = trio
    deciding(bob, authenticate=lambda credential, _key: credential.identity != b"dave")
    dave = people("dave")[0]
    refused("5.3.1.1", hearing(bob, drafted(alice, dave.package()).message), bob)


def test_an_addition_that_is_accepted_no_more(trio: list[Person]) -> None:
    alice, bob, _ = trio
    dave = people("dave")[0]
    bob.hears(alice.proposes(dave.package()))
    deciding(bob, authenticate=lambda credential, _key: credential.identity != b"dave")
    refused("5.3.1.1", hearing(bob, drafted(alice).message), bob)


def test_an_external_sender_that_is_not_accepted(trio: list[Person]) -> None:
    alice, bob, _ = trio
    deciding(bob, authenticate=lambda credential, _key: credential.identity != b"outsider")
    change = GroupContextExtensions(knowing_outsider(alice.suite.generate_signer()))
    refused("5.3.1.1", hearing(bob, drafted(alice, change).message), bob)


def test_a_group_whose_external_sender_is_not_accepted() -> None:
    alice, bob = people("alice", "bob")
    outsider = knowing_outsider(alice.suite.generate_signer())
    alice.founds(extensions=outsider)
    welcome = alice.commits(bob.package()).welcomes[0]
    bob.config = replace(bob.config, authenticate=lambda credential, _key: credential.identity != b"outsider")
    refused("5.3.1.1", joining(bob, welcome))
    refused("5.3.1.1", lambda: bob.founds(extensions=outsider))


def test_a_certificate_for_another_key(trio: list[Person]) -> None:
    alice, bob, _ = trio
    deciding(bob, authenticate=lambda credential, key: credential.credential_type == BASIC or credential.content == key)
    package = ForgedPackage(suite=alice.suite, credential=Credential.x509((b"another key",))).build()
    refused("5.3.1.1", hearing(bob, added(alice, package)), bob)


def test_a_credential_that_is_no_successor(trio: list[Person]) -> None:
    alice, bob, carol = trio
    renamed = replace(alice.group.own_leaf.content, credential=Credential.basic(b"mallory"))
    deciding(alice, succeeds=lambda _old, _new: True)
    refused("5.3.1.2", hearing(bob, drafted(alice, leaf=renamed).message), bob)
    deciding(carol, succeeds=lambda _old, _new: True)
    renamed = replace(carol.group.own_leaf.content, credential=Credential.basic(b"mallory"))
    refused("5.3.1.2", hearing(bob, carol.proposes_update(content=renamed)), bob)


# -- what the group requires (§7.3, §13.4) ------------------------------------------------------------------------
def test_a_new_member_without_a_required_capability() -> None:
    alice, bob, dave = people("alice", "bob", "dave")
    required = RequiredCapabilities(extension_types=(0xF00D,)).encode()
    extensions = Extensions((Extension(ExtensionType.REQUIRED_CAPABILITIES, required),))
    alice.founds(extensions=extensions, capabilities=knowing(0xF00D))
    bob.joins(alice.commits(bob.package(capabilities=knowing(0xF00D))).welcomes[0])
    refused("7.3.1", hearing(bob, proposed(alice, Add(dave.package().key_package))), bob)
    refused("7.3.1", hearing(bob, added(alice, dave.package().key_package, "7.3.1")), bob)


@pytest.mark.parametrize(
    "required",
    [
        RequiredCapabilities(extension_types=(0xF00D,)),
        RequiredCapabilities(proposal_types=(0xF00D,)),
        RequiredCapabilities(credential_types=(0xF00D,)),
    ],
)
def test_a_requirement_that_members_do_not_fulfil(trio: list[Person], required: RequiredCapabilities) -> None:
    alice, bob, _ = trio
    change = GroupContextExtensions(Extensions((Extension(ExtensionType.REQUIRED_CAPABILITIES, required.encode()),)))
    with lenient("7.3.1", "13.4.8"):
        draft = drafted(alice, change)
    refused("7.3.1", hearing(bob, draft.message), bob)


def test_a_requirement_counts_for_the_additions_beside_it() -> None:
    alice, bob, dave = people("alice", "bob", "dave")
    alice.founds(capabilities=knowing(0xF00D))
    bob.joins(alice.commits(bob.package(capabilities=knowing(0xF00D))).welcomes[0])
    with lenient("13.4.7"):
        draft = drafted(alice, dave.package(), GroupContextExtensions(ODD))
    refused("13.4.7", hearing(bob, draft.message), bob)
    all_hear(alice.commits(GroupContextExtensions(ODD)).message, [bob])


def test_a_group_extension_that_members_do_not_know(trio: list[Person]) -> None:
    alice, bob, _ = trio
    with lenient("13.4.7", "13.4.8"):
        draft = drafted(alice, GroupContextExtensions(ODD))
    refused("13.4.7", hearing(bob, draft.message), bob)


def test_a_credential_type_that_a_member_does_not_know() -> None:
    alice, bob, carol = people("alice", "bob", "carol")
    alice.founds()
    only_basic = bob.package(capabilities=replace(CAN, credentials=(BASIC,)))
    welcome = alice.commits(only_basic, carol.package()).welcomes[0]
    bob.joins(welcome)
    carol.joins(welcome)
    package = ForgedPackage(suite=alice.suite, credential=Credential.x509(())).build()
    refused("7.3/credential-types", hearing(carol, added(alice, package, "7.3/credential-types")), carol)


def test_a_new_member_that_does_not_know_the_types_in_use() -> None:
    alice, bob, _ = people("alice", "bob", "carol")
    alice.founds()
    bob.joins(alice.commits(bob.package()).welcomes[0])
    package = ForgedPackage(
        suite=alice.suite, credential=Credential.x509(()), capabilities=replace(CAN, credentials=(X509,))
    ).build()
    refused("7.3/credential-types", hearing(bob, added(alice, package, "7.3/credential-types")), bob)


# -- keys and signatures ------------------------------------------------------------------------------------------
@pytest.mark.parametrize("key", [b"", b"short", bytes(33), bytes(1 << 20)], ids=len)
def test_a_malformed_encryption_key(trio: list[Person], key: bytes) -> None:
    alice, bob, _ = trio
    package = ForgedPackage(suite=alice.suite, encryption_key=key).build()
    refused("7.3/encryption-key", hearing(bob, proposed(alice, Add(package))), bob, gate=False)


def test_a_bad_signature_on_the_leaf_of_an_addition(trio: list[Person]) -> None:
    alice, bob, _ = trio
    package = ForgedPackage(suite=alice.suite, leaf_as=spoiled_leaf).build()
    refused("7.3/signature", hearing(bob, proposed(alice, Add(package))), bob, kind=BadSignature)
    refused("7.3/signature", hearing(bob, drafted(alice, unchecked(package)).message), bob, kind=BadSignature)


def update_of(who: Person, **fields: object) -> LeafNodeContent:
    fresh = who.suite.generate_kem_key().public_key
    return replace(who.group.own_leaf.content, **{"encryption_key": fresh, **fields})


def test_an_update_with_a_bad_signature(trio: list[Person]) -> None:
    alice, bob, _ = trio
    leaf = update_of(alice).sign_for_update(alice.group.state.signer, alice.group.group_id, alice.group.own_index)
    message = proposed(alice, Update(respoiled(leaf)))
    refused("7.3/signature", hearing(bob, message), bob, kind=BadSignature)
    elsewhere = update_of(alice).sign_for_update(alice.group.state.signer, b"another group", alice.group.own_index)
    refused("7.3/signature", hearing(bob, proposed(alice, Update(elsewhere))), bob, kind=BadSignature)
    aside = update_of(alice).sign_for_update(alice.group.state.signer, alice.group.group_id, LeafIndex(1))
    refused("7.3/signature", hearing(bob, proposed(alice, Update(aside))), bob, kind=BadSignature)


def test_an_update_with_a_leaf_that_was_not_made_for_it(trio: list[Person]) -> None:
    alice, bob, _ = trio
    signer = alice.group.state.signer
    for leaf in (
        update_of(alice).sign_for_key_package(signer, LIFETIME),
        update_of(alice).sign_for_commit(signer, b"", group_id=alice.group.group_id, leaf=alice.group.own_index),
    ):
        refused("7.3/source-update", hearing(bob, proposed(alice, Update(leaf))), bob)


def test_an_update_that_keeps_the_encryption_key(trio: list[Person]) -> None:
    alice, bob, _ = trio
    same = update_of(alice, encryption_key=alice.group.own_leaf.encryption_key)
    leaf = same.sign_for_update(alice.group.state.signer, alice.group.group_id, alice.group.own_index)
    refused("7.3/fresh-key", hearing(bob, proposed(alice, Update(leaf))), bob)


def test_a_leaf_in_the_place_of_nobody(trio: list[Person]) -> None:
    alice, bob, _ = trio
    leaf = update_of(alice).sign_for_update(alice.group.state.signer, alice.group.group_id, LeafIndex(3))

    def replacing() -> None:
        check_replacement(bob.group.tree, LeafIndex(3), leaf, bob.config)

    refused("7.3/replaced", replacing, bob, gate=False)
    refused("7.3/replaced", lambda: own_leaf_of(bob.group.tree, LeafIndex(3)), bob, gate=False)


# -- keys that stand there already --------------------------------------------------------------------------------
def test_a_signature_key_that_another_member_has(trio: list[Person]) -> None:
    alice, bob, carol = trio
    rule = "7.3/unique-signature-key"
    package = ForgedPackage(suite=alice.suite, signer=carol.group.state.signer).build()
    refused(rule, hearing(bob, added(alice, package, rule)), bob)
    with lenient(rule):
        draft = drafted(alice, signer=carol.group.state.signer)
    refused(rule, hearing(bob, draft.message), bob)


def test_an_encryption_key_that_another_member_has(trio: list[Person]) -> None:
    alice, bob, carol = trio
    rule = "7.3/unique-encryption-key"
    package = ForgedPackage(suite=alice.suite, encryption_key=carol.group.own_leaf.encryption_key).build()
    refused(rule, hearing(bob, added(alice, package, rule, "12.4.3.1/unique-parent-key")), bob)


def test_an_update_with_the_keys_of_another(trio: list[Person]) -> None:
    alice, bob, carol = trio
    signer, group = carol.group.state.signer, alice.group
    content = update_of(alice, signature_key=signer.public_key)
    leaf = content.sign_for_update(signer, group.group_id, group.own_index)
    refused("7.3/unique-signature-key", hearing(bob, proposed(alice, Update(leaf))), bob)
    for node in (3, 4):
        here = group.tree.nodes[node] or carol.group.own_leaf
        content = update_of(alice, encryption_key=here.encryption_key)
        leaf = content.sign_for_update(group.state.signer, group.group_id, group.own_index)
        refused("7.3/unique-encryption-key", hearing(bob, proposed(alice, Update(leaf))), bob)


def test_an_encryption_key_that_a_parent_has() -> None:
    alice, bob, carol = people("alice", "bob", "carol")
    gather(alice, bob, carol)
    rule = "12.4.3.1/unique-parent-key"
    key = next(node.encryption_key for node in alice.group.tree.nodes[1::2] if node is not None)
    package = ForgedPackage(suite=alice.suite, encryption_key=key).build()
    refused(rule, hearing(bob, added(alice, package, rule)), bob)


def test_a_signature_key_that_serves_for_encryption(trio: list[Person]) -> None:
    alice, bob, carol = trio
    package = ForgedPackage(suite=alice.suite, encryption_key=carol.group.own_leaf.signature_key).build()
    refused("16.7.1", hearing(bob, added(alice, package, "16.7.1")), bob)
