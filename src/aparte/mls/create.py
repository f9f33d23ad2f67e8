"""Creating a group (RFC 9420 §11): one member, epoch 0."""

from __future__ import annotations

from collections.abc import Iterable

from aparte.crypto import Suite
from aparte.mls.capabilities import MLS10
from aparte.mls.config import Config
from aparte.mls.errors import CallerError
from aparte.mls.extensions import Extensions
from aparte.mls.group import EpochState, Group
from aparte.mls.group_context import GroupContext
from aparte.mls.key_package import KeyPackage, KeyPackageSecrets
from aparte.mls.key_schedule import initial_secrets, interim_transcript_hash
from aparte.mls.leaf_validation import check_external_senders, check_leaf, check_own_support, verify_signatures
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.secret_tree import SecretTree
from aparte.mls.tree_math import LeafIndex, node_of
from aparte.mls.tree_validation import leaf_signatures

__all__ = ["best_cipher_suite", "create_group"]


def best_cipher_suite(supported: Iterable[int], packages: Iterable[KeyPackage]) -> int:
    """The first of `supported` (best first) that all packages' owners can do (rule 11.1).

    A downgrade shows as a key package of a worse suite than its own capabilities allow. Raises `CallerError`
    when there is no common one.
    """
    capabilities = [package.leaf_node.capabilities for package in packages]
    for number in supported:
        if all(number in can.cipher_suites and MLS10 in can.versions for can in capabilities):
            return number
    raise CallerError("the members have no cipher suite in common")


def create_group(
    suite: Suite,
    config: Config,
    own: KeyPackageSecrets,
    *,
    group_id: bytes | None = None,
    extensions: Extensions = Extensions(),
) -> Group:
    """A group of one. `own` need never have been published; `group_id` is KDF.Nh random bytes by default."""
    leaf = own.key_package.leaf_node
    tree = RatchetTree.of_one(suite, leaf)
    length = suite.parameters.hash_length
    context = GroupContext(
        version=MLS10,
        cipher_suite=suite.parameters.number,
        group_id=suite.random(length) if group_id is None else group_id,
        epoch=0,
        tree_hash=tree.tree_hash(),
        confirmed_transcript_hash=b"",
        extensions=extensions,
    )
    check_leaf(suite, leaf, extensions=extensions, config=config)
    check_own_support(leaf, extensions)
    check_external_senders(extensions, config)
    verify_signatures(suite, leaf_signatures(tree, context.group_id))
    secrets = initial_secrets(suite, suite.random(length))
    tag = suite.mac(secrets.confirmation, b"")
    state = EpochState(
        suite=suite,
        config=config,
        context=context,
        tree=tree,
        secrets=secrets.kept(),
        interim_transcript_hash=interim_transcript_hash(suite, b"", tag),
        confirmation_tag=tag,
        own=LeafIndex(0),
        signer=own.signer,
        path_keys={node_of(LeafIndex(0)): own.encryption_key},
        resumption={},
    )
    return Group(state, SecretTree.create(secrets.encryption, tree.leaf_count))
