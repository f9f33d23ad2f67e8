"""Welcomes that lead nowhere (RFC 9420 §12.4.3, §12.4.3.1), and what a joiner must have beside them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from aparte.mls import (
    BadSignature,
    CallerError,
    ExternalPskId,
    Group,
    LeafIndex,
    MissingPsk,
    PreSharedKey,
    PreSharedKeyId,
    PskSource,
    ResumptionPskId,
    ResumptionUsage,
    Welcome,
    decode_message,
    encode_message,
)
from aparte.mls.group_info import GroupInfo
from aparte.mls.join import _path_keys
from aparte.mls.psk import psk_secret
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.welcome import seal_group_secrets
from tests.mls_scenes import Person, gather, people
from tests.unit.mls.forge import flipped, refused
from tests.unit.mls.forge_welcome import OpenWelcome, joining

ONE, TWO = (PreSharedKeyId(ExternalPskId(name), bytes(32)) for name in (b"one", b"two"))
KNOWN = PskSource(external={b"one": b"1" * 32, b"two": b"2" * 32})

Door = tuple[Person, Person, bytes]


@pytest.fixture
def door() -> Door:
    """bob at the door, alice who invites him, and the Welcome."""
    alice, erin, bob = people("alice", "erin", "bob")
    gather(alice, erin)
    return bob, alice, alice.commits(bob.package()).welcomes[0]


def opened_by(door: Door) -> OpenWelcome:
    bob, alice, welcome = door
    return OpenWelcome.of(welcome, bob, alice)


def decoded(welcome: bytes) -> Welcome:
    message = decode_message(welcome)
    assert isinstance(message, Welcome)
    return message


# -- what does not open -------------------------------------------------------------------------------------------
def test_another_suite(door: Door) -> None:
    bob, _, welcome = door
    refused("12.4.3.1/cipher-suite", joining(bob, encode_message(replace(decoded(welcome), cipher_suite=3))))


def test_secrets_that_do_not_open(door: Door) -> None:
    bob, _, welcome = door
    whole = decoded(welcome)
    entry = whole.secrets[0]
    for changed in (
        replace(whole, secrets=(replace(entry, ciphertext=flipped(entry.ciphertext)),)),
        replace(whole, secrets=(replace(entry, kem_output=b"short"),)),
        replace(whole, encrypted_group_info=flipped(whole.encrypted_group_info)),
    ):
        refused("12.4.3.1/secrets", joining(bob, encode_message(changed)), gate=False)


def test_a_group_info_that_does_not_open(door: Door) -> None:
    bob, _, _ = door
    opened = opened_by(door)
    elsewhere = opened.with_secrets(joiner_secret=bytes(32)).welcome().encrypted_group_info
    entries = seal_group_secrets(bob.suite, [(opened.package, opened.secrets)], elsewhere)
    mixed = encode_message(Welcome(bob.suite.parameters.number, entries, elsewhere))
    refused("12.4.3.1/group-info", joining(bob, mixed), gate=False)


# -- the group info -----------------------------------------------------------------------------------------------
def test_a_group_info_of_another_kind_of_group(door: Door) -> None:
    bob, _, _ = door
    refused("12.4.3.1/version", joining(bob, opened_by(door).with_context(version=2)))
    refused("12.4.3.1/suite", joining(bob, opened_by(door).with_context(cipher_suite=3)))


def test_a_group_info_with_a_bad_signature(door: Door) -> None:
    bob, alice, _ = door
    opened = opened_by(door)
    for message in (
        opened.sealed(flipped),
        replace(opened, inviter=alice.suite.generate_signer()).sealed(),
        replace(opened, signer=LeafIndex(1)).sealed(),
    ):
        refused("12.4.3.4", joining(bob, message), kind=BadSignature, gate=False)


def test_a_group_info_signed_by_nobody(door: Door) -> None:
    bob, _, _ = door
    for leaf in (3, 4, 2**32 - 1):
        refused("12.4.3.4", joining(bob, replace(opened_by(door), signer=LeafIndex(leaf))), gate=False)


def test_a_group_that_one_is_in(door: Door) -> None:
    bob, alice, welcome = door
    refused("12.4.3.3", joining(bob, welcome, known_groups=[b"another", alice.group.group_id]))


def test_a_wrong_confirmation_tag(door: Door) -> None:
    bob, _, _ = door
    opened = opened_by(door)
    for tag in (bytes(32), b""):
        refused("12.4.3.1/confirmation-tag", joining(bob, replace(opened, tag=tag)))
    tag = GroupInfo.decode(info_of(opened)).confirmation_tag
    moved = replace(opened, tag=tag).with_context(confirmed_transcript_hash=bytes(32))
    refused("12.4.3.1/confirmation-tag", joining(bob, moved))


def info_of(opened: OpenWelcome) -> bytes:
    seen: list[bytes] = []
    opened.sealed(lambda info: (seen.append(info), info)[1])
    return seen[0]


# -- one's own place ----------------------------------------------------------------------------------------------
def test_a_tree_without_ones_own_leaf(door: Door) -> None:
    bob, _, _ = door
    opened = opened_by(door)
    bob.package()
    other = replace(opened, package=bob.packages[-1].key_package)
    refused("12.4.3.1/own-leaf", joining(bob, other), gate=False)


def test_a_group_info_signed_by_oneself(door: Door) -> None:
    bob, _, _ = door
    opened = opened_by(door)
    mine = replace(opened, signer=LeafIndex(2), inviter=bob.packages[-1].signer)
    refused("12.4.3.1/signer", joining(bob, mine))


def test_a_path_secret_of_other_keys(door: Door) -> None:
    bob, _, _ = door
    opened = opened_by(door)
    assert opened.secrets.path_secret is not None
    for secret in (bytes(32), flipped(opened.secrets.path_secret), b""):
        refused("12.4.3.1.2", joining(bob, opened.with_secrets(path_secret=secret)))


def test_a_path_secret_that_was_kept_back(door: Door) -> None:
    bob, _, _ = door
    refused("12.4.3.1/key-withheld", joining(bob, opened_by(door).with_secrets(path_secret=None)))


def test_a_path_secret_without_a_common_ancestor(door: Door) -> None:
    """In a tree that holds both leaves there is one; so this asks the function itself."""
    bob, alice, _ = door
    tree = RatchetTree(bob.suite, [alice.group.own_leaf, None, None])

    def place() -> None:
        _path_keys(tree, LeafIndex(1), LeafIndex(0), bytes(32))

    refused("12.4.3.1/path-secret", place)


# -- pre-shared keys ----------------------------------------------------------------------------------------------
@pytest.fixture
def keyed() -> tuple[Person, OpenWelcome]:
    """bob, and what he was welcomed with by a commit that mixes in two keys."""
    alice, bob = people("alice", "bob")
    alice.founds()
    draft = alice.commits(bob.package(), PreSharedKey(ONE), PreSharedKey(TWO), psks=KNOWN)
    psk = psk_secret(alice.suite, [(ONE, KNOWN.external[b"one"]), (TWO, KNOWN.external[b"two"])])
    return bob, OpenWelcome.of(draft.welcomes[0], bob, alice, psk=psk)


def test_other_keys_than_those_of_the_commit(keyed: tuple[Person, OpenWelcome]) -> None:
    """In another order, or fewer of them, they open no GroupInfo (rule 8.4.1)."""
    bob, opened = keyed
    joining(bob, opened, psks=KNOWN)()
    for ids in ((TWO, ONE), (ONE,), ()):
        sealed = opened.with_secrets(psks=ids)
        refused("12.4.3.1/group-info", joining(bob, sealed, psks=KNOWN), gate=False)
    with pytest.raises(MissingPsk):
        joining(bob, opened)()


def test_a_nonce_of_another_length(keyed: tuple[Person, OpenWelcome]) -> None:
    bob, opened = keyed
    short = replace(ONE, nonce=b"short")
    psk = psk_secret(bob.suite, [(short, KNOWN.external[b"one"])])
    changed = replace(opened.with_secrets(psks=(short,)), psk=psk)
    refused("8.4.2", joining(bob, changed, psks=KNOWN))


def test_two_links(keyed: tuple[Person, OpenWelcome]) -> None:
    bob, opened = keyed
    links = tuple(
        PreSharedKeyId(ResumptionPskId(usage, b"old", 1), bytes(32))
        for usage in (ResumptionUsage.REINIT, ResumptionUsage.BRANCH)
    )
    refused("12.4.3.1/one-link", joining(bob, opened.with_secrets(psks=links), psks=KNOWN))
    refused("12.4.3.1/one-link", joining(bob, opened.with_secrets(psks=(links[0], links[0])), psks=KNOWN))


# -- what the caller must have (§12.4.3.1) ------------------------------------------------------------------------
def test_what_is_missing(door: Door) -> None:
    bob, _, welcome = door
    with pytest.raises(CallerError, match="ratchet tree"):
        joining(bob, opened_by(door).without_tree())()
    bob.packages = []
    with pytest.raises(CallerError, match="names none"):
        joining(bob, welcome)()


def test_control(door: Door) -> None:
    bob, alice, welcome = door
    for message in (welcome, opened_by(door)):
        group = joining(bob, message)()
        assert isinstance(group, Group)
        assert group.epoch_authenticator == alice.group.epoch_authenticator
