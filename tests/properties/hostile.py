"""What a member or an inviter can do who keeps no rule but has real keys: anything, signed and sealed correctly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from aparte.codec import encode_length, encode_optional, encode_u8, encode_u16, encode_u32, encode_u64, encode_vector
from aparte.crypto import Signer, Suite, sign_with_label
from aparte.mls import (
    MLS10,
    ContentType,
    Extension,
    Extensions,
    ExtensionType,
    Group,
    GroupContext,
    KeyPackage,
    LeafIndex,
    LeafNode,
    Sender,
    WireFormat,
    encode_message,
)
from aparte.mls.framing import SIGNATURE_LABEL
from aparte.mls.group_info import sign_group_info
from aparte.mls.key_schedule import epoch_secrets, welcome_keys
from aparte.mls.private_message import seal
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.welcome import GroupSecrets, Welcome, seal_group_secrets

NO_EXTENSIONS = Extensions()
PUBLIC_HEAD = encode_u16(MLS10) + encode_u16(WireFormat.PUBLIC_MESSAGE)


def public_message(group: Group, content_type: ContentType, body: bytes, *, tag: bytes = b"") -> bytes:
    """A PublicMessage of the member whose state it is, with any body; `tag` is a commit's confirmation tag."""
    sender = Sender.member(group.own_index).encode()
    framed = b"".join(
        (
            encode_vector(group.group_id),
            encode_u64(group.epoch),
            sender,
            encode_vector(b""),
            encode_u8(content_type),
            body,
        )
    )
    context = group.context.encode()
    tbs = PUBLIC_HEAD + framed + context
    auth = encode_vector(sign_with_label(group.state.signer, SIGNATURE_LABEL, tbs))
    auth += encode_vector(tag) if content_type is ContentType.COMMIT else b""
    membership = group.suite.mac(group.state.secrets.membership, tbs + auth)
    return PUBLIC_HEAD + framed + auth + encode_vector(membership)


def private_message(group: Group, content_type: ContentType, plaintext: bytes) -> bytes:
    """A PrivateMessage with any plaintext, under the member's next key."""
    message, _ = seal(
        group.state.frame,
        group.secret_tree,
        group.own_index,
        content_type=content_type,
        authenticated_data=b"",
        plaintext=plaintext,
    )
    return message


def only_public(body: bytes) -> bool:
    """Whether a body may not be framed privately: a SelfRemove, which joiners have to be able to read."""
    return body == b"\x00\x0a"


def signed_private(group: Group, content_type: ContentType, body: bytes, *, tag: bytes = b"") -> bytes:
    """A PrivateMessage whose body is any bytes and whose signature is right."""
    tbs = group.state.frame.tbs(group.own_index, b"", content_type, body)
    auth = encode_vector(sign_with_label(group.state.signer, SIGNATURE_LABEL, tbs))
    auth += encode_vector(tag) if content_type is ContentType.COMMIT else b""
    return private_message(group, content_type, body + auth)


def encoded_tree(nodes: Sequence[bytes | None]) -> bytes:
    """`optional<Node> ratchet_tree<V>` from encoded nodes, type byte included."""
    return encode_vector(b"".join([encode_optional(node) for node in nodes]))


def leaf_node(leaf: LeafNode) -> bytes:
    return b"\x01" + leaf.encode()


def parent_node(encryption_key: bytes, parent_hash: bytes = b"", unmerged: bytes = b"") -> bytes:
    """`unmerged` is the encoded list's contents."""
    return b"\x02" + encode_vector(encryption_key) + encode_vector(parent_hash) + encode_vector(unmerged)


def group_context(suite: Suite, tree_hash: bytes, extensions: Extensions = NO_EXTENSIONS) -> GroupContext:
    return GroupContext(MLS10, suite.parameters.number, b"hostile", 1, tree_hash, bytes(32), extensions)


def group_info(
    suite: Suite,
    tree: bytes,
    *,
    signer: Signer,
    at: int,
    tree_hash: bytes | None = None,
    extensions: Extensions = NO_EXTENSIONS,
) -> bytes:
    """An encoded MLSMessage with a GroupInfo over any tree, signed by the leaf at `at`."""
    own = RatchetTree.decode(suite, tree).tree_hash() if tree_hash is None else tree_hash
    carried = (
        Extension(ExtensionType.RATCHET_TREE, tree),
        Extension(ExtensionType.EXTERNAL_PUB, encode_vector(suite.generate_kem_key().public_key)),
    )
    context = group_context(suite, own, extensions)
    info = sign_group_info(
        signer, LeafIndex(at), group_context=context, extensions=Extensions(carried), confirmation_tag=bytes(32)
    )
    return encode_message(info)


def welcome(suite: Suite, package: KeyPackage, info: bytes, *, decoys: int = 0) -> bytes:
    """A Welcome to `package` whose GroupInfo is any bytes; the confirmation tag inside is not made right."""
    joiner, none = bytes(32), bytes(suite.parameters.hash_length)
    keys = welcome_keys(suite, joiner, none)
    sealed = suite.seal(keys.key, keys.nonce, b"", info)
    entries = seal_group_secrets(suite, [(package, GroupSecrets(joiner, None, ()))], sealed)
    decoy = replace(entries[0], new_member=bytes(32))
    return encode_message(Welcome(suite.parameters.number, (decoy,) * decoys + entries, sealed))


def confirmed_welcome(suite: Suite, package: KeyPackage, tree: bytes, *, signer: Signer, at: int) -> bytes:
    """A Welcome that is right in everything but, perhaps, its tree."""
    joiner, none = bytes(32), bytes(suite.parameters.hash_length)
    context = group_context(suite, RatchetTree.decode(suite, tree).tree_hash())
    epoch = epoch_secrets(suite, joiner, none, context.encode())
    info = sign_group_info(
        signer,
        LeafIndex(at),
        group_context=context,
        extensions=Extensions((Extension(ExtensionType.RATCHET_TREE, tree),)),
        confirmation_tag=suite.mac(epoch.confirmation, context.confirmed_transcript_hash),
    )
    return welcome(suite, package, info.encode())


def claim(length: int) -> bytes:
    """A vector header with nothing behind it."""
    return encode_length(length)


def remove_by_value(leaf: int) -> bytes:
    """ProposalOrRef: a Remove."""
    return b"\x01\x00\x03" + encode_u32(leaf)
