"""Leaf and key package validation (RFC 9420 §7.3, §10.1, §13.4): what everybody judges alike, without a clock.

Lifetimes are judged by one function only, `verify_key_package`, which whoever picks a key package calls
before committing it; nothing received in a group is refused for its dates.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from aparte.crypto import CryptoError, InvalidSignature, Suite
from aparte.mls.capabilities import MLS10
from aparte.mls.config import Config
from aparte.mls.errors import BadSignature, PeerError, require
from aparte.mls.extensions import Extensions
from aparte.mls.grease import without_grease
from aparte.mls.key_package import KeyPackage
from aparte.mls.leaf_node import LeafNode, LeafNodeSource
from aparte.mls.ratchet_tree import ParentNode, RatchetTree
from aparte.mls.tree_math import LeafIndex

__all__ = [
    "MAX_LIFETIME",
    "SignatureCheck",
    "VerifiedKeyPackage",
    "check_external_senders",
    "check_key_package",
    "check_leaf",
    "check_members",
    "check_new_keys",
    "check_own_support",
    "check_unique_keys",
    "own_leaf_of",
    "verify_key_package",
    "verify_key_packages",
    "verify_signatures",
]

#: Longest acceptable lifetime of a picked key package, in seconds: a year (rule 7.2.6).
MAX_LIFETIME = 366 * 24 * 3600

#: (public key, signed content, signature, rule): collected while validating, verified in bulk at the end.
SignatureCheck = tuple[bytes, bytes, bytes, str]


def verify_signatures(suite: Suite, checks: Sequence[SignatureCheck]) -> None:
    """Raise `BadSignature`, with the rule of the first check that fails."""
    try:
        suite.verify_many([check[:3] for check in checks])
    except InvalidSignature as error:
        raise BadSignature(checks[error.index][3], "a signature does not verify") from error


def check_leaf(suite: Suite, leaf: LeafNode, *, extensions: Extensions, config: Config) -> None:
    """All of §7.3 that concerns one leaf alone, but for its signature; `extensions` are the group's."""
    can = leaf.capabilities
    require(MLS10 in can.versions, "7.3/version", "the leaf does not support mls10")
    require(
        suite.parameters.number in can.cipher_suites,
        "7.3/cipher-suite",
        "the leaf does not support the suite",
    )
    if leaf.extensions.items:
        known = can.supports_extensions(leaf.extensions.types())
        require(known, "7.2.3", "a leaf extension is not in its capabilities")
    kind = leaf.credential.credential_type
    require(kind in can.credentials, "7.2.4", "the credential type is not in the leaf's capabilities")
    check_supports_group(leaf, extensions)
    try:
        suite.check_kem_public_key(leaf.encryption_key)
    except CryptoError as error:
        raise PeerError("7.3/encryption-key", "the leaf's encryption key is malformed") from error
    require(config.authenticate(leaf.credential, leaf.signature_key), "5.3.1.1", "the credential is not accepted")


def check_supports_group(leaf: LeafNode, extensions: Extensions) -> None:
    """Whether a leaf's capabilities cover what the group requires and uses (rules 7.3.1, 13.4.7)."""
    if not extensions.items:
        return
    can = leaf.capabilities
    require(can.satisfies(extensions.required_capabilities()), "7.3.1", "a required capability is missing")
    known = can.supports_extensions(extensions.types())
    require(known, "13.4.7", "a group context extension is unsupported")


def check_own_support(own: LeafNode, extensions: Extensions) -> None:
    """Rule 13.4.8: may this client itself be in such a group? The GREASE in its leaf is for others (§13.5)."""
    if extensions.items:
        can = without_grease(own.capabilities)
        known = can.supports_extensions(extensions.types()) and can.satisfies(extensions.required_capabilities())
        require(known, "13.4.8", "the group uses or requires what this client does not support")


def own_leaf_of(tree: RatchetTree, own: LeafIndex) -> LeafNode:
    """One's own leaf in a tree that one is to be part of."""
    leaf = tree.leaf(own)
    if leaf is None:
        raise PeerError("7.3/replaced", "there is no leaf of one's own")
    return leaf


def check_external_senders(extensions: Extensions, config: Config) -> None:
    """Rule 5.3.1.1 for those whom a group lets propose from outside. Raises `DecodeError`, too."""
    for outsider in extensions.external_senders():
        accepted = config.authenticate(outsider.credential, outsider.signature_key)
        require(accepted, "5.3.1.1", "an external sender's credential is not accepted")


