"""Saving and loading a group (our own format, versioned), and the secrets behind a key package.

The bytes hold private keys: whoever stores them encrypts them. Keys that were used are not in them. After the
version come the fields in the order of the dataclasses, in the TLS presentation language; a `Config` is no part
of it. A version that this code does not know, or bytes that do not fit, raise `StateError`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Final, TypeVar

from aparte.codec import (
    DecodeError,
    Reader,
    encode_optional,
    encode_u8,
    encode_u16,
    encode_u32,
    encode_u64,
    encode_vector,
)
from aparte.crypto import CryptoError, KemPrivateKey, Provider, Suite, UnsupportedSuite
from aparte.mls.config import Config
from aparte.mls.echoes import NO_ECHOES, Echoes
from aparte.mls.errors import PeerError, StateError
from aparte.mls.framing import Sender
from aparte.mls.group import EpochState, Group, GroupStatus, OwnUpdate, PendingCommit, PendingProposal
from aparte.mls.group_context import GroupContext
from aparte.mls.key_package import KeyPackage, KeyPackageSecrets
from aparte.mls.key_schedule import EpochSecrets
from aparte.mls.proposals import ReInit, decode_proposal, encode_proposal
from aparte.mls.ratchet_tree import RatchetTree
from aparte.mls.ratchets import Ratchet, Ratchets
from aparte.mls.secret_tree import NO_SECRET_TREE, SecretTree
from aparte.mls.state_staged import encode_staged, read_staged
from aparte.mls.tree_math import Generation, LeafIndex, NodeIndex

__all__ = [
    "decode_group",
    "decode_key_package_secrets",
    "encode_all_but_pieces",
    "encode_group",
    "encode_key_package_secrets",
    "encode_list",
    "encode_ratchet",
    "encode_skipped",
    "guarded",
    "read_group",
    "read_items",
    "read_ratchet",
    "read_skipped",
]

_VERSION: Final = encode_u16(1)

_T = TypeVar("_T")

_TreeReader = Callable[[Suite, Reader], RatchetTree]


def encode_group(group: Group) -> bytes:
    """Everything that `decode_group` needs besides provider and configuration."""
    return _VERSION + _encode_group(group)


def decode_group(data: bytes, provider: Provider, config: Config) -> Group:
    """Raises `StateError`, or `UnsupportedSuite` if the provider cannot carry the group on."""
    return guarded(data, _VERSION, read=lambda reader: read_group(reader, provider, config))


def encode_key_package_secrets(secrets: KeyPackageSecrets) -> bytes:
    """A key package and its three private keys."""
    private = (secrets.init_key.private_key, secrets.encryption_key.private_key, secrets.signer.private_key)
    return _VERSION + encode_vector(secrets.key_package.raw) + b"".join(map(encode_vector, private))


def decode_key_package_secrets(data: bytes, provider: Provider) -> KeyPackageSecrets:
    """Raises `StateError`, or `UnsupportedSuite`."""

    def read(reader: Reader) -> KeyPackageSecrets:
        package = KeyPackage.decode(reader.vector())
        suite = provider.suite(package.cipher_suite)
        init_key, encryption_key = suite.load_kem_key(reader.vector()), suite.load_kem_key(reader.vector())
        return KeyPackageSecrets(package, init_key, encryption_key, suite.load_signer(reader.vector()))

    return guarded(data, _VERSION, read=read)


def guarded(data: bytes, version: bytes, *, read: Callable[[Reader], _T]) -> _T:
    """What `read` makes of all that follows the version; what cannot be read raises `StateError`."""
    reader = Reader(data)
    try:
        if reader.take(len(version)) != version:
            raise StateError("the state is of a version that this code does not know")
        value = read(reader)
        reader.finish()
    except (DecodeError, PeerError, ValueError) as error:
        raise StateError(f"the state is damaged: {error}") from error
    except CryptoError as error:
        if isinstance(error, UnsupportedSuite):
            raise
        raise StateError("the state holds a malformed key") from error
    return value


# -- the group ---------------------------------------------------------------------------------------------------
def encode_all_but_pieces(group: Group) -> bytes:
    """The group without its trees and echoes, which `read_group` then leaves to its caller."""
    return _encode_group(replace(group, secret_tree=NO_SECRET_TREE, sent=NO_ECHOES), tree=b"")


def _encode_group(group: Group, tree: bytes | None = None) -> bytes:
    pending = group.pending_commit
    return b"".join(
        (
            _encode_epoch(group.state, encode_vector(group.tree.encode()) if tree is None else tree),
            _encode_secret_tree(group.secret_tree),
            encode_list(_encode_pending(proposal) for proposal in group.proposals),
            encode_list(_encode_update(update) for update in group.own_updates.values()),
            encode_list(encode_vector(digest) for digest in reversed([*group.sent])),
            encode_optional(None if pending is None else _encode_commit(pending)),
        )
    )


def _read_tree(suite: Suite, reader: Reader) -> RatchetTree:
    return RatchetTree.decode(suite, reader.vector())


def read_group(reader: Reader, provider: Provider, config: Config, *, read_tree: _TreeReader = _read_tree) -> Group:
    """`read_tree` is for a group whose tree is elsewhere; the tree is compared with the group's context."""
    group = _read_without_commit(reader, provider, config, read_tree=read_tree)
    if not reader.optional():
        return group
    message = reader.vector()
    staged = read_staged(reader, lambda inner: _read_staged_group(inner, provider, config))
    return replace(group, pending_commit=PendingCommit(message, staged))


