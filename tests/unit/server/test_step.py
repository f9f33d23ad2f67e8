"""What the core answers with."""

from __future__ import annotations

from typing import Any

import pytest

from aparte.server.links import Link, LinkKind, LinkNumber
from aparte.server.policy import LogPolicy
from aparte.server.step import Refusal, answer, done, problem
from aparte.wire import ErrorCode, decode_frame
from aparte.wire.ids import LinkNonce, Node, Request
from aparte.wire.limits import MAX_DETAIL
from aparte.wire.link_frames import Done, Problem
from aparte.wire.log_frames import Stale
from tests.hosting import KEYS

LINK = Link(LinkNumber(9), LinkKind.ANONYMOUS, nonce=LinkNonce(b"n" * 32))


def test_answers_are_for_their_link() -> None:
    sent = answer(LINK, Stale(Request(3), Node(4)))
    assert sent.link == 9
    assert decode_frame(sent.payload) == Stale(Request(3), Node(4))
    assert decode_frame(done(LINK, Request(5)).payload) == Done(Request(5))


@pytest.mark.parametrize("detail", ["", "short", "x" * 500, "é" * 500, "x" + "é" * 500, "\U0001f600" * 99])
def test_a_detail_of_any_length_fits(detail: str) -> None:
    sent: Any = problem(LINK, Request(1), refusal=Refusal(ErrorCode.INTERNAL, detail, wait=7))
    frame: Any = decode_frame(sent.payload)
    assert frame == Problem(Request(1), ErrorCode.INTERNAL, 7, frame.detail)
    assert detail.startswith(frame.detail)
    assert len(frame.detail.encode()) > min(len(detail.encode()), MAX_DETAIL) - 4


def test_a_refusal_says_something_in_any_case() -> None:
    assert str(Refusal(ErrorCode.NOT_OPEN)) == "NOT_OPEN"
    assert str(Refusal(ErrorCode.NOT_OPEN, "why")) == "why"


def test_the_host_s_keys_are_not_shown() -> None:
    shown = f"{KEYS!r} {KEYS} {LogPolicy()!r}"
    for secret in (KEYS.receipt_key, KEYS.pass_key, KEYS.ticket_seed):
        assert repr(secret)[2:10] not in shown
        assert secret.hex()[:8] not in shown
