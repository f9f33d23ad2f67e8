"""Who may open a node: the judging of passes and proofs. It needs no store, so that no post ever waits for it.

A proof carries the epoch key that it is made with; whether that is the node's key the core sees at a glance.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from aparte.server.links import Link
from aparte.wire.entries import Pass, make_pass
from aparte.wire.ids import LogId, Millis, Node
from aparte.wire.limits import PASS_DAYS
from aparte.wire.log_frames import Open, OpenItem
from aparte.wire.statements import open_statement

__all__ = ["Claim", "JudgedOpen", "OpenJudge", "Verify", "day_of", "is_good_pass", "new_pass"]

_DAY: Final = 86_400_000

#: Checks an Ed25519 signature: (public key, message, signature); False if it is not good.
Verify = Callable[[bytes, bytes, bytes], bool]


@dataclass(frozen=True, slots=True)
class Claim:
    """An item of an `Open`, judged. `epoch_key` is the key that signed; None if a pass was shown."""

    item: OpenItem
    is_good: bool
    epoch_key: bytes | None


@dataclass(frozen=True, slots=True)
class JudgedOpen:
    """An `Open` whose passes and signatures were checked. Only `OpenJudge` makes one."""

    frame: Open
    claims: tuple[Claim, ...]


def day_of(now: Millis) -> int:
    """Days since 1970-01-01, UTC."""
    return now // _DAY


def new_pass(key: bytes, log_id: LogId, *, node: Node, now: Millis) -> Pass:
    """A pass for a node, good until the end of the seventh day from today."""
    return make_pass(key, log_id, node=node, day=day_of(now) + PASS_DAYS)


def is_good_pass(key: bytes, shown: Pass, *, log_id: LogId, node: Node, now: Millis) -> bool:
    """Whether this host gave the pass for this node, and its time is not over."""
    expected = make_pass(key, log_id, node=node, day=shown.day)
    return shown.day >= day_of(now) and hmac.compare_digest(expected.mac, shown.mac)


class OpenJudge:
    """Checks every pass and signature of an `Open`."""

    def __init__(self, host: str, *, pass_key: bytes, verify: Verify) -> None:
        self._host = host
        self._pass_key = pass_key
        self._verify = verify

    def judge(self, frame: Open, link: Link, *, now: Millis) -> JudgedOpen:
        """Every item, judged."""
        return JudgedOpen(frame, tuple(self._claim(item, link, now=now) for item in frame.items))

    def _claim(self, item: OpenItem, link: Link, *, now: Millis) -> Claim:
        log_id, node = item.log_id, item.node
        if item.proof is None:
            is_good = item.pass_ is not None and is_good_pass(
                self._pass_key, item.pass_, log_id=log_id, node=node, now=now
            )
            return Claim(item, is_good, None)
        statement = open_statement(self._host, link.nonce, log_id=log_id, node=node)
        is_good = self._verify(item.proof.epoch_key, statement, item.proof.signature)
        return Claim(item, is_good, item.proof.epoch_key)
