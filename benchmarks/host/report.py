"""Rows as text for people, as a table for the docs, and as JSON for machines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.host.rows import Row, Verdict

__all__ = ["as_table", "as_text", "merged", "read_rows", "write_results"]

#: Figure → its unit and how it is written. What is not here stands in the JSON alone.
_FIGURES = {
    "posts_s": ("posts/s", ",.0f"),
    "deliveries_s": ("deliveries/s", ",.0f"),
    "answer_p50": ("ms p50", ".2f"),
    "answer_p99": ("ms p99", ".2f"),
    "deliver_p50": ("ms p50 to delivery", ".2f"),
    "deliver_p99": ("ms p99 to delivery", ".2f"),
    "cpu_us": ("µs CPU", ".1f"),
    "link_kib": ("KiB a link", ".1f"),
    "log_bytes": ("bytes a log more", ".1f"),
    "subscription_bytes": ("bytes a subscription", ".1f"),
    "wall_s": ("s", ".2f"),
    "cpu_s": ("s CPU", ".2f"),
    "log_us": ("µs CPU a log", ".1f"),
    "start_s": ("s to start", ".2f"),
    "rss_mb": ("MB", ".0f"),
    "up_mib_s": ("MiB/s up", ",.0f"),
    "down_mib_s": ("MiB/s down", ",.0f"),
    "flushes_per_batch": ("flushes a batch", ".3f"),
    "batches": ("batches", ",.0f"),
    "flushes": ("flushes", ",.0f"),
    "flushes_s": ("flushes/s", ",.0f"),
    "flushes_per_message": ("flushes a message", ".3f"),
}


def _figure(name: str, value: float) -> str:
    unit, form = _FIGURES[name]
    return f"{value:{form}} {unit}"


def as_text(row: Row) -> Iterator[str]:
    """Line by line."""
    yield ""
    yield row.name
    width = max(map(len, row.turns))
    for contender, turns in row.turns.items():
        found = {name: row.median(contender, name) for name in _FIGURES if name in turns[0]}
        shown = "  ".join(f"{_figure(name, value):>18}" for name, value in found.items() if value >= 0)
        yield f"  {contender:{width}}  {shown}".rstrip()
    for verdict in row.verdicts():
        yield f"  {_judged(verdict)}"
    if row.note:
        yield f"  {row.note}"


def _judged(verdict: Verdict) -> str:
    goal = verdict.goal
    unit, form = _FIGURES[goal.figure]
    found = f"{unit}: {verdict.value:.2f} × {goal.to}" if goal.to else f"{unit}: {verdict.value:{form}}"
    return f"{found} (goal {goal.text}) {verdict.word}" if verdict.word else f"{found} (reported)"


def as_table(rows: Iterable[Row]) -> Iterator[str]:
    """Markdown: one line for each goal."""
    yield "| load | host | beside | × | goal |"
    yield "|---|---|---|---|---|"
    for row in rows:
        name = row.name
        for verdict in row.verdicts():
            goal = verdict.goal
            other = "" if verdict.other is None else f"{goal.to} {verdict.other:{_FIGURES[goal.figure][1]}}"
            ratio = "" if verdict.other is None else f"{verdict.value:.2f}"
            word = {"MISSED": ": **missed**"}.get(verdict.word, "")
            yield f"| {name} | {_figure(goal.figure, verdict.mine)} | {other} | {ratio} | {goal.text}{word} |"
            name = ""


def merged(old: Iterable[Row], new: Iterable[Row]) -> list[Row]:
    """The old rows, those that were measured again replaced."""
    found = {row.name: row for row in old}
    return list((found | {row.name: row for row in new}).values())


def read_rows(path: Path, *, quick: bool | None = None) -> list[Row]:
    """The rows of an earlier run; none if there was none, or none of that kind."""
    found = json.loads(path.read_text()) if path.exists() else {}
    if "rows" not in found or (quick is not None and found["quick"] is not quick):
        return []
    return [Row.from_json(row) for row in found["rows"]]


def write_results(path: Path, rows: Iterable[Row], *, about: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    found = {**about, "rows": [row.as_json() for row in rows]}
    path.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n")
