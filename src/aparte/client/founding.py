"""A new conversation with one other: found by address, added by key packages, on a log at one's own host."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final

from aparte import mls
from aparte.client.commands import CommandRefused
from aparte.client.converging import converge
from aparte.client.groups import config_for, identity_of
from aparte.client.joining import Joiner, encode_joiners
from aparte.client.key_packages import make_key_package
from aparte.client.lines import Line, LineKind
from aparte.client.look_ups import look_up, manifest_of
from aparte.client.open_logs import OpenLog
from aparte.client.store.api import AccountState
from aparte.client.store.rows import (
    ConversationKind,
    ConversationRow,
    ConversationState,
    EpochRow,
    MessageState,
    OwnCommitRow,
    PeerRow,
)
from aparte.client.tickets import take_ticket
from aparte.client.work import Work
from aparte.codec import DecodeError
from aparte.content import CONVERSATION_ID_LENGTH, ConversationId
from aparte.conversation import EpochKeys, Place, Sealed, seal_body
from aparte.trust import Address, Device
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire import log_frames as f
from aparte.wire.entries import first_chain
from aparte.wire.ids import ID_LENGTH, EntryKind, Idem, LogId, Millis, Node, Request, Seq, TicketKind
from aparte.wire.link_frames import Problem

__all__ = ["begin_direct", "pump_founding"]

_R: Final = Request(1)
_RETENTION_DAYS: Final = 30


def begin_direct(work: Work, address: Address) -> int:
    """The conversation with whoever is called so, a new one if there is none; its number. Raises `CommandRefused`."""
    account = work.account
    if account.state is not AccountState.READY:
        raise CommandRefused("the account is not ready yet: its host has not confirmed it")
    if (address.name, address.host) == (account.name, account.host):
        raise CommandRefused("that is your own address")
    peer = work.store.peers.named(address.host, address.name)
    known = None if peer is None else work.store.conversations.direct(peer.account_id)
    known = known or work.store.conversations.wanted(address.host, address.name)
    if known is not None and known.state < ConversationState.FAILED:
        return known.id
    row = ConversationRow(
        id=0,
        conversation_id=ConversationId(work.suite.random(CONVERSATION_ID_LENGTH)),
        kind=ConversationKind.DIRECT,
        state=ConversationState.WANTED,
        host=account.host,
        log_id=LogId(work.suite.random(ID_LENGTH)),
        peer_host=address.host,
        peer_name=address.name,
        last_at=work.now,
    )
    work.session.may_be_unfinished = True
    return work.begin_conversation(row)


def pump_founding(work: Work) -> None:
    """Go on with conversations that are not live yet."""
    if not work.session.may_be_unfinished:
        return
    rows = work.store.conversations.unfinished()
    work.session.may_be_unfinished = bool(rows)
    for found in rows:
        log = work.log(found.id)  # this step may have brought it further than the store has it
        match log.row.state:
            case ConversationState.WANTED:
                _look_up(work, log.row)
            case ConversationState.FOUND:
                _fetch(work, log.row)
            case ConversationState.FOUNDED:
                _create(work, log)
            case _:
                pass


def _errand(row: ConversationRow) -> tuple[object, ...]:
    return ("found", row.id)


def _look_up(work: Work, row: ConversationRow) -> None:
    if not work.begin(_errand(row)):
        return

    def found(work: Work, peer: PeerRow | None, *, why: str) -> None:
        log = work.log(row.id)
        if log.row.state is not ConversationState.WANTED:
            return
        if peer is None:
            _fail(work, log, why=why)
            return
        before = work.store.peers.get(peer.account_id)
        work.keep_peer(replace(peer, is_contact=True if before is None else before.is_contact))
        log.row = replace(log.row, state=ConversationState.FOUND, peer=peer.account_id, peer_name=peer.name)
        converge(work, log)

    look_up(work, _errand(row), host=row.peer_host, name=row.peer_name, then=found)


def _fail(work: Work, log: OpenLog, *, why: str) -> None:
    """It cannot be begun: what was written for it was not sent."""
    log.row = replace(log.row, state=ConversationState.FAILED, trouble=why)
    while (waiting := work.store.outbox.first(log.number)) is not None:
        work.store.outbox.remove(waiting.message)
        message = work.store.messages.get(waiting.message)
        if message is not None:
            work.say(replace(message, state=MessageState.FAILED))


# ---------------------------------------------------------------------------------------------- the group


def _fetch(work: Work, row: ConversationRow) -> None:
    errand = _errand(row)
    if row.peer is None or work.waits(errand):
        return
    ticket = take_ticket(work, row.peer_host, kind=TicketKind.FETCH_KEY_PACKAGES)
    if ticket is None or not work.begin(errand):
        return

    def fetched(later: Work, answer: Any) -> None:
        log = later.log(row.id)
        match answer:
            case _ if log.row.state is not ConversationState.FOUND:
                later.done(errand)
            case a.KeyPackages():
                _found_packages(later, log, errand=errand, packages=answer.packages)
            case Problem() if answer.code == ErrorCode.NOT_FOUND:
                later.done(errand)
                _fail(later, log, why=f"{row.peer_name}@{row.peer_host} is not there any more")
            case Problem():
                later.later(errand, answer.wait)
            case _:
                later.later(errand)

    work.ask(errand, row.peer_host, frame=a.FetchKeyPackages(_R, row.peer, ticket), then=fetched)


def _found_packages(
    work: Work, log: OpenLog, *, errand: tuple[object, ...], packages: tuple[a.DeviceKeyPackage, ...]
) -> None:
    peer = None if log.row.peer is None else work.store.peers.get(log.row.peer)
    if peer is None:
        raise ValueError("its peer is not known")
    devices = manifest_of(peer).content.by_id()
    good: list[tuple[Device, mls.VerifiedKeyPackage]] = []
    for each in packages:
        verified = _verified(work, each, peer=peer)
        if verified is not None and each.device_id in devices:
            good.append((devices[each.device_id], verified))
    if not good:
        log.row = replace(log.row, trouble=f"no device of {peer.name}@{peer.host} can be reached yet")
        work.later(errand)
        return
    work.done(errand)
    _make_group(work, log, peer=peer, members=good)


def _verified(work: Work, found: a.DeviceKeyPackage, *, peer: PeerRow) -> mls.VerifiedKeyPackage | None:
    """The package, if it is a good one of that device of that account."""
    try:
        package = mls.decode_message(found.key_package)
        if not isinstance(package, mls.KeyPackage):
            return None
        now = work.now // 1000
        verified = mls.verify_key_package(work.suite, package, config=config_for(work.suite), now=now)
    except (DecodeError, mls.MlsError):
        return None
    return verified if identity_of(package.leaf_node) == (peer.account_id, found.device_id) else None


def _make_group(
    work: Work, log: OpenLog, *, peer: PeerRow, members: list[tuple[Device, mls.VerifiedKeyPackage]]
) -> None:
    """A group of one, and the commit that adds the others: what is posted first."""
    suite = work.suite
    own = mls.decode_key_package_secrets(make_key_package(work, work.account).secrets, work.provider)
    group = mls.create_group(suite, config_for(suite), own)
    keys, log_id = EpochKeys.of(group, log.row.log_id), log.row.log_id
    options = mls.CommitOptions(path=False, welcome_each=True, tree_in_welcome=False)
    committed = mls.commit(group, [package for _, package in members], options)
    following = EpochKeys.of(committed.staged.merge(), log_id).posting_key(suite).public_key
    place = Place(log_id, Node(0), EntryKind.COMMIT, Idem(suite.random(ID_LENGTH)), following)
    body = seal_body(suite, keys.wrap, sealed=Sealed(committed.message), place=place)
    joiners = [
        Joiner(peer.host, peer.account_id, device.device_id, device.inbox_key, welcome)
        for (device, _), welcome in zip(members, committed.welcomes, strict=True)
    ]
    work.store.own_commits.put(OwnCommitRow(log.number, place.idem, following, body, encode_joiners(joiners)))
    chain = first_chain(log_id, keys.posting_key(suite).public_key)
    log.epoch = EpochRow(log.number, Node(0), Seq(0), Millis(0), chain, 0, b"", keys.encode())
    log.group = committed.group.without_exporter()
    log.row = replace(log.row, state=ConversationState.FOUNDED, trouble="")


# ------------------------------------------------------------------------------------------------ the log


def _create(work: Work, log: OpenLog) -> None:
    line = Line(log.row.host, LineKind.ANONYMOUS)
    state, errand = work.keep_up(line), _errand(log.row)
    if not state.is_ready or errand in state.under_way or work.waits(errand):
        return
    if not log.row.ticket:
        ticket = take_ticket(work, log.row.host, kind=TicketKind.CREATE_LOG)
        if ticket is None:
            return
        log.row = replace(log.row, ticket=ticket)
    key = log.keys.posting_key(work.suite).public_key
    log_id, ticket, number = log.row.log_id, log.row.ticket, log.number
    state.under_way.add(errand)

    def created(later: Work, answer: Any) -> None:
        later.session.line(line).under_way.discard(errand)
        _created(later, later.log(number), errand=errand, answer=answer)

    work.request(line, lambda request: f.Create(request, log_id, key, _RETENTION_DAYS, ticket), then=created)


def _created(work: Work, log: OpenLog, *, errand: tuple[object, ...], answer: object) -> None:
    match answer:
        case f.Created(_, chain) if chain == log.epoch.chain:
            work.done(errand)
            log.row = replace(log.row, state=ConversationState.LIVE, ticket=b"")
            work.wants_open(log)
            work.wants_posting(log.number)
        case Problem() if answer.code in {ErrorCode.TICKET_REFUSED, ErrorCode.TICKET_SPENT}:
            log.row = replace(log.row, ticket=b"")
            work.later(errand, answer.wait)
        case Problem():
            work.later(errand, answer.wait)
        case _:
            work.hang_up(Line(log.row.host, LineKind.ANONYMOUS), "the host made another log than it was asked for")
