"""What links cost in memory while they do nothing, and what each log costs that they have open."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import aiohttp

from aparte.wire import decode_frame, encode_frame
from aparte.wire.ids import Node, Request, Seq
from aparte.wire.log_frames import Open, Opened, OpenItem, OpenStatus
from benchmarks.host.bench import Bench, require_links
from benchmarks.host.filling import Filled, fill
from benchmarks.host.grants import write_grants
from benchmarks.host.rows import Goal, Row, Turns
from benchmarks.host.servers import Server, running, settled

__all__ = ["holding_rows", "pairs_of"]

_PORTION = 500


def pairs_of(filled: Filled, path: Path, *, links: int, logs: int) -> Path:
    """Links in pairs, so many logs each: the 2nd pair's follow the 1st's."""
    grants = [filled.grant(number) for number in range(1, links // 2 * logs + 1)]
    write_grants(path, [(link, *grants[link // 2 * logs + at]) for link in range(links) for at in range(logs)])
    return path


def holding_rows(bench: Bench) -> Iterator[Row]:
    plan = bench.plan
    require_links(plan.held_links)
    filled = fill(bench.folder / "held", logs=plan.held_links // 2 * plan.held_logs)
    grants = pairs_of(filled, bench.folder / "held.txt", links=plan.held_links, logs=plan.held_logs)
    turns: Turns = {"host": [], "plain": []}
    for _ in range(plan.held_rounds):
        with running("host", filled.folder) as host:
            asyncio.run(_warm(host, filled))
            turns["host"].append(_turn(bench, host, grants=grants))
        with running("plain", bench.folder) as plain:
            turns["plain"].append(_turn(bench, plain, grants=grants))
        host_turn, plain_turn = turns["host"][-1], turns["plain"][-1]
        host_turn["subscription_bytes"] = host_turn["log_bytes"] - plain_turn["log_bytes"]
    goals = (Goal("link_kib", at_most=20), Goal("link_kib", "plain"), Goal("subscription_bytes", at_most=64))
    note = (
        "a subscription: what a log more costs the host, beyond what its larger frames cost a plain server in buffers"
    )
    yield Row(f"{plan.held_links:,} links, then {plan.held_logs} logs each", turns, goals, note)


def _turn(bench: Bench, server: Server, *, grants: Path) -> dict[str, float]:
    """All links with one log each; then the other logs, which the same links open."""
    plan = bench.plan
    settled(server)
    empty = server.rss()
    counts = (1, plan.held_logs)
    with bench.programs.arriving(server, grants, links=plan.held_links, counts=counts) as arrivals:
        arrivals.seconds()
        settled(server)
        up = server.rss()
        arrivals.go_on()
        arrivals.seconds()
        settled(server)
        full = server.rss()
    return {
        "link_kib": (up - empty) / plan.held_links / 1024,
        "log_bytes": (full - up) / (plan.held_links * (plan.held_logs - 1)),
        "rss_mb": full / 1e6,
    }


async def _warm(host: Server, filled: Filled) -> None:
    """Open every log once, a few at a time: what the host keeps of logs is no part of what links cost."""
    url = f"http://127.0.0.1:{host.port}/v1/anonymous"
    for number, first in enumerate(range(1, filled.logs + 1, _PORTION)):
        shown = [filled.grant(log) for log in range(first, min(first + _PORTION, filled.logs + 1))]
        items = tuple(OpenItem(log_id, Node(0), Seq(0), pass_, None) for log_id, pass_ in shown)
        # Each from an address of its own: an address may open so many only.
        connector = aiohttp.TCPConnector(local_addr=(f"127.2.{number // 250}.{number % 250 + 1}", 0))
        async with aiohttp.ClientSession(connector=connector) as session, session.ws_connect(url) as link:
            await link.receive()  # the greeting
            await link.send_bytes(encode_frame(Open(Request(1), False, items)))
            opened = decode_frame((await link.receive()).data)
            assert isinstance(opened, Opened)
            assert all(item.status is OpenStatus.LIVE for item in opened.items)
