"""Logs on their hosts' links: opened, read up to their heads, followed (docs/protocol/log.md)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from aparte.client.entries import HostLies, is_own, take_entry
from aparte.client.lines import Line, LineKind
from aparte.client.open_logs import OpenLog
from aparte.client.store.rows import ConversationState
from aparte.client.work import Work
from aparte.wire import log_frames as f
from aparte.wire.entries import Entry, EntryForm, body_hash
from aparte.wire.ids import LogId, Request
from aparte.wire.limits import MAX_ENTRIES_PAGE, MAX_OPEN_ITEMS
from aparte.wire.link_frames import Greeting, Problem
from aparte.wire.statements import open_statement

__all__ = ["heard", "pump_logs", "read_on"]

_OTHER: Final = "the host answered something else than what it was asked"
_OPENING: Final = "opening"


def pump_logs(work: Work) -> None:
    """Keep links up to the hosts of logs, and open there what is not open."""
    if work.session.log_hosts is None:
        work.session.log_hosts = set(work.store.conversations.hosts())
    for number in tuple(work.session.to_read):
        if not work.waits(("fetch", number)):
            work.session.to_read.discard(number)
            read_on(work, work.log(number))
    for host in work.session.log_hosts:
        line = Line(host, LineKind.ANONYMOUS)
        state = work.keep_up(line)
        if not state.is_ready or work.now < state.not_before.get(_OPENING, 0):
            continue
        if state.unopened is None:
            state.unopened = set(work.store.conversations.live_on(host))
        while state.unopened:
            numbers = [state.unopened.pop() for _ in range(min(MAX_OPEN_ITEMS, len(state.unopened)))]
            _open(work, line, logs=[log for log in map(work.log, numbers) if log.row.state is ConversationState.LIVE])


def heard(work: Work, line: Line, *, frame: object) -> None:
    """What a host sends unasked about logs."""
    if not isinstance(frame, f.Delivered | f.Lagged):
        return
    row = work.store.conversations.of_log(line.host, frame.log_id)
    if row is None:
        return
    log = work.log(row.id)
    if log.row.state is not ConversationState.LIVE:
        return
    if isinstance(frame, f.Lagged):
        read_on(work, log)
    elif log.state.node is None or log.state.is_reading or frame.entry.seq > log.epoch.seq + 1:
        # What is missing is on its way, or has to be asked for: this one then comes again.
        read_on(work, log)
    else:
        _take(work, log, entries=[frame.entry])


# ------------------------------------------------------------------------------------------------ opening


def _open(work: Work, line: Line, *, logs: list[OpenLog]) -> None:
    greeting = work.greeting(line)
    items = tuple(_item(work, log, greeting=greeting) for log in logs)
    asked = {log.row.log_id: log.number for log in logs}
    for log in logs:
        log.state.is_opening = True

    def opened(later: Work, answer: Any) -> None:
        match answer:
            case f.Opened():
                _opened(later, line, asked=dict(asked), answer=answer)
            case Problem():
                state = later.session.line(line)
                later.wait(line, _OPENING, problem=answer)
                for number in asked.values():
                    state.logs.pop(number, None)
                if state.unopened is not None:
                    state.unopened.update(asked.values())
            case _:
                later.hang_up(line, _OTHER)

    work.request(line, lambda number: f.Open(number, True, items), then=opened)


def _item(work: Work, log: OpenLog, *, greeting: Greeting) -> f.OpenItem:
    epoch, proof = log.epoch, None
    if log.pass_ is None:
        key = log.keys.posting_key(work.suite)
        statement = open_statement(greeting.host, greeting.nonce, log_id=log.row.log_id, node=epoch.node)
        proof = f.EpochProof(key.public_key, key.sign(statement))
    return f.OpenItem(log.row.log_id, epoch.node, epoch.seq, log.pass_, proof)


def _opened(work: Work, line: Line, *, asked: dict[LogId, int], answer: f.Opened) -> None:
    for item in answer.items:
        number = asked.pop(item.log_id, None)
        if number is not None:
            _opened_item(work, work.log(number), line=line, item=item)
    for number in asked.values():  # without news
        log = work.log(number)
        log.state.is_opening, log.state.is_caught_up = False, True
        log.state.node = log.epoch.node


def _opened_item(work: Work, log: OpenLog, *, line: Line, item: f.OpenedItem) -> None:
    log.state.is_opening = False
    match item.status:
        case f.OpenStatus.LIVE | f.OpenStatus.ENDED:
            log.epoch = replace(log.epoch, pass_day=item.pass_.day, pass_mac=item.pass_.mac)
            if item.status is f.OpenStatus.LIVE:
                log.state.node = log.epoch.node
            if item.head_seq > log.epoch.seq:
                read_on(work, log)
            elif item.head_seq < log.epoch.seq or item.chain != log.epoch.chain:
                _broken(log, "the host shows another log than before: it was restored from a backup, or lies")
            else:
                log.state.is_caught_up = True
        case f.OpenStatus.NOT_FOUND:
            _broken(log, "the host no longer has the log of this conversation")
        case f.OpenStatus.REFUSED if log.pass_ is not None:
            log.epoch = replace(log.epoch, pass_day=0, pass_mac=b"")
            work.wants_open(log)
        case f.OpenStatus.REFUSED:
            _broken(log, "the host does not let this device in")
        case f.OpenStatus.TOO_MANY:
            work.session.line(line).trouble = "the host lets this device follow no more conversations"


def _broken(log: OpenLog, trouble: str) -> None:
    log.row = replace(log.row, state=ConversationState.BROKEN, trouble=trouble)


# ------------------------------------------------------------------------------------------------ reading


def read_on(work: Work, log: OpenLog) -> None:
    """Read what stands in the log after what was taken, unless that is under way."""
    pass_, line = log.pass_, Line(log.row.host, LineKind.ANONYMOUS)
    if log.state.is_reading or pass_ is None or not work.session.line(line).is_ready:
        return
    log.state.is_reading = True
    number, epoch = log.number, log.epoch
    log_id = log.row.log_id

    def frame(request: Request) -> object:
        return f.Read(request, log_id, epoch.node, epoch.seq, MAX_ENTRIES_PAGE, pass_)

    def read(later: Work, answer: Any) -> None:
        _read(later, later.log(number), line=line, answer=answer)

    work.request(line, frame, then=read)


def _read(work: Work, log: OpenLog, *, line: Line, answer: object) -> None:
    log.state.is_reading = False
    match answer:
        case f.Entries():
            node = log.epoch.node
            _take(work, log, entries=answer.entries)
            if log.epoch.node != node or log.row.state is not ConversationState.LIVE or log.state.is_reading:
                return
            if answer.more:
                read_on(work, log)
            else:
                log.state.is_caught_up = True
        case Problem():
            log.epoch = replace(log.epoch, pass_day=0, pass_mac=b"")
            log.state.node = None
            work.wait(line, _OPENING, problem=answer)
            work.wants_open(log)
        case _:
            work.hang_up(line, _OTHER)


def _take(work: Work, log: OpenLog, *, entries: tuple[Entry, ...] | list[Entry]) -> None:
    node = log.epoch.node
    for entry in entries:
        if log.row.state is not ConversationState.LIVE:
            return
        if entry.form is EntryForm.LARGE and entry.seq == log.epoch.seq + 1 and not is_own(work, log, entry=entry):
            _fetch(work, log, entry=entry)
            return
        try:
            take_entry(work, log, entry=entry)
        except HostLies as error:
            work.hang_up(Line(log.row.host, LineKind.ANONYMOUS), f"the host shows two logs in one place: {error}")
            return
    if log.epoch.node != node and log.row.state is ConversationState.LIVE:
        work.wants_open(log)
    work.wants_posting(log.number)


def _fetch(work: Work, log: OpenLog, *, entry: Entry) -> None:
    """A body that is too long for a link comes over HTTP; everything after it waits."""
    pass_, errand = log.pass_, ("fetch", log.number)
    if pass_ is None or not work.begin(errand):
        return
    log.state.is_reading = True
    number, node = log.number, log.epoch.node

    def fetched(later: Work, answer: Any) -> None:
        found = later.log(number)
        found.state.is_reading = False
        match answer:
            case f.Fetched() if _is_same(answer.entry, entry):
                later.done(errand)
                _take(later, found, entries=[answer.entry])
                if found.epoch.node == node:
                    read_on(later, found)
            case _:
                later.later(errand, answer.wait if isinstance(answer, Problem) else 0)
                later.session.to_read.add(number)

    frame = f.FetchEntry(Request(1), log.row.log_id, node, entry.seq, pass_)
    work.ask(errand, log.row.host, frame=frame, then=fetched)


def _is_same(fetched: Entry, entry: Entry) -> bool:
    """Whether it is the entry whose head came over the link; what was pruned has no body."""
    if fetched.head != entry.head or fetched.body_hash != entry.body_hash:
        return False
    return fetched.form is EntryForm.PRUNED or body_hash(fetched.body) == entry.body_hash
