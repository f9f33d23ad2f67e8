"""Matrix under load: pairs of users in rooms of their own, each with one encrypted event under way.

What counts is an event that the other has received by `/sync`; what was answered is kept, so the time to that is told.
"""

from __future__ import annotations

import asyncio
import hmac
import itertools
import time
from typing import Any

import aiohttp

__all__ = ["Rooms", "rooms_of_pairs"]

_CLIENT = "/_matrix/client/v3"
_SIGN_UP = "/_synapse/admin/v1/register"
_POLL = 2_000
_EVENT = "m.room.encrypted"
_FILTER = (
    '{"presence":{"types":[]},"account_data":{"types":[]},"room":{"ephemeral":{"types":[]},"timeline":{"limit":50}}}'
)


class Member:
    """A user, and the room that it shares with another."""

    def __init__(self, session: aiohttp.ClientSession, url: str, *, account: dict[str, str]) -> None:
        self._session = session
        self._url = url
        self._headers = {"Authorization": f"Bearer {account['access_token']}"}
        self.user_id = account["user_id"]
        self.room = ""
        self._since = ""

    async def call(self, method: str, path: str, **words: Any) -> Any:
        async with self._session.request(method, self._url + _CLIENT + path, headers=self._headers, **words) as answer:
            answer.raise_for_status()
            return await answer.json()

    async def send(self, number: str, body: str) -> float:
        """Milliseconds until it was answered."""
        begun = time.perf_counter_ns()
        content = {"algorithm": "m.megolm.v1.aes-sha2", "session_id": "s", "ciphertext": body, "sent": str(begun)}
        await self.call("PUT", f"/rooms/{self.room}/send/{_EVENT}/{number}", json=content)
        return (time.perf_counter_ns() - begun) / 1e6

    async def sync(self, *, wait: int) -> list[float]:
        """Milliseconds that each event took which others have sent meanwhile."""
        words = {"timeout": str(wait), "filter": _FILTER} | ({"since": self._since} if self._since else {})
        found = await self.call("GET", "/sync", params=words)
        self._since = found["next_batch"]
        now = time.perf_counter_ns()
        rooms = found.get("rooms", {}).get("join", {}).values()
        events = [event for room in rooms for event in room["timeline"]["events"] if event["type"] == _EVENT]
        return [(now - int(event["content"]["sent"])) / 1e6 for event in events if event["sender"] != self.user_id]


class Rooms:
    """Members in pairs."""

    def __init__(self, members: list[Member], *, body: int) -> None:
        self._members = members
        self._body = "A" * body
        self._numbers = itertools.count()
        self._carried = 0

    async def turn(self, seconds: float) -> dict[str, float]:
        begin = time.perf_counter() + 2.0
        span = (begin, begin + seconds)
        answered: list[float] = []
        delivered: list[float] = []
        for member in self._members:
            await member.sync(wait=0)
        self._carried = 0
        await asyncio.gather(
            *(self._send(member, answered, span=span) for member in self._members),
            *(self._follow(member, delivered, span=span) for member in self._members),
        )
        if not answered or not delivered:
            raise RuntimeError("no event was delivered")
        answered.sort()
        delivered.sort()
        return {
            "posts_s": len(answered) / seconds,
            "answer_p50": answered[len(answered) // 2],
            "answer_p99": answered[int(0.99 * (len(answered) - 1))],
            "deliveries_s": len(delivered) / seconds,
            "deliver_p50": delivered[len(delivered) // 2],
            "deliver_p99": delivered[int(0.99 * (len(delivered) - 1))],
            "carried": self._carried,
        }

    async def _send(self, member: Member, times: list[float], *, span: tuple[float, float]) -> None:
        while time.perf_counter() < span[1]:
            took = await member.send(f"t{next(self._numbers)}", self._body)
            if span[0] <= time.perf_counter() < span[1]:
                times.append(took)

    async def _follow(self, member: Member, times: list[float], *, span: tuple[float, float]) -> None:
        while time.perf_counter() < span[1]:
            found = await member.sync(wait=_POLL)
            self._carried += len(found)
            if span[0] <= time.perf_counter() < span[1]:
                times += found


async def rooms_of_pairs(session: aiohttp.ClientSession, url: str, *, secret: str, pairs: int) -> list[Member]:
    """New users, and a room for each two."""
    members = [await _sign_up(session, url, secret=secret, name=f"u{number}") for number in range(2 * pairs)]
    for one, other in zip(members[::2], members[1::2], strict=True):
        invite = {"preset": "trusted_private_chat", "is_direct": True, "invite": [other.user_id]}
        room = (await one.call("POST", "/createRoom", json=invite))["room_id"]
        await other.call("POST", f"/join/{room}", json={})
        one.room = other.room = room
    return members


async def _sign_up(session: aiohttp.ClientSession, url: str, *, secret: str, name: str) -> Member:
    """By the shared secret, as the server's own tool does."""
    async with session.get(url + _SIGN_UP) as answer:
        nonce = (await answer.json())["nonce"]
    signed = f"{nonce}\0{name}\0pw\0notadmin".encode()
    mac = hmac.new(secret.encode(), signed, "sha1").hexdigest()
    words = {"nonce": nonce, "username": name, "password": "pw", "admin": False, "mac": mac}
    async with session.post(url + _SIGN_UP, json=words) as answer:
        answer.raise_for_status()
        return Member(session, url, account=await answer.json())
