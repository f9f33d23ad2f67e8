"""What each link gets of a batch, crowds or none: the same as if every frame were written to it alone."""

from __future__ import annotations

import random
from collections import defaultdict
from typing import Any, cast

import pytest

from aparte.server.links import Link, LinkKind, LinkNumber
from aparte.server.shell import connections
from aparte.server.shell.connections import Connections, SocketConnection
from aparte.server.shell.crowds import crowded, message, pieces
from aparte.server.step import Answer, Delivery, Notice, Send
from aparte.server.store import LogKey
from aparte.wire import encode_frame
from aparte.wire.ids import LinkNonce, LogId, Seq
from aparte.wire.log_frames import Lagged

LINKS = 60
HIGH_WATER = connections._HIGH_WATER


class Pipe:
    """A transport that remembers."""

    def __init__(self) -> None:
        self.written: list[bytes] = []
        self.waiting = 0

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return self.waiting

    def write(self, data: bytes) -> None:
        self.written.append(data)


def linked(count: int = LINKS) -> tuple[Connections, dict[int, Pipe]]:
    every, pipes = Connections(), {number: Pipe() for number in range(1, count + 1)}
    for number, pipe in pipes.items():
        link = Link(LinkNumber(number), LinkKind.ANONYMOUS, nonce=LinkNonce(bytes(32)))
        every.add(SocketConnection(link, cast("Any", pipe), block="here"))
    return every, pipes


def delivery(log: int, seq: int, *, links: tuple[LinkNumber, ...], poster: int = 0) -> Delivery:
    log_id = LogId(bytes([log]) * 16)
    return Delivery(links, LinkNumber(poster), LogKey(log), log_id, Seq(seq), b"%d:%d" % (log, seq))


def everybody(count: int = LINKS) -> tuple[LinkNumber, ...]:
    return tuple(LinkNumber(number) for number in range(1, count + 1))


def one_by_one(sends: list[Send]) -> dict[int, list[bytes]]:
    """What each link should get, in the core's order."""
    wanted: dict[int, list[bytes]] = defaultdict(list)
    for send in sends:
        to = [send.link] if isinstance(send, Answer) else send.links
        for number in to:
            if not isinstance(send, Delivery) or number != send.poster:
                wanted[number].append(message(send.payload))
    return wanted


def some_sends(rng: random.Random) -> list[Send]:
    """Posts to logs with few and many links, commits that end their subscriptions, answers, notices."""
    followers = {log: tuple(rng.sample(everybody(), rng.choice([0, 2, 31, 32, LINKS]))) for log in range(1, 5)}
    sends: list[Send] = []
    for seq in range(1, rng.randrange(2, 12)):
        log, poster = rng.choice(list(followers)), rng.randrange(1, LINKS + 1)
        sends.append(Answer(LinkNumber(poster), b"accepted %d" % seq))
        sends.append(delivery(log, seq, links=followers[log], poster=poster))
        if rng.random() < 0.2:
            followers[log] = tuple(rng.sample(everybody(), rng.choice([1, 40])))
        if rng.random() < 0.2:
            sends.append(Notice([LinkNumber(rng.randrange(1, LINKS + 1))], b"notice %d" % seq))
    return sends


@pytest.mark.parametrize("seed", range(300))
def test_each_link_gets_what_is_meant_for_it(seed: int) -> None:
    sends = some_sends(random.Random(seed))
    every, pipes = linked()
    every.release(sends)
    wanted = one_by_one(sends)
    has_answer = {send.link for send in sends if isinstance(send, Answer)}
    for number, pipe in pipes.items():
        assert bool(pipe.written) == bool(wanted[number])
        got = b"".join(pipe.written)
        if number in has_answer:
            assert got == b"".join(wanted[number])
        else:  # logs may change places, entries of one log may not
            for log in range(1, 5):
                of_log = [frame for frame in wanted[number] if frame[2:].startswith(b"%d:" % log)]
                places = [got.index(frame) for frame in of_log]
                assert places == sorted(places)
            assert len(got) == sum(map(len, wanted[number]))


def test_the_many_share_one_piece() -> None:
    every, pipes = linked()
    links = everybody()
    every.release([delivery(1, seq, links=links, poster=1) for seq in (1, 2, 3)])
    (first,), (other,) = pipes[2].written, pipes[3].written
    assert first is other


def test_a_piece_for_who_is_too_slow_is_missed_whole() -> None:
    every, pipes = linked()
    pipes[7].waiting = HIGH_WATER
    every.release([delivery(1, seq, links=everybody(), poster=1) for seq in (1, 2, 0)])
    assert not pipes[7].written
    pipes[7].waiting = 0
    every.catch_up()
    assert pipes[7].written == [message(encode_frame(Lagged(LogId(b"\x01" * 16), Seq(2))))]


def test_other_links_make_another_piece() -> None:
    before, after = everybody(40), everybody(50)
    found = pieces([delivery(1, 1, links=before), delivery(2, 1, links=before), delivery(1, 2, links=after)])
    assert [(piece.links, piece.seq) for piece in found] == [(before, 1), (before, 1), (after, 2)]


def test_logs_that_are_worth_it() -> None:
    many, few = everybody(32), everybody(31)
    assert crowded([delivery(1, 1, links=few), delivery(1, 2, links=few), delivery(2, 1, links=many)]) == {2}
    assert crowded([delivery(1, seq, links=links) for seq, links in enumerate((many, few, many))]) == {1}
