"""Two people who begin a conversation with each other at once have two: both see one (docs/design.md §4.4).

The one with the lower id, unless something was received in the other before. Both logs are followed, so nothing is
lost whoever decides how; what is said from then on goes into the one that is shown.
"""

from __future__ import annotations

from dataclasses import replace

from aparte.client.open_logs import OpenLog
from aparte.client.store.rows import ConversationState, MessageRow, OutboxRow
from aparte.client.views import ConversationView
from aparte.client.work import Work
from aparte.content import SALT_LENGTH, Origin, read_message, write_message
from aparte.conversation import idem_of

__all__ = ["converge", "shown"]


def shown(work: Work, log: OpenLog) -> OpenLog:
    """The conversation in which this one is shown: itself, as a rule."""
    while log.row.shown_in is not None:
        log = work.log(log.row.shown_in)
    return log


def converge(work: Work, log: OpenLog) -> None:
    """A conversation with one other was joined, or it was found whom it is with: of all with them one is shown."""
    if log.row.peer is None or log.row.shown_in is not None:
        return
    for row in work.store.conversations.directs(log.row.peer):
        other = work.log(row.id)
        is_shown = other.row.shown_in is None and other.row.state < ConversationState.FAILED
        if is_shown and other is not log:
            log = _one_of(work, other, joined=log)


def _one_of(work: Work, before: OpenLog, *, joined: OpenLog) -> OpenLog:
    """The one of the two that is shown."""
    for mine, other in ((before, joined), (joined, before)):
        if mine.row.state < ConversationState.FOUNDED:
            _give_up(work, mine, into=other)
            return other
    is_first = before.row.conversation_id < joined.row.conversation_id
    if is_first or work.store.messages.has_others(before.number):
        _merge(work, joined, into=before)
        return before
    _merge(work, before, into=joined)
    return joined


def _give_up(work: Work, log: OpenLog, *, into: OpenLog) -> None:
    """Nobody knows of this one yet: what was written for it is written for the other."""
    while (waiting := work.store.outbox.first(log.number)) is not None:
        work.store.outbox.remove(waiting.message)
        message = work.store.messages.get(waiting.message)
        if message is not None:
            work.say(_written_for(work, into, message=message))
            work.store.outbox.put(OutboxRow(message.id, into.number))
    work.wants_posting(into.number)
    _merge(work, log, into=into)
    log.row = replace(log.row, state=ConversationState.FAILED)


def _written_for(work: Work, log: OpenLog, *, message: MessageRow) -> MessageRow:
    """The same, as it is said in another conversation, which its id depends on."""
    account = work.account.account_id
    meaning = read_message(message.data, Origin(account, work.log(message.conversation).row.conversation_id)).meaning
    content = write_message(meaning, Origin(account, log.row.conversation_id), salt=work.suite.random(SALT_LENGTH))
    return replace(
        message,
        conversation=log.number,
        shown_in=log.number,
        message_id=content.message_id,
        data=content.data,
        idem=idem_of(message.salt, content.data),
    )


def _merge(work: Work, log: OpenLog, *, into: OpenLog) -> None:
    log.row = replace(log.row, shown_in=into.number)
    work.hide(ConversationView, log.row.conversation_id)
    is_request = into.row.is_request and log.row.is_request
    unread, last_at = into.row.unread + log.row.unread, max(into.row.last_at, log.row.last_at)
    into.row = replace(into.row, is_request=is_request, unread=unread, last_at=last_at)
    log.row = replace(log.row, unread=0)
    for message in work.store.messages.all_shown_in(log.number):
        work.say(replace(message, shown_in=into.number))
