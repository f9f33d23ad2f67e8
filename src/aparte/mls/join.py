"""Joining by Welcome (RFC 9420 §12.4.3.1): nothing in it is believed before the tree is proven whole."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from hmac import compare_digest

from aparte.crypto import CryptoError, KemPrivateKey, Suite
from aparte.mls.capabilities import MLS10
from aparte.mls.config import Config
from aparte.mls.errors import BadSignature, CallerError, MissingPsk, PeerError, require
from aparte.mls.extensions import ExtensionType
from aparte.mls.group import EpochState, Group
from aparte.mls.group_info import GroupInfo
from aparte.mls.key_package import KeyPackageSecrets
from aparte.mls.key_schedule import EpochSecrets, epoch_secrets, interim_transcript_hash, welcome_keys
from aparte.mls.leaf_validation import check_external_senders, check_own_support
from aparte.mls.messages import decode_message
from aparte.mls.psk import PreSharedKeyId, PskSource, ResumptionPskId, ResumptionUsage, psk_secret
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.secret_tree import SecretTree
from aparte.mls.subgroup import check_successor
from aparte.mls.tree_math import LeafIndex, NodeIndex, ancestors, is_in_subtree, node_of
from aparte.mls.tree_validation import validate_tree
from aparte.mls.treekem import derive_path
from aparte.mls.welcome import GroupSecrets, Welcome

__all__ = ["JoinOptions", "join"]


@dataclass(frozen=True, slots=True)
class JoinOptions:
    """What a joiner knows besides its key packages."""

    #: `optional<Node> ratchet_tree<V>`, if the Welcome does not carry it.
    ratchet_tree: bytes | None = None
    psks: PskSource | None = None
    #: Groups that this client is in already; a Welcome to one of them is refused.
    known_groups: Collection[bytes] = ()
    #: The group that this one branches from or follows, if it says so.
    predecessor: Group | None = None


def join(
    suite: Suite,
    config: Config,
    welcome: bytes,
    packages: Sequence[KeyPackageSecrets],
    options: JoinOptions | None = None,
) -> Group:
    """Join the group that an encoded MLSMessage with a Welcome leads to, by whichever of `packages` it names.

    The key package has served then and its init key must be deleted (unless it is a last resort's). Raises
    `DecodeError`, `PeerError` and its kinds, `MissingPsk`, or `CallerError` when it names none of the packages.
    """
    options = options or JoinOptions()
    decoded = decode_message(welcome)
    if not isinstance(decoded, Welcome):
        raise CallerError("the message is no Welcome")
    require(
        decoded.cipher_suite == suite.parameters.number,
        "12.4.3.1/cipher-suite",
        "the Welcome has another suite",
    )
    own, secrets = _open_secrets(suite, decoded, packages)
    psk = _psk_secret(suite, secrets.psks, options)
    info = decoded.open_group_info(suite, welcome_keys(suite, secrets.joiner_secret, psk))
    tree = checked_tree(suite, config, info, options.ratchet_tree)
    require(info.group_context.group_id not in options.known_groups, "12.4.3.3", "this client is in that group")
    leaf = _own_leaf(tree, own)
    check_own_support(own.key_package.leaf_node, info.group_context.extensions)
    check_successor(info.group_context, tree, secrets.psks, options.predecessor, config)
    joined = _Joined(own, leaf, secrets, psk)
    return _enter(config, tree, info, joined)


@dataclass(frozen=True, slots=True, repr=False)
class _Joined:
    """What a Welcome gave to one joiner: its place, and the secrets that the epoch starts from."""

    own: KeyPackageSecrets
    leaf: LeafIndex
    secrets: GroupSecrets
    psk_secret: bytes


def _enter(config: Config, tree: RatchetTree, info: GroupInfo, joined: _Joined) -> Group:
    suite, context, leaf = tree.suite, info.group_context, joined.leaf
    keys = _path_keys(tree, leaf, info.signer, joined.secrets.path_secret)
    epoch = epoch_secrets(suite, joined.secrets.joiner_secret, joined.psk_secret, context.encode())
    _check_confirmation(suite, info, epoch)
    state = EpochState(
        suite=suite,
        config=config,
        context=context,
        tree=tree,
        secrets=epoch.kept(),
        interim_transcript_hash=interim_transcript_hash(
            suite, context.confirmed_transcript_hash, info.confirmation_tag
        ),
        confirmation_tag=info.confirmation_tag,
        own=leaf,
        signer=joined.own.signer,
        path_keys={node_of(leaf): joined.own.encryption_key, **keys},
        resumption={},
    )
    return Group(state, SecretTree.create(epoch.encryption, tree.leaf_count))


def _open_secrets(
    suite: Suite, welcome: Welcome, packages: Sequence[KeyPackageSecrets]
) -> tuple[KeyPackageSecrets, GroupSecrets]:
    entries = welcome.by_reference()
    for own in packages:
        if own.key_package.cipher_suite == welcome.cipher_suite:
            entry = entries.get(own.key_package.reference(suite))
            if entry is not None:
                return own, welcome.open_secrets(suite, entry, own.init_key)
    raise CallerError("the Welcome names none of the given key packages")


def _psk_secret(suite: Suite, ids: Sequence[PreSharedKeyId], options: JoinOptions) -> bytes:
    linking = [psk for psk in ids if _links(psk)]
    sized = all(len(psk.nonce) == suite.parameters.hash_length for psk in ids)
    require(sized, "8.4.2", "a PSK nonce is not KDF.Nh long")
    require(len(linking) <= 1, "12.4.3.1/one-link", "the Welcome branches or reinitialises more than once")
    source = options.psks or PskSource()
    if options.predecessor is not None:
        source = options.predecessor.known_psks(source)
    elif linking:
        raise MissingPsk("the Welcome follows a group that was not given as predecessor")
    return psk_secret(suite, [(psk, source.secret(psk.key)) for psk in ids])


def _links(psk: PreSharedKeyId) -> bool:
    return isinstance(psk.key, ResumptionPskId) and psk.key.usage is not ResumptionUsage.APPLICATION


def checked_tree(suite: Suite, config: Config, info: GroupInfo, given: bytes | None) -> RatchetTree:
    """The group's tree, from the GroupInfo or beside it, with everything about it verified (§12.4.3)."""
    context = info.group_context
    require(context.version == MLS10, "12.4.3.1/version", "the group info is not of mls10")
    require(context.cipher_suite == suite.parameters.number, "12.4.3.1/suite", "the group info has another suite")
    encoded = info.extensions.get(ExtensionType.RATCHET_TREE)
    if encoded is None:
        encoded = given
    if encoded is None:
        raise CallerError("the ratchet tree is neither in the message nor given")
    tree = RatchetTree.decode(suite, encoded)
    require(compare_digest(tree.tree_hash(), context.tree_hash), "12.4.3.3.4", "the tree is not the group's")
    signer = tree.leaf(info.signer)
    if signer is None:
        raise PeerError("12.4.3.4", "the group info's signer is no member")
    try:
        suite.verify(signer.signature_key, info.signed_content(), info.signature)
    except CryptoError as error:
        raise BadSignature("12.4.3.4", "the group info's signature does not verify") from error
    validate_tree(tree, group_id=context.group_id, extensions=context.extensions, config=config)
    check_external_senders(context.extensions, config)
    return tree


def _own_leaf(tree: RatchetTree, own: KeyPackageSecrets) -> LeafIndex:
    for index, leaf in tree.leaves():
        if leaf == own.key_package.leaf_node:
            return index
    raise PeerError("12.4.3.1/own-leaf", "the key package's leaf is not in the tree")


def _path_keys(
    tree: RatchetTree, own: LeafIndex, signer: LeafIndex, path_secret: bytes | None
) -> dict[NodeIndex, KemPrivateKey]:
    """Private keys from the common ancestor with the committer upwards (rule 12.4.3.1.2), and all that are due.

    A parent that does not list the joiner as unmerged is one whose key others take for granted that it has.
    """
    keys = {} if path_secret is None else _derived_keys(tree, own, signer, path_secret)
    for node in ancestors(own, tree.leaf_count):
        here = tree.parent_node(node)
        due = here is not None and own not in here.unmerged_leaves
        require(not due or node in keys, "12.4.3.1/key-withheld", "a key that the joiner must have was not given")
    return keys


def _derived_keys(
    tree: RatchetTree, own: LeafIndex, signer: LeafIndex, path_secret: bytes
) -> dict[NodeIndex, KemPrivateKey]:
    require(own != signer, "12.4.3.1/signer", "the group info is signed by this very leaf")
    path = [node for node, _ in tree.filtered_direct_path(signer) if is_in_subtree(node_of(own), node)]
    require(path, "12.4.3.1/path-secret", "a path secret, but no common ancestor")
    keys = {}
    derived = derive_path(tree.suite, path_secret, len(path))
    for node, key in zip(path, derived.keys, strict=True):
        here = tree.parent_node(node)
        same = here is not None and here.encryption_key == key.public_key
        require(same, "12.4.3.1.2", "the path secret is not that of the node's key")
        keys[node] = key
    return keys


def _check_confirmation(suite: Suite, info: GroupInfo, epoch: EpochSecrets) -> None:
    expected = suite.mac(epoch.confirmation, info.group_context.confirmed_transcript_hash)
    require(
        compare_digest(expected, info.confirmation_tag),
        "12.4.3.1/confirmation-tag",
        "the confirmation tag is wrong",
    )
