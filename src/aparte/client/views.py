"""What screens and programs show: pure functions from rows to views. Terminal, page and bots see the same."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import assert_never

from aparte.client.lines import Line, LineKind
from aparte.client.session import LineState
from aparte.client.store.api import AccountRow, AccountState
from aparte.client.store.rows import (
    ConversationKind,
    ConversationRow,
    ConversationState,
    MessageKind,
    MessageRow,
    MessageState,
    PeerRow,
)
from aparte.content import ConversationId, MessageId
from aparte.wire import ErrorCode
from aparte.wire.ids import AccountId, Millis, Seq

__all__ = [
    "AccountView",
    "ConversationView",
    "LineView",
    "MessageView",
    "PeerView",
    "Stage",
    "Standing",
    "View",
    "account_view",
    "conversation_view",
    "key_of",
    "line_key",
    "line_view",
    "message_key",
    "message_view",
    "peer_view",
]


class Standing(Enum):
    """How the account stands with its host."""

    SIGNING_UP = "signing up"
    READY = "ready"
    #: The host has refused to make it: `AccountView.refused` says why. Another name or invitation may do.
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AccountView:
    """The account of this device. `name` is without `@host`; empty if it has none."""

    account_id: AccountId
    name: str
    host: str
    standing: Standing
    refused: ErrorCode | None
    #: Why, in the host's words.
    detail: str
    is_operator: bool
    #: Whether the recovery phrase is still kept here: losing this device may lose the account.
    has_phrase: bool


@dataclass(frozen=True, slots=True)
class LineView:
    """How a link to a host stands. `trouble` says in words why it is down; it is tried again by itself."""

    host: str
    kind: LineKind
    is_online: bool
    trouble: str


@dataclass(frozen=True, slots=True)
class ConversationView:
    """One conversation, as a list shows it."""

    conversation_id: ConversationId
    kind: ConversationKind
    title: str
    #: `name@host` of whom it is with, if it is with one alone.
    address: str
    stage: Stage
    #: Begun by a stranger, and not accepted yet.
    is_request: bool
    unread: int
    #: When something was said last, by the host's clock.
    last_at: Millis
    #: What keeps it from going on, in words for people.
    trouble: str


class Stage(Enum):
    """How far a conversation has come."""

    BEGINNING = "beginning"
    LIVE = "live"
    #: It could not be begun, or cannot go on: `ConversationView.trouble` says why.
    ENDED = "ended"


@dataclass(frozen=True, slots=True)
class MessageView:
    """One line of a timeline. Lines are shown by `(place, seq, number)`; `number` is this store's."""

    conversation_id: ConversationId
    number: int
    place: int
    seq: Seq
    message_id: MessageId
    sender: AccountId | None
    is_own: bool
    at: Millis
    kind: MessageKind
    text: str
    state: MessageState


@dataclass(frozen=True, slots=True)
class PeerView:
    """Another account. `address` is empty as long as its host has not said that it is called so."""

    account_id: AccountId
    address: str
    is_contact: bool


View = AccountView | LineView | PeerView | ConversationView | MessageView

_STANDINGS = {
    AccountState.SIGNING_UP: Standing.SIGNING_UP,
    AccountState.READY: Standing.READY,
    AccountState.REFUSED: Standing.REFUSED,
}


def account_view(row: AccountRow) -> AccountView:
    """The account as people see it."""
    return AccountView(
        account_id=row.account_id,
        name=row.name,
        host=row.host,
        standing=_STANDINGS[row.state],
        refused=row.refused,
        detail=row.detail,
        is_operator=row.is_operator,
        has_phrase=row.phrase is not None,
    )


def key_of(view: View) -> bytes:
    """What a view is named by, besides its kind."""
    match view:
        case AccountView():
            return b""
        case LineView(host, kind):
            return line_key(Line(host, kind))
        case PeerView():
            return view.account_id
        case ConversationView():
            return view.conversation_id
        case MessageView():
            return b"%d" % view.number
        case _:
            assert_never(view)


def line_key(line: Line) -> bytes:
    """What a `LineView` is named by."""
    return f"{line.kind.value} {line.host}".encode()


def line_view(line: Line, state: LineState) -> LineView:
    """A link as people see it."""
    return LineView(line.host, line.kind, is_online=state.is_ready, trouble=state.trouble)


_STAGES = {
    ConversationState.WANTED: Stage.BEGINNING,
    ConversationState.FOUND: Stage.BEGINNING,
    ConversationState.FOUNDED: Stage.BEGINNING,
    ConversationState.LIVE: Stage.LIVE,
    ConversationState.FAILED: Stage.ENDED,
    ConversationState.BROKEN: Stage.ENDED,
}


def conversation_view(row: ConversationRow) -> ConversationView:
    """A conversation as people see it. Named by its id."""
    address = f"{row.peer_name}@{row.peer_host}" if row.peer_name else ""
    return ConversationView(
        conversation_id=row.conversation_id,
        kind=row.kind,
        title=row.title or address,
        address=address,
        stage=_STAGES[row.state],
        is_request=row.is_request,
        unread=row.unread,
        last_at=row.last_at,
        trouble=row.trouble,
    )


def peer_view(row: PeerRow) -> PeerView:
    """Another account as people see it. Named by its id."""
    address = f"{row.name}@{row.host}" if row.is_checked and row.name else ""
    return PeerView(row.account_id, address, row.is_contact)


def message_key(row: MessageRow) -> bytes:
    """What a `MessageView` is named by."""
    return b"%d" % row.id


def message_view(row: MessageRow, conversation_id: ConversationId) -> MessageView:
    """A line of a timeline as people see it."""
    return MessageView(
        conversation_id=conversation_id,
        number=row.id,
        place=row.place,
        seq=row.seq,
        message_id=row.message_id,
        sender=row.sender,
        is_own=row.is_own,
        at=row.at,
        kind=row.kind,
        text=row.text,
        state=row.state,
    )