def _read_staged_group(reader: Reader, provider: Provider, config: Config) -> Group:
    """Where a commit leads to, nothing is pending: the bytes cannot nest any deeper."""
    group = _read_without_commit(reader, provider, config, read_tree=_read_tree)
    if reader.optional():
        raise StateError("a staged commit has a pending commit of its own")
    return group


def _read_without_commit(reader: Reader, provider: Provider, config: Config, *, read_tree: _TreeReader) -> Group:
    state = _read_epoch(reader, provider, config, read_tree=read_tree)
    suite = state.suite
    secret_tree = _read_secret_tree(reader)
    proposals = tuple(read_items(reader, _read_pending))
    updates = {update.encryption_key.public_key: update for update in read_items(reader, _update_reader(suite))}
    sent = Echoes.of(read_items(reader, Reader.vector))
    return Group(state, secret_tree, proposals, updates, sent=sent)


def _encode_commit(pending: PendingCommit) -> bytes:
    return encode_vector(pending.message) + encode_staged(pending.staged, _encode_group)


def _encode_pending(pending: PendingProposal) -> bytes:
    proposal = encode_vector(encode_proposal(pending.proposal))
    return encode_vector(pending.reference) + proposal + pending.sender.encode()


def _read_pending(reader: Reader) -> PendingProposal:
    return PendingProposal(reader.vector(), decode_proposal(reader.vector()), Sender.read(reader))


def _encode_update(update: OwnUpdate) -> bytes:
    return encode_vector(update.encryption_key.private_key) + encode_vector(update.signer.private_key)


def _update_reader(suite: Suite) -> Callable[[Reader], OwnUpdate]:
    return lambda reader: OwnUpdate(suite.load_kem_key(reader.vector()), suite.load_signer(reader.vector()))


# -- the epoch ---------------------------------------------------------------------------------------------------
def _encode_epoch(state: EpochState, tree: bytes) -> bytes:
    reinit = None if state.reinit is None else encode_vector(encode_proposal(state.reinit))
    return b"".join(
        (
            encode_vector(state.context.encode()),
            tree,
            b"".join(map(encode_vector, _secret_fields(state.secrets))),
            encode_vector(state.interim_transcript_hash),
            encode_vector(state.confirmation_tag),
            encode_u32(state.own),
            encode_vector(state.signer.private_key),
            encode_list(encode_u32(node) + encode_vector(key.private_key) for node, key in state.path_keys.items()),
            encode_list(encode_u64(epoch) + encode_vector(psk) for epoch, psk in state.resumption.items()),
            encode_u8(state.status.value),
            encode_optional(reinit),
        )
    )


