"""A host at every address of its machine: its door, its figures, and where its CA asks."""

from __future__ import annotations

import asyncio
import socket
from pathlib import Path

import aiohttp
import pytest

from aparte.server.shell.acme.challenges import challenges_answered
from aparte.server.shell.listening import EVERYWHERE
from tests.server.living import NAME, living
from tests.server.proxies import free_port


def _has_ipv6() -> bool:
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


pytestmark = pytest.mark.skipif(not _has_ipv6(), reason="this machine has no IPv6")
BOTH = ("127.0.0.1", "[::1]")


async def status(session: aiohttp.ClientSession, url: str) -> int | None:
    """None if nobody listens."""
    try:
        async with session.get(url, allow_redirects=False) as answer:
            return answer.status
    except aiohttp.ClientConnectorError:
        return None


@pytest.mark.parametrize(
    ("address", "found"),
    [(EVERYWHERE, [200, 200]), ("0.0.0.0", [200, None]), ("::", [None, 200])],
    ids=["every address", "IPv4", "IPv6"],
)
def test_the_host(tmp_path: Path, address: str, found: list[int | None]) -> None:
    async def play() -> None:
        port = free_port()
        metrics = {"metrics": (address, port), "metrics_for_others": True}
        async with living(tmp_path / "data", address=address, **metrics) as (started, _), aiohttp.ClientSession() as s:
            door = started.url.rpartition(":")[2]
            assert [await status(s, f"http://{each}:{door}/healthz") for each in BOTH] == found
            assert [await status(s, f"http://{each}:{port}/metrics") for each in BOTH] == found

    asyncio.run(play())


def test_where_the_ca_asks() -> None:
    async def play() -> None:
        port = free_port()
        async with challenges_answered((EVERYWHERE, port), NAME) as challenges, aiohttp.ClientSession() as session:
            with challenges.answering("token", "token.key"):
                for each in BOTH:
                    assert await status(session, f"http://{each}:{port}/.well-known/acme-challenge/token") == 200

    asyncio.run(play())
