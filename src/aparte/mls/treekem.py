"""TreeKEM (RFC 9420 §7.4–§7.6): new keys for a committer's path, and the secrets that others derive from it.

Two steps on either side, because path secrets are sealed under a context that contains the new tree's hash:
first the public tree is brought up to date, then secrets are sealed or opened.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from aparte.crypto import CryptoError, KemPrivateKey, Signer, Suite
from aparte.crypto.labeled import decrypt_with_label, derive_secret, labeled_context
from aparte.mls.errors import PathUndecryptable, PeerError, require
from aparte.mls.leaf_node import LeafNodeContent
from aparte.mls.parent_hash import path_parent_hashes
from aparte.mls.ratchet_tree import ParentNode, RatchetTree
from aparte.mls.tree_math import LeafIndex, NodeIndex, ancestors, is_in_subtree, node_of
from aparte.mls.update_path import HpkeCiphertexts, UpdatePath, UpdatePathNode

__all__ = [
    "FreshPath",
    "PathKeys",
    "PathReader",
    "PathSecrets",
    "create_path",
    "derive_path",
    "keys_still_valid",
    "merge_path",
    "open_path",
    "seal_path",
]

#: Private keys by node: one's own leaf's, and those of non-blank nodes above it.
PathKeys = Mapping[NodeIndex, KemPrivateKey]

_Path = Sequence[tuple[NodeIndex, NodeIndex]]


@dataclass(frozen=True, slots=True, repr=False)
class PathSecrets:
    """Path secrets from some node upwards, their key pairs, and what lies beyond the root."""

    secrets: tuple[bytes, ...]
    keys: tuple[KemPrivateKey, ...]
    commit_secret: bytes


def derive_path(suite: Suite, first: bytes, length: int) -> PathSecrets:
    """path_secret[0..length-1], their node keys, and the commit secret (§7.4)."""
    secrets, keys, secret = [], [], first
    for _ in range(length):
        secrets.append(secret)
        keys.append(suite.derive_kem_key(derive_secret(suite, secret, b"node")))
        secret = derive_secret(suite, secret, b"path")
    return PathSecrets(tuple(secrets), tuple(keys), secret)


@dataclass(frozen=True, slots=True, repr=False)
class FreshPath:
    """A committer's new path, merged into `tree` but not yet sealed to anybody."""

    tree: RatchetTree
    path: tuple[tuple[NodeIndex, NodeIndex], ...]
    secrets: PathSecrets
    leaf_key: KemPrivateKey

    def private_keys(self, leaf: LeafIndex) -> dict[NodeIndex, KemPrivateKey]:
        """What the committer at `leaf` now holds."""
        nodes = (node for node, _ in self.path)
        return {node_of(leaf): self.leaf_key, **dict(zip(nodes, self.secrets.keys, strict=True))}

    def secret_shared_with(self, leaf: LeafIndex) -> bytes:
        """The path secret of the lowest node of the path above another leaf, for its Welcome."""
        for (node, _), secret in zip(self.path, self.secrets.secrets, strict=True):
            if is_in_subtree(node_of(leaf), node):
                return secret
        raise ValueError(f"leaf {leaf} lies below no node of the path")


def create_path(
    tree: RatchetTree, leaf: LeafIndex, content: LeafNodeContent, *, signer: Signer, group_id: bytes
) -> FreshPath:
    """Fresh keys for the leaf and its filtered direct path, parent hashes chained, the leaf signed.

    `tree` has all proposals applied; `content.encryption_key` is replaced.
    """
    suite = tree.suite
    path = tree.filtered_direct_path(leaf)
    leaf_key = suite.generate_kem_key()
    secrets = derive_path(suite, suite.random(suite.parameters.hash_length), len(path))
    keys = [key.public_key for key in secrets.keys]
    parent_hashes = path_parent_hashes(tree, path, keys)
    fresh = replace(content, encryption_key=leaf_key.public_key)
    signed = fresh.sign_for_commit(signer, parent_hashes[0], group_id=group_id, leaf=leaf)
    edit = tree.edit()
    edit.blank_path(leaf)
    for (node, _), key, parent_hash in zip(path, keys, parent_hashes[1:], strict=True):
        edit.set_parent(node, ParentNode(key, parent_hash))
    edit.set_leaf(leaf, signed)
    return FreshPath(edit.build(), tuple(path), secrets, leaf_key)


def _recipients(tree: RatchetTree, beside: NodeIndex, joined: frozenset[LeafIndex]) -> list[NodeIndex]:
    """The resolution of a copath node without those who join by this very commit (rule 7.6.1)."""
    if not joined:
        return tree.resolution(beside)
    new = {node_of(leaf) for leaf in joined}
    return [node for node in tree.resolution(beside) if node not in new]


def _public_key(tree: RatchetTree, node: NodeIndex) -> bytes:
    here = tree.nodes[node]
    if here is None:
        raise ValueError(f"node {node} is blank")
    return here.encryption_key


