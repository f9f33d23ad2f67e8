"""Strategies for every structure on the wire, and how each is written and read."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from hypothesis import strategies as st

from aparte.codec import Reader, encode_u8, encode_u16, encode_u32, encode_u64, encode_vector
from aparte.crypto.native import NativeProvider
from aparte.mls import (
    Add,
    Capabilities,
    Credential,
    Extension,
    Extensions,
    ExternalInit,
    ExternalPskId,
    ExternalSender,
    GroupContext,
    GroupContextExtensions,
    GroupInfo,
    KeyPackage,
    LeafNode,
    LeafNodeSource,
    Lifetime,
    PreSharedKey,
    PreSharedKeyId,
    PrivateMessage,
    PublicMessage,
    ReInit,
    Remove,
    RequiredCapabilities,
    ResumptionPskId,
    ResumptionUsage,
    SelfRemove,
    Sender,
    SenderType,
    Update,
    Welcome,
    WireFormat,
    decode_message,
    encode_message,
)
from aparte.mls.commits import Commit, ProposalRef
from aparte.mls.framing import AuthenticatedContent, ContentType, FramedContent, frame
from aparte.mls.proposals import decode_proposal, encode_proposal
from aparte.mls.ratchet_tree import ParentNode, RatchetTree
from aparte.mls.update_path import HpkeCiphertexts, UpdatePath, UpdatePathNode
from aparte.mls.welcome import EncryptedGroupSecrets, GroupSecrets

SUITE = NativeProvider().suite(0x0001)

# -- atoms --------------------------------------------------------------------------------------------------------
opaque = st.one_of(st.binary(max_size=40), st.sampled_from([bytes(63), bytes(64), bytes(300)]))
u16 = st.one_of(st.sampled_from([0, 1, 0x0A0A, 0xFFFF]), st.integers(0, 0xFFFF))
u32 = st.one_of(st.sampled_from([0, 1, 2**32 - 1]), st.integers(0, 2**32 - 1))
u64 = st.one_of(st.sampled_from([0, 1, 2**64 - 1]), st.integers(0, 2**64 - 1))
numbers = st.lists(u16, max_size=6).map(tuple)


def several(items: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(items, max_size=most).map(tuple)


# -- small structures ---------------------------------------------------------------------------------------------
unknown_credentials = st.builds(Credential, u16.filter(lambda kind: kind != 2), opaque)
credentials = st.one_of(unknown_credentials, several(opaque).map(Credential.x509), opaque.map(Credential.basic))
capabilities = st.builds(Capabilities, numbers, numbers, numbers, numbers, numbers)
extension_lists = st.lists(st.builds(Extension, u16, opaque), max_size=4, unique_by=lambda item: item.extension_type)
extensions = extension_lists.map(Extensions.of)
required = st.builds(RequiredCapabilities, numbers, numbers, numbers)
external_senders = several(st.builds(ExternalSender, opaque, credentials))
psk_keys = st.one_of(
    st.builds(ExternalPskId, opaque), st.builds(ResumptionPskId, st.sampled_from(ResumptionUsage), opaque, u64)
)
psks = st.builds(PreSharedKeyId, psk_keys, opaque)
senders = st.one_of(
    st.builds(Sender, st.sampled_from([SenderType.MEMBER, SenderType.EXTERNAL]), u32),
    st.builds(Sender, st.sampled_from([SenderType.NEW_MEMBER_COMMIT, SenderType.NEW_MEMBER_PROPOSAL])),
)
contexts = st.builds(GroupContext, u16, u16, opaque, u64, opaque, opaque, extensions)


# -- what keeps its own bytes: written out here, field by field ---------------------------------------------------
@st.composite
def leaf_nodes(draw: st.DrawFn) -> LeafNode:
    encryption_key, signature_key = draw(opaque), draw(opaque)
    credential, can, items = draw(credentials), draw(capabilities), draw(extensions)
    source, lifetime, parent_hash = draw(st.sampled_from(LeafNodeSource)), None, b""
    head = encode_vector(encryption_key) + encode_vector(signature_key) + credential.encode() + can.encode()
    head += encode_u8(source)
    if source is LeafNodeSource.KEY_PACKAGE:
        lifetime = Lifetime(draw(u64), draw(u64))
        head += encode_u64(lifetime.not_before) + encode_u64(lifetime.not_after)
    elif source is LeafNodeSource.COMMIT:
        parent_hash = draw(opaque)
        head += encode_vector(parent_hash)
    head += items.encode()
    signature = draw(opaque)
    return LeafNode(
        head + encode_vector(signature), encryption_key, signature_key, credential, can, source,
        lifetime, parent_hash, items, signature, len(head),
    )  # fmt: skip


@st.composite
def key_packages(draw: st.DrawFn, version: int | None = None) -> KeyPackage:
    version = draw(u16) if version is None else version
    suite, init_key, leaf, items = draw(u16), draw(opaque), draw(leaf_nodes()), draw(extensions)
    head = encode_u16(version) + encode_u16(suite) + encode_vector(init_key) + leaf.raw + items.encode()
    signature = draw(opaque)
    return KeyPackage(head + encode_vector(signature), version, suite, init_key, leaf, items, signature, len(head))


@st.composite
def group_infos(draw: st.DrawFn) -> GroupInfo:
    context, items, tag, signer = draw(contexts), draw(extensions), draw(opaque), draw(u32)
    head = context.encode() + items.encode() + encode_vector(tag) + encode_u32(signer)
    signature = draw(opaque)
    return GroupInfo(head + encode_vector(signature), context, items, tag, signer, signature, len(head))


# -- proposals, commits, messages ---------------------------------------------------------------------------------
proposals = st.one_of(
    st.builds(Add, key_packages()),
    st.builds(Update, leaf_nodes()),
    st.builds(Remove, u32),
    st.builds(PreSharedKey, psks),
    st.builds(ReInit, opaque, u16, u16, extensions),
    st.builds(ExternalInit, opaque),
    st.builds(GroupContextExtensions, extensions),
    st.just(SelfRemove()),
)
ciphertexts = several(st.tuples(opaque, opaque)).map(HpkeCiphertexts.of)
paths = st.builds(UpdatePath, leaf_nodes(), several(st.builds(UpdatePathNode, opaque, ciphertexts)))
commits = st.builds(Commit, several(st.one_of(proposals, st.builds(ProposalRef, opaque)), 3), st.none() | paths)


@st.composite
def contents(draw: st.DrawFn) -> FramedContent:
    body = draw(st.one_of(opaque, proposals, commits))
    return frame(draw(opaque), draw(u64), draw(senders), body, authenticated_data=draw(opaque))


@st.composite
def authenticated(draw: st.DrawFn, *wire: WireFormat) -> AuthenticatedContent:
    content = draw(contents())
    tag = draw(opaque) if content.content_type is ContentType.COMMIT else None
    return AuthenticatedContent(draw(st.sampled_from(wire)), content, draw(opaque), tag)


@st.composite
def public_messages(draw: st.DrawFn) -> PublicMessage:
    said = draw(authenticated(WireFormat.PUBLIC_MESSAGE))
    member = said.content.sender.sender_type is SenderType.MEMBER
    return PublicMessage(said, draw(opaque) if member else None)


@st.composite
def private_messages(draw: st.DrawFn) -> PrivateMessage:
    group_id, epoch, kind = draw(opaque), draw(u64), draw(st.sampled_from(ContentType))
    head = encode_vector(group_id) + encode_u64(epoch) + encode_u8(kind)
    return PrivateMessage(group_id, epoch, kind, draw(opaque), draw(opaque), draw(opaque), head)


group_secrets = st.builds(GroupSecrets, opaque, st.none() | opaque, several(psks))
welcomes = st.builds(Welcome, u16, several(st.builds(EncryptedGroupSecrets, opaque, opaque, opaque)), opaque)
messages = st.one_of(public_messages(), private_messages(), welcomes, group_infos(), key_packages(version=1))
parents = st.builds(ParentNode, opaque, opaque, st.lists(u32, max_size=6, unique=True).map(sorted).map(tuple))


@st.composite
def trees(draw: st.DrawFn) -> RatchetTree:
    width = draw(st.sampled_from([1, 2, 4, 8]))
    nodes = [draw(st.none() | (parents if index % 2 else leaf_nodes())) for index in range(2 * width - 1)]
    last = 2 * draw(st.integers(width // 2, width - 1))
    nodes[last] = draw(leaf_nodes())
    return RatchetTree(SUITE, nodes[: last + 1] + [None] * (len(nodes) - last - 1))


# -- the table ----------------------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Structure:
    """How values are made, written, and read back from bytes that they fill."""

    values: st.SearchStrategy[Any]
    encode: Callable[[Any], bytes]
    decode: Callable[[bytes], Any]


def whole(read: Callable[[Reader], Any]) -> Callable[[bytes], Any]:
    """A decoder from a reader that stops where its structure ends."""

    def decode(data: bytes) -> Any:
        reader = Reader(data)
        value = read(reader)
        reader.finish()
        return value

    return decode


def encode(value: Any) -> bytes:
    return bytes(value.encode())


def decode_tree(data: bytes) -> RatchetTree:
    return RatchetTree.decode(SUITE, data)


STRUCTURES = {
    "Credential": Structure(credentials, encode, whole(Credential.read)),
    "Capabilities": Structure(capabilities, encode, whole(Capabilities.read)),
    "Extensions": Structure(extensions, encode, Extensions.decode),
    "RequiredCapabilities": Structure(required, encode, RequiredCapabilities.decode),
    "ExternalSender": Structure(external_senders, ExternalSender.encode_list, ExternalSender.decode_list),
    "PreSharedKeyID": Structure(psks, encode, whole(PreSharedKeyId.read)),
    "Sender": Structure(senders, encode, whole(Sender.read)),
    "GroupContext": Structure(contexts, encode, GroupContext.decode),
    "LeafNode": Structure(leaf_nodes(), encode, LeafNode.decode),
    "KeyPackage": Structure(key_packages(), encode, KeyPackage.decode),
    "GroupInfo": Structure(group_infos(), encode, GroupInfo.decode),
    "Proposal": Structure(proposals, encode_proposal, decode_proposal),
    "UpdatePath": Structure(paths, encode, UpdatePath.decode),
    "Commit": Structure(commits, encode, Commit.decode),
    "FramedContent": Structure(contents(), lambda content: content.raw, whole(FramedContent.read)),
    "AuthenticatedContent": Structure(
        authenticated(WireFormat.PUBLIC_MESSAGE, WireFormat.PRIVATE_MESSAGE), encode, AuthenticatedContent.decode
    ),
    "PublicMessage": Structure(public_messages(), encode, whole(PublicMessage.read)),
    "PrivateMessage": Structure(private_messages(), encode, whole(PrivateMessage.read)),
    "GroupSecrets": Structure(group_secrets, encode, GroupSecrets.decode),
    "Welcome": Structure(welcomes, encode, Welcome.decode),
    "ParentNode": Structure(parents, encode, whole(ParentNode.read)),
    "RatchetTree": Structure(trees(), encode, decode_tree),
    "MLSMessage": Structure(messages, encode_message, decode_message),
}
