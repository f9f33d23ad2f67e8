"""The whole measurement, in order: prepare, count, run the rounds, then sizes, memory and growth."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from aparte.crypto.native import NativeProvider
from benchmarks.mls.aparte_side import Aparte, count_bulk, count_messages
from benchmarks.mls.floor import Floor, FloorLine
from benchmarks.mls.goals import judge
from benchmarks.mls.growth import Growth, grow
from benchmarks.mls.machine import versions
from benchmarks.mls.memory import join_growth
from benchmarks.mls.mlsrs import mls_rs
from benchmarks.mls.plan import SUITES, Plan
from benchmarks.mls.profiles import profile
from benchmarks.mls.rounds import Results, interleave
from benchmarks.mls.rows import BULK_ROWS, MESSAGE_ROWS, Row, Samples
from benchmarks.mls.sizes import wire_sizes
from benchmarks.mls.tsmls import TsMls, ts_mls

__all__ = ["Report", "measure"]


@dataclass(slots=True)
class Report:
    """Everything that is printed and written; filled from left to right by `measure`."""

    plan: Plan
    versions: dict[str, str]
    #: Why a peer is absent.
    absent: list[str] = field(default_factory=list)
    results: Results = field(default_factory=lambda: Results([]))
    floors: dict[int, dict[Row, list[FloorLine]]] = field(default_factory=dict)
    sizes: dict[int, dict[str, int]] = field(default_factory=dict)
    #: Bytes, by suite.
    memory: dict[int, float | None] = field(default_factory=dict)
    growth: dict[int, list[Growth]] = field(default_factory=dict)
    #: Of the rows that missed a goal.
    profiles: dict[tuple[Row, int], list[str]] = field(default_factory=dict)


Steps = list[Callable[[], Samples]]


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def measure(plan: Plan) -> Report:
    report = Report(plan, versions())
    provider = NativeProvider()
    _say("preparing members and peers ...")
    ours = [Aparte(provider.suite(number), plan) for number in SUITES]
    rust, node = mls_rs(plan), ts_mls(plan)
    report.absent = [peer for peer in (rust, node) if isinstance(peer, str)]
    if isinstance(node, TsMls):
        report.versions["ts-mls"] = node.version
    _say("counting primitives ...")
    floors = [
        (Floor(a.suite.parameters, count_messages(a.pair)), Floor(a.suite.parameters, count_bulk(a.cast))) for a in ours
    ]
    peers = [peer for peer in (rust, node) if not isinstance(peer, str)]
    messages: Steps = [*(peer.messages for peer in peers)]
    bulk: Steps = [*(peer.bulk for peer in peers)]
    for engine, (of_messages, of_bulk) in zip(ours, floors, strict=True):
        messages += [engine.messages, of_messages.round]
        bulk += [engine.bulk, of_bulk.round]
    try:
        report.results = _rounds(messages, bulk, plan)
    finally:
        if isinstance(node, TsMls):
            node.stop()
    for engine, (of_messages, of_bulk) in zip(ours, floors, strict=True):
        lines = {row: of_messages.lines(row) for row in MESSAGE_ROWS}
        report.floors[engine.suite.parameters.number] = lines | {row: of_bulk.lines(row) for row in BULK_ROWS}
    _aside(report, ours)
    return report


def _rounds(messages: Steps, bulk: Steps, plan: Plan) -> Results:
    gc.collect()
    gc.freeze()  # What the contenders keep between rounds is not walked again and again.
    _say(f"messages: {plan.message_rounds} rounds ...")
    interleave(messages, 1)  # to warm up
    small = interleave(messages, plan.message_rounds)
    _say(f"groups of {plan.members:,}: {plan.bulk_rounds} rounds ...")
    return small.joined(interleave(bulk, plan.bulk_rounds))


def _aside(report: Report, ours: Sequence[Aparte]) -> None:
    """Sizes, memory, growth: nothing there is compared with a peer."""
    plan = report.plan
    _say("sizes and memory ...")
    for engine in ours:
        number = engine.suite.parameters.number
        report.sizes[number], welcome = wire_sizes(engine.pair, engine.cast)
        report.memory[number] = join_growth(engine.cast, welcome, plan.memory_runs)
    missed = {(verdict.goal.row, verdict.goal.suite) for verdict in judge(report.results) if verdict.missed}
    for engine in ours:
        for row in (*MESSAGE_ROWS, *BULK_ROWS):
            if (row, engine.suite.parameters.number) in missed:
                report.profiles[row, engine.suite.parameters.number] = profile(row, engine.pair, engine.cast)
    if plan.large:
        for engine in ours:
            number = engine.suite.parameters.number
            _say(f"{plan.large:,} members, suite {number:#06x} ...")
            report.growth[number] = grow(engine.suite, (plan.members, plan.large))