def check_key_package(
    suite: Suite, package: KeyPackage, *, extensions: Extensions, config: Config
) -> list[SignatureCheck]:
    """§10.1 without the dates; the two signatures are left to the caller, to be verified in bulk."""
    require(package.version == MLS10, "10.1/version", "the key package is not for mls10")
    require(
        package.cipher_suite == suite.parameters.number,
        "10.1/cipher-suite",
        "the key package has another suite",
    )
    leaf = package.leaf_node
    require(leaf.source is LeafNodeSource.KEY_PACKAGE, "10.6", "the leaf was not made for a key package")
    require(package.init_key != leaf.encryption_key, "10.1/keys", "init key and encryption key are the same")
    known = leaf.capabilities.supports_extensions(package.extensions.types())
    require(known, "10.7", "a key package extension is not in the capabilities")
    check_leaf(suite, leaf, extensions=extensions, config=config)
    try:
        suite.check_kem_public_key(package.init_key)
    except CryptoError as error:
        raise PeerError("10.1", "the init key is malformed") from error
    return [
        (leaf.signature_key, package.signed_content(), package.signature, "10.4"),
        (leaf.signature_key, leaf.signed_content(b"", LeafIndex(0)), leaf.signature, "7.3/signature"),
    ]


@dataclass(frozen=True, slots=True)
class VerifiedKeyPackage:
    """Made by `verify_key_package` alone; what `commit` and `propose` take for an Add."""

    key_package: KeyPackage


def verify_key_package(
    suite: Suite, package: KeyPackage, *, config: Config, now: int, max_lifetime: int = MAX_LIFETIME
) -> VerifiedKeyPackage:
    """Judge a key package that one is about to use; `now` in seconds since the Unix epoch.

    Raises `PeerError` (7.3.2 if it is not yet or no longer valid, 7.2.6 if it lives too long) or `BadSignature`.
    """
    return verify_key_packages(suite, [package], config=config, now=now, max_lifetime=max_lifetime)[0]


def verify_key_packages(
    suite: Suite, packages: Sequence[KeyPackage], *, config: Config, now: int, max_lifetime: int = MAX_LIFETIME
) -> list[VerifiedKeyPackage]:
    """`verify_key_package` for many, their signatures verified together; all or none."""
    checks: list[SignatureCheck] = []
    for package in packages:
        checks += _check_picked(suite, package, config=config, now=now, max_lifetime=max_lifetime)
    verify_signatures(suite, checks)
    return [VerifiedKeyPackage(package) for package in packages]


def _check_picked(
    suite: Suite, package: KeyPackage, *, config: Config, now: int, max_lifetime: int
) -> list[SignatureCheck]:
    checks = check_key_package(suite, package, extensions=Extensions(), config=config)
    lifetime = package.leaf_node.lifetime
    if lifetime is None:
        raise PeerError("10.6", "the leaf has no lifetime")
    require(lifetime.not_after - lifetime.not_before <= max_lifetime, "7.2.6", "the lifetime is too long")
    require(lifetime.covers(now), "7.3.2", "the key package is not valid now")
    return checks


def check_members(tree: RatchetTree, changed: Iterable[LeafNode]) -> None:
    """Every credential type in use must be understood by every member (§7.3).

    Only what `changed` brings in is compared with all others. Capabilities are interned, so a group has few
    distinct ones and this is one pass over the leaves.
    """
    new = list(changed)
    kinds = {leaf.credential.credential_type for leaf in new}
    if not new:
        return
    distinct = {id(leaf.capabilities): leaf.capabilities for _, leaf in tree.leaves()}
    for can in distinct.values():
        require(kinds.issubset(can.credentials), "7.3/credential-types", "a credential type is not known to all")
    in_use = {leaf.credential.credential_type for _, leaf in tree.leaves()}
    for leaf in new:
        understood = in_use.issubset(leaf.capabilities.credentials)
        require(understood, "7.3/credential-types", "a new leaf does not know the credential types in use")


def check_new_keys(tree: RatchetTree, leaf: LeafNode, *, instead_of: LeafIndex | None) -> None:
    """Whether a proposed leaf's keys are nobody else's now; `instead_of` is the leaf that it would replace."""
    for index, other in tree.leaves():
        apart = index == instead_of or leaf.signature_key != other.signature_key
        require(apart, "7.3/unique-signature-key", "the signature key is another member's")
    taken = any(node is not None and node.encryption_key == leaf.encryption_key for node in tree.nodes)
    require(not taken, "7.3/unique-encryption-key", "the encryption key stands in the tree")


def check_unique_keys(tree: RatchetTree) -> None:
    """Signature keys among leaves, encryption keys among all nodes, stand once each, and never for each other."""
    leaves = [leaf for _, leaf in tree.leaves()]
    signature_keys = {leaf.signature_key for leaf in leaves}
    require(len(signature_keys) == len(leaves), "7.3/unique-signature-key", "two leaves share a signature key")
    encryption_keys = {leaf.encryption_key for leaf in leaves}
    require(len(encryption_keys) == len(leaves), "7.3/unique-encryption-key", "two leaves share an encryption key")
    parents = [node.encryption_key for node in tree.nodes[1::2] if isinstance(node, ParentNode)]
    together = encryption_keys.union(parents)
    unique = len(together) == len(leaves) + len(parents)
    require(unique, "12.4.3.1/unique-parent-key", "two nodes share an encryption key")
    require(together.isdisjoint(signature_keys), "16.7.1", "one key serves for encryption and for signatures")
