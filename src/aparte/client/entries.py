"""Entries of a log, one after another: checked against the chain, opened, decrypted, and put into the timeline.

What the host gets wrong ends its link; what a member gets wrong is one line in one conversation, and the next entry is
read. Nothing here stops at what it cannot read.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final, assert_never

from aparte import mls
from aparte.client.converging import shown
from aparte.client.groups import identity_of
from aparte.client.joining import invite_joiners
from aparte.client.open_logs import OpenLog
from aparte.client.store.rows import (
    ConversationState,
    EpochRow,
    MessageKind,
    MessageRow,
    MessageState,
)
from aparte.client.work import Work
from aparte.codec import DecodeError, encode_vector
from aparte.content import ContentError, MessageId, Origin, Reply, Text, read_message
from aparte.conversation import BodyRefused, EpochKeys, Place, Sealed, open_body, require_idem
from aparte.wire.entries import NO_KEY, Entry, EntryForm, body_hash, next_chain
from aparte.wire.ids import EntryKind, Idem, Node

__all__ = ["HostLies", "advance", "is_own", "own_commit_stands", "own_message_stands", "take_entry"]

_PRUNED: Final = "A message was here that the host no longer keeps."


class HostLies(Exception):
    """What the host showed cannot be the log that it showed before. Says what, to people."""


def take_entry(work: Work, log: OpenLog, *, entry: Entry) -> bool:
    """Take the next entry; False if it was taken before. Raises `HostLies`."""
    if entry.seq <= log.epoch.seq:
        return False
    _check(log.epoch, entry)
    epoch = advance(log, entry)
    log.epoch = epoch
    commit = work.store.own_commits.get(log.number) if entry.kind is EntryKind.COMMIT else None
    message = work.store.messages.posted(log.number, entry.idem)
    if commit is not None and commit.idem == entry.idem and body_hash(commit.body) == entry.body_hash:
        own_commit_stands(work, log)
    elif message is not None and message.is_own:
        own_message_stands(work, log, row=message, entry=entry)
    elif entry.form is EntryForm.PRUNED:
        _gap(work, log, entry=entry, text=_PRUNED)
    else:
        _open(work, log, entry=entry)
    return True


def is_own(work: Work, log: OpenLog, *, entry: Entry) -> bool:
    """Whether this device has posted it: then its body is not needed."""
    commit = work.store.own_commits.get(log.number) if entry.kind is EntryKind.COMMIT else None
    if commit is not None and commit.idem == entry.idem:
        return body_hash(commit.body) == entry.body_hash
    message = work.store.messages.posted(log.number, entry.idem)
    return message is not None and message.is_own


def advance(log: OpenLog, entry: Entry) -> EpochRow:
    """The place in the log after the entry."""
    chain = next_chain(log.epoch.chain, log.row.log_id, head=entry.head, body=entry.body_hash)
    return replace(log.epoch, seq=entry.seq, at=entry.at, chain=chain)


def _check(epoch: EpochRow, entry: Entry) -> None:
    if entry.seq != epoch.seq + 1:
        raise HostLies(f"after entry {epoch.seq} comes {entry.seq}")
    if entry.node != epoch.node:
        raise HostLies(f"entry {entry.seq} is of node {entry.node}, which is not node {epoch.node}")
    if entry.at < epoch.at:
        raise HostLies(f"entry {entry.seq} is older than the one before")
    if (entry.kind is EntryKind.COMMIT) == (entry.next_epoch_key == NO_KEY):
        raise HostLies(f"entry {entry.seq} has the wrong kind")
    whole = entry.form is EntryForm.WHOLE
    if whole and (len(entry.body) != entry.body_length or body_hash(entry.body) != entry.body_hash):
        raise HostLies(f"the body of entry {entry.seq} is not the one that was posted")


# ------------------------------------------------------------------------------------------------ one's own


def own_message_stands(work: Work, log: OpenLog, *, row: MessageRow, entry: Entry) -> None:
    """The host has it."""
    work.store.outbox.remove(row.id)
    if row.state is MessageState.QUEUED:
        work.say(replace(row, seq=entry.seq, at=entry.at, state=MessageState.SENT, receipt=entry.receipt))
        shown(work, log).spoke(entry.at)


def own_commit_stands(work: Work, log: OpenLog) -> None:
    """One's own commit ended the epoch: go over into the next, and send their Welcomes to those who join."""
    commit, pending = work.store.own_commits.get(log.number), log.group.pending_commit
    if commit is None or pending is None:
        raise ValueError("no commit of one's own is on its way")
    enter_epoch(log, pending.staged.merge())
    work.store.own_commits.remove(log.number)
    invite_joiners(work, log, welcomes=commit.welcomes)


