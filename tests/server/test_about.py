"""`/.well-known/aparte` and `/healthz`, as they are served."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from aparte.server.accounts import SignUpPolicy
from aparte.server.blobs import DEFAULT_LIMITS
from aparte.server.pace import Pace
from aparte.server.policy import LogPolicy
from aparte.server.shell.about import describe
from aparte.server.shell.config import HostConfig
from tests.server.living import NAME, living, visit


def test_it_is_for_everybody_and_for_five_minutes(tmp_path: Path) -> None:
    async def play() -> None:
        async with living(tmp_path / "data") as (started, host), aiohttp.ClientSession() as session:
            async with session.get(f"{started.url}/.well-known/aparte", headers={"Origin": "https://a.example"}) as got:
                assert (got.status, got.content_type) == (200, "application/json")
                assert got.headers["Cache-Control"] == "public, max-age=300"
                assert got.headers["Access-Control-Allow-Origin"] == "*"
                assert got.headers["X-Content-Type-Options"] == "nosniff"
                assert not {"Access-Control-Allow-Credentials", "Set-Cookie"} & got.headers.keys()
                said = json.loads(await got.read())
            assert said == describe(host.about, HostConfig(named=NAME))
            assert (said["host"], said["incarnation"]) == (NAME, host.about.incarnation.hex())
            async with session.head(f"{started.url}/.well-known/aparte") as head:
                assert (head.status, head.headers["Content-Length"]) == (200, got.headers["Content-Length"])

    asyncio.run(play())


@pytest.mark.parametrize(
    ("changes", "path", "value"),
    [
        ({"sign_up": SignUpPolicy.CLOSED}, "policy.sign_up", "closed"),
        ({"behind_proxy": True}, "policy.sign_up", "invite"),
        ({}, "policy.sign_up", "open"),
        ({"blobs": replace(DEFAULT_LIMITS, blob_bytes=5)}, "limits.blob_bytes", 5),
        ({"frames": Pace(3, 4)}, "paces.frames_of_address", {"interval_ms": 3, "burst": 4}),
        ({"frames": Pace.per_second(600, burst=4)}, "paces.frames_of_address", {"interval_ms": 1.666667, "burst": 4}),
        ({"links": Pace(7, 8)}, "paces.links_of_address", {"interval_ms": 7, "burst": 8}),
        ({"logs": LogPolicy(posts=Pace(5, 6))}, "paces.posts_of_log", {"interval_ms": 5, "burst": 6}),
    ],
)
def test_what_is_configured_is_told(tmp_path: Path, changes: dict[str, Any], path: str, value: object) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(f"{url}/.well-known/aparte") as answer:
            found = json.loads(await answer.read())
        for name in path.split("."):
            found = found[name]
        assert found == value

    visit(tmp_path / "data", visitor, **changes)


def test_health(tmp_path: Path) -> None:
    async def visitor(session: aiohttp.ClientSession, url: str) -> None:
        async with session.get(f"{url}/healthz") as answer:
            assert (answer.status, await answer.text()) == (200, "ok\n")
            assert answer.headers["Cache-Control"] == "no-store"

    visit(tmp_path / "data", visitor)
