"""Each peer with itself, and the peers with one another: what is tried here can be relied on in the cross tests."""

from __future__ import annotations

import pytest

from tests.interop.peer_scenes import agree, commit, everybody, found, found_ts, same_epoch
from tests.interop.peers import (
    Add,
    ExternalPsk,
    GroupContextExtensions,
    MlsRsPeer,
    Peer,
    PeerClient,
    PeerError,
    PeerGoneError,
    PeerGroup,
    ReInit,
    Remove,
    ResumptionPsk,
    TsMlsPeer,
    Unsupported,
    Update,
)

REQUIRES_BASIC = (3, bytes.fromhex("0000020001"))
LEAVES = {b"alice": 0, b"bob": 1, b"carol": 2}

both_handshakes = pytest.mark.parametrize("public", [True, False], ids=["public", "private"])
some_suites = pytest.mark.parametrize("suite", [0x0001, 0x0053, 0x0054], ids=lambda number: f"{number:#06x}")
all_suites = pytest.mark.parametrize(
    "suite", [0x0001, 0x0002, 0x0003, 0x0005, 0x0007, 0x0053, 0x0054], ids=lambda number: f"{number:#06x}"
)


# ------------------------------------------------------------------------------------------------ every peer
def test_create_add_message_remove(peer: Peer) -> None:
    alice, bob = found(peer, suite=1, names=[b"alice", b"bob"])
    assert agree([alice, bob])
    received = bob.process(alice.send(b"hello"))
    assert (received.kind, received.data) == ("application", b"hello")

    newcomer = peer.client(1, b"carol")
    welcome = commit([alice, bob], [Add(newcomer.key_package())], by=bob).welcome
    assert welcome is not None
    carol = newcomer.join(welcome)
    assert agree([alice, bob, carol])

    removal = alice.commit([Remove(leaf=LEAVES[b"bob"], identity=b"bob")])
    assert bob.process(removal.commit).activity == "removed"
    carol.process(removal.commit)
    assert agree([alice, carol])


def test_proposals_by_reference(peer: Peer) -> None:
    groups = found(peer, suite=1, names=[b"alice", b"bob", b"carol"])
    alice, bob, carol = groups
    newcomer = peer.client(1, b"dave")
    everybody(groups, bob.propose(Add(newcomer.key_package())).message, but=bob)
    everybody(groups, bob.propose(Remove(leaf=LEAVES[b"carol"], identity=b"carol")).message, but=bob)
    made = alice.commit()
    assert made.welcome is not None
    bob.process(made.commit)
    assert agree([alice, bob, newcomer.join(made.welcome)])
    assert not agree([alice, carol])


def test_tree_beside_the_welcome(mls_rs: MlsRsPeer, ts_mls: TsMlsPeer) -> None:
    newcomers: list[PeerClient] = [mls_rs.client(1, b"bob"), ts_mls.client(1, b"carol")]
    for founder in (mls_rs.client(1, b"alice", tree_in_welcome=False), ts_mls.client(1, b"alice")):
        group = founder.create_group(b"a group")
        made = group.commit([Add(client.key_package()) for client in newcomers], tree_in_welcome=False)
        assert made.welcome is not None
        assert made.tree == group.tree()
        for client in newcomers:
            with pytest.raises(PeerError, match=r"(?i)ratchet ?tree"):
                client.join(made.welcome)
        assert agree([group, *(client.join(made.welcome, tree=made.tree) for client in newcomers)])


def test_pending_commits(peer: Peer) -> None:
    groups = found(peer, suite=1, names=[b"alice", b"bob"])
    alice, bob = groups
    alice.commit(merge=False)
    assert agree(groups), "a pending commit is not in force"
    alice.drop_pending()
    with pytest.raises(PeerError):
        alice.merge_pending()

    pending = alice.commit(merge=False)
    alice.merge_pending()
    bob.process(pending.commit)
    assert agree(groups)

    alice.commit(merge=False)
    commit(groups, by=bob)
    assert agree(groups), "another's commit came first"


def test_forks_and_refusals(peer: Peer) -> None:
    groups = found(peer, suite=1, names=[b"alice", b"bob"])
    alice, bob = groups
    made = alice.commit()
    spoilt = made.commit[:-1] + bytes([made.commit[-1] ^ 1])
    for bad in (spoilt, b"", made.commit[:40], made.commit[:4] + b"\x07nowhere" + made.commit[12:]):
        with pytest.raises(PeerError):
            bob.process(bad)
    copy = bob.fork()
    copy.process(made.commit)
    assert agree([alice, copy])
    assert not agree([alice, bob])
    bob.process(made.commit)
    assert agree(groups)


