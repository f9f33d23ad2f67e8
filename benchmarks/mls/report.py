"""The report as text for people and as JSON for machines."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from benchmarks.mls.floor import FloorLine
from benchmarks.mls.goals import MEMORY_GOALS, MIB, Verdict, judge
from benchmarks.mls.machine import machine
from benchmarks.mls.measure import Report
from benchmarks.mls.plan import SUITES
from benchmarks.mls.rounds import Clock, Results
from benchmarks.mls.rows import BULK_ROWS, MESSAGE_ROWS, Contender, Key, Row

__all__ = ["as_json", "as_text"]

_HEAD = f"{'row':30} {'suite':7}{'clock':5}" + "".join(f"{contender.value:>10}" for contender in Contender)
_HEAD += f"{'× floor':>10}{'× mls-rs':>10}{'× ts-mls':>10}   goals"
_OTHERS = (Contender.FLOOR, Contender.MLS_RS, Contender.TS_MLS)


def time_text(seconds: float | None) -> str:
    if seconds is None:
        return "–"
    if seconds < 1e-3:
        return f"{seconds * 1e6:.1f} µs"
    return f"{seconds * 1e3:.1f} ms" if seconds < 1 else f"{seconds:.2f} s"


def as_text(report: Report, *, floor_in_full: bool) -> Iterator[str]:
    """Line by line."""
    plan = report.plan
    yield f"Machine: {machine()}"
    yield "Versions: " + ", ".join(f"{name} {version}" for name, version in report.versions.items())
    yield from report.absent
    yield (
        f"Medians of {plan.message_rounds} interleaved rounds of {plan.messages} messages, "
        f"{plan.bulk_rounds} rounds with {plan.members:,} members. Ratios: medians of each round's ratio."
    )
    yield "Judged by: messages and processing by CPU time of all threads, bulk rows by wall time."
    yield ""
    yield from _table(report.results)
    yield ""
    yield from _memory(report)
    yield from _sizes(report)
    yield from _growth(report)
    for (row, suite), lines in report.profiles.items():
        yield ""
        yield f"Profile of '{row.value}', {suite:#06x}, which missed a goal: {lines[0]}"
        yield from lines[1:]
    yield from _floors(report, in_full=floor_in_full)


# -- the table -----------------------------------------------------------------------------------------------
def _table(results: Results) -> Iterator[str]:
    yield _HEAD
    verdicts = defaultdict(list)
    for verdict in judge(results):
        verdicts[verdict.goal.key].append(verdict)
    for suite in SUITES:
        for row in (*MESSAGE_ROWS, *BULK_ROWS):
            mine = Key(row, suite, Contender.APARTE)
            yield _line(results, mine, "cpu", verdicts[mine] if row in MESSAGE_ROWS or row is Row.PROCESS else [])
            if row in BULK_ROWS:
                yield _line(results, mine, "wall", [] if row is Row.PROCESS else verdicts[mine])


def _line(results: Results, mine: Key, clock: Clock, verdicts: list[Verdict]) -> str:
    keys = {contender: Key(mine.row, mine.suite, contender) for contender in Contender}
    times = "".join(f"{time_text(results.seconds(key, clock)):>10}" for key in keys.values())
    ratios = "".join(f"{_ratio_text(results.ratio(mine, keys[other], clock)):>10}" for other in _OTHERS)
    goals = " · ".join(map(str, verdicts))
    return f"{mine.row.value:30} {mine.suite:#06x} {clock:5}{times}{ratios}   {goals}".rstrip()


def _ratio_text(ratio: float | None) -> str:
    return "–" if ratio is None else f"{ratio:.3f}" if ratio < 0.1 else f"{ratio:.2f}"


# -- the rest ------------------------------------------------------------------------------------------------
def _memory(report: Report) -> Iterator[str]:
    for suite, growth in report.memory.items():
        if growth is None:
            yield f"RSS growth of a joiner, {suite:#06x}: not measured"
            continue
        limit = MEMORY_GOALS[suite]
        word = "ok" if growth <= limit else "MISSED"
        yield (
            f"RSS growth of a fresh process that joins {report.plan.members:,}, {suite:#06x}: "
            f"{growth / MIB:.1f} MiB (≤ {limit / MIB:g}) {word}"
        )


def _sizes(report: Report) -> Iterator[str]:
    yield ""
    yield f"{'bytes on the wire':40}" + "".join(f"{suite:#06x}".rjust(12) for suite in report.sizes)
    for name in next(iter(report.sizes.values()), {}):
        yield f"{name:40}" + "".join(f"{sizes[name]:>12,}" for sizes in report.sizes.values())


def _growth(report: Report) -> Iterator[str]:
    if not report.growth:
        return
    yield ""
    yield f"Growth from {report.plan.members:,} to {report.plan.large:,} members, once each, CPU ~ n^e:"
    for suite, rows in report.growth.items():
        for row in rows:
            times = f"{time_text(row.small.cpu):>10} →{time_text(row.large.cpu):>10}"
            yield f"{row.row:34} {suite:#06x}{times}   e = {row.exponent:.2f}   {row.why}"


def _floors(report: Report, *, in_full: bool) -> Iterator[str]:
    for suite, rows in report.floors.items():
        for row, lines in rows.items():
            total = sum(line.count * line.seconds for line in lines)
            yield ""
            yield f"Floor of '{row.value}', {suite:#06x}: {time_text(total)} CPU"
            for line in lines if in_full else _by_name(lines):
                sizes = " + ".join(map(str, line.primitive.sizes))
                name = f"{line.primitive.name} {f'({sizes} B)' if sizes else ''}"
                cost = f"{time_text(line.seconds):>10} ={time_text(line.count * line.seconds):>10}"
                yield f"  {line.count:>6,} × {name:40}{cost}  {line.library}"


def _by_name(lines: list[FloorLine]) -> Iterator[FloorLine]:
    """One line for all lengths of a primitive: count, mean cost and the libraries that served; mean lengths."""
    groups: dict[str, list[FloorLine]] = defaultdict(list)
    for line in lines:
        groups[line.primitive.name].append(line)
    for same in groups.values():
        count = sum(line.count for line in same)
        mean = [
            round(sum(line.primitive.sizes[place] * line.count for line in same) / count)
            for place in range(len(same[0].primitive.sizes))
        ]
        yield FloorLine(
            same[0].primitive._replace(sizes=tuple(mean)),
            count,
            ", ".join(sorted({line.library for line in same})),
            sum(line.count * line.seconds for line in same) / count,
        )


# -- JSON ----------------------------------------------------------------------------------------------------
def as_json(report: Report) -> dict[str, Any]:
    """Times in seconds, memory and sizes in bytes."""
    results = report.results
    return {
        "machine": machine(),
        "versions": report.versions,
        "absent": report.absent,
        "quick": report.plan.quick,
        "members": report.plan.members,
        "rows": [_row_json(results, row, suite) for suite in SUITES for row in (*MESSAGE_ROWS, *BULK_ROWS)],
        "goals": [_goal_json(verdict) for verdict in judge(results)],
        "memory": {
            f"{suite:#06x}": {"bytes": growth, "limit": MEMORY_GOALS[suite]} for suite, growth in report.memory.items()
        },
        "sizes": {f"{suite:#06x}": sizes for suite, sizes in report.sizes.items()},
        "growth": {f"{suite:#06x}": [_growth_json(row) for row in rows] for suite, rows in report.growth.items()},
        "profiles": {f"{row.value}, {suite:#06x}": lines for (row, suite), lines in report.profiles.items()},
        "floor": {
            f"{suite:#06x}": {row.value: [_floor_json(line) for line in lines] for row, lines in rows.items()}
            for suite, rows in report.floors.items()
        },
    }


def _row_json(results: Results, row: Row, suite: int) -> dict[str, Any]:
    keys = {contender: Key(row, suite, contender) for contender in Contender}
    mine = keys[Contender.APARTE]
    return {
        "row": row.value,
        "suite": f"{suite:#06x}",
        **{
            clock: {
                "seconds": {who.value: results.seconds(key, clock) for who, key in keys.items()},
                "ratio_to": {who.value: results.ratio(mine, keys[who], clock) for who in _OTHERS},
            }
            for clock in ("cpu", "wall")
        },
    }


def _goal_json(verdict: Verdict) -> dict[str, Any]:
    goal = verdict.goal
    return {
        "row": goal.row.value,
        "suite": f"{goal.suite:#06x}",
        "to": None if goal.to is None else goal.to.value,
        "limit": goal.limit,
        "value": verdict.value,
        "verdict": verdict.word,
    }


def _growth_json(row: Any) -> dict[str, Any]:
    return {
        "row": row.row,
        "small": row.small._asdict(),
        "large": row.large._asdict(),
        "exponent": row.exponent,
        "why": row.why,
    }


def _floor_json(line: FloorLine) -> dict[str, Any]:
    primitive = line.primitive
    return {
        "primitive": primitive.name,
        "sizes": list(primitive.sizes),
        "count": line.count,
        "seconds": line.seconds,
        "library": line.library,
    }
