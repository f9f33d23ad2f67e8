"""Where the peers leave RFC 9420 or stop short of it: the cross tests step around exactly these.

A test that fails here says that a peer has changed, and that the cross tests may ask more of it.
"""

from __future__ import annotations

import pytest

from aparte import mls
from tests.interop.peer_engine import EnginePeer
from tests.interop.peer_scenes import agree, commit, everybody, found_ts
from tests.interop.peers import (
    Add,
    Extension,
    ExternalPsk,
    GroupContextExtensions,
    MlsRsGroup,
    MlsRsPeer,
    Peer,
    PeerError,
    PeerGroup,
    Remove,
    TsMlsGroup,
    TsMlsPeer,
    Unsupported,
    Update,
)

REQUIRES_BASIC: Extension = (3, bytes.fromhex("0000020001"))
LONG_AGO = (0, 1_000_000_000)


def pair(mls_rs: MlsRsPeer, ts_mls: TsMlsPeer) -> tuple[MlsRsGroup, TsMlsGroup]:
    first = mls_rs.client(1, b"alice").create_group(b"a group")
    other = ts_mls.client(1, b"bob")
    welcome = first.commit([Add(other.key_package())]).welcome
    assert welcome is not None
    return first, other.join(welcome)


# ------------------------------------------------------------------------------------------------ ts-mls
def join_beside_unmerged_leaves(peer: TsMlsPeer) -> bool:
    """Join a valid tree in which a leaf is unmerged at one ancestor, while a commit from the other half has
    already renewed a higher one."""
    groups = found_ts(peer, names=[b"zero", b"one", b"two", b"three", b"four"])
    commit(groups, [Remove(leaf=3)], by=groups[0])
    del groups[3]
    for name in (b"unmerged", b"joins"):
        newcomer = peer.client(1, name)
        welcome = commit(groups, [Add(newcomer.key_package())], by=groups[0]).welcome
        assert welcome is not None
        groups.append(newcomer.join(welcome))
        commit(groups, by=groups[3])
    return agree(groups)


def test_ts_joins_few_trees_with_unmerged_leaves(ts_mls: TsMlsPeer, mended_ts_mls: TsMlsPeer) -> None:
    with pytest.raises(PeerError, match="must list leaf node in its unmerged_leaves"):
        join_beside_unmerged_leaves(ts_mls)
    assert join_beside_unmerged_leaves(mended_ts_mls)


def test_ts_commits_group_context_extensions_without_path(mls_rs: MlsRsPeer, ts_mls: TsMlsPeer) -> None:
    alice, bob = pair(mls_rs, ts_mls)
    with pytest.raises(PeerError, match="missing required path"):
        alice.process(bob.commit([GroupContextExtensions((REQUIRES_BASIC,))]).commit)


def test_ts_encrypts_the_path_beside_new_extensions_wrongly(ts_mls: TsMlsPeer) -> None:
    alice, _, carol = found_ts(ts_mls, names=[b"alice", b"bob", b"carol"])
    made = alice.commit([GroupContextExtensions((REQUIRES_BASIC,)), Remove(leaf=1)])
    with pytest.raises(PeerError, match="OpenError"):
        carol.process(made.commit)


def test_ts_cannot_empty_the_extensions(mls_rs: MlsRsPeer, ts_mls: TsMlsPeer) -> None:
    groups: tuple[PeerGroup, ...] = pair(mls_rs, ts_mls)
    alice, bob = groups
    everybody(groups, bob.propose(GroupContextExtensions((REQUIRES_BASIC,))).message, but=bob)
    commit(groups, by=alice)
    assert agree(groups)
    everybody(groups, bob.propose(GroupContextExtensions(())).message, but=bob)
    with pytest.raises(PeerError, match="OpenError"):
        bob.process(alice.commit().commit)


def test_ts_reads_external_senders_as_one_sender(ts_mls: TsMlsPeer) -> None:
    sender = ts_mls.client(1, b"sender")
    one = bytes([32]) + sender.signature_key + b"\x00\x01\x06sender"
    client = ts_mls.client(1, b"alice")
    with pytest.raises(PeerError, match="Could not decode external_senders"):
        client.create_group(b"a group", [(5, bytes([len(one)]) + one)])
    group = client.create_group(b"a group", [(5, one)])
    proposal = Add(ts_mls.client(1, b"bob").key_package())
    assert group.process(sender.propose_as_external_sender(group.group_info(), proposal)).kind == "proposal"


def test_ts_does_not_see_its_removal_if_its_leaf_is_refilled(ts_mls: TsMlsPeer) -> None:
    alice, bob = found_ts(ts_mls)
    made = alice.commit([Remove(leaf=1), Add(ts_mls.client(1, b"carol").key_package())])
    with pytest.raises(PeerError, match="No overlap between provided private keys"):
        bob.process(made.commit)


def test_ts_bounds(ts_mls: TsMlsPeer) -> None:
    alice, bob = found_ts(ts_mls)
    sent = [alice.send(bytes([number])) for number in range(202)]
    with pytest.raises(PeerError, match="too far in the future"):
        bob.process(sent[201])
    bob.fork().process(sent[200])
    bob.process(sent[50])
    bob.process(sent[40])
    with pytest.raises(PeerError, match="Desired gen in the past"):
        bob.process(sent[39])
    for _ in range(4):
        commit([alice, bob], by=alice)
    bob.process(sent[51])
    commit([alice, bob], by=alice)
    with pytest.raises(PeerError, match="epoch too old"):
        bob.process(sent[52])


