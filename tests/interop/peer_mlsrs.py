"""mls-rs through its UniFFI module `mls_rs_uniffi`: cipher suite 1, PublicMessage handshakes, no options."""

# ruff: noqa: ARG002 -- the Protocols' parameters, where mls-rs has no use for them

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

from tests.interop.peer_api import (
    Activity,
    Add,
    Committed,
    Extension,
    GroupFacts,
    PeerClient,
    PeerError,
    PeerGroup,
    ProposalSpec,
    Proposed,
    Received,
    Remove,
    SeenProposal,
    Started,
    Unsupported,
)

T = TypeVar("T")
EXTERNAL_PROPOSERS = {2, 3}  # SenderType external, new_member_proposal (RFC 9420 §6)


def _unsupported(what: str) -> NoReturn:
    raise Unsupported(f"mls-rs: its Python surface has no {what}")


class MlsRsPeer:
    """The library; raises ImportError where its wheel is not installed."""

    name = "mls-rs"
    suites = frozenset({1})

    def __init__(self) -> None:
        self.library: Any = importlib.import_module("mls_rs_uniffi")

    def client(self, suite: int, identity: bytes, *, tree_in_welcome: bool = True) -> MlsRsClient:
        if suite not in self.suites:
            _unsupported(f"cipher suite {suite}")
        return MlsRsClient(self, identity, tree_in_welcome=tree_in_welcome)

    def stop(self) -> None:
        """Nothing to stop: the library runs in this process."""

    def run(self, step: Callable[..., T], *arguments: object) -> T:
        try:
            return step(*arguments)
        except (self.library.Error, self.library.InternalError) as error:
            text = str(error).removeprefix("A mls-rs error occurred: ")
            raise PeerError(self.name, type(error).__name__, text) from error

    def message(self, data: bytes) -> Any:
        return self.run(self.library.Message.from_bytes, data)

    def identity(self, identity: bytes) -> Any:
        """A SigningIdentity with this name. mls-rs looks members up by the identity alone, so that
        one with any other key names a member of another library too."""
        return MlsRsClient(self, identity).handle.signing_identity()


@dataclass(frozen=True, slots=True)
class Stored:
    """A group as mls-rs writes it: its state, and its past epochs by number."""

    group_id: bytes
    state: bytes
    epochs: tuple[tuple[int, bytes], ...]


class Home:
    """A library client with a storage of its own. A copy of a group lives in another home than the group."""

    def __init__(self, peer: MlsRsPeer, identity: bytes, keys: Any, *, tree_in_welcome: bool) -> None:
        self.peer = peer
        self.identity = identity
        self.keys = keys
        self.tree_in_welcome = tree_in_welcome
        self.storage: Any = peer.library.client_config_default().group_state_storage
        config = peer.library.ClientConfig(group_state_storage=self.storage, use_ratchet_tree_extension=tree_in_welcome)
        self.client: Any = peer.library.Client(identity, keys, config)

    def read(self, group_id: bytes) -> Stored:
        epochs = []
        number = self.storage.max_epoch_id(group_id)
        while number is not None and (data := self.storage.epoch(group_id, number)) is not None:
            epochs.append((number, bytes(data)))
            number = number - 1 if number > 0 else None
        return Stored(group_id, bytes(self.storage.state(group_id)), tuple(reversed(epochs)))

    def copy(self, stored: Stored) -> tuple[Home, Any]:
        """Another home with this group in it, and the group's handle."""
        home = Home(self.peer, self.identity, self.keys, tree_in_welcome=self.tree_in_welcome)
        records = [self.peer.library.EpochRecord(id=number, data=data) for number, data in stored.epochs]
        self.peer.run(home.storage.write, stored.group_id, stored.state, records, [])
        return home, self.peer.run(home.client.load_group, stored.group_id)


