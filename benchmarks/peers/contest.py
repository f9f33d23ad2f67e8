"""The turns: the host and each peer once a round, all of them up throughout, each idle while another is loaded."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from benchmarks.host.grants import make_logs, write_grants
from benchmarks.host.plan import Plan
from benchmarks.host.rows import Goal, NotMeasured, Row, Turns
from benchmarks.host.servers import Programs, Server, load, running
from benchmarks.host.tracing import flushes_traced
from benchmarks.peers.matrix import Rooms, rooms_of_pairs
from benchmarks.peers.servers import SECRET, Peer, peer_running
from benchmarks.peers.xmpp import pairs_of_users

__all__ = ["contest"]

_BODY = 1024
_PAIRS, _FEW = 100, 20
#: How many times a peer's messages the host should carry.
_GOALS = {_PAIRS: 10.0, _FEW: 200.0}
#: A slow server needs longer turns for a figure.
_LONGER = {_PAIRS: 3, _FEW: 7}
#: strace stops the process at each call: seconds are enough.
_WATCHED = 6.0

Turn = Callable[[float], Awaitable[dict[str, float]]]


@dataclass(frozen=True, slots=True)
class _Contender:
    """One server with its users; `turn` loads it for so many seconds."""

    server: Server
    pairs: int
    turn: Turn

    async def watched(self, folder: Path) -> dict[str, float]:
        """Under strace: what it flushes. The rate is strace's, not the server's."""
        with flushes_traced(self.server.pid, folder) as flushes:
            found = await self.turn(_WATCHED)
        count = sum(flushes.values())
        rate = count / found["carried"]  # of all that was carried, that before the measuring too
        return {"deliveries_s": found["deliveries_s"], "flushes": count, "flushes_per_message": rate}


async def contest(peers: list[Peer], plan: Plan, *, folder: Path, programs: Programs) -> list[Row]:
    """Rows by load, then what was flushed. A peer that does not start is left out, and that is said."""
    async with AsyncExitStack() as stack:
        contenders = await _hosts(stack, folder=folder, programs=programs)
        for number, peer in enumerate(peers):
            try:
                contenders.append(await _peer(stack, peer, folder=folder / f"peer{number}"))
            except NotMeasured as error:
                print(f"{peer.name} is left out: {error}")
        rows = [await _row(contenders, pairs=pairs, plan=plan) for pairs in (_PAIRS, _FEW)]
        try:
            once = (contenders[0], *contenders[2:])  # the host is among them twice
            rows += [await _watched_row(contender, folder=folder) for contender in once]
        except NotMeasured as error:
            print(f"what is flushed is not measured: {error}")
        return rows


async def _watched_row(contender: _Contender, *, folder: Path) -> Row:
    name = contender.server.name
    turns: Turns = {name: [await contender.watched(folder)]}
    return Row(f"{name}, watched by strace", turns, (Goal("flushes_per_message"),))


async def _hosts(stack: AsyncExitStack, *, folder: Path, programs: Programs) -> list[_Contender]:
    """One host, with many pairs and with few."""
    host = stack.enter_context(running("host", folder / "host"))
    logs = await make_logs(f"http://127.0.0.1:{host.port}", host.folder / "data", count=_PAIRS)
    grants = folder / "grants.txt"
    write_grants(grants, [(2 * i + side, *log) for i, log in enumerate(logs) for side in (0, 1)])

    def with_pairs(pairs: int) -> Turn:
        async def turn(seconds: float) -> dict[str, float]:
            words = (grants, 2 * pairs, 2 * pairs, 1, seconds)
            return await asyncio.to_thread(load, programs, host, words=words, body=_BODY)

        return turn

    return [_Contender(host, pairs, with_pairs(pairs)) for pairs in (_PAIRS, _FEW)]


async def _peer(stack: AsyncExitStack, peer: Peer, *, folder: Path) -> _Contender:
    print(f"{peer.name}: {peer.pairs} pairs of users sign up", flush=True)
    server = stack.enter_context(peer_running(peer, folder))
    if peer.package == "matrix-synapse":
        session = await stack.enter_async_context(aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)))
        url = f"http://127.0.0.1:{server.port}"
        members = await rooms_of_pairs(session, url, secret=SECRET, pairs=peer.pairs)
        return _Contender(server, peer.pairs, Rooms(members, body=_BODY).turn)
    users = await pairs_of_users(server.port, pairs=peer.pairs, body=_BODY)
    stack.push_async_callback(users.leave)

    async def turn(seconds: float) -> dict[str, float]:
        found = await users.turn(seconds)
        await users.require_archive()
        return found

    return _Contender(server, peer.pairs, turn)


async def _row(contenders: list[_Contender], *, pairs: int, plan: Plan) -> Row:
    chosen = [contender for contender in contenders if contender.pairs == pairs]
    turns: Turns = {contender.server.name: [] for contender in chosen}
    for number in range(plan.rounds):
        start = number % len(chosen)
        for contender in (*chosen[start:], *chosen[:start]):
            found = await contender.turn(plan.seconds * _LONGER[pairs])
            found.pop("cpu_s", None)  # only our loader tells it
            turns[contender.server.name].append(found | {"rss_mb": contender.server.rss() / 1e6})
            await asyncio.sleep(0.5)
    others = [name for name in turns if name != "host"]
    goals = tuple(Goal("deliveries_s", other, at_least=_GOALS[pairs]) for other in others)
    return Row(f"{pairs} pairs, 1 KiB, one message under way each", turns, goals)
