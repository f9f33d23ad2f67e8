"""What people do in conversations."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from aparte.client.commands import AcceptRequest, CommandRefused, MarkRead, SendText, StartChat
from aparte.client.converging import shown
from aparte.client.founding import begin_direct
from aparte.client.open_logs import OpenLog
from aparte.client.store.rows import (
    NOT_IN_LOG,
    ConversationState,
    MessageKind,
    MessageRow,
    MessageState,
    OutboxRow,
)
from aparte.client.work import Work
from aparte.codec import EncodeError
from aparte.content import SALT_LENGTH, ConversationId, Origin, Text, write_message
from aparte.conversation import IDEM_SALT_LENGTH, idem_of
from aparte.trust import AddressRefused, NameRefused, parse_address

__all__ = ["accept_request", "mark_read", "send_text", "start_chat"]

#: Bytes of what is said, beside which an entry has room for everything else.
_LONGEST: Final = 48 * 1024


def start_chat(work: Work, command: StartChat) -> None:
    """Raises `CommandRefused`."""
    try:
        address = parse_address(command.address)
    except (AddressRefused, NameRefused) as error:
        raise CommandRefused(error.rule.problem) from error
    work.touch(begin_direct(work, address))


def send_text(work: Work, command: SendText) -> None:
    """Raises `CommandRefused`."""
    account, log = work.account, _found(work, command.conversation_id)
    if log.row.state >= ConversationState.FAILED:
        raise CommandRefused(f"nothing can be said there any more: {log.row.trouble}")
    if not command.text:
        raise CommandRefused("there is nothing to be sent")
    if len(command.text.encode(errors="replace")) > _LONGEST:
        raise CommandRefused(f"a message has at most {_LONGEST} bytes: send it in parts, or as a file")
    origin = Origin(account.account_id, log.row.conversation_id)
    try:
        message = write_message(Text(command.text), origin, salt=work.suite.random(SALT_LENGTH))
    except EncodeError as error:
        raise CommandRefused(f"this cannot be sent: {error}") from error
    salt = work.suite.random(IDEM_SALT_LENGTH)
    row = MessageRow(
        id=0,
        conversation=log.number,
        seq=NOT_IN_LOG,
        idem=idem_of(salt, message.data),
        message_id=message.message_id,
        sender=account.account_id,
        is_own=True,
        at=work.now,
        kind=MessageKind.TEXT,
        text=command.text,
        state=MessageState.QUEUED,
        data=message.data,
        salt=salt,
    )
    number = work.say(row)
    work.store.outbox.put(OutboxRow(number, log.number))
    log.spoke(work.now)
    _accept(work, log)
    work.wants_posting(log.number)


def accept_request(work: Work, command: AcceptRequest) -> None:
    """Raises `CommandRefused`."""
    _accept(work, _found(work, command.conversation_id))


def mark_read(work: Work, command: MarkRead) -> None:
    """Raises `CommandRefused`."""
    log = _found(work, command.conversation_id)
    if log.row.unread:
        log.row = replace(log.row, unread=0)


def _found(work: Work, conversation_id: ConversationId) -> OpenLog:
    row = work.store.conversations.find(conversation_id)
    if row is None:
        raise CommandRefused("there is no such conversation")
    return shown(work, work.log(row.id))


def _accept(work: Work, log: OpenLog) -> None:
    """Whoever answers a stranger makes a contact of him."""
    if not log.row.is_request:
        return
    log.row = replace(log.row, is_request=False)
    peer = None if log.row.peer is None else work.store.peers.get(log.row.peer)
    if peer is not None:
        work.keep_peer(replace(peer, is_contact=True))
