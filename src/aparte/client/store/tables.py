"""The interfaces of the tables of `rows`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Protocol, TypeVar

from aparte.client.store.rows import (
    ConversationRow,
    DropRow,
    EpochRow,
    MessageRow,
    OutboxRow,
    OwnCommitRow,
    PeerRow,
    TicketRow,
)
from aparte.content import ConversationId, MessageId
from aparte.wire.ids import AccountId, Idem, LogId, Seq, TicketKind

__all__ = [
    "Conversations",
    "Drops",
    "Epochs",
    "GroupPieces",
    "Messages",
    "Outbox",
    "OwnCommits",
    "Peers",
    "Table",
    "Tickets",
]

Row = TypeVar("Row")


class Table(Protocol[Row]):
    """Rows by their key."""

    def get(self, *key: object) -> Row | None:
        """The row with this key."""

    def put(self, row: Row) -> int:
        """Keep it in place of the one with its key; its number, if rows are numbered."""

    def remove(self, *key: object) -> None:
        """Remove the row with this key, if there is one."""


class Peers(Table[PeerRow], Protocol):
    """Other accounts, by their id."""

    def named(self, host: str, name: str) -> PeerRow | None:
        """Who was found under this address."""

    def unchecked(self) -> Sequence[PeerRow]:
        """Those of whom the host was not asked whether they are called as they say."""

    def everybody(self) -> Sequence[PeerRow]:
        """All of them."""


class Conversations(Table[ConversationRow], Protocol):
    """Conversations, by this store's number."""

    def find(self, conversation_id: ConversationId) -> ConversationRow | None:
        """By its id."""

    def of_log(self, host: str, log_id: LogId) -> ConversationRow | None:
        """Whose log it is."""

    def direct(self, peer: AccountId) -> ConversationRow | None:
        """The one with this account alone, the oldest if there are several."""

    def directs(self, peer: AccountId) -> Sequence[ConversationRow]:
        """All that are with this account alone and are shown, the oldest first."""

    def wanted(self, host: str, name: str) -> ConversationRow | None:
        """The direct one that was begun with this address."""

    def everything(self) -> Sequence[ConversationRow]:
        """All that are shown, the one with the newest message first."""

    def unfinished(self) -> Sequence[ConversationRow]:
        """Those for which something is to be done before they are live."""

    def live_on(self, host: str) -> Sequence[int]:
        """The numbers of those whose logs are there."""

    def committing(self) -> Sequence[int]:
        """The numbers of those with a commit of one's own on its way."""

    def hosts(self) -> Sequence[str]:
        """Where logs are."""


class GroupPieces(Protocol):
    """MLS groups, in pieces (`mls.split_group`)."""

    def of(self, conversation: int) -> Mapping[int, bytes]:
        """All pieces of one group; none if there is no group."""

    def change(self, conversation: int, put: Mapping[int, bytes], *, removed: Iterable[int]) -> None:
        """Keep these pieces, and those no longer."""


class Messages(Table[MessageRow], Protocol):
    """What was said, by this store's number."""

    def posted(self, conversation: int, idem: Idem) -> MessageRow | None:
        """What was posted by this idem."""

    def named(self, conversation: int, message_id: MessageId) -> MessageRow | None:
        """The message of that id."""

    def has_others(self, conversation: int) -> bool:
        """Whether somebody else has said something in its log."""

    def all_shown_in(self, conversation: int) -> Sequence[MessageRow]:
        """Its whole timeline."""

    def page(self, conversation: int, *, before: tuple[int, Seq, int], limit: int) -> Sequence[MessageRow]:
        """The newest before that place, oldest first."""


class Outbox(Table[OutboxRow], Protocol):
    """What is to be posted, by its message."""

    def first(self, conversation: int) -> OutboxRow | None:
        """What comes next in this conversation."""

    def first_shown_in(self, conversation: int) -> int | None:
        """The message that was written first of those that wait and are shown in this conversation."""

    def conversations(self) -> Sequence[int]:
        """Those in which something waits."""

    def clear(self, conversation: int) -> None:
        """Nothing of it is to be sent any more."""


class Drops(Table[DropRow], Protocol):
    """What is to be dropped into inboxes, by its item's id."""

    def everything(self) -> Sequence[DropRow]:
        """All, the one that is due first first."""


class Tickets(Table[TicketRow], Protocol):
    """Tickets that were not spent."""

    def take(self, acceptor: str, kind: TicketKind, *, today: int) -> TicketRow | None:
        """One that is still good; it is kept here no longer."""

    def count(self, acceptor: str, kind: TicketKind, *, today: int) -> int:
        """How many are still good."""

    def expire(self, today: int) -> None:
        """Forget those that are not."""


#: Tables without queries of their own.
Epochs = Table[EpochRow]
OwnCommits = Table[OwnCommitRow]