def _read_epoch(reader: Reader, provider: Provider, config: Config, *, read_tree: _TreeReader) -> EpochState:
    context = GroupContext.decode(reader.vector())
    suite = provider.suite(context.cipher_suite)
    tree = read_tree(suite, reader)
    if tree.tree_hash() != context.tree_hash:
        raise StateError("the state's tree is not its group's")
    state = EpochState(
        suite=suite,
        config=config,
        context=context,
        tree=tree,
        secrets=EpochSecrets(*(reader.vector() for _ in range(9))),
        interim_transcript_hash=reader.vector(),
        confirmation_tag=reader.vector(),
        own=LeafIndex(reader.u32()),
        signer=suite.load_signer(reader.vector()),
        path_keys=dict(read_items(reader, _path_key_reader(suite))),
        resumption=dict(read_items(reader, lambda r: (r.u64(), r.vector()))),
        status=GroupStatus(reader.u8()),
        reinit=_read_reinit(reader),
    )
    if tree.leaf(state.own) is None:
        raise StateError("the state's member stands nowhere in its tree")
    return state


def _path_key_reader(suite: Suite) -> Callable[[Reader], tuple[NodeIndex, KemPrivateKey]]:
    return lambda reader: (NodeIndex(reader.u32()), suite.load_kem_key(reader.vector()))


def _read_reinit(reader: Reader) -> ReInit | None:
    if not reader.optional():
        return None
    proposal = decode_proposal(reader.vector())
    if not isinstance(proposal, ReInit):
        raise StateError("the state's reinit is another proposal")
    return proposal


def _secret_fields(secrets: EpochSecrets) -> tuple[bytes, ...]:
    return (
        secrets.sender_data,
        secrets.encryption,
        secrets.exporter,
        secrets.external,
        secrets.confirmation,
        secrets.membership,
        secrets.resumption,
        secrets.authenticator,
        secrets.init,
    )


# -- the secret tree ---------------------------------------------------------------------------------------------
def _encode_secret_tree(tree: SecretTree) -> bytes:
    nodes = encode_list(encode_u32(node) + encode_vector(secret) for node, secret in sorted(tree.nodes.items()))
    return nodes + encode_list(
        encode_u32(slot) + encode_ratchet(ratchet) for slot, ratchet in sorted(tree.ratchets.items())
    )


def encode_ratchet(ratchet: Ratchet) -> bytes:
    return encode_vector(ratchet.secret) + encode_u32(ratchet.generation) + encode_skipped(ratchet.skipped)


def encode_skipped(skipped: Mapping[int, tuple[bytes, bytes]]) -> bytes:
    return encode_list(
        encode_u32(generation) + encode_vector(key) + encode_vector(nonce)
        for generation, (key, nonce) in skipped.items()
    )


def _read_secret_tree(reader: Reader) -> SecretTree:
    nodes: Mapping[NodeIndex, bytes] = dict(read_items(reader, lambda r: (NodeIndex(r.u32()), r.vector())))
    return SecretTree(nodes, Ratchets.of(dict(read_items(reader, lambda r: (r.u32(), read_ratchet(r))))))


def read_ratchet(reader: Reader) -> Ratchet:
    secret, generation = reader.vector(), Generation(reader.u32())
    return Ratchet(secret, generation, read_skipped(reader))


def read_skipped(reader: Reader) -> dict[int, tuple[bytes, bytes]]:
    return dict(read_items(reader, lambda r: (r.u32(), (r.vector(), r.vector()))))


# -- lists -------------------------------------------------------------------------------------------------------
def encode_list(items: Iterable[bytes]) -> bytes:
    return encode_vector(b"".join(items))


def read_items(reader: Reader, read: Callable[[Reader], _T]) -> list[_T]:
    inner = reader.nested()
    items = []
    while inner:
        items.append(read(inner))
    return items