class MlsRsClient:
    def __init__(self, peer: MlsRsPeer, identity: bytes, *, tree_in_welcome: bool = True) -> None:
        self.peer = peer
        self.suite = 1
        self.identity = identity
        self.tree_in_welcome = tree_in_welcome
        keys = peer.library.generate_signature_keypair(peer.library.CipherSuite.CURVE25519_AES128)
        self.signature_key = bytes(keys.public_key.bytes)
        self.home = Home(peer, identity, keys, tree_in_welcome=tree_in_welcome)
        self.handle: Any = self.home.client

    def key_package(
        self,
        *,
        lifetime: tuple[int, int] | None = None,
        extensions: Sequence[Extension] = (),
        leaf_extensions: Sequence[Extension] = (),
    ) -> bytes:
        if lifetime is not None or extensions or leaf_extensions:
            _unsupported("choice of a key package's lifetime or extensions")
        return bytes(self.peer.run(self.handle.generate_key_package_message).to_bytes())

    def add_psk(self, psk_id: bytes, secret: bytes) -> None:
        _unsupported("PSK")

    def create_group(self, group_id: bytes, extensions: Sequence[Extension] = ()) -> MlsRsGroup:
        if extensions:
            _unsupported("choice of group context extensions")
        return MlsRsGroup(self, self.peer.run(self.handle.create_group, group_id), group_id)

    def join(self, welcome: bytes, *, tree: bytes | None = None, resuming: PeerGroup | None = None) -> MlsRsGroup:
        if resuming is not None:
            _unsupported("resumption")
        given = None if tree is None else self.peer.library.RatchetTree(bytes=tree)
        info = self.peer.run(self.handle.join_group, given, self.peer.message(welcome))
        return MlsRsGroup(self, info.group, None)

    def join_external(
        self, group_info: bytes, *, tree: bytes | None = None, resync: bool = False, aad: bytes = b""
    ) -> tuple[PeerGroup, bytes]:
        _unsupported("external commit")

    def propose_self(self, group_info: bytes, *, aad: bytes = b"") -> bytes:
        _unsupported("external proposal")

    def propose_as_external_sender(self, group_info: bytes, proposal: ProposalSpec, *, aad: bytes = b"") -> bytes:
        _unsupported("external proposal")


