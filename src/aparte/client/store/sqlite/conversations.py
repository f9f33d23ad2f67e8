"""The tables of conversations in SQL."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apsw

from aparte.client.store.rows import (
    ConversationRow,
    ConversationState,
    DropRow,
    EpochRow,
    MessageRow,
    OutboxRow,
    OwnCommitRow,
    PeerRow,
    TicketRow,
)
from aparte.client.store.sqlite.table import SqliteTable
from aparte.content import ConversationId, MessageId
from aparte.wire.ids import AccountId, Idem, LogId, Seq, TicketKind

__all__ = [
    "SqliteConversations",
    "SqliteDrops",
    "SqliteGroupPieces",
    "SqliteMessages",
    "SqliteOutbox",
    "SqlitePeers",
    "SqliteTickets",
    "epochs",
    "own_commits",
]


class SqlitePeers(SqliteTable[PeerRow]):
    """See `Peers`."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection, "peer", kind=PeerRow, key=("account_id",))

    def named(self, host: str, name: str) -> PeerRow | None:
        return next(self.select("WHERE host = ? AND name = ? AND is_checked = 1", host, name), None)

    def unchecked(self) -> Sequence[PeerRow]:
        return list(self.select("WHERE is_checked = 0"))

    def everybody(self) -> Sequence[PeerRow]:
        return list(self.select("ORDER BY account_id"))


class SqliteConversations(SqliteTable[ConversationRow]):
    """See `Conversations`."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection, "conversation", kind=ConversationRow, key=("id",))

    def find(self, conversation_id: ConversationId) -> ConversationRow | None:
        return next(self.select("WHERE conversation_id = ?", conversation_id), None)

    def of_log(self, host: str, log_id: LogId) -> ConversationRow | None:
        return next(self.select("WHERE host = ? AND log_id = ?", host, log_id), None)

    def direct(self, peer: AccountId) -> ConversationRow | None:
        return next(iter(self.directs(peer)), None)

    def directs(self, peer: AccountId) -> Sequence[ConversationRow]:
        return list(self.select("WHERE peer = ? AND kind = 1 AND shown_in IS NULL ORDER BY id", peer))

    def wanted(self, host: str, name: str) -> ConversationRow | None:
        where = "WHERE state < ? AND peer IS NULL AND peer_host = ? AND peer_name = ?"
        return next(self.select(where, int(ConversationState.LIVE), host, name), None)

    def everything(self) -> Sequence[ConversationRow]:
        return list(self.select("WHERE shown_in IS NULL ORDER BY last_at DESC, id DESC"))

    def unfinished(self) -> Sequence[ConversationRow]:
        return list(self.select("WHERE state < 4 ORDER BY id"))

    def live_on(self, host: str) -> Sequence[int]:
        query = "SELECT id FROM conversation WHERE host = ? AND state = ?"
        return [row[0] for row in self._connection.execute(query, (host, int(ConversationState.LIVE)))]

    def committing(self) -> Sequence[int]:
        return [row[0] for row in self._connection.execute("SELECT conversation FROM own_commit")]

    def hosts(self) -> Sequence[str]:
        query = "SELECT DISTINCT host FROM conversation WHERE state IN (?, ?)"
        states = (int(ConversationState.FOUNDED), int(ConversationState.LIVE))
        return [row[0] for row in self._connection.execute(query, states)]


def epochs(connection: apsw.Connection) -> SqliteTable[EpochRow]:
    """Where a device stands in its logs."""
    return SqliteTable(connection, "epoch", kind=EpochRow, key=("conversation",))


def own_commits(connection: apsw.Connection) -> SqliteTable[OwnCommitRow]:
    """Commits of one's own on their way."""
    return SqliteTable(connection, "own_commit", kind=OwnCommitRow, key=("conversation",))


