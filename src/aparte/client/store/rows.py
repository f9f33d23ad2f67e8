"""Rows of conversations, of what is said in them, and of what is on its way."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum

from aparte.content import ConversationId, MessageId
from aparte.wire.ids import AccountId, Chain, DeviceId, Idem, Lane, LogId, Millis, Node, Receipt, Seq, TicketKind

__all__ = [
    "NOT_IN_LOG",
    "ConversationKind",
    "ConversationRow",
    "ConversationState",
    "DropRow",
    "EpochRow",
    "MessageKind",
    "MessageRow",
    "MessageState",
    "OutboxRow",
    "OwnCommitRow",
    "PeerRow",
    "TicketRow",
]

#: The seq of what is not in the log yet: it stands after all that is.
NOT_IN_LOG = Seq((1 << 62) - 1)


class ConversationKind(IntEnum):
    """What sort of conversation it is."""

    DIRECT = 1
    GROUP = 2


class ConversationState(IntEnum):
    """How far it has come. Below LIVE something is to be done for it; from BROKEN on nothing is."""

    #: Its peer is to be looked up.
    WANTED = 1
    #: Its peer is known; key packages are to be fetched.
    FOUND = 2
    #: The group is made, with one member; its log is to be made.
    FOUNDED = 3
    LIVE = 4
    #: It could not be begun: `trouble` says why.
    FAILED = 5
    #: It cannot be read on.
    BROKEN = 6


class MessageKind(IntEnum):
    """What a row of the timeline shows."""

    TEXT = 1
    #: From a newer version, which shows more of it.
    NEWER = 2
    #: Something is missing here; the text says what and why.
    GAP = 3


class MessageState(IntEnum):
    """How far a message has come."""

    QUEUED = 1
    SENT = 2
    DELIVERED = 3
    READ = 4
    FAILED = 5
    #: Somebody else's.
    RECEIVED = 6


@dataclass(frozen=True, slots=True)
class PeerRow:
    """Another account, as far as this device has judged it."""

    account_id: AccountId
    host: str
    name: str
    genesis: bytes
    manifest: bytes
    is_contact: bool = False
    #: Whether the host was asked if it is called so. What somebody says of himself is not shown before.
    is_checked: bool = True


@dataclass(frozen=True, slots=True)
class ConversationRow:
    """One conversation; `id` is this store's number for it, 0 for one to be added."""

    id: int
    conversation_id: ConversationId
    kind: ConversationKind
    state: ConversationState
    host: str
    log_id: LogId
    title: str = ""
    peer_host: str = ""
    peer_name: str = ""
    peer: AccountId | None = None
    is_request: bool = False
    document: bytes = b""
    ticket: bytes = field(default=b"", repr=False)
    trouble: str = ""
    last_at: Millis = Millis(0)  # noqa: RUF009 - a number
    unread: int = 0
    #: The one in which it is shown, if both people began one at once.
    shown_in: int | None = None


@dataclass(frozen=True, slots=True)
class EpochRow:
    """The node, and the last entry that was taken; `pass_day` is 0 if there is no pass."""

    conversation: int
    node: Node
    seq: Seq
    at: Millis
    chain: Chain
    pass_day: int
    pass_mac: bytes = field(repr=False)
    #: `EpochKeys.encode`.
    keys: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class OwnCommitRow:
    """A commit of one's own under the present node, as it is posted; and the Welcomes that follow if it is accepted."""

    conversation: int
    idem: Idem
    next_epoch_key: bytes
    body: bytes = field(repr=False)
    welcomes: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class MessageRow:
    """One line of a timeline; `id` is 0 for one to be added."""

    id: int
    conversation: int
    seq: Seq
    idem: Idem
    message_id: MessageId
    sender: AccountId | None
    is_own: bool
    at: Millis
    kind: MessageKind
    text: str = field(repr=False)
    state: MessageState
    data: bytes = field(default=b"", repr=False)
    salt: bytes = field(default=b"", repr=False)
    proof: bytes = field(default=b"", repr=False)
    receipt: Receipt = Receipt(b"")  # noqa: RUF009 - bytes
    #: The conversation in whose timeline it stands; 0 for its own.
    shown_in: int = 0

    @property
    def place(self) -> int:
        """Where it stands in a timeline of several logs, each of which has an order.

        By their hosts' clocks; at one time, that of the log comes last in which people go on.
        """
        goes_on = self.shown_in in {0, self.conversation}
        return 2 * self.at + goes_on if self.seq < NOT_IN_LOG else self.seq


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """A message that the host has not accepted yet. `body` is empty unless it was sealed, under `node`."""

    message: int
    conversation: int
    node: Node = Node(0)  # noqa: RUF009 - a number
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class DropRow:
    """An item for somebody's inbox, to be sent at `due` or later until it is taken."""

    item_id: Idem
    conversation: int
    host: str
    account_id: AccountId
    device_id: DeviceId
    lane: Lane
    #: A capability, or a ticket; empty as long as there is none.
    proof: bytes = field(repr=False)
    item: bytes = field(repr=False)
    due: Millis


@dataclass(frozen=True, slots=True)
class TicketRow:
    """A ticket that was not spent."""

    ticket: bytes = field(repr=False)
    acceptor: str
    kind: TicketKind
    day: int
