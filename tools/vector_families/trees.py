"""tree-math, tree-operations, tree-validation, treekem."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from aparte.crypto import KemPrivateKey, Suite
from aparte.crypto.labeled import derive_secret
from aparte.mls import tree_math as math
from aparte.mls.group_context import GroupContext
from aparte.mls.leaf_validation import check_unique_keys, verify_signatures
from aparte.mls.parent_hash import verify_parent_hashes
from aparte.mls.proposals import Add, Remove, Update, decode_proposal
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.tree_math import LeafIndex, NodeIndex, node_of
from aparte.mls.tree_validation import check_unmerged_leaves, leaf_signatures
from aparte.mls.treekem import PathReader, create_path, merge_path, open_path, seal_path
from aparte.mls.update_path import UpdatePath
from tools.vector_families.expect import equal, raw

Case = dict[str, Any]


def tree_math(_suite: Suite, case: Case) -> None:
    leaves = case["n_leaves"]
    equal(math.node_count(leaves), case["n_nodes"], "node count")
    equal(math.root(leaves), case["root"], "root")
    for index in range(case["n_nodes"]):
        node = NodeIndex(index)
        equal(_or_none(lambda n=node: math.left(n)), case["left"][index], f"left({index})")
        equal(_or_none(lambda n=node: math.right(n)), case["right"][index], f"right({index})")
        equal(_or_none(lambda n=node: math.parent(n, leaves)), case["parent"][index], f"parent({index})")
        equal(_or_none(lambda n=node: math.sibling(n, leaves)), case["sibling"][index], f"sibling({index})")


def _or_none(call: Callable[[], int]) -> int | None:
    try:
        return call()
    except ValueError:
        return None


def tree_operations(suite: Suite, case: Case) -> None:
    tree = RatchetTree.decode(suite, raw(case["tree_before"]))
    equal(tree.encode(), raw(case["tree_before"]), "tree re-encoded")
    equal(tree.tree_hash(), raw(case["tree_hash_before"]), "tree hash before")
    proposal, edit = decode_proposal(raw(case["proposal"])), tree.edit()
    match proposal:
        case Add(package):
            edit.add(package.leaf_node)
        case Update(leaf):
            edit.update(LeafIndex(case["proposal_sender"]), leaf)
        case Remove(removed):
            edit.remove(removed)
            edit.truncate()
        case _:
            raise ValueError(f"{proposal} changes no tree")
    after = edit.build()
    equal(after.encode(), raw(case["tree_after"]), "tree after")
    equal(after.tree_hash(), raw(case["tree_hash_after"]), "tree hash after")


def tree_validation(suite: Suite, case: Case) -> None:
    tree = RatchetTree.decode(suite, raw(case["tree"]))
    equal(tree.encode(), raw(case["tree"]), "tree re-encoded")
    for index, resolution in enumerate(case["resolutions"]):
        equal(tree.resolution(NodeIndex(index)), resolution, f"resolution of {index}")
    for index, expected in enumerate(case["tree_hashes"]):
        equal(tree.tree_hash(NodeIndex(index)), raw(expected), f"tree hash of {index}")
    verify_parent_hashes(tree)
    check_unmerged_leaves(tree)
    check_unique_keys(tree)
    verify_signatures(suite, leaf_signatures(tree, raw(case["group_id"])))


@dataclass(frozen=True)
class _Member:
    index: LeafIndex
    keys: dict[NodeIndex, KemPrivateKey]
    signature_private: bytes


def treekem(suite: Suite, case: Case) -> None:
    tree = RatchetTree.decode(suite, raw(case["ratchet_tree"]))
    members = {it["index"]: _member(suite, tree, it) for it in case["leaves_private"]}
    context = GroupContext(
        version=1,
        cipher_suite=case["cipher_suite"],
        group_id=raw(case["group_id"]),
        epoch=case["epoch"],
        tree_hash=tree.tree_hash(),
        confirmed_transcript_hash=raw(case["confirmed_transcript_hash"]),
    )
    for it in case["update_paths"]:
        sender = LeafIndex(it["sender"])
        update = UpdatePath.decode(raw(it["update_path"]))
        equal(update.encode(), raw(it["update_path"]), "update path re-encoded")
        merged = merge_path(tree, sender, update, joined=frozenset())
        equal(merged.tree_hash(), raw(it["tree_hash_after"]), "tree hash after")
        expected = raw(it["commit_secret"])
        encoded = _with_tree(context, merged)
        for index, member in members.items():
            if index != sender:
                keys, secret = _open(merged, update, sender, member, encoded)
                equal(secret, expected, f"commit secret for leaf {index}")
                equal(_node_key(suite, raw(it["path_secrets"][index])), _lowest(keys), "path secret")
        _own_path(tree, members, sender, context)


def _member(suite: Suite, tree: RatchetTree, it: Case) -> _Member:
    index = LeafIndex(it["index"])
    keys = {node_of(index): suite.load_kem_key(raw(it["encryption_priv"]))}
    for step in it["path_secrets"]:
        secret = derive_secret(suite, raw(step["path_secret"]), b"node")
        keys[NodeIndex(step["node"])] = suite.derive_kem_key(secret)
    for node, key in keys.items():
        here = tree.nodes[node]
        equal(None if here is None else here.encryption_key, key.public_key, f"key of node {node}")
    return _Member(index, keys, raw(it["signature_priv"]))


def _with_tree(context: GroupContext, tree: RatchetTree) -> bytes:
    return GroupContext(
        context.version,
        context.cipher_suite,
        context.group_id,
        context.epoch,
        tree.tree_hash(),
        context.confirmed_transcript_hash,
    ).encode()


def _open(
    tree: RatchetTree, update: UpdatePath, sender: LeafIndex, member: _Member, context: bytes
) -> tuple[dict[NodeIndex, KemPrivateKey], bytes]:
    return open_path(tree, update, sender, PathReader(member.index, member.keys, context, frozenset()))


def _node_key(suite: Suite, path_secret: bytes) -> bytes:
    return suite.derive_kem_key(derive_secret(suite, path_secret, b"node")).public_key


def _lowest(keys: dict[NodeIndex, KemPrivateKey]) -> bytes:
    return keys[min(keys, key=math.level)].public_key


def _own_path(tree: RatchetTree, members: dict[int, _Member], sender: LeafIndex, context: GroupContext) -> None:
    """A new path of one's own, which everybody else must be able to open."""
    suite, leaf = tree.suite, tree.leaf(sender)
    if leaf is None:
        raise ValueError("the sender's leaf is blank")
    signer = suite.load_signer(members[sender].signature_private)
    fresh = create_path(tree, sender, leaf.content, signer=signer, group_id=context.group_id)
    encoded = _with_tree(context, fresh.tree)
    update = seal_path(fresh, sender, context=encoded, joined=frozenset())
    merged = merge_path(tree, sender, update, joined=frozenset())
    equal(merged.tree_hash(), fresh.tree.tree_hash(), "tree hash of a path of one's own")
    for index, member in members.items():
        if index != sender:
            _, secret = _open(merged, update, sender, member, encoded)
            equal(secret, fresh.secrets.commit_secret, f"commit secret for leaf {index}, own path")