class MlsRsGroup:
    def __init__(self, client: MlsRsClient, handle: Any, group_id: bytes | None) -> None:
        self.client = client
        self.peer = client.peer
        self.handle = handle
        self._home = client.home
        self._group_id = group_id
        self._pending: Any = None
        self._before_pending: Stored | None = None

    def propose(self, proposal: ProposalSpec, *, public: bool = True, aad: bytes = b"") -> Proposed:
        self._refuse_options(public=public, aad=aad)
        match proposal:
            case Add(key_package):
                made = self.peer.run(self.handle.propose_add_members, [self.peer.message(key_package)])
            case Remove(identity=bytes(identity)):
                made = self.peer.run(self.handle.propose_remove_members, [self.peer.identity(identity)])
            case _:
                _unsupported(f"proposal {proposal}")
        return Proposed(message=bytes(made[0].to_bytes()), ref=None)

    def commit(
        self,
        by_value: Sequence[ProposalSpec] = (),
        *,
        refs: Sequence[bytes] | None = None,
        public: bool = True,
        tree_in_welcome: bool = True,
        merge: bool = True,
        aad: bytes = b"",
    ) -> Committed:
        self._refuse_options(public=public, aad=aad)
        if refs is not None:
            _unsupported("choice among the pending proposals")
        if tree_in_welcome != self.client.tree_in_welcome:
            _unsupported("choice of the tree extension but for a whole client")
        before = None if merge or self._pending is not None else self._store()
        output = self._commit(by_value)
        self._pending, self._before_pending = output.commit_message, before
        if merge:
            self.merge_pending()
        welcome, tree = output.welcome_message, output.ratchet_tree
        return Committed(
            commit=bytes(output.commit_message.to_bytes()),
            welcome=None if welcome is None else bytes(welcome.to_bytes()),
            tree=None if tree is None else bytes(tree.bytes),
        )

    def _commit(self, by_value: Sequence[ProposalSpec]) -> Any:
        packages = [item.key_package for item in by_value if isinstance(item, Add)]
        names = [item.identity for item in by_value if isinstance(item, Remove) and item.identity is not None]
        if not by_value:
            return self.peer.run(self.handle.commit)
        if len(packages) == len(by_value):
            return self.peer.run(self.handle.add_members, [self.peer.message(data) for data in packages])
        if len(names) == len(by_value):
            return self.peer.run(self.handle.remove_members, [self.peer.identity(name) for name in names])
        _unsupported("commit of anything but adds alone, or removes by identity alone, by value")

    def merge_pending(self) -> None:
        if self._pending is None:
            raise PeerError(self.peer.name, "NoPendingCommit", "there is no pending commit")
        self.peer.run(self.handle.process_incoming_message, self._pending)
        self._pending = None

    def drop_pending(self) -> None:
        """mls-rs has no call for it: goes back to the state that was stored before the commit was made."""
        if self._before_pending is not None:
            self._home, self.handle = self._home.copy(self._before_pending)
        self._pending = self._before_pending = None

    def process(self, message: bytes) -> Received:
        group_id, sender_type = read_header(message)
        if sender_type in EXTERNAL_PROPOSERS:
            _unsupported("external proposal: it panics and the group is lost")
        received = self.peer.run(self.handle.process_incoming_message, self.peer.message(message))
        self._group_id = self._group_id or group_id
        if received.is_application_message():
            return Received(kind="application", data=bytes(received.data))
        if received.is_received_proposal():
            return Received(kind="proposal", proposals=(SeenProposal(kind="unknown", sender=None),))
        if not received.is_commit():
            raise PeerError(self.peer.name, "NotForAGroup", type(received).__name__)
        self._pending = self._before_pending = None
        return Received(kind="commit", activity=_activity(received.effect))

    def send(self, data: bytes, *, aad: bytes = b"") -> bytes:
        self._refuse_options(public=True, aad=aad)
        return bytes(self.peer.run(self.handle.encrypt_application_message, data).to_bytes())

    def export(self, label: str, context: bytes, length: int) -> bytes:
        return bytes(self.peer.run(self.handle.export_secret, label.encode(), context, length))

    def tree(self) -> bytes:
        return bytes(self.peer.run(self.handle.export_tree).bytes)

    def facts(self) -> GroupFacts:
        _unsupported("epoch, epoch authenticator or member list")

    def group_info(self, *, external_pub: bool = True, tree: bool = True) -> bytes:
        _unsupported("GroupInfo")

    def fork(self) -> MlsRsGroup:
        stored = self._store()
        home, handle = self._home.copy(stored)
        copy = MlsRsGroup(self.client, handle, stored.group_id)
        copy._home = home
        return copy

    def _store(self) -> Stored:
        if self._group_id is None:
            message = self.peer.run(self.handle.encrypt_application_message, b"")
            self._group_id, _ = read_header(bytes(message.to_bytes()))
        self.peer.run(self.handle.write_to_storage)
        return self._home.read(self._group_id or b"")

    def branch(self, group_id: bytes, key_packages: Sequence[bytes]) -> Started:
        _unsupported("branch")

    def reinit(self, client: PeerClient, key_packages: Sequence[bytes]) -> Started:
        _unsupported("reinit")

    def _refuse_options(self, *, public: bool, aad: bytes) -> None:
        if not public:
            _unsupported("PrivateMessage handshake of its own (it processes those of others)")
        if aad:
            _unsupported("authenticated data")


def read_header(message: bytes) -> tuple[bytes | None, int | None]:
    """Group id of a PublicMessage or PrivateMessage, and the former's sender type (RFC 9420 §6), or None."""
    if message[:4] not in {b"\0\1\0\1", b"\0\1\0\2"} or len(message) < 5:
        return None, None
    width = 1 << (message[4] >> 6)
    length = int.from_bytes(message[4 : 4 + width], "big") & ((1 << (8 * width - 2)) - 1)
    end = 4 + width + length
    sender_type = message[end + 8] if message[3] == 1 and len(message) > end + 8 else None
    return message[4 + width : end], sender_type


def _activity(effect: Any) -> Activity:
    if effect.is_removed():
        return "removed"
    return "reinit" if effect.is_re_init() else "active"
