"""Who is called so, and what is known of them: asked at their host, by requests that tell nothing of who asks."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Final, Protocol

from aparte.client.store.rows import PeerRow
from aparte.client.work import Work
from aparte.codec import DecodeError
from aparte.trust import (
    AcceptedManifest,
    Account,
    Genesis,
    Manifest,
    TrustError,
    judge_beginning,
    judge_successor,
    verify_genesis,
)
from aparte.wire import ErrorCode
from aparte.wire import account_frames as a
from aparte.wire.ids import Request
from aparte.wire.link_frames import Problem

__all__ = ["look_up", "manifest_of", "pump_unchecked"]

_R: Final = Request(1)
#: What a host says no to for good.
_FINAL: Final = frozenset({ErrorCode.NOT_FOUND, ErrorCode.NAME_REFUSED})


class FoundThen(Protocol):
    """What to do with who was found: None, and why, if nobody was."""

    def __call__(self, work: Work, peer: PeerRow | None, *, why: str) -> None: ...


def look_up(work: Work, errand: tuple[object, ...], *, host: str, name: str, then: FoundThen) -> None:
    """Ask who is called so, for an errand that was begun; `then` is called once it is known, and the errand over."""

    def answered(later: Work, answer: Any) -> None:
        match answer:
            case a.Found() if answer.name != name:
                later.done(errand)
                then(later, None, why=f"{host} answers for another name than {name}")
            case a.Found():
                _found(later, errand, host=host, answer=answer, then=then)
            case Problem() if answer.code in _FINAL:
                later.done(errand)
                then(later, None, why=f"nobody is called {name} at {host}")
            case Problem():
                later.later(errand, answer.wait)
            case _:
                later.later(errand)

    work.ask(errand, host, frame=a.LookUpName(_R, name), then=answered)


def _found(work: Work, errand: tuple[object, ...], *, host: str, answer: a.Found, then: FoundThen) -> None:
    try:
        account = verify_genesis(Genesis.decode(answer.genesis), work.suite)
        newest = Manifest.decode(answer.manifest)
    except (DecodeError, TrustError) as error:
        work.done(errand)
        then(work, None, why=f"{host} shows an account that is none: {error}")
        return
    peer = PeerRow(account.account_id, host, answer.name, answer.genesis, b"")
    if newest.content.place == (0, 0):
        work.done(errand)
        _judged(work, peer, account=account, manifests=[answer.manifest], then=then)
        return

    def followed(later: Work, page: Any) -> None:
        match page:
            case a.Manifests(_, False, manifests):
                found = [each.manifest for each in manifests]
                later.done(errand)
                _judged(later, peer, account=account, manifests=found, then=then)
            case _:
                later.later(errand, page.wait if isinstance(page, Problem) else 0)

    work.ask(errand, host, frame=a.FetchManifests(_R, account.account_id, 0), then=followed)


def _judged(
    work: Work,
    peer: PeerRow,
    *,
    account: Account,
    manifests: list[bytes],
    then: FoundThen,
) -> None:
    current: AcceptedManifest | None = None
    try:
        for encoded in manifests:
            manifest = Manifest.decode(encoded)
            if current is None:
                current = judge_beginning(manifest, account=account, suite=work.suite)
            else:
                current = judge_successor(current, manifest, account=account, suite=work.suite)
    except (DecodeError, TrustError) as error:
        then(work, None, why=f"{peer.host} shows devices of {peer.name} that do not follow from its account: {error}")
        return
    if current is None:
        then(work, None, why=f"{peer.host} shows no devices of {peer.name}")
        return
    then(work, replace(peer, manifest=current.encode()), why="")


def manifest_of(row: PeerRow) -> AcceptedManifest:
    """The newest manifest of somebody who was looked up."""
    return AcceptedManifest(Manifest.decode(row.manifest))


def pump_unchecked(work: Work) -> None:
    """Ask whether those who have written are called as they say."""
    if not work.session.may_be_unchecked:
        return
    rows = work.store.peers.unchecked()
    work.session.may_be_unchecked = bool(rows)
    for row in rows:
        errand = ("check", row.account_id)
        if work.begin(errand):
            _check(work, errand, row=row)


def _check(work: Work, errand: tuple[object, ...], *, row: PeerRow) -> None:
    def checked(work: Work, peer: PeerRow | None, *, why: str) -> None:  # noqa: ARG001 - whatever the reason
        said = work.store.peers.get(row.account_id)
        if said is None:
            return
        if peer is not None and peer.account_id == row.account_id:
            name, manifest = peer.name, peer.manifest
        else:
            name, manifest = "", said.manifest
        work.keep_peer(replace(said, name=name, manifest=manifest, is_checked=True))
        direct = work.store.conversations.direct(row.account_id)
        if direct is not None:
            log = work.log(direct.id)
            log.row = replace(log.row, peer_name=name)

    look_up(work, errand, host=row.host, name=row.name, then=checked)
