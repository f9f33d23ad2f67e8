"""Key packages that nobody may be added by (RFC 9420 §10, §7.2, §7.3)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from aparte.mls import (
    MLS10,
    Add,
    BadSignature,
    Capabilities,
    Extension,
    Extensions,
    LeafIndex,
    LeafNode,
    LeafNodeContent,
    Lifetime,
    PeerError,
    commit,
    decode_message,
    encode_message,
    verify_key_package,
    verify_key_packages,
)
from aparte.mls.leaf_validation import MAX_LIFETIME
from tests.mls_scenes import LIFETIME, NOW, Person, person, stage
from tests.unit.mls.forge import ForgedPackage, drafted, flipped, hearing, lenient, proposed, refused, unchecked

ODD = Extensions((Extension(0xF00D, b""),))


@pytest.fixture
def pair() -> list[Person]:
    return stage("alice", "bob")


def for_an_update(content: LeafNodeContent, signer: object) -> LeafNode:
    return content.sign_for_update(signer, b"", LeafIndex(0))


def one_key_twice(forged: ForgedPackage) -> ForgedPackage:
    key = forged.suite.generate_kem_key().public_key
    return replace(forged, init_key=key, encryption_key=key)


BAD_PACKAGES: dict[str, Callable[[ForgedPackage], ForgedPackage]] = {
    "10.1/version": lambda forged: replace(forged, version=2),
    "10.1/cipher-suite": lambda forged: replace(forged, number=3),
    "10.1/keys": one_key_twice,
    "10.6": lambda forged: replace(forged, leaf_as=for_an_update),
    "10.7": lambda forged: replace(forged, extensions=ODD),
}


@pytest.mark.parametrize("rule", BAD_PACKAGES)
def test_a_bad_key_package(pair: list[Person], rule: str) -> None:
    alice, bob = pair
    package = BAD_PACKAGES[rule](ForgedPackage(suite=alice.suite)).build()
    refused(rule, lambda: verify_key_package(bob.suite, package, config=bob.config, now=NOW), gate=rule != "10.6")
    refused(rule, hearing(bob, proposed(alice, Add(package))), bob)
    with lenient(rule, "7.3/signature"):
        draft = drafted(alice, unchecked(package))
    refused(rule, hearing(bob, draft.message), bob)


def test_a_package_that_was_verified_for_another_suite(pair: list[Person]) -> None:
    alice, _ = pair
    package = person("dave", suite=0x0003).package()
    refused("10.1/cipher-suite", lambda: commit(alice.group, [package]), alice)


@pytest.mark.parametrize("key", [b"", b"short", bytes(33)])
def test_a_malformed_init_key(pair: list[Person], key: bytes) -> None:
    alice, bob = pair
    package = ForgedPackage(suite=alice.suite, init_key=key).build()
    refused("10.1", hearing(bob, proposed(alice, Add(package))), bob, gate=False)


def test_a_bad_signature(pair: list[Person]) -> None:
    alice, bob = pair
    package = ForgedPackage(suite=alice.suite, spoil=flipped).build()
    refused("10.4", hearing(bob, proposed(alice, Add(package))), bob, kind=BadSignature)
    refused("10.4", hearing(bob, drafted(alice, unchecked(package)).message), bob, kind=BadSignature)


def test_a_signature_of_another_algorithm(pair: list[Person]) -> None:
    """Every signature of a group is judged by the suite's one algorithm (rule 5.1.2.1)."""
    alice, bob = pair
    stranger = person("dave", suite=0x0002).suite.generate_signer()
    package = ForgedPackage(suite=alice.suite, signer=stranger).build()
    refused("10.4", hearing(bob, proposed(alice, Add(package))), bob, kind=BadSignature)


def test_the_first_bad_one_of_many_is_named(pair: list[Person]) -> None:
    _, bob = pair
    good, bad = ForgedPackage(suite=bob.suite).build(), ForgedPackage(suite=bob.suite, spoil=flipped).build()
    with pytest.raises(BadSignature) as caught:
        verify_key_packages(bob.suite, [good, good, bad, good], config=bob.config, now=NOW)
    assert caught.value.rule == "10.4"


def test_an_envelope_of_another_version(pair: list[Person]) -> None:
    _, bob = pair
    package = ForgedPackage(suite=bob.suite, version=MLS10 + 1).build()
    message = encode_message(package)
    refused("10.5", lambda: decode_message(message), bob)
    refused("10.5", hearing(bob, message), bob)


@pytest.mark.parametrize("now", [0, LIFETIME.not_before - 1, LIFETIME.not_after + 1, 2**64 - 1])
def test_a_package_out_of_its_time(pair: list[Person], now: int) -> None:
    _, bob = pair
    package = ForgedPackage(suite=bob.suite).build()
    refused("7.3.2", lambda: verify_key_package(bob.suite, package, config=bob.config, now=now))


@pytest.mark.parametrize("lifetime", [Lifetime(NOW, NOW + MAX_LIFETIME + 1), Lifetime(0, 2**64 - 1)])
def test_a_package_that_lives_too_long(pair: list[Person], lifetime: Lifetime) -> None:
    _, bob = pair
    package = ForgedPackage(suite=bob.suite, lifetime=lifetime).build()
    refused("7.2.6", lambda: verify_key_package(bob.suite, package, config=bob.config, now=NOW))


def test_nothing_received_is_refused_for_its_date(pair: list[Person]) -> None:
    alice, bob = pair
    old = ForgedPackage(suite=alice.suite, lifetime=Lifetime(0, 1)).build()
    assert bob.hears(proposed(alice, Add(old))).proposal == Add(old)


def test_control(pair: list[Person]) -> None:
    alice, bob = pair
    package = ForgedPackage(suite=alice.suite).build()
    verify_key_package(bob.suite, package, config=bob.config, now=NOW)
    bob.hears(alice.commits(unchecked(package)).message)
    assert bob.group.member(LeafIndex(2)) == package.leaf_node
    with pytest.raises(pytest.fail.Exception, match="DID NOT RAISE"):
        refused("10.4", hearing(bob, alice.says("a good message")), bob)
    bad = ForgedPackage(suite=alice.suite, spoil=flipped, capabilities=Capabilities()).build()
    with pytest.raises(AssertionError):
        refused("10.4", hearing(bob, proposed(alice, Add(bad))), bob)
    with pytest.raises(PeerError, match=r"\[rule 7.3/cipher-suite\]"):
        hearing(bob, proposed(alice, Add(bad)))()
