"""What the core remembers of a link."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aparte.server.links import MAX_OPEN_NODES, Link, LinkKind, LinkNumber, OpenNodes
from aparte.server.store import LogKey
from aparte.wire.ids import LinkNonce, Node

LOGS = st.integers(1, 20) | st.integers(1, 2**63 - 1)


@pytest.fixture
def link() -> Link:
    return new_link()


def new_link() -> Link:
    return Link(LinkNumber(1), LinkKind.ANONYMOUS, nonce=LinkNonce(b"n" * 32))


def test_holds_what_it_was_given(link: Link) -> None:
    assert not link.holds(LogKey(7), Node(0))
    assert link.hold(LogKey(7), Node(0))
    assert link.holds(LogKey(7), Node(0))
    assert not link.holds(LogKey(7), Node(1))
    assert not link.holds(LogKey(0), Node(7))


def test_a_later_node_takes_the_place_of_the_earlier(link: Link) -> None:
    link.hold(LogKey(7), Node(0))
    link.hold(LogKey(7), Node(5))
    assert link.logs() == [7]
    assert link.holds(LogKey(7), Node(5))
    assert not link.holds(LogKey(7), Node(0))


def test_at_most_so_many(link: Link) -> None:
    assert all(link.hold(LogKey(log), Node(0)) for log in range(MAX_OPEN_NODES))
    assert not link.hold(LogKey(MAX_OPEN_NODES), Node(0))
    assert not link.holds(LogKey(MAX_OPEN_NODES), Node(0))
    assert link.hold(LogKey(3), Node(9)), "one that it has may move on"
    link.release(LogKey(4))
    assert link.hold(LogKey(MAX_OPEN_NODES), Node(0))


class TestOfOneAddress:
    @pytest.fixture(autouse=True)
    def _few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("aparte.server.links.MAX_OPEN_OF_ADDRESS", 5)

    def links(self, count: int, address: OpenNodes) -> list[Link]:
        nonce = LinkNonce(b"n" * 32)
        return [Link(LinkNumber(n), LinkKind.ANONYMOUS, nonce=nonce, address=address) for n in range(count)]

    def test_its_links_have_so_many_together(self) -> None:
        address = OpenNodes()
        one, other = self.links(2, address)
        assert all(one.hold(LogKey(log), Node(0)) for log in range(3))
        assert [other.hold(LogKey(log), Node(0)) for log in range(3)] == [True, True, False]
        assert other.logs() == [0, 1]
        assert other.hold(LogKey(1), Node(9)), "one that it has may move on"
        one.release(LogKey(0))
        one.release(LogKey(77))
        assert [other.hold(LogKey(log), Node(0)) for log in (2, 3)] == [True, False]
        (elsewhere,) = self.links(1, OpenNodes())
        assert elsewhere.hold(LogKey(3), Node(0))

    def test_all_is_given_back(self) -> None:
        address = OpenNodes()
        for link in self.links(3, address):
            for log in range(5):
                assert link.hold(LogKey(log), Node(0))
            for log in link.logs():
                link.release(log)
        assert address.count == 0

    def test_a_link_of_no_address_counts_nowhere(self, link: Link) -> None:
        assert all(link.hold(LogKey(log), Node(0)) for log in range(9))


def test_releasing_what_it_does_not_hold(link: Link) -> None:
    link.hold(LogKey(7), Node(0))
    link.release(LogKey(8))
    link.release(LogKey(6))
    assert link.logs() == [7]


@pytest.mark.parametrize("node", [0, 1, 2**62, 2**63 - 1])
def test_any_node_can_be_asked_about(link: Link, node: int) -> None:
    link.hold(LogKey(7), Node(3))
    assert not link.holds(LogKey(7), Node(node))


@given(st.lists(st.tuples(st.sampled_from(["hold", "release"]), LOGS, st.integers(0, 9)), max_size=60))
def test_as_a_dictionary(changes: list[tuple[str, int, int]]) -> None:
    link, model = new_link(), dict[int, int]()
    for change, log, node in changes:
        if change == "hold":
            link.hold(LogKey(log), Node(node))
            model[log] = node
        else:
            link.release(LogKey(log))
            model.pop(log, None)
        assert sorted(link.logs()) == sorted(model)
        assert all(
            link.holds(LogKey(log), Node(n)) == (model.get(log) == n) for _, log, _ in changes for n in range(10)
        )
