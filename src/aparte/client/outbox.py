"""What was written goes out, in order, one thing at a time in each conversation; and comes to stand in the log once.

Sealed when it is posted, kept as it was sealed until the host has answered: repeated byte for byte, or sealed anew
under the same idem where the epoch has ended.
"""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import Any

from aparte import mls
from aparte.client.converging import shown
from aparte.client.entries import HostLies, advance, own_commit_stands, own_message_stands
from aparte.client.lines import Line, LineKind
from aparte.client.logs import read_on
from aparte.client.open_logs import OpenLog
from aparte.client.store.rows import ConversationState, MessageRow, MessageState, OutboxRow
from aparte.client.work import Work
from aparte.conversation import Place, Sealed, TooLong, seal_body
from aparte.wire import ErrorCode
from aparte.wire import log_frames as f
from aparte.wire.entries import Entry, EntryForm, body_hash
from aparte.wire.ids import EntryKind, Request
from aparte.wire.link_frames import Problem

__all__ = ["pump_outbox"]


def pump_outbox(work: Work) -> None:
    """Post what can be posted now."""
    if work.session.to_post is None:
        work.session.to_post = {*work.store.outbox.conversations(), *work.store.conversations.committing()}
    for number in tuple(work.session.to_post):
        if not _post_next(work, work.log(number)):
            work.session.to_post.discard(number)


def _post_next(work: Work, log: OpenLog) -> bool:
    """Post the next thing, if it may be now; False if there is nothing to be posted."""
    if log.row.state is not ConversationState.LIVE:
        return log.row.state < ConversationState.LIVE
    commit = work.store.own_commits.get(log.number)
    waiting = None if commit is not None else work.store.outbox.first(log.number)
    if commit is None and waiting is None:
        return False
    shown_in = shown(work, log).number
    if waiting is not None and work.store.outbox.first_shown_in(shown_in) != waiting.message:
        return True  # something was written before in a conversation that is shown as one with this
    state = log.state
    may_post = state.node == log.epoch.node and state.is_caught_up and not state.is_reading and state.posting is None
    if not may_post or work.waits(_errand(log)):
        return True
    if commit is not None:
        place = Place(log.row.log_id, log.epoch.node, EntryKind.COMMIT, commit.idem, commit.next_epoch_key)
        _post(work, log, place=place, body=commit.body)
    elif waiting is not None:
        _post_message(work, log, waiting=waiting)
    return True


def _errand(log: OpenLog) -> Hashable:
    return ("post", log.number)


def _post_message(work: Work, log: OpenLog, *, waiting: OutboxRow) -> None:
    message = work.store.messages.get(waiting.message)
    if message is None:
        raise ValueError(f"message {waiting.message} waits and is not there")
    place = Place(log.row.log_id, log.epoch.node, EntryKind.APP, message.idem)
    if not waiting.body or waiting.node != log.epoch.node:
        try:
            waiting = replace(waiting, node=log.epoch.node, body=_seal(work, log, message=message, place=place))
        except TooLong as error:
            _fail(work, log, message=message, why=str(error))
            return
        work.store.outbox.put(waiting)
    _post(work, log, place=place, body=waiting.body)


def _seal(work: Work, log: OpenLog, *, message: MessageRow, place: Place) -> bytes:
    protected = mls.protect(log.group, message.data)
    body = seal_body(work.suite, log.keys.wrap, sealed=Sealed(protected.message, message.salt), place=place)
    log.group = protected.group
    return body


def _fail(work: Work, log: OpenLog, *, message: MessageRow, why: str) -> None:
    work.store.outbox.remove(message.id)
    work.say(replace(message, state=MessageState.FAILED))
    log.row = replace(log.row, trouble=f"a message could not be sent: {why}")
    work.done(_errand(log))


def _post(work: Work, log: OpenLog, *, place: Place, body: bytes) -> None:
    log.state.posting = place.idem
    number = log.number

    def frame(request: Request) -> object:
        return f.Post(request, place.log_id, place.node, place.idem, place.kind, place.next_epoch_key, None, body)

    def posted(later: Work, answer: Any) -> None:
        log = later.log(number)
        log.state.posting = None
        _posted(later, log, place=place, answer=answer)

    work.request(Line(log.row.host, LineKind.ANONYMOUS), frame, then=posted)


def _posted(work: Work, log: OpenLog, *, place: Place, answer: object) -> None:
    line = Line(log.row.host, LineKind.ANONYMOUS)
    match answer:
        case f.Accepted():
            work.done(_errand(log))
            work.wants_posting(shown(work, log).number)
            try:
                _accepted(work, log, place=place, answer=answer)
            except HostLies as error:
                work.hang_up(line, f"the host shows two logs in one place: {error}")
        case f.Stale():
            log.state.node, log.state.is_caught_up = None, False
            read_on(work, log)
        case f.Busy(_, wait):
            work.later(_errand(log), wait)
        case Problem() if answer.code == ErrorCode.NOT_OPEN:
            log.state.node, log.state.is_caught_up = None, False
            work.wants_open(log)
        case Problem() if answer.code in {ErrorCode.TOO_LARGE, ErrorCode.MALFORMED}:
            message = work.store.messages.posted(log.number, place.idem)
            if message is not None:
                _fail(work, log, message=message, why=answer.detail)
        case Problem():
            work.later(_errand(log), answer.wait)
        case _:
            work.hang_up(line, "the host answered something else than what it was asked")


def _accepted(work: Work, log: OpenLog, *, place: Place, answer: f.Accepted) -> None:
    """It stands, at its place; nothing more if that place is further on than what was read, or was read."""
    entry = Entry(
        seq=answer.seq,
        at=answer.at,
        node=answer.node,
        kind=place.kind,
        idem=place.idem,
        next_epoch_key=place.next_epoch_key,
        form=EntryForm.LARGE,
        body_length=0,
        body_hash=answer.body_hash,
        receipt=answer.receipt,
        body=b"",
    )
    is_next = answer.seq == log.epoch.seq + 1
    if is_next and answer.node == log.epoch.node:
        epoch = advance(log, entry)
        if epoch.chain != answer.chain:
            raise HostLies(f"entry {answer.seq} does not follow the one before")
    elif answer.seq > log.epoch.seq:
        read_on(work, log)
        return
    else:
        return
    if place.kind is EntryKind.COMMIT:
        commit = work.store.own_commits.get(log.number)
        if commit is None or body_hash(commit.body) != answer.body_hash:
            read_on(work, log)
            return
        log.epoch = epoch
        own_commit_stands(work, log)
        work.wants_open(log)
        return
    log.epoch = epoch
    message = work.store.messages.posted(log.number, place.idem)
    if message is not None:
        own_message_stands(work, log, row=message, entry=entry)