def test_what_mls_rs_cannot_do_says_so(mls_rs: MlsRsPeer) -> None:
    client = mls_rs.client(1, b"alice")
    group = client.create_group(b"a group")
    for step in (
        lambda: mls_rs.client(2, b"alice"),
        lambda: client.add_psk(b"id", b"secret"),
        lambda: client.join_external(b""),
        lambda: group.commit(public=False),
        lambda: group.commit([Update()]),
        lambda: group.propose(Update()),
        lambda: group.send(b"", aad=b"data"),
        group.facts,
        group.group_info,
    ):
        with pytest.raises(Unsupported):
            step()


# ------------------------------------------------------------------------------------------------ ts-mls
@all_suites
@both_handshakes
def test_ts_suites(ts_mls: TsMlsPeer, suite: int, public: bool) -> None:
    groups = found_ts(ts_mls, suite=suite, names=[b"alice", b"bob", b"carol"])
    alice, bob, carol = groups
    assert alice.facts().suite == suite
    assert same_epoch(groups)
    commit(groups, by=bob, public=public)
    assert same_epoch(groups)
    assert carol.process(bob.send(b"hello", aad=b"beside")).aad == b"beside"
    commit(groups, [Remove(leaf=0)], by=carol, public=public)
    assert same_epoch([bob, carol])
    assert alice.facts().activity == "removed"


@some_suites
@both_handshakes
def test_ts_update(ts_mls: TsMlsPeer, suite: int, public: bool) -> None:
    groups = found_ts(ts_mls, suite=suite, names=[b"alice", b"bob", b"carol"])
    alice, bob, _ = groups
    before = alice.facts().members[1]
    for new_signature_key in (False, True):
        message = bob.propose(Update(new_signature_key=new_signature_key), public=public).message
        everybody(groups, message, but=bob)
        commit(groups, by=alice, public=public)
        assert same_epoch(groups)
    after = alice.facts().members[1]
    assert (before.source, after.source) == ("key_package", "update")
    assert before.signature_key != after.signature_key
    commit(groups, by=bob, public=public)
    assert same_epoch(groups)


@some_suites
@both_handshakes
def test_ts_psk(ts_mls: TsMlsPeer, suite: int, public: bool) -> None:
    groups = found_ts(ts_mls, suite=suite)
    alice, bob = groups
    newcomer = ts_mls.client(suite, b"carol")
    alice.client.add_psk(b"id", b"secret")
    before = bob.facts().fingerprint
    refused = alice.fork().commit([ExternalPsk(b"id")], public=public)
    with pytest.raises(PeerError, match="Could not find pskId"):
        bob.process(refused.commit)
    assert bob.facts().fingerprint == before

    for client in (bob.client, newcomer):
        client.add_psk(b"id", b"secret")
    made = commit(groups, [ExternalPsk(b"id"), Add(newcomer.key_package())], by=alice, public=public)
    assert made.welcome is not None
    groups.append(newcomer.join(made.welcome))
    assert same_epoch(groups)
    everybody(groups, bob.propose(ResumptionPsk(b"a group", 2), public=public).message, but=bob)
    commit(groups, by=alice, public=public)
    assert same_epoch(groups)
    commit(groups, [ResumptionPsk(b"a group", 2)], by=alice, public=public)
    assert same_epoch(groups)


@some_suites
def test_ts_external_commit(ts_mls: TsMlsPeer, suite: int) -> None:
    groups = found_ts(ts_mls, suite=suite)
    newcomer = ts_mls.client(suite, b"carol")
    carol, sent = newcomer.join_external(groups[0].group_info())
    everybody(groups, sent, but=carol)
    assert same_epoch([*groups, carol])

    info = groups[1].group_info(tree=False)
    with pytest.raises(PeerError, match="No RatchetTree"):
        newcomer.join_external(info, resync=False)
    again, sent = newcomer.join_external(info, tree=groups[0].tree(), resync=True)
    everybody(groups, sent, but=again)
    assert same_epoch([*groups, again])
    assert len(again.facts().members) == 3

    everybody(groups, ts_mls.client(suite, b"dave").propose_self(groups[0].group_info()), but=again)
    assert [held.kind for held in groups[0].facts().pending_proposals] == ["add"]
    with pytest.raises(PeerError, match="resync"):
        ts_mls.client(suite, b"eve").join_external(groups[0].group_info(), resync=True)