# ------------------------------------------------------------------------------------------------ mls-rs
def test_mls_rs_commits_two_updates_of_one_leaf(mls_rs: MlsRsPeer, ts_mls: TsMlsPeer) -> None:
    alice, bob = pair(mls_rs, ts_mls)
    for _ in range(2):
        alice.process(bob.propose(Update()).message)
    with pytest.raises(PeerError, match="multiple update and/or remove proposals"):
        bob.process(alice.commit().commit)


def test_mls_rs_leaves_invalid_proposals_out(mls_rs: MlsRsPeer, ts_mls: TsMlsPeer) -> None:
    alice, bob = pair(mls_rs, ts_mls)
    stale = ts_mls.client(1, b"carol").key_package(lifetime=LONG_AGO)
    same_name = ts_mls.client(1, b"bob").key_package()
    unsupported = GroupContextExtensions(((0xF000, b""),))
    for proposal in (Add(stale), Add(same_name), Remove(leaf=7), Remove(leaf=0), unsupported):
        alice.process(bob.propose(proposal).message)
    assert bob.process(alice.commit().commit).proposals == ()
    assert agree([alice, bob])


def test_mls_rs_is_particular_about_key_packages(mls_rs: MlsRsPeer, ts_mls: TsMlsPeer) -> None:
    alice, _ = pair(mls_rs, ts_mls)
    with pytest.raises(PeerError, match="not within key package lifetime"):
        alice.commit([Add(ts_mls.client(1, b"carol").key_package(lifetime=LONG_AGO))])
    with pytest.raises(PeerError, match="duplicate signature key, hpke key or identity"):
        alice.commit([Add(ts_mls.client(1, b"bob").key_package())])
    application_id = ts_mls.client(1, b"carol").key_package(leaf_extensions=[(1, b"id")])
    with pytest.raises(PeerError, match="capabilities must describe extensions used"):
        alice.commit([Add(application_id)])
    for listed in (ts_mls.client(1, b"carol", extensions=[3]), ts_mls.client(1, b"carol", proposals=[1])):
        with pytest.raises(PeerError, match="Default value listed"):
            alice.commit([Add(listed.key_package())])


def test_mls_rs_takes_no_external_proposals_or_psks(mls_rs: MlsRsPeer, ts_mls: TsMlsPeer) -> None:
    alice, bob = pair(mls_rs, ts_mls)
    bob.client.add_psk(b"id", b"secret")
    with pytest.raises(PeerError, match="Missing required Psk"):
        alice.process(bob.commit([ExternalPsk(b"id")], merge=False).commit)
    bob.drop_pending()
    with pytest.raises(Unsupported):
        alice.process(ts_mls.client(1, b"carol").propose_self(bob.group_info()))
    commit([alice, bob], by=alice)
    assert agree([alice, bob])


def test_mls_rs_bounds(mls_rs: MlsRsPeer) -> None:
    alice = mls_rs.client(1, b"alice").create_group(b"a group")
    client = mls_rs.client(1, b"bob")
    welcome = alice.commit([Add(client.key_package())]).welcome
    assert welcome is not None
    bob = client.join(welcome)
    sent = [alice.send(b"") for _ in range(1026)]
    with pytest.raises(PeerError, match="too far ahead"):
        bob.process(sent[1025])
    bob.process(sent[1024])
    bob.process(sent[0])
    with pytest.raises(PeerError, match="key not available"):
        bob.process(sent[0])


@pytest.mark.parametrize("engine_commits", [True, False])
def test_ts_has_another_commit_secret_beside_an_empty_left_half(
    mls_rs: MlsRsPeer, mended_ts_mls: TsMlsPeer, engine_commits: bool
) -> None:
    """The engine and mls-rs agree after the same steps, which is why the scripts step around this one."""
    _right_half_alone(mls_rs, engine_commits=engine_commits)
    with pytest.raises((PeerError, mls.PeerError), match="confirmation tag"):
        _right_half_alone(mended_ts_mls, engine_commits=engine_commits)


def _right_half_alone(other: Peer, *, engine_commits: bool) -> None:
    """Leaves 0 and 1 are removed from a group of four, by the last, which then shares its tree with leaf 2."""
    engine = EnginePeer()
    peers = [engine, engine, other, engine] if engine_commits else [engine, engine, engine, other]
    clients = [peer.client(1, name) for peer, name in zip(peers, (b"a", b"b", b"c", b"d"), strict=True)]
    first = clients[0].create_group(b"right half")
    welcome = first.commit([Add(client.key_package()) for client in clients[1:]]).welcome
    assert welcome is not None
    third, last = clients[2].join(welcome), clients[3].join(welcome)
    for leaf, name in ((1, b"b"), (0, b"a")):
        message = last.commit([Remove(leaf=leaf, identity=name)]).commit
        third.process(message)
    assert third.export("aparte test", b"", 32) == last.export("aparte test", b"", 32)
    assert third.tree() == last.tree()