def seal_path(fresh: FreshPath, leaf: LeafIndex, *, context: bytes, joined: frozenset[LeafIndex]) -> UpdatePath:
    """Seal each path secret to those below the copath; `context` is the provisional GroupContext, encoded."""
    tree = fresh.tree
    info = labeled_context(b"UpdatePathNode", context)
    plan = [_recipients(tree, beside, joined) for _, beside in fresh.path]
    items = [
        (_public_key(tree, node), info, b"", secret)
        for recipients, secret in zip(plan, fresh.secrets.secrets, strict=True)
        for node in recipients
    ]
    sealed = iter(tree.suite.hpke_seal_many(items))
    nodes = tuple(
        UpdatePathNode(key.public_key, HpkeCiphertexts.of([next(sealed) for _ in recipients]))
        for key, recipients in zip(fresh.secrets.keys, plan, strict=True)
    )
    own = tree.leaf(leaf)
    if own is None:
        raise ValueError("the committer's leaf is blank")
    return UpdatePath(own, nodes)


def merge_path(tree: RatchetTree, leaf: LeafIndex, update: UpdatePath, *, joined: frozenset[LeafIndex]) -> RatchetTree:
    """The tree with a received path merged. Judges all that everybody can judge.

    Raises `PeerError` 7.6.2 (lengths), 7.9.2.2 (parent hash), or 7.3/encryption-key.
    """
    path = tree.filtered_direct_path(leaf)
    require(len(path) == len(update.nodes), "7.6.2/path", "the path has not one node per filtered ancestor")
    for (_, beside), node in zip(path, update.nodes, strict=True):
        expected = len(_recipients(tree, beside, joined))
        require(node.encrypted_path_secret.count() == expected, "7.6.2", "not one ciphertext per recipient")
        _check_key(tree.suite, node.encryption_key)
    parent_hashes = path_parent_hashes(tree, path, [node.encryption_key for node in update.nodes])
    require(update.leaf_node.parent_hash == parent_hashes[0], "7.9.2.2", "the leaf's parent hash is wrong")
    edit = tree.edit()
    edit.blank_path(leaf)
    for (above, _), node, parent_hash in zip(path, update.nodes, parent_hashes[1:], strict=True):
        edit.set_parent(above, ParentNode(node.encryption_key, parent_hash))
    edit.set_leaf(leaf, update.leaf_node)
    return edit.build()


def _check_key(suite: Suite, key: bytes) -> None:
    try:
        suite.check_kem_public_key(key)
    except CryptoError as error:
        raise PeerError("7.3/encryption-key", "a path's public key is malformed") from error


@dataclass(frozen=True, slots=True, repr=False)
class PathReader:
    """The member that opens its share of a path: where it sits, what it holds, and what it was told.

    `context` is the provisional GroupContext, encoded; `joined` are those who join by the same commit.
    """

    own: LeafIndex
    keys: PathKeys
    context: bytes
    joined: frozenset[LeafIndex]


def open_path(
    tree: RatchetTree, update: UpdatePath, committer: LeafIndex, reader: PathReader
) -> tuple[dict[NodeIndex, KemPrivateKey], bytes]:
    """(my private keys on the path, commit secret). `tree` is the merged one: its copaths are as they were.

    Raises `PathUndecryptable`: my share does not open, or opens to secrets whose keys are not the path's.
    """
    suite, own_node, keys = tree.suite, node_of(reader.own), reader.keys
    path = tree.filtered_direct_path(committer)
    position = next(i for i, (_, beside) in enumerate(path) if is_in_subtree(own_node, beside))
    recipients = _recipients(tree, path[position][1], reader.joined)
    mine = [(i, node) for i, node in enumerate(recipients) if node in keys and is_in_subtree(own_node, node)]
    if not mine:
        raise PathUndecryptable(committer, "no key for any recipient")
    index, node = mine[0]
    sealed = update.nodes[position].encrypted_path_secret.item(index)
    try:
        secret = decrypt_with_label(suite, keys[node], b"UpdatePathNode", reader.context, sealed)
    except CryptoError as error:
        raise PathUndecryptable(committer, "the path secret does not open") from error
    derived = derive_path(suite, secret, len(path) - position)
    found = {}
    for (above, _), sent, key in zip(path[position:], update.nodes[position:], derived.keys, strict=True):
        if key.public_key != sent.encryption_key:
            raise PathUndecryptable(committer, f"the secret for node {above} is not its key's")
        found[above] = key
    return found, derived.commit_secret


def keys_still_valid(tree: RatchetTree, own: LeafIndex, keys: PathKeys) -> dict[NodeIndex, KemPrivateKey]:
    """Those private keys whose public halves still stand in the tree on the member's path (rule 7.5.3)."""
    kept = {}
    for node in (node_of(own), *ancestors(own, tree.leaf_count)):
        here, key = tree.nodes[node], keys.get(node)
        if key is not None and here is not None and here.encryption_key == key.public_key:
            kept[node] = key
    return kept