def enter_epoch(log: OpenLog, group: mls.Group) -> None:
    """The entry that was taken last was a commit: its seq names the node that begins."""
    keys = EpochKeys.of(group, log.row.log_id)
    log.group = group.without_exporter()
    epoch = log.epoch
    log.epoch = replace(epoch, node=Node(epoch.seq), pass_day=0, pass_mac=b"", keys=keys.encode())
    log.state.node, log.state.is_caught_up = None, False


# ------------------------------------------------------------------------------------------------- others'


def _open(work: Work, log: OpenLog, *, entry: Entry) -> None:
    place = Place(log.row.log_id, entry.node, entry.kind, entry.idem, entry.next_epoch_key)
    try:
        sealed = open_body(work.suite, log.keys.wrap, body=entry.body, place=place)
        received = mls.process(log.group, sealed.message)
    except (BodyRefused, DecodeError, mls.MlsError) as error:
        _unreadable(work, log, entry=entry, why=str(error))
        return
    match received:
        case mls.ApplicationMessage() if entry.kind is EntryKind.APP:
            _message(work, log, entry=entry, sealed=sealed, received=received)
        case mls.ReceivedCommit() if entry.kind is EntryKind.COMMIT:
            _commit(work, log, entry=entry, received=received)
        case mls.OwnMessage():
            _rolled_back(log)
        case mls.ApplicationMessage() | mls.ReceivedCommit() | mls.ReceivedProposal():
            _unreadable(work, log, entry=entry, why="it is another kind of entry than it was posted as")
        case _:
            assert_never(received)


def _unreadable(work: Work, log: OpenLog, *, entry: Entry, why: str) -> None:
    if entry.kind is EntryKind.COMMIT:
        log.row = replace(log.row, state=ConversationState.BROKEN, trouble=f"a change could not be followed: {why}")
    _gap(work, log, entry=entry, text=f"A message could not be read: {why}.")


def _rolled_back(log: OpenLog) -> None:
    trouble = "this device sent something that its store does not know: the store was set back to an older state"
    log.row = replace(log.row, state=ConversationState.BROKEN, trouble=trouble)


def _commit(work: Work, log: OpenLog, *, entry: Entry, received: mls.ReceivedCommit) -> None:
    group = received.staged.merge()
    if group.status is not mls.GroupStatus.ACTIVE:
        log.group = group
        log.row = replace(log.row, state=ConversationState.BROKEN, trouble="you were removed")
        return
    announced = EpochKeys.of(group, log.row.log_id).posting_key(work.suite).public_key
    if announced != entry.next_epoch_key:
        _unreadable(work, log, entry=entry, why="it announces another key than the one that follows from it")
        return
    work.store.own_commits.remove(log.number)
    enter_epoch(log, group)


def _message(work: Work, log: OpenLog, *, entry: Entry, sealed: Sealed, received: mls.ApplicationMessage) -> None:
    sender = identity_of(received.proof.leaf).account_id
    log.group = received.group
    place = Place(log.row.log_id, entry.node, entry.kind, entry.idem)
    try:
        require_idem(place, sealed, data=received.data)
        message = read_message(received.data, Origin(sender, log.row.conversation_id))
    except (BodyRefused, DecodeError, ContentError) as error:
        _gap(work, log, entry=entry, text=f"A message could not be read: {error}.")
        return
    if work.store.messages.named(log.number, message.message_id) is not None:
        return  # who says it twice has said it once
    body = message.meaning.body if isinstance(message.meaning, Reply) else message.meaning
    known = isinstance(body, Text)
    own = work.account.account_id == sender
    row = MessageRow(
        id=0,
        conversation=log.number,
        seq=entry.seq,
        idem=entry.idem,
        message_id=message.message_id,
        sender=sender,
        is_own=own,
        at=entry.at,
        kind=MessageKind.TEXT if known else MessageKind.NEWER,
        text=body.text if isinstance(body, Text) else "",
        state=MessageState.SENT if own else MessageState.RECEIVED,
        data=received.data,
        salt=sealed.salt,
        proof=_encode_proof(received.proof),
        receipt=entry.receipt,
    )
    work.say(row)
    where = shown(work, log)
    where.spoke(entry.at)
    if not own:
        where.row = replace(where.row, unread=where.row.unread + 1)


def _encode_proof(proof: mls.ContentProof) -> bytes:
    """What a report needs besides the content (docs/design.md §4.9); the group's context is in `tbs`."""
    return encode_vector(proof.tbs) + encode_vector(proof.signature) + encode_vector(proof.leaf.encode())


def _gap(work: Work, log: OpenLog, *, entry: Entry, text: str) -> None:
    row = MessageRow(
        id=0,
        conversation=log.number,
        seq=entry.seq,
        idem=Idem(b""),
        message_id=MessageId(b""),
        sender=None,
        is_own=False,
        at=entry.at,
        kind=MessageKind.GAP,
        text=text,
        state=MessageState.RECEIVED,
    )
    work.say(row)
    log.spoke(entry.at)
