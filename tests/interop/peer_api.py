"""What every peer offers: values, errors and Protocols. Messages are whole MLSMessage bytes (RFC 9420 §6).

A peer is a library; a client is one identity with one signature key and one cipher suite; a group is one
membership of that client. What a peer cannot do raises `Unsupported`; what it refuses raises `PeerError` with
the peer's own words, and leaves its group as it was.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

Extension: TypeAlias = tuple[int, bytes]
Activity: TypeAlias = Literal["active", "reinit", "removed"]
Grease: TypeAlias = Literal["none", "all", "default"]


class Unsupported(Exception):
    """The peer has no call for this."""


class PeerError(Exception):
    """The peer answered with an error: `kind` is its error's name, `message` its text."""

    def __init__(self, peer: str, kind: str, message: str) -> None:
        super().__init__(f"{peer}: {kind}: {message}")
        self.peer = peer
        self.kind = kind
        self.message = message


class PeerGoneError(Exception):
    """The peer's process ended, or did not answer in time."""


# ------------------------------------------------------------------------------------------------ proposals
@dataclass(frozen=True, slots=True)
class Add:
    key_package: bytes


@dataclass(frozen=True, slots=True)
class Remove:
    """By leaf index (ts-mls) or by the basic credential's identity (mls-rs)."""

    leaf: int | None = None
    identity: bytes | None = None


@dataclass(frozen=True, slots=True)
class Update:
    """Of the proposer's own leaf: by reference only."""

    new_signature_key: bool = False


@dataclass(frozen=True, slots=True)
class ExternalPsk:
    id: bytes


@dataclass(frozen=True, slots=True)
class ResumptionPsk:
    group_id: bytes
    epoch: int
    usage: Literal["application", "reinit", "branch"] = "application"


@dataclass(frozen=True, slots=True)
class GroupContextExtensions:
    extensions: tuple[Extension, ...]


@dataclass(frozen=True, slots=True)
class ReInit:
    group_id: bytes
    suite: int
    extensions: tuple[Extension, ...] = ()


@dataclass(frozen=True, slots=True)
class CustomProposal:
    """A type that RFC 9420 does not define. ts-mls writes the data as a vector<V>, whatever the type."""

    type: int
    data: bytes


ProposalSpec: TypeAlias = (
    Add | Remove | Update | ExternalPsk | ResumptionPsk | GroupContextExtensions | ReInit | CustomProposal
)


# ------------------------------------------------------------------------------------------------ results
@dataclass(frozen=True, slots=True)
class Proposed:
    message: bytes
    ref: bytes | None
    """The ProposalRef, where the peer tells it (and the same proposal is not pending already)."""


@dataclass(frozen=True, slots=True)
class Committed:
    """`tree` is the ratchet tree after the commit and `group_info` the new GroupInfo, with the tree and
    external_pub: each where the peer tells it."""

    commit: bytes
    welcome: bytes | None
    tree: bytes | None
    group_info: bytes | None = None


@dataclass(frozen=True, slots=True)
class Started:
    """A group that was branched off or re-initialised, at its epoch 1; `tree` goes beside the Welcome."""

    group: PeerGroup
    welcome: bytes
    tree: bytes


@dataclass(frozen=True, slots=True)
class SeenProposal:
    kind: str
    sender: int | None


@dataclass(frozen=True, slots=True)
class Received:
    """What a processed message was. `sender` is a leaf index where the peer tells it; `data` is None but for
    application messages; `activity` is the group's after the step."""

    kind: Literal["application", "proposal", "commit"]
    activity: Activity = "active"
    data: bytes | None = None
    aad: bytes | None = None
    sender: int | None = None
    proposals: tuple[SeenProposal, ...] = ()


@dataclass(frozen=True, slots=True)
class Member:
    leaf: int
    identity: bytes
    signature_key: bytes
    encryption_key: bytes
    source: str


@dataclass(frozen=True, slots=True)
class PendingProposal:
    ref: bytes
    kind: str
    sender: int | None


@dataclass(frozen=True, slots=True)
class GroupFacts:
    """`fingerprint` is a digest of the whole serialised state, to see that nothing has changed."""

    group_id: bytes
    suite: int
    epoch: int
    tree_hash: bytes
    confirmed_transcript_hash: bytes
    extensions: tuple[Extension, ...]
    epoch_authenticator: bytes
    resumption_psk: bytes
    own_leaf: int
    members: tuple[Member, ...]
    activity: Activity
    pending_proposals: tuple[PendingProposal, ...]
    has_pending_commit: bool
    fingerprint: bytes


# ------------------------------------------------------------------------------------------------ Protocols
class PeerGroup(Protocol):
    """One membership. `public=False` sends a PrivateMessage; `merge=False` leaves the commit pending."""

    def propose(self, proposal: ProposalSpec, *, public: bool = True, aad: bytes = b"") -> Proposed: ...

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
        """Commit the pending proposals (`refs`: only these) and those by value."""
        ...

    def merge_pending(self) -> None: ...

    def drop_pending(self) -> None: ...

    def process(self, message: bytes) -> Received: ...

    def send(self, data: bytes, *, aad: bytes = b"") -> bytes: ...

    def export(self, label: str, context: bytes, length: int) -> bytes: ...

    def tree(self) -> bytes:
        """The `ratchet_tree` extension's data (RFC 9420 §12.4.3.3)."""
        ...

    def facts(self) -> GroupFacts: ...

    def group_info(self, *, external_pub: bool = True, tree: bool = True) -> bytes: ...

    def fork(self) -> PeerGroup:
        """A second membership with the same state, which then goes its own way."""
        ...

    def branch(self, group_id: bytes, key_packages: Sequence[bytes]) -> Started: ...

    def reinit(self, client: PeerClient, key_packages: Sequence[bytes]) -> Started:
        """The group that a committed ReInit announced, made by `client`, which has the new cipher suite."""
        ...


class PeerClient(Protocol):
    @property
    def suite(self) -> int: ...

    @property
    def identity(self) -> bytes: ...

    def key_package(
        self,
        *,
        lifetime: tuple[int, int] | None = None,
        extensions: Sequence[Extension] = (),
        leaf_extensions: Sequence[Extension] = (),
    ) -> bytes: ...

    def add_psk(self, psk_id: bytes, secret: bytes) -> None: ...

    def create_group(self, group_id: bytes, extensions: Sequence[Extension] = ()) -> PeerGroup: ...

    def join(self, welcome: bytes, *, tree: bytes | None = None, resuming: PeerGroup | None = None) -> PeerGroup:
        """`resuming` is the group that a branch or reinit comes from."""
        ...

    def join_external(
        self, group_info: bytes, *, tree: bytes | None = None, resync: bool = False, aad: bytes = b""
    ) -> tuple[PeerGroup, bytes]:
        """The group and the external commit to send; `resync` replaces this client's former leaf."""
        ...

    def propose_self(self, group_info: bytes, *, aad: bytes = b"") -> bytes: ...

    def propose_as_external_sender(self, group_info: bytes, proposal: ProposalSpec, *, aad: bytes = b"") -> bytes: ...


class Peer(Protocol):
    @property
    def name(self) -> str: ...

    @property
    def suites(self) -> frozenset[int]: ...

    def client(self, suite: int, identity: bytes) -> PeerClient: ...

    def stop(self) -> None: ...
