"""Aparte's own part in the rounds, and the counting of what it used."""

from __future__ import annotations

import gc
from collections import Counter

from aparte.crypto import Suite
from aparte.mls import Group
from benchmarks.mls import engine
from benchmarks.mls.counting import CountingSuite, Primitive
from benchmarks.mls.engine import Cast
from benchmarks.mls.plan import Plan
from benchmarks.mls.rows import Contender, Key, Row, Sample, Samples, timed

__all__ = ["Aparte", "bulk_once", "count_bulk", "count_messages"]


class Aparte:
    """One suite: two members who talk, and a group that is made anew in each round."""

    def __init__(self, suite: Suite, plan: Plan) -> None:
        self.suite = suite
        self.cast = Cast.create(suite, plan.members)
        self.pair = Cast.create(suite, 1)
        self._plan = plan
        self._sender, self._receiver = engine.two_members(self.pair)
        self._next_joiner = 0

    def _samples(self, found: dict[Row, Sample]) -> Samples:
        return {Key(row, self.suite.parameters.number, Contender.APARTE): sample for row, sample in found.items()}

    def messages(self) -> Samples:
        count = self._plan.messages
        sent, (self._sender, messages) = timed(lambda: engine.send_all(self._sender, count))
        received, self._receiver = timed(lambda: engine.receive_all(self._receiver, messages))
        return self._samples({Row.PROTECT: sent.per(count), Row.UNPROTECT: received.per(count)})

    def bulk(self) -> Samples:
        number = self._next_joiner
        self._next_joiner += 1
        return self._samples(bulk_once(self.cast, number)[0])


def bulk_once(cast: Cast, number: int) -> tuple[dict[Row, Sample], Group, Group]:
    """Each bulk row once; the groups of the creator and of joiner `number` at the end."""
    gc.collect()
    add, (group, welcome) = timed(lambda: engine.add_all(cast))
    gc.collect()
    join, member = timed(lambda: engine.join_as(cast, number, welcome))
    gc.collect()
    committed, (group, message) = timed(lambda: engine.empty_commit(group))
    gc.collect()
    process, member = timed(lambda: engine.follow(member, message))
    if member.epoch_authenticator != group.epoch_authenticator:
        raise ValueError("the members do not agree")
    return {Row.ADD: add, Row.JOIN: join, Row.COMMIT: committed, Row.PROCESS: process}, group, member


def count_messages(cast: Cast) -> dict[Row, Counter[Primitive]]:
    """What one message takes, once the ratchets stand."""
    suite = CountingSuite(cast.suite)
    sender, receiver = engine.two_members(cast.counted_by(suite))
    sender, messages = engine.send_all(sender, 1)
    receiver = engine.receive_all(receiver, messages)
    suite.taken()
    sender, messages = engine.send_all(sender, 1)
    protect = suite.taken()
    engine.receive_all(receiver, messages)
    return {Row.PROTECT: protect, Row.UNPROTECT: suite.taken()}


def count_bulk(cast: Cast) -> dict[Row, Counter[Primitive]]:
    """What each bulk row takes; lengths rounded to 64 bytes."""
    suite = CountingSuite(cast.suite, grain=64)
    counted = cast.counted_by(suite)
    suite.taken()
    group, welcome = engine.add_all(counted)
    add = suite.taken()
    member = engine.join_as(counted, 0, welcome)
    join = suite.taken()
    group, message = engine.empty_commit(group)
    committed = suite.taken()
    engine.follow(member, message)
    return {Row.ADD: add, Row.JOIN: join, Row.COMMIT: committed, Row.PROCESS: suite.taken()}
