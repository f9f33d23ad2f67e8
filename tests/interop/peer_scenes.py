"""Groups of peers' clients, for tests of the peers themselves."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from tests.interop.peers import Add, Committed, Peer, PeerGroup, ProposalSpec, TsMlsGroup

LABELS = (("aparte test one", b""), ("aparte test two", b"a context"))


def agree(groups: Iterable[PeerGroup]) -> bool:
    """Whether all have the same secrets (two exporter labels) and the same tree."""
    views = {(tuple(group.export(label, context, 32) for label, context in LABELS), group.tree()) for group in groups}
    return len(views) == 1


def same_epoch(groups: Iterable[TsMlsGroup]) -> bool:
    """Whether all of ts-mls's views are equal, epoch authenticator included."""
    facts = [group.facts() for group in groups]
    views = {(told.epoch, told.epoch_authenticator, told.tree_hash, told.confirmed_transcript_hash) for told in facts}
    return len(views) == 1 and agree(groups)


def found(peer: Peer, *, suite: int, names: Sequence[bytes], group_id: bytes = b"a group") -> list[PeerGroup]:
    """A group whose first member has added the others in one commit."""
    clients = [peer.client(suite, name) for name in names]
    first = clients[0].create_group(group_id)
    welcome = first.commit([Add(client.key_package()) for client in clients[1:]]).welcome
    assert welcome is not None
    return [first, *(client.join(welcome) for client in clients[1:])]


def found_ts(
    peer: Peer, *, suite: int = 1, names: Sequence[bytes] = (b"alice", b"bob"), group_id: bytes = b"a group"
) -> list[TsMlsGroup]:
    groups = found(peer, suite=suite, names=names, group_id=group_id)
    return [group for group in groups if isinstance(group, TsMlsGroup)]


def everybody(groups: Sequence[PeerGroup], message: bytes, *, but: PeerGroup) -> None:
    for group in groups:
        if group is not but:
            group.process(message)


def commit(
    groups: Sequence[PeerGroup], by_value: Sequence[ProposalSpec] = (), *, by: PeerGroup, public: bool = True
) -> Committed:
    """A commit that all the others process."""
    made = by.commit(by_value, public=public)
    everybody(groups, made.commit, but=by)
    return made