@some_suites
@both_handshakes
def test_ts_group_context_extensions(ts_mls: TsMlsPeer, suite: int, public: bool) -> None:
    groups = found_ts(ts_mls, suite=suite)
    alice, bob = groups
    everybody(groups, bob.propose(GroupContextExtensions((REQUIRES_BASIC,)), public=public).message, but=bob)
    commit(groups, by=alice, public=public)
    assert same_epoch(groups)
    assert bob.facts().extensions == (REQUIRES_BASIC,)


@some_suites
def test_ts_branch(ts_mls: TsMlsPeer, suite: int) -> None:
    alice, bob, carol = found_ts(ts_mls, suite=suite, names=[b"alice", b"bob", b"carol"])
    started = alice.branch(b"a branch", [group.client.key_package() for group in (bob, carol)])
    joined = [group.client.join(started.welcome, tree=started.tree, resuming=group) for group in (bob, carol)]
    assert agree([started.group, *joined])
    assert joined[0].facts().epoch == 1
    with pytest.raises(PeerError):
        ts_mls.client(suite, b"eve").join(started.welcome, tree=started.tree)


@some_suites
@both_handshakes
def test_ts_reinit(ts_mls: TsMlsPeer, suite: int, public: bool) -> None:
    groups = found_ts(ts_mls, suite=suite)
    alice, bob = groups
    next_suite = 0x0003
    everybody(groups, bob.propose(ReInit(b"next", next_suite), public=public).message, but=bob)
    assert bob.process(alice.commit(public=public).commit).activity == "reinit"
    with pytest.raises(PeerError, match="suspended pending reinit"):
        alice.send(b"too late")
    next_alice, next_bob = (ts_mls.client(next_suite, name) for name in (b"alice", b"bob"))
    started = alice.reinit(next_alice, [next_bob.key_package()])
    joined = next_bob.join(started.welcome, tree=started.tree, resuming=bob)
    assert agree([started.group, joined])
    assert (joined.facts().group_id, joined.facts().suite) == (b"next", next_suite)


def test_ts_commits_what_it_is_told_to(ts_mls: TsMlsPeer) -> None:
    groups = found_ts(ts_mls, names=[b"alice", b"bob", b"carol"])
    alice, bob, carol = groups
    wanted = bob.propose(Update())
    other = carol.propose(Update(), public=False)
    own = alice.propose(Update())
    for message, sender in ((wanted.message, bob), (other.message, carol), (own.message, alice)):
        everybody(groups, message, but=sender)
    assert wanted.ref is not None
    made = alice.commit(refs=[wanted.ref])
    assert [(seen.kind, seen.sender) for seen in bob.process(made.commit).proposals] == [("update", 1)]
    carol.process(made.commit)
    assert same_epoch(groups)


def test_ts_stopped(ts_mls: TsMlsPeer) -> None:
    assert ts_mls.library == "ts-mls 1.6.4"
    second = TsMlsPeer()
    second.stop()
    with pytest.raises(PeerGoneError):
        second.client(1, b"alice")


# ------------------------------------------------------------------------------------------------ one another
@both_handshakes
def test_peers_with_one_another(mls_rs: MlsRsPeer, ts_mls: TsMlsPeer, public: bool) -> None:
    alice = mls_rs.client(1, b"alice").create_group(b"a group")
    clients: list[PeerClient] = [
        ts_mls.client(1, b"bob", grease="all"),
        mls_rs.client(1, b"carol"),
        ts_mls.client(1, b"dave"),
    ]
    welcome = alice.commit([Add(client.key_package()) for client in clients]).welcome
    assert welcome is not None
    groups: list[PeerGroup] = [alice, *(client.join(welcome) for client in clients)]
    _, bob, carol, dave = groups
    assert agree(groups)
    commit(groups, by=bob, public=public)
    everybody(groups, dave.propose(Update(), public=public).message, but=dave)
    commit(groups, by=carol)
    commit(groups, [ResumptionPsk(b"a group", 3)], by=bob, public=public)
    eve, sent = ts_mls.client(1, b"eve").join_external(bob.group_info())
    everybody(groups, sent, but=eve)
    groups.append(eve)
    everybody(groups, bob.propose(GroupContextExtensions((REQUIRES_BASIC,)), public=public).message, but=bob)
    commit(groups, by=alice)
    assert agree(groups)
    message = carol.send(b"hello")
    assert {group.process(message).data for group in (alice, bob, dave, eve)} == {b"hello"}
    commit(groups, [Remove(leaf=0)], by=bob, public=public)
    assert agree(groups[1:])
