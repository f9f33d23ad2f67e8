"""What became of messages at their reader: draft-mahy-mimi-message-status, used as cursors.

    MessageStatusReport = [ * [ messageId, status ] ]

`DELIVERED` and `READ` say it of the message and of all before it in the log; the other statuses of the message alone.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum

from aparte.codec import DecodeError, EncodeError
from aparte.content.cbor import dumps, loads
from aparte.content.errors import ContentError, ContentRefused
from aparte.content.fields import require, take_array, take_message_id, take_number
from aparte.content.limits import MAX_STATUSES
from aparte.content.message_id import MessageId
from aparte.content.rules import ContentRule

__all__ = ["MessageStatus", "PerMessageStatus", "StatusReport"]


class MessageStatus(IntEnum):
    """The draft's statuses. Other numbers up to 255 are kept, and mean nothing here."""

    UNREAD = 0
    DELIVERED = 1
    READ = 2
    EXPIRED = 3
    DELETED = 4
    HIDDEN = 5
    ERROR = 6


@dataclass(frozen=True, slots=True)
class PerMessageStatus:
    """One message, and a `MessageStatus` or a number from a newer version."""

    message_id: MessageId
    status: int


@dataclass(frozen=True, slots=True)
class StatusReport:
    """Statuses in the order in which they came to be."""

    statuses: tuple[PerMessageStatus, ...]

    @classmethod
    def up_to(cls, *, delivered: MessageId | None = None, read: MessageId | None = None) -> StatusReport:
        """How far messages were delivered, and how far they were read. Whoever has read need not say delivered."""
        cursors = ((delivered, MessageStatus.DELIVERED), (read, MessageStatus.READ))
        return cls(tuple(PerMessageStatus(place, status) for place, status in cursors if place is not None))

    @property
    def delivered(self) -> tuple[MessageId, ...]:
        """Up to the furthest of these all messages were delivered: whoever knows the log knows which it is."""
        return self._with(MessageStatus.DELIVERED, MessageStatus.READ)

    @property
    def read(self) -> tuple[MessageId, ...]:
        """Up to the furthest of these all messages were read."""
        return self._with(MessageStatus.READ)

    @property
    def others(self) -> tuple[PerMessageStatus, ...]:
        """What is said of single messages."""
        cursors = {MessageStatus.DELIVERED, MessageStatus.READ}
        return tuple(entry for entry in self.statuses if entry.status not in cursors)

    @classmethod
    def decode(cls, data: bytes) -> StatusReport:
        """Raises `ContentRefused` for whatever is no report."""
        try:
            entries = take_array(loads(data), "a report")
        except DecodeError as error:
            raise ContentRefused(ContentRule.REPORT, str(error)) from None
        require(0 < len(entries) <= MAX_STATUSES, ContentRule.REPORT, detail=f"{len(entries)} entries")
        return cls(tuple(_take_all(entries)))

    def encode(self) -> bytes:
        """Raises `EncodeError` for whatever would be refused."""
        data = dumps([[entry.message_id, int(entry.status)] for entry in self.statuses])
        try:
            StatusReport.decode(data)
        except ContentError as error:
            raise EncodeError(f"it would be refused: {error}") from None
        return data

    def _with(self, *statuses: MessageStatus) -> tuple[MessageId, ...]:
        return tuple(entry.message_id for entry in self.statuses if entry.status in statuses)


def _take_all(entries: list[object]) -> Iterable[PerMessageStatus]:
    for entry in entries:
        message_id, status = take_array(entry, "a status", length=2)
        yield PerMessageStatus(take_message_id(message_id, "messageId"), take_number(status, "status", bits=8))
