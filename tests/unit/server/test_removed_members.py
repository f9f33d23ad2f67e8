"""What a removed member, or a stranger, can still do: nothing, and learn nothing."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from aparte.wire import ErrorCode
from aparte.wire.entries import Pass
from aparte.wire.ids import EntryKind, Node
from aparte.wire.log_frames import OpenStatus, Stale
from tests.hosting import ROOT, Client, Log, Scene, code, refused


@dataclass
class Removal:
    """Bob was removed by entry 2; two more messages and a commit have followed."""

    log: Log
    alice: Client
    bob: Client
    old_pass: Pass


@pytest.fixture
def removal(town: Scene, alice: Client, bob: Client) -> Removal:
    log = alice.creates()
    old_pass = bob.opens(log).pass_
    alice.posts(log, b"hello bob")
    alice.commits(log, b"bob is out", seq=2)
    alice.opens(log)
    alice.posts(log, b"bob was ...")
    alice.posts(log, b"indeed")
    town.passes(1000)
    alice.commits(log, b"another", seq=5)
    alice.opens(log)
    return Removal(log, alice, bob, old_pass)


def test_is_delivered_the_commit_and_nothing_later(removal: Removal) -> None:
    assert [entry.body for entry in removal.bob.delivered] == [b"hello bob", b"bob is out"]
    before = list(removal.bob.received)
    removal.alice.posts(removal.log, b"typing", kind=EntryKind.EPHEMERAL)
    removal.alice.posts(removal.log, b"more")
    assert removal.bob.received == before


def test_posts_under_the_old_node_are_stale(removal: Removal) -> None:
    for kind in (EntryKind.APP, EntryKind.EPHEMERAL):
        stale = removal.bob.posts(removal.log, b"wait!", node=ROOT, kind=kind)
        assert stale == Stale(stale.request, Node(2))
    stale = removal.bob.sends(removal.bob.commit(removal.log, seq=6, node=ROOT))
    assert stale.child == 2
    assert len(removal.alice.reads(removal.log, node=5)) == 0


@pytest.mark.parametrize("node", [2, 5, 3, 99])
def test_cannot_post_under_a_later_node(removal: Removal, node: int) -> None:
    for shown in (None, removal.old_pass):
        assert code(removal.bob.posts(removal.log, b"!", node=Node(node), pass_=shown)) == ErrorCode.NOT_OPEN


def test_old_key_and_old_pass_open_the_old_node_alone(town: Scene, removal: Removal) -> None:
    for link in (removal.bob, town.client()):
        for shown in (None, removal.old_pass):
            opened = link.opens(removal.log, node=ROOT, shown=shown)
            assert (opened.status, opened.head_seq, opened.child) == (OpenStatus.ENDED, 2, 2)
            assert [entry.seq for entry in link.reads(removal.log, node=0)] == [1, 2]
        removal.alice.posts(removal.log, b"secret")
        assert b"secret" not in [entry.body for entry in link.delivered]


@pytest.mark.parametrize("node", [2, 5])
def test_the_old_pass_opens_and_reads_no_later_node(removal: Removal, node: int) -> None:
    opened = removal.bob.opens(removal.log, node=Node(node), shown=removal.old_pass)
    assert (opened.status, opened.head_seq) == (OpenStatus.REFUSED, 0)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(removal.bob, "pass_for", lambda _log, _node: removal.old_pass)
        assert refused(lambda: removal.bob.reads(removal.log, node=node)).code == ErrorCode.REFUSED


def test_learns_nothing_by_trying_nodes(removal: Removal) -> None:
    """With a good signature by a key of its own: whether a node is there must not show. Else it could count commits."""
    mine = Log(removal.log.log_id, salt=b"mine")
    answers = [removal.bob.opens(mine, node=Node(node)) for node in range(10)]
    assert {(a.status, a.head_seq, a.child, a.chain, a.pass_) for a in answers} == {
        (OpenStatus.NOT_FOUND, 0, 0, bytes(32), Pass(0, bytes(16)))
    }


def test_learns_nothing_by_trying_passes(removal: Removal) -> None:
    answers = [removal.bob.opens(removal.log, node=Node(n), shown=Pass(30_000, bytes(16))).status for n in range(10)]
    assert set(answers) == {OpenStatus.REFUSED}
    posts = [code(removal.bob.posts(removal.log, b"", node=Node(n))) for n in range(1, 10)]
    assert set(posts) == {ErrorCode.NOT_OPEN}


def test_a_link_that_stays_gets_nothing_of_the_new_node_until_it_opens_it(removal: Removal, town: Scene) -> None:
    carol = town.client()
    carol.opens(removal.log)
    town.passes(10_000)
    removal.alice.commits(removal.log, b"third", seq=6)
    removal.alice.opens(removal.log)
    removal.alice.posts(removal.log, b"missed")
    assert [entry.body for entry in carol.delivered] == [b"third"]
    assert carol.posts(removal.log, b"mine", node=Node(5)).child == 6
    assert carol.opens(removal.log).head_seq == 7
    removal.alice.posts(removal.log, b"seen")
    assert [entry.body for entry in carol.delivered] == [b"third", b"seen"]