class SqliteGroupPieces:
    """See `GroupPieces`."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def of(self, conversation: int) -> Mapping[int, bytes]:
        query = "SELECT number, data FROM group_piece WHERE conversation = ?"
        found: Any = self._connection.execute(query, (conversation,))
        return dict(found)

    def change(self, conversation: int, put: Mapping[int, bytes], *, removed: Iterable[int]) -> None:
        remove = "DELETE FROM group_piece WHERE conversation = ? AND number = ?"
        keep = "INSERT OR REPLACE INTO group_piece (conversation, number, data) VALUES (?, ?, ?)"
        self._connection.executemany(remove, [(conversation, number) for number in removed])
        self._connection.executemany(keep, [(conversation, number, data) for number, data in put.items()])


class SqliteMessages(SqliteTable[MessageRow]):
    """See `Messages`."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection, "message", kind=MessageRow, key=("id",))

    def posted(self, conversation: int, idem: Idem) -> MessageRow | None:
        return next(self.select("WHERE conversation = ? AND idem = ? AND idem <> x''", conversation, idem), None)

    def named(self, conversation: int, message_id: MessageId) -> MessageRow | None:
        where = "WHERE conversation = ? AND message_id = ? AND message_id <> x''"
        return next(self.select(where, conversation, message_id), None)

    def has_others(self, conversation: int) -> bool:
        where = "WHERE conversation = ? AND idem <> x'' AND is_own = 0 AND sender IS NOT NULL LIMIT 1"
        return next(self.select(where, conversation), None) is not None

    def all_shown_in(self, conversation: int) -> Sequence[MessageRow]:
        return list(self.select("WHERE shown_in = ? ORDER BY place, seq, id", conversation))

    def page(self, conversation: int, *, before: tuple[int, Seq, int], limit: int) -> Sequence[MessageRow]:
        where = "WHERE shown_in = ? AND (place, seq, id) < (?, ?, ?) ORDER BY place DESC, seq DESC, id DESC LIMIT ?"
        return list(self.select(where, conversation, *before, limit))[::-1]


class SqliteOutbox(SqliteTable[OutboxRow]):
    """See `Outbox`."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection, "outbox", kind=OutboxRow, key=("message",))

    def first(self, conversation: int) -> OutboxRow | None:
        return next(self.select("WHERE conversation = ? ORDER BY message LIMIT 1", conversation), None)

    def first_shown_in(self, conversation: int) -> int | None:
        query = "SELECT min(o.message) FROM outbox o JOIN message m ON m.id = o.message WHERE m.shown_in = ?"
        found: Any = self._connection.execute(query, (conversation,)).fetchone()
        return None if found[0] is None else int(found[0])

    def conversations(self) -> Sequence[int]:
        return [row[0] for row in self._connection.execute("SELECT DISTINCT conversation FROM outbox")]

    def clear(self, conversation: int) -> None:
        self._connection.execute("DELETE FROM outbox WHERE conversation = ?", (conversation,))


class SqliteDrops(SqliteTable[DropRow]):
    """See `Drops`."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection, "drop_", kind=DropRow, key=("item_id",))

    def everything(self) -> Sequence[DropRow]:
        return list(self.select("ORDER BY due"))


class SqliteTickets(SqliteTable[TicketRow]):
    """See `Tickets`."""

    def __init__(self, connection: apsw.Connection) -> None:
        super().__init__(connection, "ticket", kind=TicketRow, key=("ticket",))

    def take(self, acceptor: str, kind: TicketKind, *, today: int) -> TicketRow | None:
        where = "WHERE acceptor = ? AND kind = ? AND day >= ? ORDER BY day LIMIT 1"
        found = next(self.select(where, acceptor, int(kind), today), None)
        if found is not None:
            self.remove(found.ticket)
        return found

    def count(self, acceptor: str, kind: TicketKind, *, today: int) -> int:
        query = "SELECT count(*) FROM ticket WHERE acceptor = ? AND kind = ? AND day >= ?"
        found: Any = self._connection.execute(query, (acceptor, int(kind), today)).fetchone()
        return int(found[0])

    def expire(self, today: int) -> None:
        self._connection.execute("DELETE FROM ticket WHERE day < ?", (today,))
